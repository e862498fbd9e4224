// Stress: a pool of threads of which some sleep while the others free their blocks. In each round
// every thread is one that fills pages and then sleeps over them, or one that frees what sleepers
// left and takes their pages over. When all sleep and nothing is live, what they still own is
// bounded: nobody can take memory from a thread that sleeps, so they must have let go before.
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "page/size_class.h"
#include "rest.h"
#include "stress.h"
#include "support/option_table.h"

namespace {

constexpr std::size_t kSizes[] = {48, 512, 3000, 7 << 10, 28 << 10};
constexpr std::size_t kKinds = sizeof kSizes / sizeof kSizes[0];
constexpr std::size_t kBytesOfARound = std::size_t{96} << 20;  // of all threads together
constexpr std::size_t kBatch = 64;

// Pages of a size that a thread at rest may own: those it took over, the one it allocates from,
// and those that became full since it last looked.
constexpr std::size_t kPagesOfASize =
    static_cast<std::size_t>(
        ashlar::option_row(ashlar::Option::kPageCrossThreadMaxReclaim).default_value) +
    4;

constexpr std::size_t pages_bound() {
  std::size_t bytes = 0;
  for (const std::size_t size : kSizes)
    bytes +=
        kPagesOfASize * ashlar::page_slices_of(ashlar::class_for(size)).value * ashlar::kSliceSize;
  return bytes;
}

using Batch = std::vector<stress::Block>;

// Owner:       whoever holds the mutex
// Invariants:  fillers counts the threads that still add batches in this round; working counts
//              those that are not asleep
struct Pool {
  std::mutex mutex;
  std::condition_variable wake;     // a round begins, or the run is over
  std::condition_variable changed;  // a batch came, the last filler is done, or a thread sleeps
  std::deque<Batch> batches;
  std::uint64_t round = 0;
  unsigned fillers = 0;
  unsigned working = 0;
  bool over = false;
  std::uint64_t freed = 0;
};

// The first thread of a round always fills; whether others do is up to chance.
bool is_filler(std::uint64_t seed, std::uint64_t round, unsigned thread, unsigned threads) {
  return thread == round % threads || stress::mix(seed + round * 64 + thread) % 2 == 0;
}

void nap(stress::Random& random) {
  const timespec time{0, static_cast<long>(random.below(2'000'000))};
  nanosleep(&time, nullptr);
}

void fill(Pool& pool, stress::Random& random, std::size_t bytes) {
  std::vector<stress::Block> own;  // freed by this thread itself, before it sleeps
  for (std::size_t done = 0; done < bytes;) {
    const std::size_t size = kSizes[random.below(kKinds)];
    Batch batch;
    for (std::size_t i = 0; i < kBatch; i++) {
      const stress::Block block = stress::allocate(random, size - random.below(8));
      done += block.size;
      (random.one_in(4) ? own : batch).push_back(block);
    }
    while (own.size() > 256) {
      const std::size_t at = random.below(own.size());
      stress::release(own[at], "freed by the thread that fills");
      own[at] = own.back();
      own.pop_back();
    }
    {
      const std::lock_guard<std::mutex> guard(pool.mutex);
      pool.batches.push_back(std::move(batch));
    }
    pool.changed.notify_one();
    if (random.one_in(256)) nap(random);
  }
  for (const auto& block : own) stress::release(block, "freed by the thread that fills, at last");
}

// Until nothing is left and nobody adds more.
void empty(Pool& pool, stress::Random& random) {
  std::uint64_t freed = 0;
  std::vector<stress::Block> mine;
  std::unique_lock<std::mutex> lock(pool.mutex);
  for (;;) {
    pool.changed.wait(lock, [&] { return !pool.batches.empty() || pool.fillers == 0; });
    if (pool.batches.empty()) break;
    Batch batch = std::move(pool.batches.front());
    pool.batches.pop_front();
    lock.unlock();
    for (const auto& block : batch) {
      if (random.one_in(8)) mine.push_back(stress::allocate(random, block.size));
      stress::release(block, "of a thread that sleeps");
    }
    freed += batch.size();
    while (mine.size() > 200) {
      stress::release(mine.back(), "allocated by a thread that frees");
      mine.pop_back();
    }
    lock.lock();
  }
  pool.freed += freed;
  lock.unlock();
  for (const auto& block : mine) stress::release(block, "allocated by a thread that frees");
}

void work(Pool& pool, const stress::Options& options, unsigned self) {
  stress::Random random(options.seed + self);
  std::unique_lock<std::mutex> lock(pool.mutex);
  for (std::uint64_t round = 1;; round++) {
    pool.wake.wait(lock, [&] { return pool.over || pool.round == round; });
    if (pool.over) return;
    lock.unlock();
    if (is_filler(options.seed, round, self, options.threads)) {
      fill(pool, random, kBytesOfARound / options.threads);
      lock.lock();
      pool.fillers--;
    } else {
      empty(pool, random);
      lock.lock();
    }
    pool.working--;
    pool.changed.notify_all();
  }
}

// One round, seen from the main thread: it frees too, and looks when all the others sleep.
void run_round(Pool& pool, const stress::Options& options, stress::Random& random) {
  {
    const std::lock_guard<std::mutex> guard(pool.mutex);
    pool.round++;
    pool.working = options.threads;
    for (unsigned i = 0; i < options.threads; i++)
      pool.fillers += is_filler(options.seed, pool.round, i, options.threads) ? 1 : 0;
  }
  pool.wake.notify_all();
  empty(pool, random);
  std::unique_lock<std::mutex> lock(pool.mutex);
  pool.changed.wait(lock, [&] { return pool.working == 0; });
}

}  // namespace

int main(int argc, char** argv) {
  const stress::Options options = stress::parse_options(argc, argv);
  stress::Random random(options.seed);
  Pool pool;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < options.threads; i++)
    threads.emplace_back(work, std::ref(pool), std::cref(options), i);
  const std::size_t bound = stress::kPagesAtRest + (options.threads + 1) * pages_bound();
  const stress::Deadline end(options.seconds);
  do {
    run_round(pool, options, random);
    stress::check_held(bound, bound + stress::kResidentAtRest, "all sleep, and nothing is live");
  } while (!end.passed());
  {
    const std::lock_guard<std::mutex> guard(pool.mutex);
    pool.over = true;
  }
  pool.wake.notify_all();
  for (auto& thread : threads) thread.join();
  threads.clear();
  if (pool.freed == 0) stress::fail("nothing was freed for a thread that sleeps");
  pool.batches = {};
  stress::check_at_rest("all threads have ended");
  std::printf("ok: %llu blocks of threads that sleep freed in %llu rounds\n",
              static_cast<unsigned long long>(pool.freed),
              static_cast<unsigned long long>(pool.round));
}
