// How long single calls take: malloc and free of mixed sizes, blocks handed from thread to thread
// through a common table, each call between two reads of the processor's clock. Nothing is taken
// off; as a measure of the clock and of what else the machine does, "nothing" is timed the same way
// in the same loop. Arguments: THREADS, operations of each.
#include <pthread.h>

#include <atomic>

#include "scale.h"

namespace {

constexpr unsigned kMaxThreads = 64;
constexpr std::size_t kSlots = 4096;
constexpr int kSubBits = 6;  // buckets a doubling: 64, so that a figure is within 1.6 %
constexpr std::size_t kBuckets = std::size_t{64} << kSubBits;

#if defined(__x86_64__)
std::uint64_t now() {
  unsigned processor = 0;
  return __builtin_ia32_rdtscp(&processor);
}
#else
std::uint64_t now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1000000000 +
         static_cast<std::uint64_t>(time.tv_nsec);
}
#endif

std::size_t bucket_of(std::uint64_t ticks) {
  if (ticks < (1U << kSubBits)) return static_cast<std::size_t>(ticks);
  const int shift = 63 - __builtin_clzll(ticks) - kSubBits;
  return (static_cast<std::size_t>(shift + 1) << kSubBits) +
         static_cast<std::size_t>(ticks >> shift) - (std::size_t{1} << kSubBits);
}

std::uint64_t ticks_of(std::size_t bucket) {
  const std::size_t shift = bucket >> kSubBits;
  if (shift == 0) return bucket;
  return ((bucket & ((1U << kSubBits) - 1)) + (1U << kSubBits)) << (shift - 1);
}

struct Histogram {
  std::uint32_t counts[kBuckets];
  std::uint64_t worst;

  void add(std::uint64_t ticks) {
    counts[bucket_of(ticks)]++;
    if (ticks > worst) worst = ticks;
  }
};

enum What : unsigned { kMalloc, kFree, kNothing, kWhats };
constexpr const char* kNames[kWhats] = {"malloc", "free", "nothing"};

struct Thread {
  pthread_t thread;
  unsigned index;
  Histogram histograms[kWhats];
};

Thread threads[kMaxThreads];
std::atomic<void*> slots[kSlots];
std::uint64_t operations;
pthread_barrier_t begin;

// No part of the figures is the first growth of memory: the loop runs an eighth of its rounds
// before it counts.
void* run(void* argument) {
  Thread& self = *static_cast<Thread*>(argument);
  workload::Random random(self.index + 1);
  pthread_barrier_wait(&begin);
  const std::uint64_t warm_up = operations / 8;
  for (std::uint64_t i = 0; i < operations + warm_up; i++) {
    const std::size_t size = random.log_size(4, 15);
    const std::uint64_t t0 = now();
    void* block = std::malloc(size);
    const std::uint64_t t1 = now();
    if (block == nullptr) workload::fail("out of memory");
    workload::keep(block);
    *static_cast<char*>(block) = 1;
    // acq_rel: who takes the block sees what was written to it.
    void* old = slots[random.below(kSlots)].exchange(block, std::memory_order_acq_rel);
    const std::uint64_t t2 = now();
    std::free(old);
    const std::uint64_t t3 = now();
    const std::uint64_t t4 = now();
    if (i < warm_up) continue;
    self.histograms[kMalloc].add(t1 - t0);
    if (old != nullptr) self.histograms[kFree].add(t3 - t2);
    self.histograms[kNothing].add(t4 - t3);
  }
  return nullptr;
}

void report(What what, unsigned count, double ns_per_tick) {
  static Histogram sum;
  sum = {};
  std::uint64_t calls = 0;
  for (unsigned i = 0; i < count; i++) {
    const Histogram& one = threads[i].histograms[what];
    for (std::size_t bucket = 0; bucket < kBuckets; bucket++) {
      sum.counts[bucket] += one.counts[bucket];
      calls += one.counts[bucket];
    }
    if (one.worst > sum.worst) sum.worst = one.worst;
  }
  char name[64];
  auto tell = [&](const char* tail, std::uint64_t value) {
    std::snprintf(name, sizeof name, "%s_%s", kNames[what], tail);
    probe::tell(name, static_cast<std::int64_t>(value));
  };
  auto ns = [&](std::uint64_t ticks) {
    return static_cast<std::uint64_t>(static_cast<double>(ticks) * ns_per_tick + 0.5);
  };
  struct Share {
    const char* name;
    std::uint64_t beyond;  // one call of so many is slower
  };
  constexpr Share kShares[] = {{"p50", 2},     {"p90", 10},      {"p99", 100},
                               {"p999", 1000}, {"p9999", 10000}, {"p99999", 100000}};
  for (const Share& share : kShares) {
    std::uint64_t left = calls - calls / share.beyond;
    std::size_t bucket = 0;
    while (bucket < kBuckets - 1 && sum.counts[bucket] < left) left -= sum.counts[bucket++];
    tell(share.name, ns(ticks_of(bucket)));
  }
  tell("worst", ns(sum.worst));
  std::uint64_t over_10 = 0;
  std::uint64_t over_100 = 0;
  for (std::size_t bucket = 0; bucket < kBuckets; bucket++) {
    if (sum.counts[bucket] == 0) continue;
    const std::uint64_t time = ns(ticks_of(bucket));
    if (time >= 10000) over_10 += sum.counts[bucket];
    if (time >= 100000) over_100 += sum.counts[bucket];
  }
  tell("over10", over_10);
  tell("over100", over_100);
  tell("calls", calls);
}

}  // namespace

int main(int argc, char** argv) {
  const auto count = static_cast<unsigned>(probe::argument(argc, argv, 1));
  operations = probe::argument(argc, argv, 2);
  if (count == 0 || count > kMaxThreads) workload::fail("1 to 64 threads");
  probe::start();
  pthread_barrier_init(&begin, nullptr, count + 1);
  for (unsigned i = 0; i < count; i++) {
    threads[i].index = i;
    if (pthread_create(&threads[i].thread, nullptr, run, &threads[i])) workload::fail("no thread");
  }
  pthread_barrier_wait(&begin);
  const std::int64_t faults = probe::faults();
  const std::int64_t start_us = probe::microseconds();
  const std::uint64_t start = now();
  for (unsigned i = 0; i < count; i++) pthread_join(threads[i].thread, nullptr);
  const std::uint64_t ticks = now() - start;
  const std::int64_t us = probe::microseconds() - start_us;
  probe::tell("faults", probe::faults() - faults);
  const double ns_per_tick = 1000.0 * static_cast<double>(us) / static_cast<double>(ticks);
  for (unsigned what = 0; what < kWhats; what++) {
    report(static_cast<What>(what), count, ns_per_tick);
  }
  return 0;
}
