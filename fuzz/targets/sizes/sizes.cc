// Fuzz target: size classes against their definition, with four and with eight classes a doubling,
// and good sizes, which are made of them.
#include <fuzzer/FuzzedDataProvider.h>
#include <mimalloc.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "page/padding.h"
#include "page/size_class.h"
#include "support/expect.h"

namespace {

using fuzz::expect;

// The definition in words: 8, the multiples of 16 up to 128, then each doubling in equal steps.
std::vector<std::size_t> block_sizes(unsigned per_doubling) {
  std::vector<std::size_t> sizes{8};
  for (std::size_t size = 16; size <= 128; size += 16) {
    sizes.push_back(size);
  }
  for (std::size_t base = 128; base < ashlar::kMediumBlockMax; base *= 2) {
    for (unsigned step = 1; step <= per_doubling; ++step) {
      sizes.push_back(base + base * step / per_doubling);
    }
  }
  return sizes;
}

template <unsigned kPerDoubling>
void check_class(std::size_t size) {
  static const std::vector<std::size_t> sizes = block_sizes(kPerDoubling);
  const auto smallest = std::lower_bound(sizes.begin(), sizes.end(), size);
  const auto expected = static_cast<std::size_t>(smallest - sizes.begin());
  const ashlar::SizeClass size_class = ashlar::size_class_of<kPerDoubling>(size);
  expect(size_class == expected, "a request has the smallest class that holds it");
  expect(ashlar::detail::compute_block_size<kPerDoubling>(size_class) == *smallest,
         "a class has the block size of its definition");
  // What the definition is for: little is lost, and blocks are aligned.
  expect(size <= 128 || *smallest - size <= *smallest / (kPerDoubling + 1),
         "little of a block is unused");
  expect(*smallest < 16 || *smallest % 16 == 0, "blocks of 16 bytes or more are aligned to 16");
}

void check_active(std::size_t size) {
  if (size > ashlar::kMediumBlockMax - ashlar::kPadding) {
    return;
  }
  const ashlar::SizeClass size_class = ashlar::class_for(size);
  expect(size_class < ashlar::kSizeClassCount, "every request has a class");
  const std::size_t block = ashlar::block_size_of(size_class);
  expect(mi_good_size(size) + ashlar::kPadding == block, "the good size is the block size");
  const std::size_t page = ashlar::page_slices_of(size_class).value * ashlar::kSliceSize;
  expect(page / block >= 8 && page % block < block, "a page holds eight blocks at least");
}

void check_good_size(std::size_t size, std::size_t other) {
  const std::size_t good = mi_good_size(size);
  expect(good >= size && mi_good_size(good) == good, "a good size holds the request, and is good");
  expect((size <= other) ? good <= mi_good_size(other) : good >= mi_good_size(other),
         "good sizes grow with requests");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider input(data, size);
  std::array<std::uint64_t, 2> pair{};
  while (input.ConsumeData(pair.data(), sizeof pair) != 0) {
    const std::size_t request = pair[0] % (ashlar::kMediumBlockMax + 1);
    check_class<4>(request);
    check_class<8>(request);
    check_active(request);
    check_good_size(pair[0], pair[1]);
    check_good_size(pair[0] >> (pair[1] % 64), pair[0] >> (pair[1] / 64 % 64));
    pair = {};
  }
  return 0;
}
