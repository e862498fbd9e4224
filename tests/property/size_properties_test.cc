// Laws of sizes, alignments and products that hold for every request, checked on random ones.
// What blocks hold is the model's part.
#include <cerrno>
#include <limits>
#include <string>

#include "property_test_support.h"

namespace {

using namespace property_test;

constexpr std::size_t kMaxSize = std::numeric_limits<std::size_t>::max();

// A number of up to `most_bits` bits, each order of magnitude as likely as another.
rc::Gen<std::size_t> arbitrary_magnitude(int most_bits) {
  const auto any_bits = rc::gen::resize(100, rc::gen::arbitrary<std::size_t>());
  return rc::gen::apply([](int bits, std::size_t number) { return number >> (64 - bits); },
                        rc::gen::inRange(1, most_bits + 1), any_bits);
}

RC_GTEST_PROP(GoodSize, IsMonotoneAndIdempotent, ()) {
  const std::size_t a = *arbitrary_magnitude(62);
  const std::size_t b = *arbitrary_magnitude(62);
  const std::size_t smaller = a < b ? a : b;
  const std::size_t larger = a < b ? b : a;
  RC_ASSERT(mi_good_size(smaller) >= smaller);
  RC_ASSERT(mi_good_size(smaller) <= mi_good_size(larger));
  RC_ASSERT(mi_good_size(mi_good_size(larger)) == mi_good_size(larger));
  RC_ASSERT(mi_malloc_good_size(larger) == mi_good_size(larger));
}

RC_GTEST_PROP(GoodSize, IsWhatBlocksHold, ()) {
  const std::size_t size = *arbitrary_size();
  void* p = opaque(mi_malloc(mi_good_size(size)));
  RC_ASSERT((p != nullptr));
  const std::size_t usable = mi_usable_size(p);
  mi_free(p);
  RC_ASSERT(usable >= mi_good_size(size));
}

RC_GTEST_PROP(Products, OverflowIsAlwaysAFailure, ()) {
  // The product of these is over PTRDIFF_MAX, whether it fits 64 bits or not.
  const std::size_t count = *arbitrary_magnitude(63) + 1;
  const std::size_t least = kMaxSize / 2 / count + 1;
  const std::size_t more = *arbitrary_magnitude(63);
  const std::size_t size = least > kMaxSize - more ? least : least + more;
  errno = 0;
  RC_ASSERT((opaque(mi_calloc(opaque(count), opaque(size))) == nullptr));
  RC_ASSERT(errno == ENOMEM);
  RC_ASSERT((opaque(mi_mallocn(opaque(count), opaque(size))) == nullptr));
  void* p = nullptr;
  RC_ASSERT(mi_reallocarr(&p, opaque(count), opaque(size)) == ENOMEM);
  RC_ASSERT((p == nullptr));
}

RC_GTEST_PROP(Products, FittingProductsGiveRoomForAll, ()) {
  const std::size_t count = *rc::gen::inRange<std::size_t>(0, 3000);
  const std::size_t size = *rc::gen::inRange<std::size_t>(0, 300);
  void* p = opaque(mi_calloc(count, size));
  RC_ASSERT((p != nullptr));
  const bool zero = first_nonzero(p, 0, count * size) == count * size;
  const bool room = mi_usable_size(p) >= count * size;
  mi_free(p);
  RC_ASSERT(zero && room);
}

RC_GTEST_PROP(Alignment, EveryAlignmentAndOffsetIsKeptThroughResizes, ()) {
  const std::size_t alignment = *arbitrary_alignment(22);
  const std::size_t first_size = *arbitrary_size();
  const std::size_t second_size = *arbitrary_size();
  const std::size_t smaller = first_size < second_size ? first_size : second_size;
  const std::size_t offset = *rc::gen::inRange<std::size_t>(0, smaller + 1);
  void* p = opaque(mi_malloc_aligned_at(first_size, alignment, offset));
  RC_ASSERT((p != nullptr));
  RC_ASSERT((address_of(p) + offset) % alignment == 0u);
  fill(p, 0, first_size, 1);
  p = opaque(mi_realloc_aligned_at(p, second_size, alignment, offset));
  RC_ASSERT((p != nullptr));
  RC_ASSERT((address_of(p) + offset) % alignment == 0u);
  RC_ASSERT(first_difference(p, 0, smaller, 1) == smaller);
  mi_free(p);
}

RC_GTEST_PROP(Alignment, OnlyPowersOfTwoAreTaken, ()) {
  // Two bits at least.
  const int high = *rc::gen::inRange(1, 63);
  const int low = *rc::gen::inRange(0, high);
  const std::size_t alignment =
      (std::size_t{1} << high) | (std::size_t{1} << low) | *arbitrary_magnitude(high);
  errno = 0;
  RC_ASSERT((opaque(mi_malloc_aligned(64, opaque(alignment))) == nullptr));
  RC_ASSERT(errno == EINVAL);
  char mark = 0;
  void* p = &mark;
  RC_ASSERT(mi_posix_memalign(&p, opaque(alignment), 64) == EINVAL);
  RC_ASSERT((p == &mark));
}

RC_GTEST_PROP(Strings, CopiesAreEqual, (std::string text, std::size_t n)) {
  const std::string clean = text.substr(0, text.find('\0'));
  char* copy = opaque(mi_strdup(clean.c_str()));
  RC_ASSERT(copy != nullptr);
  const bool equal = clean == copy;
  mi_free(copy);
  RC_ASSERT(equal);
  char* part = opaque(mi_strndup(clean.c_str(), n));
  RC_ASSERT(part != nullptr);
  const bool prefix = clean.substr(0, n) == part;
  mi_free(part);
  RC_ASSERT(prefix);
}

RC_GTEST_PROP(Addresses, ForeignOnesAreAlwaysRecognised, (std::uintptr_t address)) {
  // Beyond what a process is ever given; anything below may be ours by chance.
  const std::uintptr_t foreign = address | (std::uintptr_t{1} << 63);
  RC_ASSERT(!mi_is_in_heap_region(reinterpret_cast<void*>(foreign)));
  RC_ASSERT(!mi_check_owned(reinterpret_cast<void*>(foreign)));
}

}  // namespace
