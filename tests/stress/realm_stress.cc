// Stress: threads that make realms, join them, allocate there and in heaps of theirs, and give them
// up or destroy them, while other threads free what was allocated, visit heaps, and read
// statistics. At the end no realm is left but the main one. Pages without an owner within one realm
// are the subject of the other programs.
#include <mimalloc-stats.h>

#include <thread>
#include <vector>

#include "heap/realm.h"
#include "rest.h"
#include "stress.h"

namespace {

constexpr std::size_t kSlots = 512;
constexpr std::size_t kLargest = 40'000;

// A block with its size and first byte in front, so that whoever frees it can check it.
struct Parcel {
  std::size_t size;
  unsigned char mark;
};

struct Shared {
  std::atomic<Parcel*> slots[kSlots] = {};
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> realms{0};
  std::atomic<std::uint64_t> parcels{0};
};

unsigned char* last_byte(Parcel* parcel) {
  return reinterpret_cast<unsigned char*>(parcel) + parcel->size - 1;
}

Parcel* pack(stress::Random& random, mi_heap_t* heap) {
  const std::size_t size = sizeof(Parcel) + 1 + random.below(kLargest);
  void* const block = heap == nullptr ? mi_malloc(size) : mi_heap_malloc(heap, size);
  if (block == nullptr) stress::fail("no memory for %zu bytes", size);
  auto* const parcel = static_cast<Parcel*>(block);
  parcel->size = size;
  parcel->mark = static_cast<unsigned char>(random.below(256));
  *last_byte(parcel) = parcel->mark;
  return parcel;
}

void unpack(Parcel* parcel) {
  if (parcel == nullptr) return;
  if (*last_byte(parcel) != parcel->mark)
    stress::fail("a block of %zu bytes was written to by another", parcel->size);
  mi_free(parcel);
}

// Puts a parcel where somebody will find it, and frees what was there.
void exchange(Shared& shared, stress::Random& random, Parcel* parcel) {
  // acq_rel: what the parcel holds goes with it, both ways.
  unpack(shared.slots[random.below(kSlots)].exchange(parcel, std::memory_order_acq_rel));
  shared.parcels.fetch_add(1, std::memory_order_relaxed);  // relaxed: read after the joins.
}

// A realm whose blocks outlive it, in the hands of other threads.
void given_up(Shared& shared, stress::Random& random) {
  const mi_subproc_id_t realm = mi_subproc_new();
  if (realm._mi_subproc_id == nullptr) stress::fail("no memory for a realm");
  mi_subproc_add_current_thread(realm);
  mi_heap_t* const heap = mi_heap_new();
  const std::size_t count = random.below(300);
  for (std::size_t i = 0; i < count; i++)
    exchange(shared, random, pack(random, random.one_in(2) ? heap : nullptr));
  if (random.one_in(2)) mi_heap_delete(heap);
  if (random.one_in(2)) mi_subproc_add_current_thread(mi_subproc_main());
  mi_subproc_delete(realm);
  if (random.one_in(2)) exchange(shared, random, pack(random, nullptr));
  mi_subproc_add_current_thread(mi_subproc_main());
}

// A realm that goes with all its blocks, which nobody else knows of.
void destroyed(stress::Random& random) {
  const mi_subproc_id_t realm = mi_subproc_new();
  if (realm._mi_subproc_id == nullptr) stress::fail("no memory for a realm");
  mi_subproc_add_current_thread(realm);
  mi_heap_t* const heap = mi_heap_new();
  const std::size_t count = random.below(300);
  for (std::size_t i = 0; i < count; i++)
    static_cast<void>(pack(random, random.one_in(2) ? heap : nullptr));
  mi_subproc_destroy(realm);
  if (mi_subproc_current()._mi_subproc_id != mi_subproc_main()._mi_subproc_id)
    stress::fail("still in a realm that was destroyed");
}

void look(stress::Random& random) {
  mi_subproc_visit_heaps(mi_subproc_current(), [](mi_heap_t*, void*) { return true; }, nullptr);
  mi_stats_t stats;
  mi_stats_init(&stats);
  if (!mi_stats_get(&stats)) stress::fail("no statistics");
  if (stats.malloc_normal.current < 0 || stats.pages.current < 0)
    stress::fail("less than no blocks: %lld bytes, %lld pages",
                 static_cast<long long>(stats.malloc_normal.current),
                 static_cast<long long>(stats.pages.current));
  if (random.one_in(4)) mi_collect(random.one_in(2));
}

void work(Shared& shared, std::uint64_t seed) {
  stress::Random random(seed);
  while (!shared.stop.load(std::memory_order_relaxed)) {  // relaxed: seen sooner or later.
    switch (random.below(4)) {
      case 0:
        given_up(shared, random);
        break;
      case 1:
        destroyed(random);
        break;
      case 2:
        look(random);
        break;
      default:
        for (int i = 0; i < 200; i++) exchange(shared, random, pack(random, nullptr));
    }
    shared.realms.fetch_add(1, std::memory_order_relaxed);  // relaxed: read after the joins.
  }
}

std::size_t count_realms() {
  std::size_t count = 0;
  ashlar::for_each_realm([&count](const ashlar::Realm&) { ++count; });
  return count;
}

}  // namespace

int main(int argc, char** argv) {
  const stress::Options options = stress::parse_options(argc, argv);
  static Shared shared;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < options.threads; i++)
    threads.emplace_back(work, std::ref(shared), options.seed + i);
  const stress::Deadline deadline(options.seconds);
  while (!deadline.passed()) std::this_thread::yield();
  shared.stop = true;
  for (std::thread& thread : threads) thread.join();
  for (std::atomic<Parcel*>& slot : shared.slots) unpack(slot.exchange(nullptr));
  mi_collect(true);
  if (count_realms() != 1) stress::fail("%zu realms are left, and no block", count_realms());
  stress::check_at_rest("every block was freed");
  std::printf("%llu rounds, %llu blocks handed on\n",
              static_cast<unsigned long long>(shared.realms.load()),
              static_cast<unsigned long long>(shared.parcels.load()));
  return 0;
}
