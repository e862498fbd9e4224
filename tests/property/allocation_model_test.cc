// Random programs of allocations, resizes and frees against a model that knows what every live
// block must hold: no block overlaps another or loses a byte, all are aligned and large enough.
#include <map>
#include <utility>
#include <vector>

#include "page/padding.h"
#include "property_test_support.h"

namespace {

using namespace property_test;
using ashlar::kPadding;

enum class Action {
  kMalloc,
  kZalloc,
  kCalloc,
  kAligned,
  kZeroedAligned,
  kOffset,
  kRealloc,
  kReallocAligned,
  kRezalloc,
  kExpand,
  kFree,
  kSizedFree,
  kCollect,
  kLast
};

// One step of a program. `which` picks among the live blocks.
struct Step {
  Action action;
  std::size_t which;
  std::size_t size;
  std::size_t alignment;
  std::size_t offset;
};

void showValue(const Step& step, std::ostream& out) {
  static const char* const kNames[] = {
      "malloc",          "zalloc",   "calloc", "aligned", "zeroed aligned", "offset", "realloc",
      "realloc_aligned", "rezalloc", "expand", "free",    "free_size",      "collect"};
  out << kNames[static_cast<int>(step.action)] << "(block " << step.which << ", size " << step.size
      << ", alignment " << step.alignment << ", offset " << step.offset << ")";
}

rc::Gen<Step> arbitrary_step() {
  const auto action = rc::gen::weightedElement<Action>({
      {12, Action::kMalloc},
      {3, Action::kZalloc},
      {3, Action::kCalloc},
      {4, Action::kAligned},
      {3, Action::kZeroedAligned},
      {2, Action::kOffset},
      {8, Action::kRealloc},
      {3, Action::kReallocAligned},
      {5, Action::kRezalloc},
      {3, Action::kExpand},
      {14, Action::kFree},
      {4, Action::kSizedFree},
      {1, Action::kCollect},
  });
  return rc::gen::construct<Step>(action, rc::gen::inRange<std::size_t>(0, 1000), arbitrary_size(),
                                  arbitrary_alignment(17), rc::gen::inRange<std::size_t>(0, 5000));
}

// A live block as the model knows it.
struct Known {
  std::uintptr_t address;
  std::size_t size;       // bytes asked for, all of them filled with the pattern
  std::size_t alignment;  // of address + offset
  std::size_t offset;
  unsigned seed;
  bool zeroed;  // what lies between size and the usable size was never written
  bool skewed;  // an offset moved it off the alignment that blocks have by themselves
};

class Model {
 public:
  ~Model() {
    for (const auto& [address, block] : by_address_) mi_free(reinterpret_cast<void*>(address));
  }

  void run(const Step& step) {
    switch (step.action) {
      case Action::kMalloc:
        return add(mi_malloc(step.size), step.size, 1, 0, false);
      case Action::kZalloc:
        return add(mi_zalloc(step.size), step.size, 1, 0, true);
      case Action::kCalloc:
        return add(mi_calloc(step.size, 1), step.size, 1, 0, true);
      case Action::kAligned:
        return add(mi_malloc_aligned(step.size, step.alignment), step.size, step.alignment, 0,
                   false);
      case Action::kZeroedAligned:
        return add(mi_zalloc_aligned(step.size, step.alignment), step.size, step.alignment, 0,
                   true);
      case Action::kOffset: {
        const std::size_t offset = step.offset % (step.size + 1);
        return add(mi_malloc_aligned_at(step.size, step.alignment, offset), step.size,
                   step.alignment, offset, false);
      }
      case Action::kCollect:
        return mi_collect(step.which % 4 == 0);
      default:
        break;
    }
    if (by_address_.empty()) return;
    const auto at = std::next(by_address_.begin(),
                              static_cast<std::ptrdiff_t>(step.which % by_address_.size()));
    const Known block = at->second;
    void* p = reinterpret_cast<void*>(block.address);
    check(block);
    if (step.action == Action::kExpand) return expand(at->second, step.size);
    if (step.action == Action::kRezalloc && !block.zeroed) return;
    by_address_.erase(at);
    switch (step.action) {
      case Action::kRealloc:
        return moved(block, mi_realloc(p, step.size), step.size, 1, false);
      case Action::kReallocAligned:
        return moved(block, mi_realloc_aligned(p, step.size, step.alignment), step.size,
                     step.alignment, false);
      case Action::kRezalloc:
        return moved(block, mi_rezalloc(p, step.size), step.size, 1, true);
      case Action::kSizedFree:
        return mi_free_size(p, block.size);
      default:
        return mi_free(p);
    }
  }

