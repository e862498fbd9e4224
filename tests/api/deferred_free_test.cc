// The deferred free function as programs use it: blocks are put aside and freed when the library
// asks. What process_test.cc says of it in short is looked at here closely.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <thread>

#include "api_test_support.h"

namespace {

using namespace api_test;

struct Call {
  bool force;
  unsigned long long heartbeat;
  std::thread::id thread;
};

// Registered while it lives. `inside` is called from each call that is not nested, which it counts.
class Deferred {
 public:
  explicit Deferred(std::function<void(const Call&)> inside = [](const Call&) {})
      : inside_(std::move(inside)) {
    mi_register_deferred_free(call, this);
  }
  ~Deferred() { mi_register_deferred_free(nullptr, nullptr); }
  Deferred(const Deferred&) = delete;
  Deferred& operator=(const Deferred&) = delete;

  // The calls so far, without those that copying them causes. No thread may be calling.
  std::vector<Call> calls() const {
    const std::size_t count = std::min(count_.load(std::memory_order_relaxed), kRoom);
    return std::vector<Call>(calls_.begin(), calls_.begin() + static_cast<std::ptrdiff_t>(count));
  }
  int nested() const { return nested_.load(std::memory_order_relaxed); }  // relaxed: a counter.

 private:
  static void call(bool force, unsigned long long heartbeat, void* arg) {
    auto& self = *static_cast<Deferred*>(arg);
    static thread_local bool is_inside = false;
    if (is_inside) {
      self.nested_.fetch_add(1, std::memory_order_relaxed);  // relaxed: a counter.
      return;
    }
    is_inside = true;
    const Call seen{force, heartbeat, std::this_thread::get_id()};
    const std::size_t index = self.count_.fetch_add(1, std::memory_order_relaxed);
    if (index < kRoom) self.calls_[index] = seen;
    self.inside_(seen);
    is_inside = false;
  }

