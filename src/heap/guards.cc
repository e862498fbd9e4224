// Choosing blocks to guard, making them, and freeing them.
#include "heap/guards.h"

#include <atomic>

#include "arena/page_map.h"
#include "base/mix.h"
#include "heap/guard_report.h"
#include "heap/heap.h"
#include "heap/late_heap.h"
#include "heap/page_source.h"
#include "heap/process.h"
#include "heap/realm.h"
#include "heap/slow_calls.h"
#include "os/fault.h"
#include "os/unwind.h"
#include "page/ownership.h"
#include "page/padding.h"
#include "support/options.h"
#include "support/touched.h"

namespace ashlar {

constinit GuardPool<System> guard_pool;

namespace {

// What a heap says, where the program said something of it; else the options.
struct Sampling {
  std::uint32_t rate;
  std::uint64_t seed;
  std::size_t least;
  std::size_t most;
  bool in_budget;
};

// Requests after which a heap that guards nothing is looked at again.
constexpr std::uint32_t kAskAgain = 10'000;

Sampling sampling_of(const GuardSampling& of_heap) {
  Sampling sampling{tuning.guard_rate.get(), tuning.guard_seed.get(), tuning.guard_min.get(),
                    tuning.guard_max.get(), tuning.guard_budget.get()};
  if (of_heap.has_rate.get()) {
    const std::size_t rate = of_heap.rate.get();
    sampling.rate = rate < INT32_MAX ? static_cast<std::uint32_t>(rate) : INT32_MAX;
    sampling.seed = of_heap.seed.get();
    sampling.in_budget = false;
  }
  if (of_heap.has_bounds.get()) {
    sampling.least = of_heap.min_size.get();
    sampling.most = of_heap.max_size.get();
  }
  return sampling;
}

// Draws so far, of all threads. A program with one thread and a seed draws the same every time.
constinit std::atomic<std::uint64_t> draws{0};
constinit RelaxedNumber<std::uint64_t> own_seed;

// How many requests on the next one is to be guarded: from 1 to twice the rate, so that no rhythm
// of the program's can fall in with it; every one where the rate is 1.
std::uint32_t draw(const Sampling& sampling) {
  std::uint64_t seed = sampling.seed;
  if (seed == 0) {
    if (own_seed.get() == 0) {
      own_seed.set(random_number() | 1);
    }
    seed = own_seed.get();
  }
  // relaxed: a count; nobody else gets this number.
  const std::uint64_t number = draws.fetch_add(1, std::memory_order_relaxed);
  constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15;  // of SplitMix64
  return static_cast<std::uint32_t>(mix(seed + number * kStep) % (2 * sampling.rate - 1) + 1);
}

// The alignment that callers rely on: what is a multiple of an OS page may have been rounded to be
// one so that it is aligned (aligned.cc); then no slack is left anyway.
std::size_t alignment_for(std::size_t size) {
  const std::size_t padded = size + kPadding;
  const std::size_t of_block = padded & (~padded + 1);
  if (of_block > System::page_size()) {
    return of_block;
  }
  if (tuning.guard_precise.get()) {
    return size & (~size + 1);
  }
  return size > kWordSize ? kBlockAlignment : kWordSize;
}

void* enter_guarded(Heap* heap, GuardSlot* slot, std::size_t size) {
  Page* const page = &slot->page;
  void* const start = reinterpret_cast<void*>(slot->start.get());
  const SliceCount slices{static_cast<std::uint32_t>(guard_pool.slot_bytes() / kSliceSize)};
  make_huge_page(page, nullptr, start, slices, size,
                 slot->is_zero && !kActive.fill_blocks ? Contents::kZero : Contents::kUnknown,
                 heap);
  page->realm = heap->realm;
  page->requested = size;
  if (!page_map.enter(guard_pool.start_of(slot), guard_pool.slot_bytes(), page)) {
    forget_page(page);
    return nullptr;
  }
  slot->allocated.take();
  slot->freed.clear();
  note_unowned(heap, 1);
  note_entered(page);
  const auto bytes = static_cast<std::int64_t>(size);
  heap->stats.huge_blocks.add(1);
  heap->stats.huge_bytes.add(bytes);
  heap->stats.guarded_blocks.add(1);
  heap->realm->stats.huge_blocks.add(1);
  heap->realm->stats.huge_bytes.add(bytes);
  // release: who frees the block sees the slot as it is here.
  slot->state.store(GuardState::kLive, std::memory_order_release);
  return start;
}

void prepare(const GuardSlot* slot, void* block, std::size_t size, Contents contents) {
  if (contents == Contents::kZero) {
    if (!slot->is_zero) {
      __builtin_memset(block, 0, size);
    }
  } else if constexpr (kActive.fill_blocks) {
    detail::fill(block, kFillAllocated, 0, size);
  }
}

void* allocate_guarded(Heap* heap, std::size_t size, Contents contents) {
  // malloc(0) gives a byte: a program may take it for an empty string.
  size = size == 0 ? 1 : size;
  GuardSlot* const slot = guard_pool.take();
  if (slot == nullptr) {
    return nullptr;
  }
  if (!guard_pool.place(slot, size, alignment_for(size))) {
    guard_pool.put_back_unused(slot);
    return nullptr;
  }
  if (!touched_bytes.try_add(slot->committed)) {
    guard_pool.put_back(slot);
    return nullptr;
  }
  void* const block = enter_guarded(heap, slot, size);
  if (block == nullptr) {
    touched_bytes.sub(slot->committed);
    guard_pool.put_back(slot);
    return nullptr;
  }
  prepare(slot, block, size, contents);
  return block;
}

// When the next block may be guarded, where time is limited. Two threads at the same moment may
// both guard one.
constinit RelaxedNumber<std::uint64_t> pause_ends_ns;

void* allocate_in_budget(Heap* heap, std::size_t size, Contents contents) {
  const std::uint64_t start = System::clock_ns();
  if (start < pause_ends_ns.get()) {
    return nullptr;
  }
  void* const block = allocate_guarded(heap, size, contents);
  const std::uint64_t end = System::clock_ns();
  pause_ends_ns.set(end + (end - start) * kGuardPause);
  return block;
}

constinit RelaxedNumber<bool> heaps_have_rates;

// Whether blocks are guarded so often that pages are looked at too seldom.
bool needs_every_call(std::size_t rate) { return rate != 0 && rate < kEveryCallRate; }

// The count says that a request is due, or that nobody has drawn a number yet.
ASHLAR_NOINLINE void* sample_due(ThreadHeap* part, std::uint32_t requests, std::size_t size,
                                 Contents contents) {
  Heap* const heap = part->home;
  // The late heap's lock is held; a heap that has to stay in its arena can't be guarded.
  if (is_late(part) || heap->arena != nullptr) {
    return nullptr;
  }
  const Sampling sampling = sampling_of(heap->guards);
  if (sampling.rate == 0) {
    part->until_guarded = kAskAgain;
    return nullptr;
  }
  // A count from before the rate was lowered would last for too long.
  if (part->until_guarded == 0 || part->until_guarded >= 2 * sampling.rate) {
    part->until_guarded = draw(sampling);
  }
  if (requests < part->until_guarded) {
    part->until_guarded -= requests;
    return nullptr;
  }
  if (size < sampling.least || size > sampling.most || size > kGuardedBlockMax) {
    part->until_guarded = 1;  // the next one of a size that is wanted
    return nullptr;
  }
  part->until_guarded = draw(sampling);
  return sampling.in_budget ? allocate_in_budget(heap, size, contents)
                            : allocate_guarded(heap, size, contents);
}

}  // namespace

void GuardStack::take() {
  std::uintptr_t found[kGuardFrames];
  const std::size_t depth = unwind_here(found, kGuardFrames);
  for (std::size_t i = 0; i < depth; ++i) {
    frames[i].set(found[i]);
  }
  thread.set(System::thread_number());
  count.set(static_cast<std::uint32_t>(depth));
}

void start_guards() {
  tuning.guards.set(tuning.guard_rate.get() != 0 || heaps_have_rates.get());
  if (!tuning.guards.get() || option_is_enabled(Option::kLimitOsAlloc)) {
    return;
  }
  if (guard_pool.open(static_cast<std::uint32_t>(option_get(Option::kGuardedPool)))) {
    watch_faults(report_fault);
  }
  if (needs_every_call(tuning.guard_rate.get()) && !calls_are_slow()) {
    make_calls_slow();
  }
}

void end_guards() {
  forget_faults();
  guard_pool.close();
}

void set_guard_rate(Heap* heap, std::size_t rate, std::size_t seed) {
  heap->guards.rate.set(rate);
  heap->guards.seed.set(seed);
  heap->guards.has_rate.set(true);
  if (rate != 0) {
    heaps_have_rates.set(true);
    start_guards();
    if (needs_every_call(rate) && !calls_are_slow()) {
      make_calls_slow();
    }
  }
}

void set_guard_bounds(Heap* heap, std::size_t least, std::size_t most) {
  heap->guards.min_size.set(least);
  heap->guards.max_size.set(most);
  heap->guards.has_bounds.set(true);
}

void* sample_slow(ThreadHeap* part, const Page* page, std::size_t size, Contents contents) {
  std::uint32_t requests = 1;
  if (likely(!calls_are_slow())) {
    if (page != nullptr && page->has_free()) {
      return nullptr;
    }
    // What the page has handed out since its free list was used up before. (A page that then had
    // to be set aside counts again when it comes back: an error of a page of many.)
    requests += page != nullptr ? page->counts.handed_out() : 0;
    if (likely(requests < part->until_guarded)) {
      part->until_guarded -= requests;
      return nullptr;
    }
  }
  return sample_due(part, requests, size, contents);
}

void* fit_guarded_slow(void* block, std::size_t size, std::size_t alignment, Contents contents) {
  Page* const page = block == nullptr ? nullptr : page_map.find(block);
  GuardSlot* const slot = page == nullptr ? nullptr : guard_pool.slot_of(page);
  size = size == 0 ? 1 : size;
  if (slot == nullptr || alignment > System::page_size() || size >= page->block_size) {
    return block;
  }
  guard_pool.place_again(slot, size, alignment);
  void* const start = reinterpret_cast<void*>(slot->start.get());
  page->realm->stats.huge_bytes.sub(static_cast<std::int64_t>(page->block_size - size));
  page->start = start;
  set_huge_size(page, size);
  page->requested = size;
  if (contents == Contents::kZero) {
    __builtin_memset(start, 0, size);
  }
  return start;
}

void free_guarded(Page* page, void* pointer) {
  GuardSlot* const slot = guard_pool.slot_with(page);
  const bool interior = (owner_of(page) & kOwnerInterior) != 0;
  const std::uintptr_t offset = address_of(pointer) - slot->start.get();
  GuardState live = GuardState::kLive;
  // acquire: pairs with the release of who made the block. relaxed: on failure another thread has
  // freed it, and nothing of it is used but for a report.
  if ((offset != 0 && (!interior || offset >= slot->size.get())) ||
      !slot->state.compare_exchange_strong(live, GuardState::kFreed, std::memory_order_acquire,
                                           std::memory_order_relaxed)) {
    report_guarded_pointer("free", pointer);
    return;
  }
  slot->freed.take();
  const auto edges = guard_pool.check_edges(slot);
  if (unlikely(edges.behind != 0 || edges.before != 0)) {
    report_guarded_edges(slot, edges.behind, edges.before);
  }
  RealmStats& stats = page->realm->stats;
  stats.huge_blocks.sub(1);
  stats.huge_bytes.sub(static_cast<std::int64_t>(page->block_size));
  release_page(page);
}

void release_guarded(Page* page) {
  GuardSlot* const slot = guard_pool.slot_with(page);
  // relaxed: of all blocks of a heap that is destroyed; the caller is the only one to have them.
  slot->state.store(GuardState::kFreed, std::memory_order_relaxed);
  // Of the memory that counts as touched the page knew of the block alone.
  touched_bytes.sub(slot->committed - page->block_size);
  guard_pool.put_back(slot);
}

}  // namespace ashlar
