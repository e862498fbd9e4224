// What the process has one of: the pool of our records, and the start of it all.
#pragma once

#include <atomic>
#include <cstdint>

#include "arena/arena_set.h"
#include "arena/metadata_pool.h"
#include "os/system.h"
#include "support/options.h"

namespace ashlar {

ASHLAR_HIDDEN extern constinit MetadataPool<System> metadata_pool;

// Reads the options that matter to memory and places the first arena's address; once, by the
// library's constructor or an allocation before it. May be called any number of times by any
// thread.
void start_process();

// Has an option that was set just now take effect where it was read at the start.
void apply_option(Option option);

// Milliseconds since then.
std::uint64_t process_age_ms();

// True once a second thread has allocated or freed. Goes back only in a forked child.
inline constinit std::atomic<bool> multi_threaded{false};
inline bool is_multi_threaded() {
  // relaxed: a hint that makes full pages be handed over; late is as good as never having seen
  // the other thread.
  return multi_threaded.load(std::memory_order_relaxed);
}
// Called on slow paths; notes when the caller is not the thread that started the process.
void note_thread_slow();
inline void note_thread() {
  if (unlikely(!is_multi_threaded())) {
    note_thread_slow();
  }
}

// How a realm's arenas are reserved, by the options.
ArenaPolicy arena_policy();

// The calling thread is the only one: in a forked child.
void note_single_thread();

// For fork, which takes them all.
Lock& process_lock();
Lock& random_lock();

// From the process's ChaCha20 generator; for keys and places.
std::uint64_t random_number();

}  // namespace ashlar
