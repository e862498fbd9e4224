// Several threads build lists at the same time; then the main thread alone walks and frees them
// all, while the builders wait for the next round. Frees by one thread of everybody's memory:
// the owners must get it back, or the process grows from round to round.
#include <barrier>
#include <thread>
#include <vector>

#include "workload.h"

namespace {

struct Item {
  Item* next;
  std::size_t size;
};

Item* build(workload::Random& random) {
  Item* first = nullptr;
  for (unsigned i = 0; i < 20000; i++) {
    const auto size = static_cast<std::size_t>(random.between(sizeof(Item) + 16, 250));
    auto* item = static_cast<Item*>(workload::allocate(size));
    workload::stamp(item + 1, size - sizeof(Item), random.next());
    item->next = first;
    item->size = size;
    first = item;
  }
  return first;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = workload::parse(argc, argv, {40, 1, 4});
  std::barrier barrier(static_cast<std::ptrdiff_t>(arguments.threads) + 1);
  std::vector<Item*> lists(arguments.threads);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < arguments.threads; i++) {
    threads.emplace_back([&, i] {
      workload::Random random(arguments.seed + i);
      for (std::uint64_t round = 0; round < arguments.size; round++) {
        lists[i] = build(random);
        barrier.arrive_and_wait();  // built
        barrier.arrive_and_wait();  // freed
      }
    });
  }
  std::uint64_t checksum = 0;
  for (std::uint64_t round = 0; round < arguments.size; round++) {
    barrier.arrive_and_wait();
    for (Item* item : lists) {
      while (item != nullptr) {
        Item* next = item->next;
        checksum += workload::stamp_of(item + 1, item->size - sizeof(Item));
        std::free(item);
        item = next;
      }
    }
    barrier.arrive_and_wait();
  }
  for (auto& thread : threads) thread.join();
  return workload::finish(checksum);
}
