// One arena over a system that fails on demand, for the tests of what it does.
#ifndef ASHLAR_TEST_ARENA_SUPPORT_H
#define ASHLAR_TEST_ARENA_SUPPORT_H

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>

#include "arena/arena.h"
#include "fake_os.h"

namespace ashlar::arena_test {

using TestArena = Arena<FakeOs>;

inline constexpr std::size_t kSize = 16 * kMiB;

inline ArenaMemory fresh_memory(std::size_t size, bool committed) {
  void* const start = FakeOs::reserve(nullptr, size, kArenaAlignment,
                                      committed ? Access::kReadWrite : Access::kNone);
  return {.start = start,
          .size = size,
          .committed = committed,
          .zero = true,
          .purging = Purging::kLeavesZero};
}

inline bool try_claim(TestArena* arena, std::uint32_t count, std::uint32_t alignment, SliceRun* run,
                      Contents* contents) {
  return arena->claim({count}, {alignment}, {0}, run, contents);
}

struct Counts {
  std::uint32_t in_use, committed, dirty, waiting;
  std::size_t waiting_bytes;
  bool operator==(const Counts&) const = default;
};

inline Counts counts_of(const TestArena& arena) {
  return {arena.count_in_use(), arena.count_committed(), arena.count_dirty(), arena.count_waiting(),
          arena.waiting_bytes()};
}

class ArenaTest : public FakeOsTest {
 protected:
  TestArena* make(bool committed = true, std::size_t size = kSize) {
    return TestArena::create(fresh_memory(size, committed));
  }
  SliceRun claim(TestArena* arena, std::uint32_t count, Contents expected) {
    SliceRun run;
    Contents contents = Contents::kUnknown;
    EXPECT_TRUE(try_claim(arena, count, 1, &run, &contents));
    EXPECT_EQ(contents, expected);
    return run;
  }
  // All of it may be resident.
  void release(TestArena* arena, SliceRun run) {
    arena->release(run, run.count, Contents::kUnknown);
  }
  std::uint32_t purge(TestArena* arena) { return arena->purge_waiting(UINT32_MAX); }
  void dirty(TestArena* arena, SliceRun run) {
    for (std::uint32_t i = run.first.value; i < run.end().value; ++i) {
      *static_cast<char*>(arena->address({i})) = 1;
    }
  }
};

}  // namespace ashlar::arena_test

#endif  // ASHLAR_TEST_ARENA_SUPPORT_H
