// Threads that all do the same: blocks of many sizes and lifetimes, each thread its own. Processor
// time of an operation, and memory of a thread, should not depend on how many threads there are.
// Arguments: THREADS, operations of each, blocks that each has live.
#include <pthread.h>

#include <initializer_list>

#include "scale.h"

namespace {

constexpr unsigned kMaxThreads = 256;

struct Share {
  pthread_t thread;
  void** blocks;
  unsigned index;
};

Share shares[kMaxThreads];
std::uint64_t operations;
std::size_t live;
pthread_barrier_t filled;
pthread_barrier_t begin;
pthread_barrier_t done;
pthread_barrier_t looked;

void* run(void* argument) {
  const Share& share = *static_cast<Share*>(argument);
  workload::Random random(share.index + 1);
  for (std::size_t i = 0; i < live; i++) share.blocks[i] = probe::filled(random.log_size(4, 12));
  pthread_barrier_wait(&filled);
  pthread_barrier_wait(&begin);
  for (std::uint64_t i = 0; i < operations; i++) {
    void*& block = share.blocks[random.below(live)];
    std::free(block);
    block = workload::allocate(random.log_size(4, 12));
    *static_cast<char*>(block) = 1;
  }
  pthread_barrier_wait(&done);
  pthread_barrier_wait(&looked);
  for (std::size_t i = 0; i < live; i++) std::free(share.blocks[i]);
  return nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  const auto threads = static_cast<unsigned>(probe::argument(argc, argv, 1));
  operations = probe::argument(argc, argv, 2);
  live = probe::argument(argc, argv, 3);
  if (threads == 0 || threads > kMaxThreads || live == 0) workload::fail("1 to 256 threads");
  const probe::Memory start = probe::start();
  for (pthread_barrier_t* barrier : {&filled, &begin, &done, &looked}) {
    pthread_barrier_init(barrier, nullptr, threads + 1);
  }
  for (unsigned i = 0; i < threads; i++) {
    shares[i].index = i;
    shares[i].blocks = probe::table<void*>(live);
    if (pthread_create(&shares[i].thread, nullptr, run, &shares[i])) workload::fail("no thread");
  }
  pthread_barrier_wait(&filled);
  const std::int64_t before = scale::cpu_ns();
  pthread_barrier_wait(&begin);
  pthread_barrier_wait(&done);
  const std::int64_t time = scale::cpu_ns() - before;
  const probe::Memory end = probe::memory();
  pthread_barrier_wait(&looked);
  for (unsigned i = 0; i < threads; i++) pthread_join(shares[i].thread, nullptr);
  probe::tell("operation_ps", scale::picoseconds_each(time, operations * threads));
  probe::tell("resident_kib", end.resident_kib - start.resident_kib);
  return 0;
}
