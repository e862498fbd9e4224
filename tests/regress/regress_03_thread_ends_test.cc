// Row 3: allocation and freeing while a thread ends, in C++ thread-locals and in every round of
// pthread key destructors, and ends that a program makes by hand with mi_thread_done. The preloaded
// view of the same row is in programs/.
#include "regress_support.h"

#include <gtest/gtest.h>

#include <climits>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include <pthread.h>

namespace {

using regress::Footprint;
using regress::Watchdog;

void use_blocks(unsigned seed, Footprint* footprint = nullptr) {
  void* blocks[30];
  for (unsigned i = 0; i < 30; i++) {
    const std::size_t size = i == 29 ? 200000 : i * i * 5 + 1;
    blocks[i] = i % 3 == 0 ? mi_zalloc(size) : mi_malloc(size);
    ASSERT_NE(blocks[i], nullptr);
    if (footprint != nullptr) footprint->note(blocks[i], size);
    regress::fill(blocks[i], size, seed + i);
  }
  for (unsigned i = 0; i < 30; i++) {
    const std::size_t size = i == 29 ? 200000 : i * i * 5 + 1;
    ASSERT_EQ(regress::intact(blocks[i], size, seed + i), size);
    mi_free(blocks[i]);
  }
}

struct UsesAtEnd {
  void* kept = nullptr;
  unsigned seed = 0;
  ~UsesAtEnd() {
    if (kept == nullptr) return;
    EXPECT_EQ(regress::intact(kept, 3000, seed), 3000u);
    mi_free(kept);
    use_blocks(seed);
  }
};
thread_local UsesAtEnd first_local;
thread_local UsesAtEnd second_local;

TEST(regress_03_thread_ends, thread_local_destructors_allocate_and_free) {
  Watchdog watchdog;
  for (unsigned i = 0; i < 200 / regress::kSlower; i++) {
    std::thread([i] {
      for (UsesAtEnd* local : {&first_local, &second_local}) {
        local->seed = i;
        local->kept = mi_malloc(3000);
        ASSERT_NE(local->kept, nullptr);
        regress::fill(local->kept, 3000, i);
      }
    }).join();
  }
}

// A key whose destructor runs in every round, and calls back in each.
// TSan lets go of a thread in the last round, and can't follow it from then on. Nothing may be left
// to do then: our calls come a round earlier, and the library's own after them.
#if defined(__SANITIZE_THREAD__)
constexpr int kRounds = PTHREAD_DESTRUCTOR_ITERATIONS - 2;
#else
constexpr int kRounds = PTHREAD_DESTRUCTOR_ITERATIONS;
#endif
struct Rounds {
  std::function<void(int)> call;
  int round = 0;
};
pthread_key_t rounds_key;

void next_round(void* argument) {
  auto* const rounds = static_cast<Rounds*>(argument);
  rounds->call(rounds->round);
  if (++rounds->round < kRounds) {
    pthread_setspecific(rounds_key, rounds);
  }
}

class RoundsKey {
 public:
  RoundsKey() { pthread_key_create(&rounds_key, next_round); }
  ~RoundsKey() { pthread_key_delete(rounds_key); }
  RoundsKey(const RoundsKey&) = delete;
  RoundsKey& operator=(const RoundsKey&) = delete;

