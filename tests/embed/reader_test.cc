// A reader without locks: it holds pointers to objects that other threads free, reads their first
// words and swaps bytes 16 to 23 in them, until the goal that the page is held for. Under
// ThreadSanitizer and AddressSanitizer too, which must have nothing to say.
#include <cstdio>
#include <cstdlib>
#include <random>

#include "host.h"

namespace {

using namespace embed_test;

// The words of an object that others may look at: whose it is, a count of its owner's, and one of
// all.
struct Object {
  std::atomic<std::uintptr_t> owner;
  std::atomic<std::uint64_t> local;
  std::atomic<std::uint64_t> shared;
};
static_assert(sizeof(Object) == kPrefix);

// `shared` says that it is a count, in live objects and in freed ones: nothing but the threads of
// the test ever writes it. (Fresh memory reads as zero.)
constexpr std::uint64_t kCount = 0xC0DE'0000'0000'0000;
constexpr std::uint64_t kCountMask = 0xFFFF'0000'0000'0000;

constexpr std::size_t kSlots = 512;

// Slots of objects that everybody reads; who replaces an object frees the old one at once. A goal
// is reached when all readers have been at rest since.
struct World {
  std::atomic<Object*> slots[kSlots] = {};
  std::atomic<std::uint64_t> sequence{1};
  std::atomic<std::uint64_t> seen[4] = {};  // by each reader, at rest
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> swaps{0};
  std::atomic<std::uint64_t> of_freed{0};
};

ashlar_rt_answer_t page_empty(void* user, void*, const void*, std::size_t, std::uint64_t* goal) {
  // seq_cst: what was taken out of slots before comes before the number; readers take the number
  // before they look at slots.
  *goal = static_cast<World*>(user)->sequence.fetch_add(1) + 1;
  return ASHLAR_RT_HOLD;
}

bool goal_reached(void* user, void*, std::uint64_t goal, bool) {
  for (const std::atomic<std::uint64_t>& seen : static_cast<World*>(user)->seen) {
    if (seen.load() < goal) {
      return false;
    }
  }
  return true;
}

Object* make(ashlar_rt_heap_t* heap, std::size_t size) {
  void* const memory = ashlar_rt_malloc(heap, size);
  auto* const object = static_cast<Object*>(memory);
  object->local.store(1, std::memory_order_relaxed);
  // A reader may swap at this moment: the count goes on from what it is.
  std::uint64_t shared = object->shared.load(std::memory_order_relaxed);
  while ((shared & kCountMask) != kCount &&
         !object->shared.compare_exchange_weak(shared, kCount, std::memory_order_relaxed)) {
  }
  object->owner.store(ashlar_rt_thread_id(), std::memory_order_release);
  return object;
}

void write_and_free(World& world, ashlar_rt_realm_t* realm, std::uint32_t seed) {
  ashlar_rt_thread_t storage{};
  ASSERT_TRUE(ashlar_rt_thread_attach(&storage, realm, ashlar_rt_thread_id(), nullptr, kSpecs, 3));
  std::mt19937 random(seed);
  for (std::uint32_t turn = 0; !world.stop; ++turn) {
    // Phases of sizes, so that pages empty.
    const std::size_t size = kPrefix + 16 * (turn / 2048 % 8) + random() % 16;
    Object* const fresh = make(ashlar_rt_thread_heap(&storage, kHeld), size);
    Object* const old = world.slots[random() % kSlots].exchange(fresh);
    if (old != nullptr) {
      // Not its owner any more, whoever that was; a reader that sees this leaves the object alone.
      old->owner.store(0, std::memory_order_relaxed);
      ashlar_rt_free(old);
    }
    if (turn % 4096 == 4095) {
      ASSERT_TRUE(ashlar_rt_thread_abandon(&storage));
    }
  }
  ASSERT_TRUE(ashlar_rt_thread_detach(&storage));
}

void read(World& world, std::size_t reader, std::uint32_t seed) {
  std::mt19937 random(seed);
  while (!world.stop) {
    world.seen[reader].store(world.sequence.load());
    Object* held[16] = {};
    for (Object*& object : held) {
      object = world.slots[random() % kSlots].load();
    }
    std::this_thread::yield();
    for (Object* const object : held) {
      if (object == nullptr) {
        continue;
      }
      // Whatever became of it meanwhile: readable, and bytes 16 to 23 are a count.
      const std::uintptr_t owner = object->owner.load(std::memory_order_relaxed);
      world.of_freed += owner % 64 != 0 || owner == 0 ? 1 : 0;
      std::uint64_t shared = object->shared.load(std::memory_order_relaxed);
      if ((shared & kCountMask) != kCount) {
        std::fprintf(stderr, "bytes 16 to 23 hold %llx\n", static_cast<unsigned long long>(shared));
        std::abort();
      }
      world.swaps += object->shared.compare_exchange_strong(shared, shared + 1) ? 1 : 0;
      static_cast<void>(ashlar_rt_owner(object));
    }
  }
  world.seen[reader] = ~std::uint64_t{0};
}

TEST(Reader, MaySwapWordsOfFreedBlocksUntilTheGoal) {
  const char* const given = std::getenv("ASHLAR_SEED");
  const std::uint32_t seed =
      given != nullptr ? static_cast<std::uint32_t>(std::atoi(given)) : std::random_device{}();
  std::printf("ASHLAR_SEED=%u\n", seed);
  static World world;
  ashlar_rt_ops_t ops{};
  ops.size = sizeof ops;
  ops.page_empty = page_empty;
  ops.goal_reached = goal_reached;
  ashlar_rt_realm_t* const realm = ashlar_rt_realm_new(&ops, &world);
  std::vector<std::thread> threads;
  for (std::uint32_t i = 0; i < 2; ++i) {
    threads.emplace_back(write_and_free, std::ref(world), realm, seed + i);
    threads.emplace_back(read, std::ref(world), i, seed + 10 + i);
  }
  world.seen[2] = world.seen[3] = ~std::uint64_t{0};
  while (world.swaps < 20'000 || world.of_freed < 1'000 || world.sequence < 1'000) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  world.stop = true;
  for (std::thread& thread : threads) {
    thread.join();
  }
  std::printf("%llu swaps, %llu looks at freed objects, %llu goals\n",
              static_cast<unsigned long long>(world.swaps),
              static_cast<unsigned long long>(world.of_freed),
              static_cast<unsigned long long>(world.sequence));
  for (std::atomic<Object*>& slot : world.slots) {
    ashlar_rt_free(slot);
  }
  EXPECT_TRUE(ashlar_rt_realm_destroy(realm, nullptr));
}

}  // namespace
