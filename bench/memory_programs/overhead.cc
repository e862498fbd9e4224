// Memory full of blocks that all stay: how much more is resident than was asked for, and how much
// larger are blocks than asked for? Arguments: MIB; block size, or 0 for sizes from 1 to 32768
// bytes, each as likely on a logarithmic scale. Blocks under 64 bytes have no part in the worst
// case, where the smallest block that there is would decide.
#include <malloc.h>

#include <cmath>

#include "probe.h"

int main(int argc, char** argv) {
  const std::size_t total = probe::argument(argc, argv, 1) << 20;
  const std::size_t fixed = probe::argument(argc, argv, 2);
  workload::Random random(1);
  std::size_t asked = 0;
  std::size_t usable = 0;
  std::size_t count = 0;
  double sum_of_ratios = 0;
  double worst = 1;
  const probe::Memory start = probe::start();
  while (asked < total) {
    const std::size_t size = fixed != 0 ? fixed
                                        : static_cast<std::size_t>(std::exp2(
                                              static_cast<double>(random.below(15000001)) * 1e-6));
    void* block = probe::filled(size);
    asked += size;
    if (fixed != 0) continue;
    const std::size_t given = malloc_usable_size(block);
    const double ratio = static_cast<double>(given) / static_cast<double>(size);
    usable += given;
    count++;
    sum_of_ratios += ratio;
    if (size >= 64 && ratio > worst) worst = ratio;
  }
  const probe::Memory end = probe::memory();
  probe::tell("resident_kib", end.resident_kib - start.resident_kib);
  probe::tell("asked_kib", static_cast<std::int64_t>(asked >> 10));
  if (fixed == 0) {
    probe::tell("usable_kib", static_cast<std::int64_t>(usable >> 10));
    probe::tell("mean_ppm",
                static_cast<std::int64_t>(1e6 * sum_of_ratios / static_cast<double>(count)));
    probe::tell("worst_ppm", static_cast<std::int64_t>(1e6 * worst));
  }
  return 0;
}
