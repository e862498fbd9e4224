// Linux (and what glibc adds to it) behind the concept OsMemory, with the few other services
// that the allocator asks of a system. Declarations only; no policy.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "os/memory.h"

namespace ashlar {

// What the system says of the process so far.
struct ProcessUsage {
  std::uint64_t user_ms = 0;          // processor time of all threads, in the program
  std::uint64_t system_ms = 0;        // and in the kernel
  std::size_t resident = 0;           // bytes of memory that the process holds now
  std::size_t peak_resident = 0;      // and the most that it held
  std::uint64_t blocking_faults = 0;  // page faults that waited for a device
};

struct Linux {
  // OsMemory.
  static std::size_t page_size();
  static bool overcommits();
  static void* reserve(void* hint, std::size_t size, std::size_t alignment, Access access);
  static bool release(void* start, std::size_t size);
  static bool commit(void* start, std::size_t size);
  static bool purge(void* start, std::size_t size);
  static std::uint64_t purge_pieces(const MemoryPiece* pieces, std::uint32_t count);
  static bool populate(void* start, std::size_t size);
  static bool reset(void* start, std::size_t size);
  static bool protect(void* start, std::size_t size, Access access);
  static bool remap(void* start, std::size_t old_size, void* target, std::size_t new_size);
  static void* reserve_large(void* hint, std::size_t size, std::size_t alignment);
  static int map_huge_page(void* at, int numa_node);
  static bool advise_huge_pages(void* start, std::size_t size, HugeAdvice advice);
  static bool makes_huge_pages();
  static bool bind_to_node(void* start, std::size_t size, int numa_node);

  // Milliseconds of a clock that only goes forward; its start is unspecified.
  static std::uint64_t clock_ms();
  static std::uint64_t clock_ns();  // the same clock's nanoseconds

  // Bytes of the process's memory that are in huge OS pages which the kernel put together; 0 where
  // it does not say. As slow as the process has mappings.
  static std::size_t huge_resident();

  // What cannot be had (a system without /proc) is 0; resident is then the peak.
  static ProcessUsage process_usage();

  // Fills `bytes` from the kernel's generator without blocking; false where it has none yet.
  static bool random_bytes(void* bytes, std::size_t count);

  // The NUMA node of the calling CPU, and how many nodes there are (1 where unknown).
  static unsigned numa_node();
  static unsigned numa_node_count();

  // The kernel's number of the calling thread, for messages.
  static std::uint64_t thread_number();

  // Writes to file descriptor 2 and ignores failure: there is nobody left to tell.
  static void write_error(const char* text, std::size_t length);

  // Keeps the environment that the dynamic loader hands to constructors, for as long as libc has
  // not got its own.
  static void note_environment(char** entries);

  // Whether the environment can be read already.
  static bool has_environment();

  // The value of an environment variable, or nullptr. `ignore_case` also finds Name and name.
  // Allocates nothing and may be called before any constructor ran.
  static const char* environment(const char* name, bool ignore_case);

  // Sleeps while *word == expected; spurious wake-ups are allowed. Then the waker's side.
  static void wait(std::atomic<std::uint32_t>* word, std::uint32_t expected);
  static void wake_one(std::atomic<std::uint32_t>* word);

  // The same wait, for at most so long.
  static void wait_for(std::atomic<std::uint32_t>* word, std::uint32_t expected,
                       std::uint32_t milliseconds);

  // Runs run() in a thread of its own with a small stack, on which no signal is handled and which
  // nobody joins; false where the system has none to spare. Allocates: malloc calls it with all in
  // order, and free never, since libc frees with locks held that this takes.
  static bool start_thread(void (*run)());

  // Has `ended(arg)` called when the calling thread ends, after its C++ thread-local objects are
  // gone; false where the system has no room for that. Called again, it replaces `arg`; with
  // nullptr it takes the call back. `ended` is the same function at every call.
  static bool at_thread_exit(void (*ended)(void*), void* arg);

  // Takes all such calls back, of every thread: the code of `ended` is about to be unmapped.
  static void forget_thread_exits();

  // Has this called when the process exits, or the library that carries it is unloaded. False where
  // the system has no memory for that.
  static bool at_exit(void (*ended)());

  // Whether the program or library that this address lies in was loaded when the process started,
  // as far as the order of loading tells: libraries of libraries may be taken for loaded later.
  static bool is_loaded_at_start(const void* address);

  // Has these called round every fork; once. False where the system has no memory for that.
  static bool at_fork(void (*before)(), void (*in_parent)(), void (*in_child)());

  // Reads the first `capacity - 1` bytes of a file, ended by 0; returns how many, 0 on failure.
  static std::size_t read_small_file(const char* path, char* text, std::size_t capacity);

  // The path of the running program, cut at `capacity` - 1 bytes; "?" where the system has none.
  // May be called by signal handlers.
  static const char* program_path(char* path, std::size_t capacity);

  static void yield();

  // Sleeps for about so long; a signal may end it earlier.
  static void sleep_ms(std::uint32_t milliseconds);

  [[noreturn]] static void stop();
};

static_assert(OsMemory<Linux>);
struct NotASystem {};
static_assert(!OsMemory<NotASystem>);

}  // namespace ashlar
