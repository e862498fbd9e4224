// Batches of blocks travel round a ring of threads; every thread frees half of a batch that comes
// in, fills it up with blocks of its own, and hands it on. Blocks of every thread end up
// everywhere: memory that is freed far from where it was allocated, in both directions at once.
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "workload.h"

namespace {

struct Batch {
  static constexpr std::size_t kBlocks = 512;
  struct Entry {
    void* block = nullptr;
    std::size_t size = 0;
  };
  Entry entries[kBlocks];
  workload::Random random{0};
  std::uint64_t sum = 0;
  std::uint64_t hops = 0;

  void renew(std::size_t i) {
    Entry& entry = entries[i];
    if (entry.block != nullptr) {
      sum += workload::stamp_of(entry.block, entry.size);
      std::free(entry.block);
    }
    entry.size = random.log_size(4, 10);
    entry.block = workload::allocate(entry.size);
    workload::stamp(entry.block, entry.size, random.next());
  }
};

// Batches waiting for one thread; the ring holds few of them, so it needs no bound.
class Inbox {
 public:
  void put(Batch* batch) {
    const std::lock_guard lock(mutex_);
    batches_.push_back(batch);
    changed_.notify_one();
  }

  Batch* take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !batches_.empty(); });
    Batch* batch = batches_.front();
    batches_.erase(batches_.begin());
    return batch;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Batch*> batches_;
};

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = workload::parse(argc, argv, {2500, 1, 4});
  const unsigned count = arguments.threads;
  const std::uint64_t hops = arguments.size * count;
  std::vector<Batch> batches(count * 2);
  std::vector<Inbox> inboxes(count);
  for (unsigned i = 0; i < batches.size(); i++) {
    batches[i].random = workload::Random(arguments.seed + i);
    inboxes[i % count].put(&batches[i]);
  }
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < count; i++) {
    threads.emplace_back([&, i] {
      // Every batch visits every thread equally often, so each knows when it has seen the last.
      for (std::uint64_t visit = 0; visit < arguments.size * batches.size(); visit++) {
        Batch* batch = inboxes[i].take();
        for (std::size_t j = batch->hops & 1; j < Batch::kBlocks; j += 2) batch->renew(j);
        if (++batch->hops < hops) inboxes[(i + 1) % count].put(batch);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  std::uint64_t checksum = 0;
  for (Batch& batch : batches) {
    for (auto& entry : batch.entries) std::free(entry.block);
    checksum += batch.sum;
  }
  return workload::finish(checksum);
}
