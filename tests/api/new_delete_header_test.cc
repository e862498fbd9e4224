// mimalloc-new-delete.h at work. Where the library overrides malloc its operators are there already
// and this file's would be second; so the test is for the other builds (under a sanitizer).
#if !defined(ASHLAR_OVERRIDE)

#include "mimalloc-new-delete.h"

#include <gtest/gtest.h>

#include <string>

#include "api_test_support.h"

namespace {

using namespace api_test;

struct alignas(256) Aligned {
  int value = 3;
};

TEST(NewDeleteHeader, ObjectsOfTheProgramAreInLibraryMemory) {
  int* const number = opaque(new int(5));
  EXPECT_TRUE(mi_is_in_heap_region(number));
  delete number;
  long* const numbers = opaque(new long[1000]);
  EXPECT_TRUE(mi_is_in_heap_region(numbers));
  delete[] numbers;
  Aligned* const aligned = opaque(new Aligned);
  EXPECT_TRUE(mi_is_in_heap_region(aligned));
  EXPECT_TRUE(is_aligned(aligned, 256));
  delete aligned;
  const std::string text(opaque(std::size_t{1000}), 'x');
  EXPECT_TRUE(mi_is_in_heap_region(text.data()));
  EXPECT_EQ(new (std::nothrow) char[opaque(kMaxSize / 4)], nullptr);
}

}  // namespace

#endif  // !ASHLAR_OVERRIDE
