// Stress: threads that start, leave live blocks behind and end, all the time, while long-lived
// threads check, resize and free those blocks and allocate of the same sizes. Some threads are
// stopped for a moment by a signal at any instruction, as a loaded machine would. Exercises pages
// without an owner; steady traffic between living threads is the subject of the other programs.
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include <pthread.h>

#include "rest.h"
#include "stress.h"

namespace {

constexpr std::size_t kLargest = std::size_t{256} << 10;
constexpr std::size_t kMaxLeft = 40000;

// Blocks that a thread left behind, waiting for somebody to free them.
class Mailbox {
 public:
  void put(std::vector<stress::Block>& blocks) {
    const std::lock_guard<std::mutex> guard(mutex_);
    blocks_.insert(blocks_.end(), blocks.begin(), blocks.end());
    blocks.clear();
  }
  // Takes up to `count` blocks from a random place, without waiting for any.
  std::size_t take(stress::Random& random, std::size_t count, std::vector<stress::Block>& out) {
    const std::lock_guard<std::mutex> guard(mutex_);
    std::size_t taken = 0;
    for (; taken < count && !blocks_.empty(); taken++) {
      const std::size_t at = random.below(blocks_.size());
      out.push_back(blocks_[at]);
      blocks_[at] = blocks_.back();
      blocks_.pop_back();
    }
    return taken;
  }
  std::size_t size() {
    const std::lock_guard<std::mutex> guard(mutex_);
    return blocks_.size();
  }

 private:
  std::mutex mutex_;
  std::vector<stress::Block> blocks_;
};

struct Shared {
  Mailbox mailbox;
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> freed_remotely{0};
  std::atomic<std::uint64_t> threads_ended{0};
};

// Lives for a moment: allocates in a few classes, frees part, leaves the rest.
void short_life(Shared& shared, std::uint64_t seed) {
  stress::Random random(seed);
  std::vector<stress::Block> left;
  const std::size_t count = 1 + random.below(200);
  const std::size_t one_size = random.size(kLargest);
  const bool same_size = random.one_in(2);
  for (std::size_t i = 0; i < count; i++) {
    left.push_back(stress::allocate(random, same_size ? one_size : random.size(kLargest)));
    if (random.one_in(3)) {
      stress::release(left.back(), "freed by its own thread");
      left.pop_back();
    }
  }
  if (shared.mailbox.size() > kMaxLeft) {
    for (const auto& block : left) stress::release(block, "freed by its own thread, mailbox full");
    left.clear();
  }
  shared.mailbox.put(left);
  shared.threads_ended.fetch_add(1, std::memory_order_relaxed);  // relaxed: read after the joins.
}

void spawn(Shared& shared, std::uint64_t seed) {
  stress::Random random(seed);
  // relaxed: only says when to stop.
  while (!shared.stop.load(std::memory_order_relaxed)) {
    std::vector<std::thread> burst;
    const std::size_t count = 1 + random.below(6);
    for (std::size_t i = 0; i < count; i++)
      burst.emplace_back(short_life, std::ref(shared), random.next());
    for (auto& thread : burst) thread.join();
  }
}

void adopt(Shared& shared, std::uint64_t seed) {
  stress::Random random(seed);
  std::vector<stress::Block> mine;
  std::uint64_t freed = 0;
  // relaxed: only says when to stop.
  while (!shared.stop.load(std::memory_order_relaxed)) {
    std::vector<stress::Block> found;
    freed += shared.mailbox.take(random, 64, found);
    for (auto& block : found) {
      if (random.one_in(4)) stress::resize(random, block, random.size(kLargest), "left behind");
      // Of the same size as the dead thread's, to take over its pages.
      if (random.one_in(2)) mine.push_back(stress::allocate(random, block.size));
      stress::release(block, "left behind by a thread that ended");
    }
    while (mine.size() > 2000 || (!mine.empty() && random.one_in(2))) {
      stress::release(mine.back(), "allocated after an adoption");
      mine.pop_back();
    }
    if (found.empty()) std::this_thread::yield();
    if (random.one_in(200)) mi_collect(random.one_in(4));
  }
  for (const auto& block : mine) stress::release(block, "at the end");
  shared.freed_remotely.fetch_add(freed, std::memory_order_relaxed);  // relaxed: read when joined.
}

// Stops the thread that receives it for a moment, wherever it is.
void pause_here(int) {
  const int saved = errno;
  const timespec moment{0, 2'000'000};
  nanosleep(&moment, nullptr);
  errno = saved;
}

}  // namespace

int main(int argc, char** argv) {
  const stress::Options options = stress::parse_options(argc, argv);
  struct sigaction action = {};
  action.sa_handler = pause_here;
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR1, &action, nullptr);

  Shared shared;
  stress::Random random(options.seed);
  std::vector<std::thread> threads;
  // Both kinds are needed; the threads that one thread alone would start make it several anyway.
  const unsigned lasting = options.threads < 2 ? 2 : options.threads;
  const unsigned spawners = lasting / 2;
  for (unsigned i = 0; i < lasting; i++)
    threads.emplace_back(i < spawners ? spawn : adopt, std::ref(shared), random.next());
  const stress::Deadline end(options.seconds);
  while (!end.passed()) {
    const timespec moment{0, 5'000'000};
    nanosleep(&moment, nullptr);
    pthread_kill(threads[random.below(threads.size())].native_handle(), SIGUSR1);
  }
  shared.stop.store(true, std::memory_order_relaxed);  // relaxed: only says when to stop.
  for (auto& thread : threads) thread.join();

  stress::check_orphans();
  std::vector<stress::Block> rest;
  shared.mailbox.take(random, shared.mailbox.size(), rest);
  for (const auto& block : rest) stress::release(block, "freed by the main thread at the end");
  rest = std::vector<stress::Block>();
  threads.clear();
  stress::check_at_rest("all that ended threads left behind was freed");
  // relaxed: all threads were joined.
  const std::uint64_t freed = shared.freed_remotely.load(std::memory_order_relaxed);
  const std::uint64_t ended = shared.threads_ended.load(std::memory_order_relaxed);
  if (freed == 0 || ended == 0) stress::fail("nothing was freed for a thread that ended");
  std::printf("ok: %llu threads ended, %llu of their blocks were freed by others\n",
              static_cast<unsigned long long>(ended), static_cast<unsigned long long>(freed));
}
