// Producers make messages (a record and its text) and consumers, in other threads, read and free
// them; queues are bounded. Every block is freed by a thread that did not allocate it: the case
// where memory is lost or hoarded if it does not find its way home.
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "workload.h"

namespace {

struct Message {
  Message* next;
  char* text;
  std::size_t length;
  std::uint64_t number;
};

// A bounded queue of chains of messages: few lock operations a message, so that the allocator
// rather than the lock is measured.
class Queue {
 public:
  void put(Message* chain) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return count_ < kRoom; });
    chains_[(first_ + count_++) % kRoom] = chain;
    changed_.notify_one();
  }

  Message* take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return count_ > 0; });
    Message* chain = chains_[first_];
    first_ = (first_ + 1) % kRoom;
    count_--;
    changed_.notify_one();
    return chain;
  }

 private:
  static constexpr std::size_t kRoom = 32;
  std::mutex mutex_;
  std::condition_variable changed_;
  Message* chains_[kRoom] = {};
  std::size_t first_ = 0;
  std::size_t count_ = 0;
};

void produce(Queue& queue, std::uint64_t chains, std::uint64_t seed) {
  workload::Random random(seed);
  for (std::uint64_t chain = 0; chain < chains; chain++) {
    Message* first = nullptr;
    for (unsigned i = 0; i < 200; i++) {
      auto* message = static_cast<Message*>(workload::allocate(sizeof(Message)));
      message->length = static_cast<std::size_t>(random.between(16, 300));
      message->text = static_cast<char*>(workload::allocate(message->length));
      message->number = random.next();
      workload::stamp(message->text, message->length, message->number);
      message->next = first;
      first = message;
    }
    queue.put(first);
  }
  queue.put(nullptr);
}

std::uint64_t consume(Queue& queue) {
  std::uint64_t sum = 0;
  while (Message* message = queue.take()) {
    while (message != nullptr) {
      Message* next = message->next;
      if (workload::stamp_of(message->text, message->length) != message->number) {
        workload::fail("a message changed on its way");
      }
      sum += message->number;
      std::free(message->text);
      std::free(message);
      message = next;
    }
  }
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = workload::parse(argc, argv, {30000, 1, 1});
  std::vector<Queue> queues(arguments.threads);
  std::vector<std::uint64_t> sums(arguments.threads);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < arguments.threads; i++) {
    threads.emplace_back([&, i] { produce(queues[i], arguments.size, arguments.seed + i); });
    threads.emplace_back([&, i] { sums[i] = consume(queues[i]); });
  }
  for (auto& thread : threads) thread.join();
  std::uint64_t checksum = 0;
  for (const std::uint64_t sum : sums) checksum += sum;
  return workload::finish(checksum);
}
