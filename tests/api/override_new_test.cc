// Every form of operator new and delete, in a program that the library overrides, and what the
// standard library builds on them.

// Builds whose malloc is the C library's (under a sanitizer) have nothing to test here.
#if defined(ASHLAR_OVERRIDE)

#include <gtest/gtest.h>

#include <algorithm>
#include <list>
#include <map>
#include <memory_resource>
#include <new>
#include <numeric>
#include <string>

#include "api_test_support.h"

namespace {

using namespace api_test;

constexpr std::align_val_t kAlign{256};

TEST(OverrideNew, EveryFormGivesOurBlocks) {
  void* plain = opaque(::operator new(100));
  void* array = opaque(::operator new[](100));
  void* quiet = opaque(::operator new(100, std::nothrow));
  void* quiet_array = opaque(::operator new[](100, std::nothrow));
  for (void* p : {plain, array, quiet, quiet_array}) {
    ASSERT_NE(p, nullptr);
    EXPECT_TRUE(mi_is_in_heap_region(p));
    EXPECT_TRUE(is_aligned(p, 16));
    std::memset(p, 1, 100);
  }
  ErrorRecorder errors;
  ::operator delete(plain);
  ::operator delete[](array);
  ::operator delete(quiet, std::nothrow);
  ::operator delete[](quiet_array, std::nothrow);
  EXPECT_TRUE(errors.take().empty());
}

TEST(OverrideNew, EveryAlignedFormAligns) {
  void* plain = opaque(::operator new(100, kAlign));
  void* array = opaque(::operator new[](100, kAlign));
  void* quiet = opaque(::operator new(100, kAlign, std::nothrow));
  void* quiet_array = opaque(::operator new[](100, kAlign, std::nothrow));
  for (void* p : {plain, array, quiet, quiet_array}) {
    ASSERT_NE(p, nullptr);
    EXPECT_TRUE(mi_is_in_heap_region(p));
    EXPECT_TRUE(is_aligned(p, 256));
    std::memset(p, 1, 100);
  }
  ErrorRecorder errors;
  ::operator delete(plain, kAlign);
  ::operator delete[](array, kAlign);
  ::operator delete(quiet, kAlign, std::nothrow);
  ::operator delete[](quiet_array, kAlign, std::nothrow);
  EXPECT_TRUE(errors.take().empty());
}

TEST(OverrideNew, SizedDeletesTakeEverySize) {
  ErrorRecorder errors;
  for (const std::size_t size : border_sizes(kMiB)) {
    ::operator delete(opaque(::operator new(size)), size);
    ::operator delete[](opaque(::operator new[](size)), size);
    ::operator delete(opaque(::operator new(size, kAlign)), size, kAlign);
    ::operator delete[](opaque(::operator new[](size, kAlign)), size, kAlign);
  }
  EXPECT_TRUE(errors.take().empty());
}

TEST(OverrideNew, DeleteOfNullDoesNothing) {
  ErrorRecorder errors;
  const auto null = [] { return opaque<void*>(nullptr); };
  ::operator delete(null());
  ::operator delete[](null());
  ::operator delete(null(), std::size_t{8});
  ::operator delete[](null(), std::size_t{8});
  ::operator delete(null(), kAlign);
  ::operator delete[](null(), kAlign);
  ::operator delete(null(), std::size_t{8}, kAlign);
  ::operator delete[](null(), std::size_t{8}, kAlign);
  EXPECT_TRUE(errors.take().empty());
}

TEST(OverrideNew, ZeroBytesGiveUniqueBlocks) {
  void* first = opaque(::operator new(0));
  void* second = opaque(::operator new(0));
  EXPECT_NE(first, second);
  ::operator delete(first);
  ::operator delete(second);
}

TEST(OverrideNew, FailureThrowsBadAllocOrGivesNull) {
  const std::size_t big = opaque(kMoreThanThereIs);
  const std::size_t all = opaque(kMaxSize);
  EXPECT_THROW(opaque(::operator new(big)), std::bad_alloc);
  EXPECT_THROW(opaque(::operator new[](all)), std::bad_alloc);
  EXPECT_THROW(opaque(::operator new(big, kAlign)), std::bad_alloc);
  EXPECT_THROW(opaque(::operator new[](big, kAlign)), std::bad_alloc);
  EXPECT_EQ(opaque(::operator new(big, std::nothrow)), nullptr);
  EXPECT_EQ(opaque(::operator new[](all, std::nothrow)), nullptr);
  EXPECT_EQ(opaque(::operator new(big, kAlign, std::nothrow)), nullptr);
  EXPECT_EQ(opaque(::operator new[](big, kAlign, std::nothrow)), nullptr);
  EXPECT_THROW(opaque(new long[opaque(kMaxSize / 4)]), std::bad_alloc);
}

int new_handler_calls = 0;

TEST(OverrideNew, TheNewHandlerIsAsked) {
  const auto give_up = [] {
    if (++new_handler_calls == 2) std::set_new_handler(nullptr);
  };
  const auto give_up_by_throwing = [] {
    ++new_handler_calls;
    throw std::bad_alloc{};
  };
  const std::size_t big = opaque(kMoreThanThereIs);
  const std::new_handler previous = std::set_new_handler(give_up);
  new_handler_calls = 0;
  EXPECT_THROW(opaque(::operator new(big)), std::bad_alloc);
  EXPECT_EQ(new_handler_calls, 2);
  std::set_new_handler(give_up);
  new_handler_calls = 0;
  EXPECT_EQ(opaque(::operator new(big, std::nothrow)), nullptr);
  EXPECT_EQ(new_handler_calls, 2);
  std::set_new_handler(give_up_by_throwing);
  new_handler_calls = 0;
  EXPECT_EQ(opaque(::operator new(big, std::nothrow)), nullptr);
  EXPECT_EQ(opaque(::operator new(big, kAlign, std::nothrow)), nullptr);
  EXPECT_EQ(new_handler_calls, 2);
  std::set_new_handler(previous);
}

struct alignas(512) OverAligned {
  int value = 3;
};

TEST(OverrideNew, OverAlignedObjectsAreAligned) {
  const auto one = std::make_unique<OverAligned>();
  const auto several = std::make_unique<OverAligned[]>(5);
  EXPECT_TRUE(is_aligned(one.get(), 512));
  EXPECT_TRUE(is_aligned(several.get(), 512));
  EXPECT_EQ(several[4].value, 3);
}

TEST(OverrideNew, ContainersWork) {
  std::vector<int> numbers(100000);
  std::iota(numbers.begin(), numbers.end(), 0);
  EXPECT_TRUE(mi_is_in_heap_region(numbers.data()));
  std::map<int, std::string> names;
  for (int i = 0; i < 5000; ++i) names[i] = std::string(static_cast<std::size_t>(i % 100), 'x');
  for (int i = 0; i < 5000; i += 2) names.erase(i);
  EXPECT_EQ(names.size(), 2500u);
  EXPECT_EQ(names.at(99).size(), 99u);
  EXPECT_EQ(std::accumulate(numbers.begin(), numbers.end(), 0L), 4999950000L);
}

TEST(OverrideNew, PolymorphicResourcesWork) {
  std::pmr::unsynchronized_pool_resource pool(std::pmr::new_delete_resource());
  std::pmr::monotonic_buffer_resource buffer(std::pmr::new_delete_resource());
  std::pmr::vector<std::pmr::string> words(&pool);
  std::pmr::list<int> numbers(&buffer);
  for (int i = 0; i < 3000; ++i) {
    words.emplace_back(static_cast<std::size_t>(i % 200), 'w');
    numbers.push_back(i);
  }
  EXPECT_EQ(words[2999].size(), 199u);
  EXPECT_EQ(numbers.back(), 2999);
  EXPECT_TRUE(mi_is_in_heap_region(words.data()));
  EXPECT_TRUE(mi_is_in_heap_region(&numbers.front()));
  void* aligned = std::pmr::new_delete_resource()->allocate(1000, 1024);
  EXPECT_TRUE(is_aligned(aligned, 1024));
  std::pmr::new_delete_resource()->deallocate(aligned, 1000, 1024);
}

}  // namespace

#endif  // ASHLAR_OVERRIDE
