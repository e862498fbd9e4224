// Stress: every thread but one only allocates, and one thread frees all, in the order of
// allocation, in reverse or at random. The amount of live memory is bounded, so an allocator that
// never finds remotely freed blocks again grows and is caught by the resident-size check.
#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "rest.h"
#include "stress.h"

namespace {

constexpr std::size_t kLive = std::size_t{24} << 20;
constexpr std::size_t kResidentBound = std::size_t{512} << 20;

class Pile {
 public:
  // Waits until there is room (the freeing thread makes some) or the run is over.
  bool put(std::vector<stress::Block>& blocks, std::size_t bytes) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return stopped_ || live_ < kLive; });
    live_ += bytes;
    blocks_.insert(blocks_.end(), blocks.begin(), blocks.end());
    blocks.clear();
    changed_.notify_all();
    return !stopped_;
  }
  // Everything there is; false once the run is over and nothing is left.
  bool take(std::vector<stress::Block>& blocks) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return stopped_ || !blocks_.empty(); });
    blocks = std::exchange(blocks_, {});
    return !blocks.empty();
  }
  void freed(std::size_t bytes) {
    const std::lock_guard<std::mutex> guard(mutex_);
    live_ -= bytes;
    changed_.notify_all();
  }
  void stop() {
    const std::lock_guard<std::mutex> guard(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<stress::Block> blocks_;
  std::size_t live_ = 0;
  bool stopped_ = false;
};

void allocate_only(Pile& pile, std::uint64_t seed) {
  stress::Random random(seed);
  bool going = true;
  while (going) {
    std::vector<stress::Block> blocks;
    std::size_t bytes = 0;
    const std::size_t largest = std::size_t{1} << (5 + random.below(16));
    const std::size_t count = 1 + random.below(300);
    for (std::size_t i = 0; i < count && bytes < kLive / 16; i++) {
      blocks.push_back(stress::allocate(random, random.size(largest)));
      bytes += blocks.back().size;
    }
    going = pile.put(blocks, bytes);
  }
}

std::uint64_t free_all(Pile& pile, std::uint64_t seed) {
  stress::Random random(seed);
  std::uint64_t freed = 0;
  std::vector<stress::Block> blocks;
  while (pile.take(blocks)) {
    const std::uint64_t order = random.below(3);
    if (order == 1) std::reverse(blocks.begin(), blocks.end());
    if (order == 2) {
      for (std::size_t i = blocks.size(); i > 1; i--)
        std::swap(blocks[i - 1], blocks[random.below(i)]);
    }
    std::size_t bytes = 0;
    for (const auto& block : blocks) {
      stress::release(block, "freed by the one thread that frees");
      bytes += block.size;
    }
    freed += blocks.size();
    pile.freed(bytes);
  }
  return freed;
}

}  // namespace

int main(int argc, char** argv) {
  const stress::Options options = stress::parse_options(argc, argv);
  stress::Random random(options.seed);
  Pile pile;
  std::uint64_t freed = 0;
  std::vector<std::thread> threads;
  const std::uint64_t free_seed = random.next();
  threads.emplace_back([&] { freed = free_all(pile, free_seed); });
  // One thread alone cannot wait for itself: even then one more allocates.
  const unsigned allocators = options.threads > 1 ? options.threads - 1 : 1;
  for (unsigned i = 0; i < allocators; i++)
    threads.emplace_back(allocate_only, std::ref(pile), random.next());
  const stress::Deadline end(options.seconds);
  while (!end.passed()) {
    const timespec moment{0, 20'000'000};
    nanosleep(&moment, nullptr);
    const std::size_t resident = stress::arena_bytes_resident();
    if (resident > kResidentBound)
      stress::fail("%zu MiB resident with at most %zu MiB live: freed blocks are not found again",
                   resident >> 20, 2 * kLive >> 20);
  }
  pile.stop();
  for (auto& thread : threads) thread.join();
  // What was put after the freeing thread had seen the end.
  std::vector<stress::Block> rest;
  if (pile.take(rest)) {
    for (const auto& block : rest) stress::release(block, "freed by the main thread at the end");
  }
  if (freed == 0) stress::fail("nothing was freed");
  rest = std::vector<stress::Block>();
  threads.clear();
  stress::check_at_rest("all was freed");
  std::printf("ok: %llu blocks freed by one thread\n", static_cast<unsigned long long>(freed));
}
