// A page for tests: memory of its own and a page entry beside it, in no arena and no heap.
#ifndef ASHLAR_TEST_PAGE_H
#define ASHLAR_TEST_PAGE_H

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <set>
#include <vector>

#include "os/linux.h"
#include "page/ownership.h"
#include "page/page.h"
#include "page/size_class.h"

namespace ashlar {

// A template, so that the branch is dropped where there are no keys.
template <class Keys = PageLinks::Keys>
Keys test_keys() {
  Keys keys;
  if constexpr (kActive.encode_links) {
    keys.mask = 0x1234'5678'9ABC'DEF0;
    keys.offset = 0x0FED'CBA9'8765'4321;
  }
  return keys;
}

class TestPage {
 public:
  explicit TestPage(std::size_t block_size, Contents contents = Contents::kZero)
      : class_(size_class_of(block_size)), slices_(page_slices_of(class_)) {
    memory_ = Linux::reserve(nullptr, slices_.value * kSliceSize, kSliceSize, Access::kReadWrite);
    make_page(&page_, nullptr, memory_, slices_, class_, contents, nullptr, test_keys());
    page_.owner.store(kNoOwner, std::memory_order_relaxed);
  }
  ~TestPage() { Linux::release(memory_, slices_.value * kSliceSize); }
  TestPage(const TestPage&) = delete;
  TestPage& operator=(const TestPage&) = delete;

  Page* get() { return &page_; }
  Page* operator->() { return &page_; }
  RemoteWord* remote() { return &page_.remote; }
  std::uintptr_t remote_value() const { return page_.remote.word.load(std::memory_order_relaxed); }

  // A block, extending as malloc's slow path does; nullptr when the page is full.
  Block* allocate() {
    if (!page_.has_free()) {
      collect_page(&page_);
      if (!page_.has_free()) {
        if (!page_.can_extend()) {
          return nullptr;
        }
        extend_page(&page_);
      }
    }
    return pop_block(&page_);
  }

  // The blocks in free and local_free; fails the test where one stands there twice.
  std::set<const Block*> listed() const {
    std::set<const Block*> blocks;
    for (const Block* list :
         {static_cast<const Block*>(page_.free), static_cast<const Block*>(page_.local_free)}) {
      for (const Block* at = list; at != nullptr; at = PageLinks::next(at, page_.keys)) {
        const bool fresh = blocks.insert(at).second;
        EXPECT_TRUE(fresh) << "a block stands in the lists twice";
        EXPECT_TRUE(is_block_start(&page_, at));
        if (!fresh) {
          break;
        }
      }
    }
    return blocks;
  }
  // OS pages of the page's memory that the system has in place.
  std::size_t resident_os_pages() const {
    std::vector<unsigned char> present(page_bytes(&page_) / Linux::page_size());
    EXPECT_EQ(mincore(page_.start, page_bytes(&page_), present.data()), 0);
    return static_cast<std::size_t>(
        std::count_if(present.begin(), present.end(), [](unsigned char each) { return each & 1; }));
  }
  bool adds_up() const {
    return page_.used() + listed().size() + page_.withdrawn == page_.capacity;
  }

 private:
  const SizeClass class_;
  const SliceCount slices_;
  void* memory_ = nullptr;
  Page page_{};
};

}  // namespace ashlar

#endif  // ASHLAR_TEST_PAGE_H
