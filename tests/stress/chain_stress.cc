// Stress: chains of producer and consumer. Each stage takes batches of blocks from a bounded queue,
// checks them, replaces some by its own, and hands them on; the last stage frees everything. So
// stages allocate much and free little, or the reverse, which makes lists of remote frees long.
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "rest.h"
#include "stress.h"

namespace {

using Batch = std::vector<stress::Block>;
constexpr std::size_t kBatch = 64;
constexpr std::size_t kMaxQueued = 32;

// Closed by the producer's side; waits end when it is closed or when the other side acts.
class Queue {
 public:
  void push(Batch batch) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return batches_.size() < kMaxQueued; });
    batches_.push_back(std::move(batch));
    changed_.notify_all();
  }
  bool pop(Batch& batch) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return closed_ || !batches_.empty(); });
    if (batches_.empty()) return false;
    batch = std::move(batches_.front());
    batches_.pop_front();
    changed_.notify_all();
    return true;
  }
  void close() {
    const std::lock_guard<std::mutex> guard(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Batch> batches_;
  bool closed_ = false;
};

struct Chain {
  explicit Chain(unsigned stages) : queues(stages - 1) {}
  std::vector<Queue> queues;
  std::uint64_t produced = 0;  // written by the first stage, read after the joins
  std::uint64_t replaced = 0;  // counts blocks that a middle stage put in place of another
  std::uint64_t consumed = 0;  // written by the last stage, read after the joins
  std::mutex replaced_mutex;
};

void free_batch(Chain& chain, const Batch& batch) {
  for (const auto& block : batch) stress::release(block, "freed by the last stage");
  chain.consumed += batch.size();
}

// The first stage, and the last one too where there is no other.
void produce(Chain& chain, std::uint64_t seed, const stress::Deadline& end) {
  stress::Random random(seed);
  while (!end.passed()) {
    Batch batch;
    const std::size_t largest = std::size_t{1} << (6 + random.below(15));
    for (std::size_t i = 0; i < kBatch; i++)
      batch.push_back(stress::allocate(random, random.size(largest)));
    chain.produced += batch.size();
    if (chain.queues.empty()) {
      free_batch(chain, batch);
    } else {
      chain.queues.front().push(std::move(batch));
    }
  }
  if (!chain.queues.empty()) chain.queues.front().close();
}

void pass_on(Chain& chain, std::size_t stage, std::uint64_t seed) {
  stress::Random random(seed);
  std::uint64_t replaced = 0;
  Batch batch;
  while (chain.queues[stage - 1].pop(batch)) {
    for (auto& block : batch) {
      if (random.one_in(3)) {
        const stress::Block old = block;
        block = stress::allocate(random, old.size);
        stress::release(old, "replaced by a middle stage");
        replaced++;
      } else if (random.one_in(16)) {
        stress::resize(random, block, random.size(1 << 14), "resized by a middle stage");
      }
    }
    chain.queues[stage].push(std::move(batch));
    batch = Batch();
  }
  chain.queues[stage].close();
  const std::lock_guard<std::mutex> guard(chain.replaced_mutex);
  chain.replaced += replaced;
}

void consume(Chain& chain) {
  Batch batch;
  while (chain.queues.back().pop(batch)) free_batch(chain, batch);
}

}  // namespace

int main(int argc, char** argv) {
  const stress::Options options = stress::parse_options(argc, argv);
  const stress::Deadline end(options.seconds);
  const unsigned stages = options.threads < 5 ? options.threads : 4;
  const unsigned chains = options.threads / stages;
  std::vector<std::unique_ptr<Chain>> all;
  std::vector<std::thread> threads;
  stress::Random random(options.seed);
  for (unsigned c = 0; c < chains; c++) {
    Chain& chain = *all.emplace_back(std::make_unique<Chain>(stages));
    threads.emplace_back(produce, std::ref(chain), random.next(), std::cref(end));
    for (unsigned stage = 1; stage + 1 < stages; stage++)
      threads.emplace_back(pass_on, std::ref(chain), stage, random.next());
    if (stages > 1) threads.emplace_back(consume, std::ref(chain));
  }
  for (auto& thread : threads) thread.join();

  std::uint64_t produced = 0;
  std::uint64_t consumed = 0;
  std::uint64_t replaced = 0;
  for (const auto& chain : all) {
    produced += chain->produced;
    consumed += chain->consumed;
    replaced += chain->replaced;
  }
  if (produced == 0 || produced != consumed)
    stress::fail("%llu blocks went in and %llu came out", static_cast<unsigned long long>(produced),
                 static_cast<unsigned long long>(consumed));
  threads.clear();
  all.clear();
  stress::check_at_rest("all chains are empty");
  std::printf("ok: %llu blocks through %u chains of %u stages, %llu replaced on the way\n",
              static_cast<unsigned long long>(produced), chains, stages,
              static_cast<unsigned long long>(replaced));
}
