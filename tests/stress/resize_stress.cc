// Stress: realloc and alignment across threads. Blocks wander through shared slots, and whoever
// gets one resizes it, asks for another alignment, or frees it with its size; many are aligned at
// an offset, so that pages change hands whose blocks are known by interior pointers.
#include <memory>
#include <thread>
#include <vector>

#include "exchange.h"
#include "rest.h"
#include "stress.h"

namespace {

constexpr std::size_t kSlots = 1024;
constexpr std::size_t kLargest = std::size_t{1} << 20;

struct Shared {
  stress::Exchange<kSlots> slots;
  stress::Budget budget{std::size_t{128} << 20};
  std::atomic<std::uint64_t> resized{0};
};

// A block of the table, and how it is aligned.
struct Aligned : stress::Block {
  std::size_t alignment = 8;
  std::size_t offset = 0;
};

void check_aligned(const Aligned& block) {
  stress::check_shape(block.data, block.size, 1);
  // The aligned place may be the block's very end.
  if (reinterpret_cast<std::uintptr_t>(block.data + block.offset) % block.alignment != 0)
    stress::fail("block %p is not aligned to %zu at offset %zu", static_cast<void*>(block.data),
                 block.alignment, block.offset);
}

// A multiple of 16, so that a plain realloc in place returns what is aligned as it promises.
std::size_t random_offset(stress::Random& random, std::size_t size) {
  return random.one_in(2) ? 0 : 16 * random.below(size / 16 + 1);
}

Aligned allocate_at(stress::Random& random, std::size_t size) {
  Aligned block;
  block.size = size;
  block.tag = random.next();
  block.alignment = std::size_t{8} << random.below(13);  // to 32 KiB
  block.offset = random_offset(random, size);
  void* const data = random.one_in(4) ? mi_zalloc_aligned_at(size, block.alignment, block.offset)
                                      : mi_malloc_aligned_at(size, block.alignment, block.offset);
  block.data = static_cast<unsigned char*>(data);
  check_aligned(block);
  stress::fill(block);
  return block;
}

void release(Shared& shared, stress::Random& random, const Aligned& block) {
  stress::check(block, "before it is freed by another thread");
  shared.budget.give_back(block.size);
  switch (random.below(3)) {
    case 0:
      mi_free_size(block.data, block.size);
      break;
    case 1:
      mi_free_aligned(block.data, block.offset == 0 ? block.alignment : 8);
      break;
    default:
      mi_free(block.data);
  }
}

void resize(stress::Random& random, Aligned& block, std::size_t size) {
  if (random.one_in(2)) {
    stress::resize(random, block, size, "before another thread's realloc");
    block.alignment = 8;  // realloc promises no more
    block.offset = 0;
    return;
  }
  stress::check(block, "before another thread's aligned realloc");
  const std::size_t written = block.size;
  block.alignment = std::size_t{8} << random.below(13);
  block.offset = random_offset(random, size);
  block.data = static_cast<unsigned char*>(
      mi_realloc_aligned_at(block.data, size, block.alignment, block.offset));
  block.size = size;
  check_aligned(block);
  stress::check_prefix(block, written, size < written ? size : written, "after aligned realloc");
  block.tag = random.next();
  stress::fill(block);
}

// Half of all: near what it was, where blocks are resized in place.
std::size_t next_size(stress::Random& random, std::size_t size) {
  return random.one_in(2) ? random.size(kLargest) : size / 2 + random.below(size) + 1;
}

void work(Shared& shared, std::uint64_t seed, const stress::Deadline& end) {
  stress::Random random(seed);
  std::vector<Aligned> in_hand;
  std::uint64_t resized = 0;
  while (!end.passed()) {
    for (int i = 0; i < 64; i++) {
      const std::size_t size = random.size(kLargest);
      stress::Block* record = nullptr;
      if (random.one_in(2) && shared.budget.take(size))
        record = stress::make_record(allocate_at(random, size));
      stress::Block* const found = shared.slots.swap(random.below(kSlots), record);
      if (found == nullptr) continue;
      // Alignment is forgotten on the way: it was checked, and a realloc need not keep it.
      Aligned block;
      static_cast<stress::Block&>(block) = *found;
      stress::free_record(found);
      const std::size_t wanted = next_size(random, block.size);
      if (shared.budget.take(wanted)) {
        shared.budget.give_back(block.size);
        resize(random, block, wanted);
        resized++;
      }
      if (random.one_in(2)) {
        release(shared, random, block);
      } else {
        in_hand.push_back(block);
      }
    }
    while (in_hand.size() > 100 || (!in_hand.empty() && random.one_in(2))) {
      release(shared, random, in_hand.back());
      in_hand.pop_back();
    }
  }
  for (const auto& block : in_hand) release(shared, random, block);
  shared.resized.fetch_add(resized, std::memory_order_relaxed);  // relaxed: read after the joins.
}

}  // namespace

int main(int argc, char** argv) {
  const stress::Options options = stress::parse_options(argc, argv);
  auto shared = std::make_unique<Shared>();
  const stress::Deadline end(options.seconds);
  stress::Random random(options.seed);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < options.threads; i++)
    threads.emplace_back(work, std::ref(*shared), random.next(), std::cref(end));
  for (auto& thread : threads) thread.join();
  threads.clear();
  shared->slots.drain([](stress::Block* record) {
    stress::release(*record, "at the end");
    stress::free_record(record);
  });
  const std::uint64_t resized =
      shared->resized.load(std::memory_order_relaxed);  // relaxed: joined.
  if (resized == 0) stress::fail("no block was resized");
  shared.reset();
  stress::check_at_rest("all slots are empty");
  std::printf("ok: %llu blocks resized by other threads\n",
              static_cast<unsigned long long>(resized));
}
