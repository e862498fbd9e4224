// The calls that free, and those that ask.
#include <algorithm>
#include <memory>
#include <vector>

#include "session.h"
#include "support/expect.h"

namespace fuzz {

void Session::free_one(const Step& step) {
  if (blocks_.empty()) {
    return mi_free(nullptr);
  }
  const Block block = blocks_.take(blocks_.pick(step.block));
  void* const p = block.pointer();
  // Anything from what was asked for to the usable size.
  const std::size_t size = block.size + step.amount % (block.usable - block.size + 1);
  const std::size_t alignment = block.offset == 0 ? block.alignment : 1;
  switch (step.variant % 8) {
    case 0:
      return mi_free_size(p, size);
    case 1:
      return mi_free_aligned(p, alignment);
    case 2:
      return mi_free_size_aligned(p, size, alignment);
    case 3:
      return mi_cfree(p);
    case 4: {
      std::size_t usable = 0;
      mi_ufree(p, &usable);
      return expect(usable == block.usable, "ufree reports the usable size");
    }
    case 5:
      return block.small ? mi_free_small(p) : mi_free(p);
    default:
      return mi_free(p);
  }
}

// All blocks, or one in so many, in one of several orders.
void Session::free_many(const Step& step) {
  std::vector<Block> blocks = blocks_.all();
  if (step.variant % 3 == 1) {
    std::reverse(blocks.begin(), blocks.end());
  } else if (step.variant % 3 == 2) {
    std::sort(blocks.begin(), blocks.end(), [](const Block& a, const Block& b) {
      return a.seed * 2654435761u < b.seed * 2654435761u;
    });
  }
  const std::size_t every = std::size_t{1} + step.block % 9u;
  const std::size_t from = step.amount % every;
  for (std::size_t i = from; i < blocks.size(); i += every) {
    mi_free(blocks_.take(blocks[i]).pointer());
  }
}

// Two threads free at once, and one of them allocates.
void Session::free_together(const Step& step) {
  std::vector<Block> blocks = blocks_.all();
  if (blocks.size() > 200) {
    blocks.resize(200);
  }
  for (const Block& block : blocks) {
    blocks_.take(block);
  }
  std::unique_ptr<Worker>& worker = workers_[1 + step.variant % 2];
  if (worker == nullptr) {
    worker = std::make_unique<Worker>();
  }
  worker->start([&] {
    for (std::size_t i = 0; i < blocks.size(); i += 2) {
      mi_free(blocks[i].pointer());
    }
  });
  const std::size_t size = step.amount % 1000u;
  for (std::size_t i = 1; i < blocks.size(); i += 2) {
    mi_free(blocks[i].pointer());
    mi_free(opaque(mi_malloc(size)));
  }
  worker->wait();
}

void Session::ask(const Step& step) {
  const std::size_t size = size_of(step);
  const std::size_t good = mi_good_size(size);
  expect(good >= size, "a good size is no smaller");
  expect(mi_good_size(good) == good && mi_malloc_good_size(size) == good,
         "a good size is good itself");
  expect(size == 0 || mi_good_size(size - 1) <= good, "good sizes grow with sizes");
  expect(mi_usable_size(nullptr) == 0, "NULL has no usable bytes");
  expect(mi_heap_of(nullptr) == nullptr && !mi_any_heap_contains(nullptr), "NULL has no heap");
  if (blocks_.empty()) {
    return;
  }
  const Block& block = blocks_.pick(step.block);
  const void* const p = block.pointer();
  blocks_.check(block);
  expect(mi_malloc_usable_size(p) == block.usable && mi_malloc_size(p) == block.usable,
         "all names of usable_size agree");
  expect(mi_is_in_heap_region(p), "a block lies in memory of the library");
  expect(mi_any_heap_contains(p), "some heap has the block");
  (void)mi_check_owned(p);
  (void)mi_unsafe_heap_page_is_under_utilized(nullptr, block.pointer(), step.amount % 101u);
  if (block.heap == nullptr) {
    return;
  }
  const std::size_t inside = block.usable == 0 ? 0 : step.amount % block.usable;
  const void* const within = static_cast<const char*>(p) + inside;
  expect(mi_heap_of(within) == block.heap, "an address within a block has its heap");
  expect(mi_heap_contains(block.heap, within), "a heap contains what lies in its blocks");
  expect(mi_heap_check_owned(block.heap, within), "a heap owns what lies in its blocks");
  expect(mi_heap_contains_block(block.heap, p), "a heap contains its blocks");
  for (const Heap& heap : heaps_) {
    expect(mi_heap_contains(heap.handle, p) == (heap.handle == block.heap),
           "no other heap contains a block");
    if (heap.handle == block.heap && heap.arena != 0) {
      expect(mi_arena_contains(heap.arena, p), "a heap in an arena stays there");
    }
  }
}

// Pointers that are not the library's, and heaps that do not exist.
void Session::pass_foreign(const Step& step) {
  static char foreign[64];
  char on_stack = 0;
  const std::uintptr_t any = (std::uintptr_t{step.amount} << (step.scale % 48)) ^ step.block;
  const void* const addresses[] = {foreign + 8, &on_stack, reinterpret_cast<const void*>(any)};
  const void* const p = opaque(addresses[step.variant % 3]);
  if (blocks_.find(reinterpret_cast<const void*>(any), 1) != nullptr) {
    return;
  }
  (void)mi_is_in_heap_region(p);
  (void)mi_heap_contains_block(mi_heap_main(), p);
  if (step.variant % 3 == 2) {
    return;  // it may be ours by chance
  }
  expect(!mi_is_in_heap_region(p) && !mi_any_heap_contains(p), "a foreign address is no block's");
  mi_cfree(const_cast<void*>(p));
  const ExpectReports reports;
  expect(mi_usable_size(p) == 0, "what is no block has no usable bytes");
  expect(reports.heard() == 1, "asking for the size of what is no block is reported");
  mi_free(const_cast<void*>(p));
  expect(reports.heard() == 2, "freeing what is no block is reported");
  void* const resized = mi_realloc(const_cast<void*>(p), step.amount);
  expect(opaque(resized) == nullptr && reports.heard() == 3, "resizing what is no block fails");
}

// Asks which blocks should move, and moves them.
void Session::move_blocks(const Step& step) {
  const std::vector<Block> blocks = blocks_.all();
  std::vector<void*> offered;
  for (const Block& block : blocks) {
    offered.push_back(block.pointer());
  }
  const auto moves = std::make_unique<bool[]>(blocks.size() + 1);
  std::size_t bytes = 0;
  const std::size_t count = ashlar_should_move(offered.data(), offered.size(), moves.get(), &bytes);
  expect(
      static_cast<std::size_t>(std::count(moves.get(), moves.get() + blocks.size(), true)) == count,
      "as many blocks are to move as was said");
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const Block& block = blocks[i];
    expect(!moves[i] || block.usable <= 32 * 1024, "blocks with a page of their own do not move");
    if (!moves[i] || step.variant % 2 != 0 || block.heap == nullptr) {
      continue;
    }
    mi_heap_t* const heap = block.heap;
    void* const p =
        opaque(mi_heap_malloc_aligned_at(heap, block.size, block.alignment, block.offset));
    if (p == nullptr) {
      expect(faults_left_ != 0 || limited_ || heap != Process::get().main,
             "a block that moves finds room");
      continue;
    }
    blocks_.add(p, {.size = block.size, .alignment = block.alignment, .offset = block.offset}, heap,
                false);
    mi_free(blocks_.take(block).pointer());
  }
}

}  // namespace fuzz
