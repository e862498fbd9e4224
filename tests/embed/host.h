// A host for the tests of the embedding interface: a realm whose goals are reached when the test
// says so, threads attached to it, and a record of what was reported. No test of its own.
#ifndef ASHLAR_TEST_EMBED_HOST_H
#define ASHLAR_TEST_EMBED_HOST_H

#include <ashlar/embed.h>
#include <gtest/gtest.h>
#include <mimalloc.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "page/padding.h"
#include "support/tracker.h"

namespace embed_test {

using ashlar::kActive;

// The tags of these tests: plain blocks, objects that readers look at, and objects that are held.
constexpr unsigned kPlain = 0;
constexpr unsigned kObjects = 1;
constexpr unsigned kHeld = 2;
constexpr std::size_t kPrefix = 24;

inline const ashlar_rt_heap_spec_t kSpecs[] = {
    {kPlain, 0, false}, {kObjects, kPrefix, false}, {kHeld, kPrefix, true}};

constexpr std::size_t kSlice = 65'536;

// The three tags in turn.
inline unsigned tag_at(std::size_t i) { return static_cast<unsigned>(i % 3); }

// A realm; goals are numbers that rise, all up to `reached` are reached.
class Host {
 public:
  Host() {
    ashlar_rt_ops_t ops{};
    ops.size = sizeof ops;
    ops.page_empty = &Host::page_empty;
    ops.goal_reached = &Host::goal_reached;
    realm = ashlar_rt_realm_new(&ops, this);
    EXPECT_NE(realm, nullptr);
  }
  ~Host() {
    if (realm != nullptr) {
      EXPECT_TRUE(ashlar_rt_realm_destroy(realm, nullptr));
    }
  }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  void reach_all() { reached = goal.load(); }

  ashlar_rt_realm_t* realm;
  std::atomic<std::uint64_t> goal{100};  // the last one given
  std::atomic<std::uint64_t> reached{0};
  std::atomic<int> asked{0};
  std::atomic<int> polled{0};
  std::atomic<void*> asked_context{nullptr};
  std::atomic<bool> holds{true};  // what page_empty answers

 private:
  static ashlar_rt_answer_t page_empty(void* user, void* context, const void*, std::size_t,
                                       std::uint64_t* goal) {
    Host& host = *static_cast<Host*>(user);
    ++host.asked;
    host.asked_context = context;
    if (!host.holds) {
      return ASHLAR_RT_RELEASE;
    }
    *goal = ++host.goal;
    return ASHLAR_RT_HOLD;
  }
  static bool goal_reached(void* user, void*, std::uint64_t goal, bool) {
    Host& host = *static_cast<Host*>(user);
    ++host.polled;
    return static_cast<std::int64_t>(goal - host.reached) <= 0;
  }
};

// An attached thread; attached by who makes it.
class Attached {
 public:
  explicit Attached(const Host& host, void* context = nullptr) {
    EXPECT_TRUE(
        ashlar_rt_thread_attach(&storage, host.realm, ashlar_rt_thread_id(), context, kSpecs, 3));
  }
  ~Attached() { EXPECT_TRUE(ashlar_rt_thread_detach(&storage)); }
  Attached(const Attached&) = delete;
  Attached& operator=(const Attached&) = delete;

  ashlar_rt_heap_t* heap(unsigned tag) const { return ashlar_rt_thread_heap(&storage, tag); }
  void* malloc(unsigned tag, std::size_t size) const { return ashlar_rt_malloc(heap(tag), size); }

  ashlar_rt_thread_t storage{};
};

template <class Work>
void on_a_thread(Work work) {
  std::thread(work).join();
}

// Blocks of which a page of 64 KiB has `count` at least, and no more than count + 1.
inline std::vector<void*> fill_pages(const Attached& thread, unsigned tag, std::size_t size,
                                     std::size_t pages) {
  std::vector<void*> blocks(pages * (kSlice / ashlar_rt_good_size(size) + 1));
  for (void*& block : blocks) {
    block = thread.malloc(tag, size);
  }
  return blocks;
}

inline void free_all(const std::vector<void*>& blocks) {
  for (void* const block : blocks) {
    ashlar_rt_free(block);
  }
}

struct HeldPage {
  const ashlar_rt_held_t* page;
  std::uint64_t goal;
  std::size_t bytes;
};
inline std::vector<HeldPage> held_by(const Attached& thread) {
  std::vector<HeldPage> pages;
  HeldPage at{nullptr, 0, 0};
  while ((at.page = ashlar_rt_thread_held_next(&thread.storage, at.page, &at.goal, &at.bytes)) !=
         nullptr) {
    pages.push_back(at);
  }
  return pages;
}
inline std::vector<HeldPage> held_by_nobody(const Host& host) {
  std::vector<HeldPage> pages;
  HeldPage at{nullptr, 0, 0};
  while ((at.page = ashlar_rt_realm_held_next(host.realm, at.page, &at.goal, &at.bytes)) !=
         nullptr) {
    pages.push_back(at);
  }
  return pages;
}

// What a visit shows, in its order: areas and blocks.
struct Seen {
  std::vector<void*> areas;
  std::vector<void*> blocks;
  bool operator==(const Seen&) const = default;
};
inline bool note_seen(const ashlar_rt_area_t* area, void* block, void* arg) {
  Seen& seen = *static_cast<Seen*>(arg);
  (block == nullptr ? seen.areas : seen.blocks).push_back(block == nullptr ? area->start : block);
  return true;
}
inline Seen visit(const Attached& thread, unsigned tags = ASHLAR_RT_ALL_TAGS) {
  Seen seen;
  EXPECT_TRUE(ashlar_rt_visit(&thread.storage, tags, true, note_seen, &seen));
  return seen;
}
inline Seen visit_orphans(const Host& host, unsigned tags = ASHLAR_RT_ALL_TAGS) {
  Seen seen;
  EXPECT_TRUE(ashlar_rt_visit_orphans(host.realm, tags, true, note_seen, &seen));
  return seen;
}

inline ashlar_rt_stats_t stats_of(const Host& host, unsigned tags = ASHLAR_RT_ALL_TAGS) {
  ashlar_rt_stats_t stats{};
  stats.size = sizeof stats;
  EXPECT_TRUE(ashlar_rt_stats(host.realm, tags, &stats));
  return stats;
}

// Notes what is reported, and keeps secure and debug from stopping.
class Reports {
 public:
  Reports() { mi_register_error(&Reports::note, this); }
  ~Reports() { mi_register_error(nullptr, nullptr); }
  Reports(const Reports&) = delete;
  Reports& operator=(const Reports&) = delete;

  int take() { return count_.exchange(0); }

 private:
  static void note(int, void* arg) { ++static_cast<Reports*>(arg)->count_; }
  std::atomic<int> count_{0};
};

}  // namespace embed_test

#endif  // ASHLAR_TEST_EMBED_HOST_H