  void check_all() const {
    for (const auto& [address, block] : by_address_) check(block);
  }

 private:
  static void check(const Known& block) {
    const void* p = reinterpret_cast<void*>(block.address);
    RC_ASSERT((block.address + block.offset) % block.alignment == 0u);
    RC_ASSERT(block.skewed || block.address % (block.size >= 16 ? 16 : 8) == 0u);
    RC_ASSERT(mi_usable_size(p) >= block.size);
    RC_ASSERT(mi_is_in_heap_region(p));
    RC_ASSERT(first_difference(p, 0, block.size, block.seed) == block.size);
  }

  // Enters a block whose bytes are unspecified, or zero.
  void add(void* p, std::size_t size, std::size_t alignment, std::size_t offset, bool zeroed) {
    p = opaque(p);
    RC_ASSERT((p != nullptr));
    if (zeroed) RC_ASSERT(first_nonzero(p, 0, size) == size);
    enter({address_of(p), size, alignment, offset, next_seed_++, zeroed, offset != 0});
  }

  // Enters the block that another one became.
  void moved(const Known& old, void* p, std::size_t size, std::size_t alignment, bool zeroing) {
    p = opaque(p);
    RC_ASSERT((p != nullptr));
    const std::size_t kept = old.size < size ? old.size : size;
    RC_ASSERT(first_difference(p, 0, kept, old.seed) == kept);
    if (zeroing) RC_ASSERT(first_nonzero(p, kept, size) == size);
    // A block that shrank has old bytes beyond its size.
    const bool zeroed = zeroing && size >= old.size;
    const bool skewed = old.skewed && address_of(p) == old.address;
    enter({address_of(p), size, alignment, 0, next_seed_++, zeroed, skewed});
  }

  void enter(const Known& block) {
    const std::uintptr_t end =
        block.address + mi_usable_size(reinterpret_cast<void*>(block.address));
    const auto next = by_address_.lower_bound(block.address);
    if (next != by_address_.end()) {
      RC_ASSERT(next->first != block.address);
      RC_ASSERT(next->first >= end);
    }
    if (next != by_address_.begin()) {
      const Known& previous = std::prev(next)->second;
      RC_ASSERT(previous.address + mi_usable_size(reinterpret_cast<void*>(previous.address)) <=
                block.address);
    }
    fill(reinterpret_cast<void*>(block.address), 0, block.size, block.seed);
    by_address_.emplace(block.address, block);
  }

  static void expand(Known& block, std::size_t size) {
    void* p = reinterpret_cast<void*>(block.address);
    const std::size_t usable = mi_usable_size(p);
    void* expanded = opaque(mi_expand(p, size));
    // Where blocks are padded, there may be room that was not asked for.
    if (size > usable && kPadding == 0) RC_ASSERT((expanded == nullptr));
    if (expanded == nullptr) return;
    RC_ASSERT((expanded == p));
    RC_ASSERT(mi_usable_size(p) >= size);
    if (size < block.size) return;
    fill(p, block.size, size, block.seed);
    block.size = size;
  }

  std::map<std::uintptr_t, Known> by_address_;
  unsigned next_seed_ = 0;
};

RC_GTEST_PROP(AllocationModel, RandomProgramsKeepEveryByte, ()) {
  const auto program =
      *rc::gen::scale(4.0, rc::gen::container<std::vector<Step>>(arbitrary_step())).as("program");
  Model model;
  for (const Step& step : program) model.run(step);
  model.check_all();
}

RC_GTEST_PROP(AllocationModel, AnyOrderOfFreesIsGood, (unsigned order)) {
  // Many blocks of few sizes, freed in an order that is far from that of their allocation.
  const auto sizes = *rc::gen::container<std::vector<std::size_t>>(200, arbitrary_size());
  std::vector<std::pair<void*, std::size_t>> blocks;
  for (const std::size_t size : sizes) {
    void* p = opaque(mi_malloc(size));
    RC_ASSERT((p != nullptr));
    fill(p, 0, size, static_cast<unsigned>(blocks.size()));
    blocks.emplace_back(p, blocks.size());
  }
  std::uint64_t state = order + std::uint64_t{1};
  while (!blocks.empty()) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const std::size_t pick = (state >> 33) % blocks.size();
    const auto [p, index] = blocks[pick];
    RC_ASSERT(first_difference(p, 0, sizes[index], static_cast<unsigned>(index)) == sizes[index]);
    mi_free(p);
    blocks[pick] = blocks.back();
    blocks.pop_back();
  }
}

}  // namespace
