// Sampled guards: one of many blocks is placed in front of memory that may not be touched, and
// stays untouchable for a while after its free. docs/guards.md says what users see of it.
//
// Which block it is to be is decided on slow paths only, so fast paths know nothing of it.
#pragma once

#include <cstddef>

#include "heap/guard_pool.h"
#include "heap/thread_heap.h"
#include "heap/tuning.h"
#include "os/system.h"

namespace ashlar {

// One block in so many where guards are turned on without a rate; then no more than a part of the
// time may be spent on them, by what the last one cost. The making of a block is measured; its free
// costs about as much.
inline constexpr std::uint32_t kDefaultGuardRate = 50'000;
inline constexpr std::uint64_t kGuardPause = 500;  // times what the making cost: 0.4 % at most

// More often than this each allocation comes by a slow path. Else pages are looked at when their
// free blocks are used up, which is as good where that happens more often than samples are due.
inline constexpr std::uint32_t kEveryCallRate = 1'000;

ASHLAR_HIDDEN extern constinit GuardPool<System> guard_pool;

// Makes the pool and takes the signals, once guards are turned on. Any number of times.
void start_guards();

// Gives the signals back: the library is about to be unloaded.
void end_guards();

// What the program said of a heap: guard one of so many of its blocks (0: none), chosen by a seed
// (0: a random one), whatever the options say; and which sizes, in bytes.
void set_guard_rate(Heap* heap, std::size_t rate, std::size_t seed);
void set_guard_bounds(Heap* heap, std::size_t least, std::size_t most);

// On a slow path of a part, which is about to allocate from the page (nullptr: it has none yet). A
// guarded block, if this request is the one to be guarded; else nullptr. Never a failure: where
// there is no slot, or no memory, the request is not guarded.
[[nodiscard]] ASHLAR_NOINLINE void* sample_slow(ThreadHeap* part, const Page* page,
                                                std::size_t size, Contents contents);
[[nodiscard]] ASHLAR_ALWAYS_INLINE void* sample(ThreadHeap* part, const Page* page,
                                                std::size_t size, Contents contents) {
  return unlikely(tuning.guards.get()) ? sample_slow(part, page, size, contents) : nullptr;
}

// A block that was allocated just now, larger than what is asked for so that it is aligned: where
// it is guarded, moves to the end of its memory. Another block is left as it is.
[[nodiscard]] ASHLAR_NOINLINE void* fit_guarded_slow(void* block, std::size_t size,
                                                     std::size_t alignment, Contents contents);
[[nodiscard]] inline void* fit_guarded(void* block, std::size_t size, std::size_t alignment,
                                       Contents contents) {
  return unlikely(tuning.guards.get()) ? fit_guarded_slow(block, size, alignment, contents) : block;
}

inline bool is_guarded(const Page* page) { return guard_pool.slot_of(page) != nullptr; }

// free, for a pointer into the slot of a guarded block.
void free_guarded(Page* page, void* pointer);

// Gives the memory of a guarded block's page back; what release_page does last.
void release_guarded(Page* page);

}  // namespace ashlar