  static constexpr std::size_t kRoom = 1 << 14;
  const std::function<void(const Call&)> inside_;
  // Made before any call: growing would allocate in the middle of an allocation.
  std::vector<Call> calls_ = std::vector<Call>(kRoom);
  std::atomic<std::size_t> count_{0};  // all its operations are relaxed: threads are joined first
  std::atomic<int> nested_{0};
};

void allocate_and_free(std::size_t count, std::size_t size = 64) {
  std::vector<Block> blocks;
  blocks.reserve(count);
  for (std::size_t i = 0; i < count; ++i) blocks.emplace_back(mi_malloc(size));
}

// Whether the heartbeats of one thread rise from call to call.
::testing::AssertionResult rises(const std::vector<Call>& calls) {
  for (std::size_t i = 1; i < calls.size(); ++i) {
    if (calls[i].heartbeat < calls[i - 1].heartbeat) {
      return ::testing::AssertionFailure()
             << calls[i - 1].heartbeat << " is followed by " << calls[i].heartbeat;
    }
  }
  return ::testing::AssertionSuccess();
}

TEST(DeferredFreeClosely, HeartbeatRises) {
  Deferred deferred;
  for (int round = 0; round < 20; ++round) {
    allocate_and_free(5000);
    mi_collect(round % 2 == 0);
  }
  const std::vector<Call> calls = deferred.calls();
  ASSERT_GT(calls.size(), 20u);
  EXPECT_TRUE(rises(calls));
  EXPECT_GT(calls.back().heartbeat, calls.front().heartbeat);
}

TEST(DeferredFreeClosely, HeartbeatRisesAcrossThreadDone) {
  Deferred deferred;
  for (int round = 0; round < 5; ++round) {
    allocate_and_free(5000);
    mi_thread_done();
  }
  EXPECT_TRUE(rises(deferred.calls()));
}

TEST(DeferredFreeClosely, EachThreadHearsForItself) {
  Deferred deferred;
  std::thread::id ids[3];
  std::vector<std::thread> threads;
  for (auto& id : ids) {
    threads.emplace_back([&id] {
      id = std::this_thread::get_id();
      allocate_and_free(20000);
      mi_collect(true);
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::vector<Call> calls = deferred.calls();
  for (const auto& id : ids) {
    std::vector<Call> own;
    for (const Call& call : calls) {
      if (call.thread == id) own.push_back(call);
    }
    ASSERT_GT(own.size(), 1u);
    EXPECT_TRUE(rises(own));
  }
}

TEST(DeferredFreeClosely, ForceIsOnlyForForcedCollects) {
  Deferred deferred;
  allocate_and_free(20000);
  mi_collect(false);
  for (const Call& call : deferred.calls()) EXPECT_FALSE(call.force);
  mi_collect(true);
  EXPECT_TRUE(deferred.calls().back().force);
}

TEST(DeferredFreeClosely, NeverCallsItselfWhateverItDoes) {
  Deferred deferred([](const Call& call) {
    if (call.heartbeat % 8 == 0) {
      allocate_and_free(2000, 300);
      mi_collect(true);
      mi_collect(false);
      EXPECT_EQ(opaque(mi_malloc(opaque(kMoreThanThereIs))), nullptr);
    }
  });
  allocate_and_free(30000);
  mi_collect(true);
  EXPECT_GT(deferred.calls().size(), 10u);
  EXPECT_EQ(deferred.nested(), 0);
}

TEST(DeferredFreeClosely, MayWaitForAThreadThatAllocates) {
  Deferred deferred([](const Call& call) {
    if (call.heartbeat % 64 != 0) return;
    std::thread([] { allocate_and_free(10); }).join();
  });
  allocate_and_free(20000);
  EXPECT_EQ(deferred.nested(), 0);
}

TEST(DeferredFreeClosely, MayUnregisterItself) {
  static int calls = 0;
  calls = 0;
  mi_register_deferred_free(
      [](bool, unsigned long long, void*) {
        ++calls;
        mi_register_deferred_free(nullptr, nullptr);
      },
      nullptr);
  allocate_and_free(30000);
  mi_collect(true);
  EXPECT_EQ(calls, 1);
}

// Each loop has at most one live block, and must reach the function all the same.
TEST(DeferredFreeClosely, IsReachedByEveryLoopOverOneBlock) {
  const std::pair<const char*, void (*)()> loops[] = {
      {"malloc 8", [] { mi_free(opaque(mi_malloc(8))); }},
      {"malloc 1024", [] { mi_free(opaque(mi_malloc(1024))); }},
      {"malloc 5000", [] { mi_free(opaque(mi_malloc(5000))); }},
      {"malloc 50000", [] { mi_free(opaque(mi_malloc(50000))); }},
      {"malloc 500000", [] { mi_free(opaque(mi_malloc(500000))); }},
      {"zalloc", [] { mi_free(opaque(mi_zalloc(100))); }},
      {"aligned", [] { mi_free(opaque(mi_malloc_aligned(100, 256))); }},
      {"realloc", [] { mi_free(opaque(mi_realloc(mi_malloc(100), 900))); }},
      {"new", [] { mi_free(opaque(mi_new(200))); }},
      {"strdup", [] { mi_free(opaque(mi_strdup("a string"))); }},
  };
  for (const auto& [name, loop] : loops) {
    Deferred deferred;
    for (int i = 0; i < 100000 && deferred.calls().empty(); i += 1000) {
      for (int j = 0; j < 1000; ++j) loop();
    }
    EXPECT_FALSE(deferred.calls().empty()) << name;
  }
}

// What the function is for. Blocks that are put aside come back in time: at no moment are there
// more than a few pages' worth.
TEST(DeferredFreeClosely, FreesWhatWasPutAside) {
  static constexpr std::size_t kMost = 1 << 20;
  std::vector<void*> aside;
  aside.reserve(kMost);
  std::size_t most = 0;
  Deferred deferred([&](const Call&) {
    for (void* p : aside) mi_free(p);
    aside.clear();
  });
  for (std::size_t i = 0; i < kMost; ++i) {
    void* p = opaque(mi_malloc(100));
    ASSERT_NE(p, nullptr);
    std::memset(p, 1, 100);
    aside.push_back(p);
    most = std::max(most, aside.size());
  }
  mi_collect(true);
  EXPECT_TRUE(aside.empty());
  EXPECT_LT(most, 20000u);
}

}  // namespace