  // A thread that does nothing else; `call` gets the round.
  static void* start(void* argument) {
    pthread_setspecific(rounds_key, argument);
    return nullptr;
  }
  static void live_and_end(std::function<void(int)> call) {
    Rounds rounds{std::move(call)};
    pthread_t thread;
    ASSERT_EQ(pthread_create(&thread, nullptr, start, &rounds), 0);
    ASSERT_EQ(pthread_join(thread, nullptr), 0);
    ASSERT_EQ(rounds.round, kRounds);
  }
};

TEST(regress_03_thread_ends, every_round_of_key_destructors) {
  Watchdog watchdog;
  RoundsKey key;
  for (unsigned i = 0; i < 100 / regress::kSlower; i++) {
    void* kept = nullptr;
    RoundsKey::live_and_end([&](int round) {
      use_blocks(i + static_cast<unsigned>(round));
      if (kept != nullptr) {
        EXPECT_EQ(regress::intact(kept, 800, i), 800u);
        mi_free(kept);
      }
      kept = mi_malloc(800);
      ASSERT_NE(kept, nullptr);
      regress::fill(kept, 800, i);
    });
    EXPECT_EQ(regress::intact(kept, 800, i), 800u);
    mi_free(kept);
  }
}

// Such a thread is heard of by nobody any more: what it allocated from must not be lost with it.
constexpr std::size_t kThreads = 1000;

TEST(regress_03_thread_ends, first_malloc_in_the_last_round) {
  Watchdog watchdog;
  mi_free(mi_malloc(1));  // the library's own key is older, so it is not called any more
  RoundsKey key;
  Footprint footprint;
  std::size_t before = 0;
  for (std::size_t i = 0; i < kThreads / regress::kSlower; i++) {
    if (i == 50) before = regress::resident_bytes();
    void* kept = nullptr;
    RoundsKey::live_and_end([&](int round) {
      if (round < kRounds - 1) return;
      kept = mi_malloc(200);
      ASSERT_NE(kept, nullptr);
      footprint.note(kept, 200);
      regress::fill(kept, 200, 1);
      use_blocks(2, &footprint);
    });
    EXPECT_EQ(regress::intact(kept, 200, 1), 200u);
    mi_free(kept);
  }
  EXPECT_LE(footprint.bytes(), std::size_t{16} << 20);
  if (regress::kExact) {
    EXPECT_LE(regress::resident_bytes(), before + (2u << 20));
  }
}

// Frees into pages of threads that have ended, by threads that end: nothing else ever looks at
// them.
TEST(regress_03_thread_ends, first_free_in_the_last_round) {
  Watchdog watchdog;
  mi_free(mi_malloc(1));
  RoundsKey key;
  Footprint footprint;
  std::size_t before = 0;
  for (std::size_t i = 0; i < kThreads / regress::kSlower; i++) {
    if (i == 50) before = regress::resident_bytes();
    std::vector<void*> blocks(100, nullptr);
    std::thread([&] {
      for (auto& block : blocks) {
        block = mi_malloc(300);
        ASSERT_NE(block, nullptr);
        footprint.note(block, 300);
        regress::fill(block, 300, 3);
      }
    }).join();
    RoundsKey::live_and_end([&](int round) {
      if (round < kRounds - 1) return;
      for (void* block : blocks) {
        ASSERT_EQ(regress::intact(block, 300, 3), 300u);
        mi_free(block);
      }
    });
  }
  EXPECT_LE(footprint.bytes(), std::size_t{8} << 20);
  if (regress::kExact) {
    EXPECT_LE(regress::resident_bytes(), before + (2u << 20));
  }
}

// Ends by hand.

TEST(regress_03_thread_ends, done_twice_and_done_without_any_call) {
  std::thread([] {
    mi_thread_done();
    mi_thread_done();
    use_blocks(1);
    mi_thread_done();
    mi_thread_done();
    use_blocks(2);
  }).join();
  std::thread([] { mi_thread_done(); }).join();
  use_blocks(3);
}

TEST(regress_03_thread_ends, blocks_outlive_done_and_are_freed_by_the_same_thread) {
  std::thread([] {
    std::vector<void*> blocks;
    for (unsigned i = 0; i < 2000; i++) {
      blocks.push_back(mi_malloc(i % 700 + 1));
      ASSERT_NE(blocks.back(), nullptr);
      regress::fill(blocks.back(), i % 700 + 1, i);
      if (i % 300 == 299) mi_thread_done();
    }
    mi_thread_done();
    for (unsigned i = 0; i < 2000; i++) {
      const std::size_t size = i % 700 + 1;
      ASSERT_EQ(regress::intact(blocks[i], size, i), size);
      if (i % 2 == 0) {
        blocks[i] = mi_realloc(blocks[i], 2 * size);
        ASSERT_NE(blocks[i], nullptr);
        ASSERT_EQ(regress::intact(blocks[i], size, i), size);
      }
      mi_free(blocks[i]);
      if (i % 500 == 499) mi_thread_done();
    }
  }).join();
}

TEST(regress_03_thread_ends, done_again_and_again_uses_no_memory_up) {
  Watchdog watchdog;
  Footprint footprint;
  std::size_t before = 0;
  for (std::size_t i = 0; i < 10000 / regress::kSlower; i++) {
    if (i == 100) before = regress::resident_bytes();
    void* const block = mi_malloc(i % 5000 + 1);
    ASSERT_NE(block, nullptr);
    footprint.note(block, i % 5000 + 1);
    if (i % 2 == 0) mi_thread_done();
    mi_free(block);
    if (i % 2 != 0) mi_thread_done();
  }
  EXPECT_LE(footprint.bytes(), std::size_t{8} << 20);
  if (regress::kExact) {
    EXPECT_LE(regress::resident_bytes(), before + (1u << 20));
  }
}

TEST(regress_03_thread_ends, done_inside_of_key_destructors) {
  RoundsKey key;
  for (unsigned i = 0; i < 50; i++) {
    RoundsKey::live_and_end([&](int round) {
      if (round % 2 == 0) mi_thread_done();
      use_blocks(i);
      mi_thread_done();
      mi_thread_init();
    });
  }
}

TEST(regress_03_thread_ends, done_inside_of_a_deferred_free_keeps_every_block) {
  static int calls = 0;
  mi_register_deferred_free(
      [](bool, unsigned long long, void*) {
        calls++;
        mi_thread_done();
      },
      nullptr);
  std::vector<void*> blocks;
  for (unsigned i = 0; i < 20000; i++) {
    blocks.push_back(mi_malloc(64));
    ASSERT_NE(blocks.back(), nullptr);
    regress::fill(blocks.back(), 64, i);
  }
  mi_collect(true);
  mi_register_deferred_free(nullptr, nullptr);
  EXPECT_GT(calls, 0);
  for (unsigned i = 0; i < 20000; i++) {
    ASSERT_EQ(regress::intact(blocks[i], 64, i), 64u);
    mi_free(blocks[i]);
  }
}

}  // namespace
