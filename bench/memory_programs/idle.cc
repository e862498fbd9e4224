// A pool of threads fills memory with small blocks, all of it is freed (by each thread itself, by
// its neighbour, or by the main thread), and everybody goes to sleep: what does the process hold a
// second later, or after malloc_trim? Arguments: MIB, THREADS, 0 own, 1 neighbour or 2 main frees,
// milliseconds to sleep (at least 1000), 1 to trim and not to sleep.
#include <malloc.h>
#include <pthread.h>

#include "probe.h"

namespace {

constexpr unsigned kMaxThreads = 64;
enum class Freer : unsigned { kOwn, kNeighbour, kMain };

struct Share {
  pthread_t thread;
  void** blocks;
  std::size_t count;
};

Share shares[kMaxThreads];
unsigned threads;
std::size_t bytes_each;
Freer freer;

pthread_barrier_t filled;
pthread_barrier_t looked;
pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t work = PTHREAD_COND_INITIALIZER;
pthread_cond_t all_asleep = PTHREAD_COND_INITIALIZER;
unsigned asleep;
bool stop;

std::size_t capacity() { return bytes_each / 16 + 1; }

void free_share(const Share& share) {
  for (std::size_t i = 0; i < share.count; i++) std::free(share.blocks[i]);
}

void sleep_in_pool() {
  pthread_mutex_lock(&lock);
  if (++asleep == threads) pthread_cond_signal(&all_asleep);
  while (!stop) pthread_cond_wait(&work, &lock);
  pthread_mutex_unlock(&lock);
}

void* run(void* argument) {
  const auto index = static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(argument));
  Share& share = shares[index];
  workload::Random random(index + 1);
  for (std::size_t bytes = 0; bytes < bytes_each;) {
    const std::size_t size = random.log_size(4, 10);
    share.blocks[share.count++] = probe::filled(size);
    bytes += size;
  }
  pthread_barrier_wait(&filled);
  pthread_barrier_wait(&looked);
  if (freer == Freer::kOwn) free_share(share);
  if (freer == Freer::kNeighbour) free_share(shares[(index + 1) % threads]);
  sleep_in_pool();
  return nullptr;
}

void wait_until_asleep() {
  pthread_mutex_lock(&lock);
  while (asleep < threads) pthread_cond_wait(&all_asleep, &lock);
  pthread_mutex_unlock(&lock);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t total = static_cast<std::size_t>(probe::argument(argc, argv, 1)) << 20;
  threads = static_cast<unsigned>(probe::argument(argc, argv, 2));
  freer = static_cast<Freer>(probe::argument(argc, argv, 3));
  const auto sleep_ms = static_cast<std::int64_t>(probe::argument(argc, argv, 4));
  const bool trim = probe::argument(argc, argv, 5) != 0;
  if (threads == 0 || threads > kMaxThreads) workload::fail("1 to 64 threads");

  const probe::Memory start = probe::start();
  const std::int64_t begin = probe::microseconds();
  bytes_each = total / threads;
  pthread_barrier_init(&filled, nullptr, threads + 1);
  pthread_barrier_init(&looked, nullptr, threads + 1);
  for (unsigned i = 0; i < threads; i++) shares[i].blocks = probe::table<void*>(capacity());
  for (unsigned i = 0; i < threads; i++) {
    if (pthread_create(&shares[i].thread, nullptr, run,
                       reinterpret_cast<void*>(std::uintptr_t{i}))) {
      workload::fail("no thread");
    }
  }
  pthread_barrier_wait(&filled);
  const probe::Memory full = probe::memory();
  pthread_barrier_wait(&looked);
  if (freer == Freer::kMain) {
    wait_until_asleep();
    for (unsigned i = 0; i < threads; i++) free_share(shares[i]);
  }
  wait_until_asleep();
  for (unsigned i = 0; i < threads; i++) probe::drop_table(shares[i].blocks, capacity());
  const std::int64_t freed = probe::microseconds();

  std::int64_t trim_us = 0;
  if (trim) {
    probe::sleep_ms(20);
    const std::int64_t before = probe::microseconds();
    malloc_trim(0);
    trim_us = probe::microseconds() - before;
  } else {
    probe::sleep_ms(1000);
  }
  const probe::Memory held = probe::memory();
  const std::int64_t mappings = probe::mappings();
  if (!trim) probe::sleep_ms(sleep_ms - 1000);

  probe::tell("begin_us", begin);
  probe::tell("freed_us", freed);
  probe::tell("start_kib", start.resident_kib);
  probe::tell("full_kib", full.resident_kib - start.resident_kib);
  probe::tell("full_huge_kib", full.huge_kib);
  probe::tell("held_kib", held.resident_kib - start.resident_kib);
  probe::tell("held_huge_kib", held.huge_kib);
  probe::tell("trim_us", trim_us);
  probe::tell("mappings", mappings);
  pthread_mutex_lock(&lock);
  stop = true;
  pthread_cond_broadcast(&work);
  pthread_mutex_unlock(&lock);
  for (unsigned i = 0; i < threads; i++) pthread_join(shares[i].thread, nullptr);
  return 0;
}
