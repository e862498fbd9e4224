// The parts that a thread keeps for heaps: found by heap, few or many, whichever went before.
#include "heap/part_index.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <memory>
#include <vector>

#include "heap/process.h"
#include "heap_test_support.h"

namespace ashlar {
namespace {

using namespace heap_test;

// Parts of heaps that do not exist, each with a number: the index reads nothing of a heap.
class Parts {
 public:
  Parts() : backing_(std::make_unique<ThreadHeap>()) { backing_->home = heap_of(1); }
  ~Parts() { drop_part_index(backing_.get()); }
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  void add(std::uint64_t number) {
    auto part = std::make_unique<ThreadHeap>();
    part->home = heap_of(number);
    add_part(backing_.get(), part.get());
    parts_[number] = std::move(part);
  }

  void remove(std::uint64_t number) {
    ThreadHeap** link = &backing_->next_of_thread;
    while ((*link)->home != heap_of(number)) {
      link = &(*link)->next_of_thread;
    }
    remove_part(backing_.get(), link);
    parts_.erase(number);
  }

  ThreadHeap* find(std::uint64_t number) const {
    return find_part(backing_.get(), heap_of(number));
  }
  bool has(std::uint64_t number) const { return parts_.count(number) != 0; }
  bool is_indexed() const { return backing_->part_index != nullptr; }

  // Everything there is found and stands in the list, and nothing else.
  void check(std::uint64_t up_to) const {
    for (std::uint64_t number = 2; number <= up_to; ++number) {
      const auto found = parts_.find(number);
      ASSERT_EQ(find(number), found == parts_.end() ? nullptr : found->second.get()) << number;
    }
    ASSERT_EQ(find(1), backing_.get());
    std::size_t listed = 0;
    for (const ThreadHeap* part = backing_.get(); part != nullptr; part = part->next_of_thread) {
      ++listed;
    }
    ASSERT_EQ(listed, parts_.size() + 1);
  }

 private:
  // Addresses as those of records that lie one behind the other.
  static Heap* heap_of(std::uint64_t number) {
    return reinterpret_cast<Heap*>(0x7000'0000 + number * sizeof(Heap));
  }

  std::unique_ptr<ThreadHeap> backing_;
  std::map<std::uint64_t, std::unique_ptr<ThreadHeap>> parts_;
};

TEST(PartIndex, ThereIsNoneForFewParts) {
  Parts parts;
  for (std::uint64_t number = 2; number <= PartIndex::kUnindexed; ++number) {
    parts.add(number);
  }
  EXPECT_FALSE(parts.is_indexed());
  parts.check(20);
  parts.add(PartIndex::kUnindexed + 1);
  EXPECT_TRUE(parts.is_indexed());
  parts.check(20);
}

TEST(PartIndex, FindsPartsThatShareABucket) {
  Parts parts;
  constexpr std::uint64_t kLast = 5 * PartIndex::kBuckets;
  for (std::uint64_t number = 2; number <= kLast; ++number) {
    parts.add(number);
  }
  parts.check(kLast + 10);
  // From the middle, the end and the begin of chains.
  for (const std::uint64_t round : {2U, 0U, 4U}) {
    for (std::uint64_t i = 2; i < PartIndex::kBuckets; ++i) {
      parts.remove(round * PartIndex::kBuckets + i);
    }
    parts.check(kLast + 10);
  }
}

RC_GTEST_PROP(PartIndex, IsAsAMapOfNumbers, ()) {
  constexpr std::uint64_t kNumbers = 3 * PartIndex::kBuckets;
  Parts parts;
  const auto numbers =
      *rc::gen::container<std::vector<std::uint64_t>>(rc::gen::inRange<std::uint64_t>(2, kNumbers));
  for (const std::uint64_t number : numbers) {
    // Each number is there, or not, by turns.
    parts.has(number) ? parts.remove(number) : parts.add(number);
    RC_ASSERT((parts.find(number) != nullptr) == parts.has(number));
  }
  parts.check(kNumbers);
}

// Records of a thread with many heaps are given back when it ends, the index too: threads that come
// one after another take no more memory than the first.
TEST(PartIndex, IsGivenBackWithItsThread) {
  std::vector<Heap*> heaps(40);
  for (Heap*& heap : heaps) {
    heap = make_heap(nullptr, 0, true);
    ASSERT_NE(heap, nullptr);
  }
  const auto use_all = [&] {
    in_thread([&] {
      for (Heap* const heap : heaps) {
        ThreadHeap* const part = thread_heap_in(heap);
        ASSERT_NE(part, nullptr);
        free_block(allocate_in<Contents::kUnknown>(heap, part, 64));
      }
      ASSERT_NE(thread_heap->backing->part_index, nullptr);
    });
  };
  use_all();
  const std::size_t before = touched_bytes.now();
  for (int i = 0; i < 200; ++i) {
    use_all();
  }
  EXPECT_LE(touched_bytes.now(), before + 2 * kSliceSize);
  for (Heap* const heap : heaps) {
    delete_heap(heap);
  }
}

}  // namespace
}  // namespace ashlar
