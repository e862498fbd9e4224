// Row 11: threads that only allocate and threads that only free, alone, in pairs and in chains,
// over many rounds: the addresses that are ever used stay within a small multiple of what is live
// at once.
#include "regress_support.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <thread>
#include <vector>

namespace {

using regress::Chance;
using regress::Footprint;
using regress::Watchdog;

struct Item {
  void* block = nullptr;
  std::size_t size = 0;
  unsigned seed = 0;
};

// Bounded: its capacity is what can be live at once. An item without a block ends the stream.
class Channel {
 public:
  explicit Channel(std::size_t capacity) : capacity_(capacity) {}
  void put(Item item) {
    std::unique_lock<std::mutex> guard(mutex_);
    room_.wait(guard, [&] { return items_.size() < capacity_; });
    items_.push_back(item);
    filled_.notify_one();
  }
  Item take() {
    std::unique_lock<std::mutex> guard(mutex_);
    filled_.wait(guard, [&] { return !items_.empty(); });
    const Item item = items_.front();
    items_.pop_front();
    room_.notify_one();
    return item;
  }

 private:
  std::mutex mutex_;
  std::condition_variable room_;
  std::condition_variable filled_;
  std::deque<Item> items_;
  const std::size_t capacity_;
};

constexpr std::size_t kItems = 60000 / regress::kSlower;
constexpr std::size_t kCapacity = 1000;
constexpr std::size_t kLargest = 4000;

std::size_t pick_size(Chance& chance) {
  const std::size_t bits = chance.below(8) + 4;
  return (std::size_t{1} << bits) + chance.below(std::size_t{1} << bits) - 15;
}

void produce(Channel& channel, std::uint64_t seed, std::size_t count, Footprint& footprint) {
  Chance chance(seed);
  for (std::size_t i = 0; i < count; i++) {
    Item item;
    item.size = pick_size(chance);
    item.seed = static_cast<unsigned>(chance.next());
    item.block = mi_malloc(item.size);
    ASSERT_NE(item.block, nullptr);
    footprint.note(item.block, item.size);
    regress::fill(item.block, item.size, item.seed);
    channel.put(item);
  }
}

void consume(Channel& channel, std::size_t count) {
  for (std::size_t i = 0; i < count; i++) {
    const Item item = channel.take();
    ASSERT_EQ(regress::intact(item.block, item.size, item.seed), item.size);
    mi_free(item.block);
  }
}

// What is live at once, each size class and thread with a page or two of its own besides.
constexpr std::size_t bound_for(std::size_t channels) {
  return channels * kCapacity * kLargest + (std::size_t{16} << 20);
}

TEST(regress_11_roles, one_allocates_and_one_frees) {
  Watchdog watchdog;
  const std::uint64_t seed = Chance::seed();
  Footprint footprint;
  Channel channel(kCapacity);
  std::thread producer([&] { produce(channel, seed, 3 * kItems, footprint); });
  std::thread consumer([&] { consume(channel, 3 * kItems); });
  producer.join();
  consumer.join();
  EXPECT_LE(footprint.bytes(), bound_for(1)) << "seed " << seed;
}

TEST(regress_11_roles, pairs_of_them) {
  Watchdog watchdog;
  const std::uint64_t seed = Chance::seed();
  constexpr std::size_t kPairs = 3;
  Footprint footprint;
  Channel channel(kCapacity);  // one for all: whose blocks one frees changes all the time
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kPairs; i++) {
    threads.emplace_back([&, i] { produce(channel, seed + i, kItems, footprint); });
    threads.emplace_back([&] { consume(channel, kItems); });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_LE(footprint.bytes(), bound_for(kPairs)) << "seed " << seed;
}

TEST(regress_11_roles, producers_end_and_the_consumer_stays) {
  Watchdog watchdog;
  const std::uint64_t seed = Chance::seed();
  constexpr std::size_t kProducers = 60;
  Footprint footprint;
  Channel channel(kCapacity);
  std::thread consumer([&] { consume(channel, kProducers * (kItems / 20)); });
  for (std::size_t i = 0; i < kProducers; i++)
    std::thread([&] { produce(channel, seed + i, kItems / 20, footprint); }).join();
  consumer.join();
  EXPECT_LE(footprint.bytes(), bound_for(1)) << "seed " << seed;
}

TEST(regress_11_roles, consumers_end_and_the_producer_stays) {
  Watchdog watchdog;
  const std::uint64_t seed = Chance::seed();
  constexpr std::size_t kConsumers = 60;
  Footprint footprint;
  Channel channel(kCapacity);
  std::thread producer([&] { produce(channel, seed, kConsumers * (kItems / 20), footprint); });
  for (std::size_t i = 0; i < kConsumers; i++)
    std::thread([&] { consume(channel, kItems / 20); }).join();
  producer.join();
  EXPECT_LE(footprint.bytes(), bound_for(1)) << "seed " << seed;
}

TEST(regress_11_roles, one_allocates_one_resizes_one_frees) {
  Watchdog watchdog;
  const std::uint64_t seed = Chance::seed();
  Footprint footprint;
  Channel fresh(kCapacity);
  Channel resized(kCapacity);
  std::thread producer([&] { produce(fresh, seed, kItems, footprint); });
  std::thread resizer([&] {
    Chance chance(seed + 1);
    for (std::size_t i = 0; i < kItems; i++) {
      Item item = fresh.take();
      ASSERT_EQ(regress::intact(item.block, item.size, item.seed), item.size);
      const std::size_t size = pick_size(chance);
      void* const block = mi_realloc(item.block, size);
      ASSERT_NE(block, nullptr);
      const std::size_t common = size < item.size ? size : item.size;
      ASSERT_EQ(regress::intact(block, common, item.seed), common);
      footprint.note(block, size);
      regress::fill(block, size, item.seed);
      resized.put({block, size, item.seed});
    }
  });
  std::thread consumer([&] { consume(resized, kItems); });
  producer.join();
  resizer.join();
  consumer.join();
  EXPECT_LE(footprint.bytes(), bound_for(2)) << "seed " << seed;
}

// Everything is allocated by one thread and then freed by another, which never allocates; the first
// does nothing meanwhile.
TEST(regress_11_roles, whole_rounds_in_turn) {
  Watchdog watchdog;
  const std::uint64_t seed = Chance::seed();
  Footprint footprint;
  constexpr std::size_t kRounds = 30;
  Channel forth(kItems + 1);
  Channel back(1);
  std::thread freer([&] {
    for (std::size_t round = 0; round < kRounds; round++) {
      const Item first = forth.take();  // the whole round is there when its first item is
      ASSERT_EQ(first.block, nullptr);
      consume(forth, kItems / 8);
      back.put({});
    }
  });
  std::size_t first_round = 0;
  for (std::size_t round = 0; round < kRounds; round++) {
    Channel held(kItems);
    produce(held, seed + round, kItems / 8, footprint);
    if (round == 0) first_round = footprint.bytes();
    forth.put({});
    for (std::size_t i = 0; i < kItems / 8; i++) forth.put(held.take());
    back.take();
  }
  freer.join();
  EXPECT_LE(footprint.bytes(), 2 * first_round + (8u << 20)) << "seed " << seed;
}

}  // namespace
