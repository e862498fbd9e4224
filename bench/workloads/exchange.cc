// Threads allocate objects of very different sizes, keep some, and swap others at random with a
// table that all of them share; threads end after each round and new ones carry on with the table.
// Everything at once that makes an allocator lose memory: mixed sizes, foreign frees, ended
// threads.
#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "workload.h"

namespace {

struct Object {
  std::size_t size;
  std::uint64_t value;
};

constexpr std::size_t kShared = 1000;
using Table = std::array<std::atomic<Object*>, kShared>;

Object* create(workload::Random& random, std::uint64_t& made) {
  std::size_t size = random.log_size(5, 9);
  const std::uint64_t rare = random.below(1000);
  if (rare < 10) size = random.log_size(9, 14);
  if (rare == 0) size = random.log_size(14, 19);
  auto* object = static_cast<Object*>(workload::allocate(size));
  *object = {size, random.next()};
  auto* bytes = reinterpret_cast<unsigned char*>(object);
  for (std::size_t i = sizeof(Object); i < size; i += 256) {
    bytes[i] = static_cast<unsigned char>(object->value);
  }
  made += object->value;
  return object;
}

void destroy(Object* object, std::uint64_t& lost) {
  if (object == nullptr) return;
  const auto* bytes = reinterpret_cast<const unsigned char*>(object);
  for (std::size_t i = sizeof(Object); i < object->size; i += 256) {
    if (bytes[i] != static_cast<unsigned char>(object->value)) {
      workload::fail("an object lost its contents");
    }
  }
  lost += object->value;
  std::free(object);
}

struct Sums {
  std::uint64_t made = 0;
  std::uint64_t lost = 0;
};

void work(Table& table, std::uint64_t steps, std::uint64_t seed, Sums& result) {
  workload::Random random(seed);
  Sums sums;
  std::vector<Object*> kept(4000, nullptr);
  for (std::uint64_t step = 0; step < steps; step++) {
    Object*& place = kept[random.below(kept.size())];
    if (random.below(4) == 0) {
      // acq_rel: hands over the object's contents, and receives the other object's.
      place = table[random.below(kShared)].exchange(place, std::memory_order_acq_rel);
    } else {
      destroy(place, sums.lost);
      place = create(random, sums.made);
    }
  }
  for (Object* object : kept) destroy(object, sums.lost);
  result = sums;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = workload::parse(argc, argv, {40, 1, 4});
  static Table table;
  Sums total;
  for (std::uint64_t round = 0; round < arguments.size; round++) {
    std::vector<Sums> sums(arguments.threads);
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < arguments.threads; i++) {
      const std::uint64_t seed = arguments.seed + round * arguments.threads + i;
      threads.emplace_back([&, i, seed] { work(table, 60000, seed, sums[i]); });
    }
    for (auto& thread : threads) thread.join();
    for (const Sums& part : sums) {
      total.made += part.made;
      total.lost += part.lost;
    }
  }
  // relaxed: every thread was joined.
  for (auto& place : table) destroy(place.load(std::memory_order_relaxed), total.lost);
  if (total.made != total.lost) workload::fail("objects were lost or seen twice");
  return workload::finish(total.made);
}
