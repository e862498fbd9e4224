// Prints docs/size-classes.md: the size classes, and what 4 and 8 of them a doubling come to. The
// numbers are computed from the headers; it is no part of the library.
#include <cmath>
#include <cstddef>
#include <cstdio>

#include "page/size_class.h"

namespace {

using namespace ashlar;

constexpr const char* kIntroduction =
    R"(<!-- Made from src/page/size_class.h; do not edit. After a change:
     cmake --build build/release --target size_classes_doc -->
# Size classes

A request is served by a block of the smallest class that holds it. Blocks are 8 bytes, then the
multiples of 16 up to 128; from there on each doubling is cut in equal steps, up to 32 KiB. What is
larger has slices of its own, usable in whole OS pages. Pages of blocks are one slice (64 KiB), above
blocks of 8 KiB four.

* **In blocks:** the most that a request of the class leaves unused, as a share of the block; that
  is the smallest request of the class.
* **In the page:** what lies behind the last block, as a share of the page. It is never touched.

)";

constexpr const char* kMeasured = R"(
Above 128 bytes eight would save a 25th of what is in blocks, where these fill their pages. They cost
more pages, since every thread has its own of each class that it uses, and of a page with few blocks
most is waste. Programs differ; the workloads of `bench/` together take no less memory with eight.
Processor time and peak memory, libc's malloc is 1 (medians of 7 rounds, ± half the distance between
the quartiles):

| workload | time, 4 | time, 8 | peak memory, 4 | peak memory, 8 |
|---|---|---|---|---|
| factor | 0.77 ± 0.01 | 0.77 ± 0.01 | 1.08 ± 0.01 | 1.08 ± 0.01 |
| containers | 0.85 ± 0.02 | 0.85 ± 0.03 | 0.96 | 0.96 |
| random-sizes | 0.84 ± 0.03 | 0.84 ± 0.10 | 1.20 | 1.27 |
| mixed-loop | 0.48 ± 0.01 | 0.45 ± 0.01 | 1.09 ± 0.02 | 1.06 ± 0.01 |
| server-threads | 0.42 ± 0.01 | 0.41 ± 0.01 | 0.74 ± 0.04 | 0.77 ± 0.06 |
| geometric mean | 0.64 | 0.64 | 1.00 | 1.01 |

    bench/compare --cpu --quick --rounds 7 --allocators libc \
      --only '^(factor|containers|random-sizes|mixed-loop|server-threads)$' \
      --lib n4=FOUR/libashlar.so --lib n8=EIGHT/libashlar.so

EIGHT is a build with `classes_per_doubling` 8 in `src/policy/config.h` (and the assertion on the
size of records in `src/heap/heap.cc` raised: a thread's record grows from 1,856 to 2,352 bytes, a
heap's from 832 to 1,328). [decisions.md](decisions.md), section 3, has more workloads: exchange takes
1.34 of libc's peak with four and 1.60 with eight, sqlite3 1.12 and 1.03.
)";

double share(std::size_t part, std::size_t whole) {
  return 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

std::size_t page_bytes_of(std::size_t block) {
  return (block <= kSmallBlockMax ? kSmallPageSlices : kMediumPageSlices).value * kSliceSize;
}

void print_classes() {
  std::puts("| class | block, bytes | slices a page | blocks a page | in blocks, % | in the page, % |");
  std::puts("|---|---|---|---|---|---|");
  for (SizeClass c = 0; c < kSizeClassCount; ++c) {
    const std::size_t block = block_size_of(c);
    const std::size_t smallest = c == 0 ? 1 : block_size_of(c - 1) + 1;
    const std::size_t page = page_bytes_of(block);
    std::printf("| %u | %zu | %u | %zu | %.1f | %.1f |\n", c, block, page_slices_of(c).value,
                page / block, share(block - smallest, block), share(page % block, page));
  }
}

struct Summary {
  SizeClass classes = 0;
  double mean = 0;        // share of blocks, over sizes spread evenly on a logarithmic scale
  double mean_large = 0;  // the same above the linear classes
  double worst = 0;       // share of a block above the linear classes
  double in_pages = 0;    // mean of what lies behind the last block, over the classes
  std::size_t one_page_each = 0;
};

template <unsigned kPerDoubling>
std::size_t block_for(std::size_t size) {
  return detail::compute_block_size<kPerDoubling>(size_class_of<kPerDoubling>(size));
}

template <unsigned kPerDoubling>
Summary summarise() {
  Summary sum;
  sum.classes = size_class_of<kPerDoubling>(kMediumBlockMax) + 1;
  for (SizeClass c = 0; c < sum.classes; ++c) {
    const std::size_t block = detail::compute_block_size<kPerDoubling>(c);
    const std::size_t page = page_bytes_of(block);
    sum.in_pages += share(page % block, page) / sum.classes;
    sum.one_page_each += page;
  }
  double all = 0;
  double large = 0;
  for (std::size_t size = 1; size <= kMediumBlockMax; ++size) {
    const std::size_t block = block_for<kPerDoubling>(size);
    const double unused = share(block - size, block);
    const double weight = std::log2(1.0 + 1.0 / static_cast<double>(size));
    all += weight;
    sum.mean += weight * unused;
    if (size > kLinearClassMax) {
      large += weight;
      sum.mean_large += weight * unused;
      sum.worst = unused > sum.worst ? unused : sum.worst;
    }
  }
  sum.mean /= all;
  sum.mean_large /= large;
  return sum;
}

void print_summary() {
  const Summary four = summarise<4>();
  const Summary eight = summarise<8>();
  std::puts("| | 4 a doubling | 8 a doubling |");
  std::puts("|---|---|---|");
  std::printf("| classes | %u | %u |\n", four.classes, eight.classes);
  const auto row = [](const char* what, double one, double other) {
    std::printf("| %s | %.1f | %.1f |\n", what, one, other);
  };
  row("unused in blocks, mean over requests of 1 byte to 32 KiB, %", four.mean, eight.mean);
  row("the same above 128 bytes, %", four.mean_large, eight.mean_large);
  row("unused in blocks, worst above 128 bytes, %", four.worst, eight.worst);
  row("behind the last block of a page, mean over classes, %", four.in_pages, eight.in_pages);
  std::printf("| a page of each class, KiB | %zu | %zu |\n", four.one_page_each / kKiB,
              eight.one_page_each / kKiB);
}

}  // namespace

int main() {
  std::fputs(kIntroduction, stdout);
  print_classes();
  std::printf("\n## Why %u a doubling\nRequests are spread evenly on a logarithmic scale here: as "
              "many between 100 and 200 bytes as\nbetween 1,000 and 2,000.\n\n",
              kActive.classes_per_doubling);
  print_summary();
  std::fputs(kMeasured, stdout);
}
