// What is given back when the process ends (nothing, unless the program asked for it) and when a
// library that carries this code is unloaded (all that holds no live block).
//
// What was loaded with the program is never unloaded. For the rest, the two are told apart by the
// order in which the C library calls us, which follows from the Itanium C++ ABI (section 3.3.6.3)
// and from how linkers sort destructors. At exit() the function registered by atexit comes first,
// the library's destructors later. When the library is unloaded its destructors come first, and the
// last of them, the compiler's own, calls what atexit registered, after the destructors of static
// objects, which may still free.
#include "heap/process_end.h"

#include <atomic>

#include "heap/allocate.h"
#include "heap/guards.h"
#include "heap/heap.h"
#include "heap/held_back.h"
#include "heap/late_heap.h"
#include "heap/page_source.h"
#include "heap/process.h"
#include "heap/purge_thread.h"
#include "heap/realm.h"
#include "heap/thread_life.h"
#include "support/options.h"
#include "support/tracker.h"

namespace ashlar {
namespace {

constinit std::atomic<bool> unloading{false};
constinit std::atomic<bool> ended{false};
constinit std::atomic<void (*)()> exit_report{nullptr};

// Whether any block of the page is in use. No other thread uses the library.
bool has_live_blocks(Page* page) {
  if (page->is_huge()) {
    return true;
  }
  collect_page(page);
  return !page->is_empty();
}

bool holds_live_blocks(const SystemArena& arena) {
  bool live = false;
  arena.for_each_in_use([&](SliceIndex slice) {
    auto* const page = static_cast<Page*>(arena.page_entry(slice));
    live = live || (home_of(page) != nullptr && has_live_blocks(page));
  });
  return live;
}

// Unmaps the arenas of all realms but for those that keep says yes to, and our own records. The
// main realm's come last: records of the others lie in them.
void unmap_arenas(bool (*keep)(const SystemArena& arena)) {
  for_each_realm([keep](Realm& realm) {
    if (&realm != &main_realm) {
      realm.arenas.unmap_unless(keep);
    }
  });
  metadata_pool.unmap();
  main_realm.arenas.unmap_unless(keep);
}

// Live blocks may be in the hands of the program, so their arenas stay. What the code itself keeps
// in an arena goes with the code.
void unload() {
  give_back_held(nullptr);
  stop_thread_ends();
  end_guards();
  unmap_arenas(holds_live_blocks);
  page_map.unmap();
}

// Unused where this library is the program's malloc, see end_process.
[[maybe_unused]] void destroy_everything() {
  for_each_realm([](Realm& realm) {
    for_each_page_entry(&realm, [](Page*) { return true; }, [](Page* page) { release_page(page); });
  });
  thread_heap = &empty_heap;
  forget_all_threads();
  forget_late_heap();
  forget_spare_heaps();
  unmap_arenas([](const SystemArena&) { return false; });
}

void at_exit() {
  // relaxed: written by this thread, if at all.
  if (unloading.load(std::memory_order_relaxed) && !System::is_loaded_at_start(&unloading)) {
    unload();
  } else {
    end_process();
  }
}

[[gnu::destructor]] void library_ends() {
  // relaxed: read by this thread.
  unloading.store(true, std::memory_order_relaxed);
}

}  // namespace

void register_exit_report(void (*report)()) {
  // relaxed: nothing else belongs to it.
  exit_report.store(report, std::memory_order_relaxed);
}

void watch_end() {
  if (!kQuiet) {
    System::at_exit(at_exit);
  }
}

void end_process() {
  // relaxed: one of the calls does the work; the others have nothing to wait for.
  if (ended.exchange(true, std::memory_order_relaxed)) {
    return;
  }
  // relaxed: registered when the library started.
  if (void (*const report)() = exit_report.load(std::memory_order_relaxed)) {
    report();
  }
  if (!option_is_enabled(Option::kDestroyOnExit)) {
    return;
  }
  stop_purge_thread();
  destroy_all_heaps();
  collect(true);
  // libc and other libraries hold blocks until the very end where this library is their malloc.
  if constexpr (!kOverridesMalloc) {
    destroy_everything();
  }
}

}  // namespace ashlar
