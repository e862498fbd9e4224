// Heaps: their life, and visits of what is in them.
#include <cerrno>
#include <map>
#include <vector>

#include "session.h"
#include "support/expect.h"

namespace fuzz {
namespace {

struct Visit {
  const Blocks* blocks = nullptr;
  const mi_heap_t* heap = nullptr;    // nullptr: any
  std::size_t stop_after = SIZE_MAX;  // blocks
  std::vector<std::uintptr_t> shown;  // the blocks that it was shown, by their addresses
  std::size_t left_in_area = 0;       // blocks of the area that are still to come
};

bool see(const mi_heap_t*, const mi_heap_area_t* area, void* block, std::size_t size, void* arg) {
  Visit& visit = *static_cast<Visit*>(arg);
  if (block == nullptr) {
    expect(visit.left_in_area == 0, "an area shows as many blocks as it says");
    visit.left_in_area = area->used;
    expect(area->committed <= area->reserved, "no more is committed than reserved");
    expect(area->block_size <= area->full_block_size, "a block's bytes lie before the next block");
    return true;
  }
  expect(visit.left_in_area != 0, "an area shows no more blocks than it says");
  --visit.left_in_area;
  expect(size == area->block_size, "all blocks of an area have one size");
  const Block* const found = visit.blocks->find(block, size);
  expect(found != nullptr, "what a visit shows is a live block");
  expect(found->heap == nullptr || visit.heap == nullptr || found->heap == visit.heap,
         "a visit shows blocks of its heap");
  expect(found->address + found->usable <= address_of(block) + size,
         "a visit shows all of the block");
  visit.shown.push_back(found->address);
  return visit.shown.size() < visit.stop_after;
}

bool has_duplicates(std::vector<std::uintptr_t> addresses) {
  std::map<std::uintptr_t, int> seen;
  for (const std::uintptr_t address : addresses) {
    if (++seen[address] > 1) {
      return true;
    }
  }
  return false;
}

}  // namespace

void Session::make_heap(const Step& step) {
  if (heaps_.size() >= kHeapsMax) {
    return;
  }
  const Process& process = Process::get();
  // Arenas are of one realm, here the main one.
  const bool in_main = mains_[thread_] == nullptr;
  const mi_arena_id_t arenas[] = {0, in_main ? process.arena : 0, in_main ? process.hooked : 0};
  Heap heap{.handle = nullptr, .destroyable = true, .arena = 0, .main = main_heap()};
  errno = 0;
  switch (step.variant % 4) {
    case 0:
      heap.handle = mi_heap_new();
      break;
    case 1:
      heap.destroyable = step.block % 2 == 0;
      heap.arena = arenas[step.amount % 3];
      heap.handle = mi_heap_new_ex(step.scale, heap.destroyable, heap.arena);
      break;
    case 2:
      heap.arena = arenas[1 + step.amount % 2];
      heap.handle = heap.arena == 0 ? mi_heap_new() : mi_heap_new_in_arena(heap.arena);
      break;
    default:
      expect(mi_heap_new_in_arena(1000 + step.amount) == nullptr,
             "an arena that is none has no heap");
      expect(errno == EINVAL, "an arena that is none is refused");
      return;
  }
  if (heap.handle == nullptr) {
    return expect((faults_left_ != 0 || limited_) && errno == ENOMEM, "a heap is made");
  }
  for (const Heap& other : heaps_) {
    expect(other.handle != heap.handle, "a new heap is another one");
  }
  expect(blocks_.count_in(heap.handle) == 0, "a new heap is empty");
  mi_heap_set_numa_affinity(heap.handle, step.alignment % 3 - 1);
  mi_heap_guarded_set_sample_rate(heap.handle, step.amount, step.block);
  mi_heap_guarded_set_size_bound(heap.handle, step.block, step.amount);
  heaps_.push_back(heap);
}

void Session::delete_heap(const Step& step, bool destroy) {
  if (heaps_.empty()) {
    // These are left alone.
    mi_heap_delete(mi_heap_main());
    mi_heap_destroy(nullptr);
    return;
  }
  const std::size_t which = std::size_t{step.place} / 4 % heaps_.size();
  const Heap heap = heaps_[which];
  // A thread for which another one deletes its default heap may use it a while longer.
  for (std::size_t i = 0; i < kThreads; ++i) {
    if (defaults_[i] != heap.handle) {
      continue;
    }
    defaults_[i] = nullptr;
    if (i != thread_) {
      mi_heap_t* const main = mains_[i] == nullptr ? Process::get().main : mains_[i];
      const auto change = [main] { mi_heap_set_default(main); };
      // The first thread waits for this one, so it cannot be told.
      if (i == 0) {
        defaults_[i] = heap.handle;
        return;
      }
      workers_[i]->run(change);
    }
  }
  heaps_.erase(heaps_.begin() + static_cast<std::ptrdiff_t>(which));
  if (destroy && heap.destroyable) {
    blocks_.forget_heap(heap.handle);
    mi_heap_destroy(heap.handle);
    return;
  }
  bool others = false;
  for (std::size_t i = 0; i < kThreads; ++i) {
    others = others || (i != thread_ && (i == 0 || workers_[i] != nullptr));
  }
  blocks_.move_heap(heap.handle, others ? nullptr : heap.main);
  if (destroy) {
    mi_heap_destroy(heap.handle);
  } else {
    mi_heap_delete(heap.handle);
  }
}

void Session::set_default(const Step& step) {
  mi_heap_t* const heap = handle_of(step) == nullptr ? main_heap() : handle_of(step);
  mi_heap_t* const now = defaults_[thread_] == nullptr ? main_heap() : defaults_[thread_];
  expect(mi_heap_get_default() == now, "the default heap is the one that was set");
  if (step.variant % 2 == 0) {
    mi_heap_t* const before = mi_heap_set_default(heap);
    if (before == nullptr) {
      return expect(faults_left_ != 0 || limited_, "a default heap can be set");
    }
    expect(before == now, "setting the default heap tells the one before");
  } else {
    mi_theap_t* const part = mi_heap_theap(heap);
    if (part == nullptr || mi_theap_set_default(part) == nullptr) {
      return expect(faults_left_ != 0 || limited_, "a default part can be set");
    }
    expect(mi_theap_get_default() == part, "the default part is the one that was set");
  }
  defaults_[thread_] = heap == main_heap() ? nullptr : heap;
  expect(mi_heap_get_default() == heap, "the default heap is the one that was set");
}

// Shows exactly the live blocks of a heap.
void Session::visit(const Step& step) {
  mi_heap_t* const heap = handle_of(step) == nullptr ? main_heap() : handle_of(step);
  Visit visit;
  visit.blocks = &blocks_;
  visit.heap = heap;
  if (step.variant % 4 == 1) {
    visit.stop_after = 1 + step.amount % 50u;
  }
  const bool whole = mi_heap_visit_blocks(heap, true, see, &visit);
  expect(!has_duplicates(visit.shown), "a visit shows a block once");
  if (!whole) {
    return expect(visit.shown.size() == visit.stop_after, "a visit stops where it is told");
  }
  expect(visit.left_in_area == 0, "an area shows as many blocks as it says");
  std::size_t known = 0;
  for (const std::uintptr_t address : visit.shown) {
    known += blocks_.find(reinterpret_cast<void*>(address), 1)->heap == heap ? 1 : 0;
  }
  expect(known == blocks_.count_in(heap), "a visit shows all blocks of the heap");
  if (step.variant % 4 == 3) {
    for (const std::uintptr_t address : visit.shown) {
      mi_free(blocks_.take(*blocks_.find(reinterpret_cast<void*>(address), 1)).pointer());
    }
  }
}

// Visits of parts show some of the live blocks, each once.
void Session::visit_parts(const Step& step) {
  mi_heap_t* const heap = handle_of(step) == nullptr ? main_heap() : handle_of(step);
  Visit visit;
  visit.blocks = &blocks_;
  visit.heap = heap;
  bool whole = true;
  switch (step.variant % 3) {
    case 0:
      whole = mi_heap_visit_abandoned_blocks(heap, true, see, &visit);
      break;
    case 1: {
      mi_theap_t* const part = mi_heap_theap(heap);
      whole = part == nullptr || mi_theap_visit_blocks(part, true, see, &visit);
      break;
    }
    default:
      visit.heap = nullptr;
      whole = mi_abandoned_visit_blocks(mi_subproc_main(), -1, true, see, &visit);
      break;
  }
  expect(whole, "a visit that is not stopped is whole");
  expect(!has_duplicates(visit.shown), "a visit shows a block once");
}

// Realms: threads join and leave them; one that no thread is in is given up, or destroyed.
void Session::change_realm(const Step& step) {
  switch (step.variant % 5) {
    case 0:
    case 1:
      return join_realm(step);
    case 2:
      // A realm may be joined by its name at any time; the main one leads back.
      mi_subproc_add_current_thread(mi_subproc_main());
      if (faults_left_ == 0 && !limited_) {
        expect(mi_subproc_current()._mi_subproc_id == mi_subproc_main()._mi_subproc_id,
               "a thread gets back to the main realm");
      }
      if (mi_subproc_current()._mi_subproc_id == mi_subproc_main()._mi_subproc_id) {
        forget_thread(thread_);
        return expect(mi_heap_get_default() == Process::get().main,
                      "a thread that joins the main realm uses the main heap");
      }
      return;
    default: {
      if (realms_.empty()) {
        return;
      }
      const std::size_t which = step.block % realms_.size();
      mi_heap_t* const main = realms_[which].main;
      bool used = false;
      for (std::size_t i = 0; i < kThreads; ++i) {
        used = used || mains_[i] == main;
      }
      for (const Heap& heap : heaps_) {
        used = used || heap.main == main;
      }
      if (!used) {
        end_realm(which, step.variant % 5 == 3);
      }
    }
  }
}

void Session::join_realm(const Step& step) {
  if (realms_.size() < 2 && step.amount % 3 == 0) {
    const mi_subproc_id_t name = mi_subproc_new();
    if (name._mi_subproc_id == nullptr) {
      return expect(faults_left_ != 0 || limited_, "a realm is made");
    }
    mi_heap_t* main = nullptr;
    const auto take_first = [](mi_heap_t* heap, void* arg) {
      *static_cast<mi_heap_t**>(arg) = heap;
      return false;
    };
    (void)mi_subproc_visit_heaps(name, take_first, &main);
    expect(main != nullptr && blocks_.count_in(main) == 0, "a new realm has an empty main heap");
    realms_.push_back({name, main});
  }
  if (realms_.empty() || thread_ == 0) {
    return;
  }
  const Realm& realm = realms_[step.block % realms_.size()];
  mi_subproc_add_current_thread(realm.name);
  if (mi_subproc_current()._mi_subproc_id != realm.name._mi_subproc_id) {
    return expect(faults_left_ != 0 || limited_, "a thread joins a realm");
  }
  mains_[thread_] = realm.main;
  defaults_[thread_] = nullptr;
  expect(mi_heap_get_default() == realm.main, "a thread that joins a realm uses its main heap");
}

// No thread is in the realm, and it has no heap but the main one.
void Session::end_realm(std::size_t which, bool destroy) {
  const Realm realm = realms_[which];
  realms_.erase(realms_.begin() + static_cast<std::ptrdiff_t>(which));
  // What other heaps of the realm left to it may still belong to these.
  if (destroy && !blocks_.any_of_unknown_heap()) {
    blocks_.forget_heap(realm.main);
    mi_subproc_destroy(realm.name);
  } else {
    blocks_.move_heap(realm.main, nullptr);
    mi_subproc_delete(realm.name);
  }
}

}  // namespace fuzz
