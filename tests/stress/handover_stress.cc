// Stress: pages that are full, are handed over, and come back by a free. All threads allocate of
// the same few sizes, so that pages fill up and stay full for a while, and free what they find in
// shared slots: single blocks, or whole stretches that empty pages at once. Sizes of all kinds are
// the subject of migrate_stress; threads that sleep, of pool_stress.
#include <memory>
#include <thread>
#include <vector>

#include "exchange.h"
#include "rest.h"
#include "stress.h"

namespace {

// A few dozen pages of each size: small ones of 8, 64 and 500 blocks, and medium ones of 8.
constexpr std::size_t kSizes[] = {7 << 10, 1 << 10, 128, 30 << 10};
constexpr std::size_t kSlotsOfASize[] = {512, 4096, 20000, 400};
constexpr std::size_t kKinds = sizeof kSizes / sizeof kSizes[0];

constexpr std::size_t first_slot(std::size_t kind) {
  return kind == 0 ? 0 : first_slot(kind - 1) + kSlotsOfASize[kind - 1];
}

using Slots = stress::Exchange<first_slot(kKinds)>;

struct Shared {
  Slots slots;
  std::atomic<std::uint64_t> freed{0};
};

struct Worker {
  Worker(Shared& all, std::uint64_t seed) : shared(all), random(seed) {}

  void put(std::size_t kind) {
    const std::size_t slot = first_slot(kind) + random.below(kSlotsOfASize[kind]);
    drop(shared.slots.swap(slot, stress::make_record(stress::allocate(random, kSizes[kind]))));
  }

  // Slots in a row were mostly not filled in a row: their blocks lie in many pages.
  void take_stretch(std::size_t kind) {
    const std::size_t count = 1 + random.below(kSlotsOfASize[kind] / 2);
    const std::size_t from = random.below(kSlotsOfASize[kind] - count + 1);
    for (std::size_t i = 0; i < count; i++)
      drop(shared.slots.swap(first_slot(kind) + from + i, nullptr));
  }

  // Fills a stretch in a row, so that its pages become full one after the other.
  void fill_stretch(std::size_t kind) {
    const std::size_t count = 1 + random.below(kSlotsOfASize[kind] / 4);
    const std::size_t from = random.below(kSlotsOfASize[kind] - count + 1);
    for (std::size_t i = 0; i < count; i++)
      drop(shared.slots.swap(first_slot(kind) + from + i,
                             stress::make_record(stress::allocate(random, kSizes[kind]))));
  }

  void run(const stress::Deadline& end) {
    while (!end.passed()) {
      const std::size_t kind = random.below(kKinds);
      const std::uint64_t what = random.below(16);
      if (what == 0) {
        take_stretch(kind);
      } else if (what < 3) {
        fill_stretch(kind);
      } else {
        for (int i = 0; i < 64 && !end.passed(); i++) put(kind);
      }
      if (random.one_in(128)) mi_collect(random.one_in(4));
    }
    shared.freed.fetch_add(freed, std::memory_order_relaxed);  // relaxed: read after the joins.
  }

  void drop(stress::Block* record) {
    if (record == nullptr) return;
    stress::release(*record, "taken from a slot");
    stress::free_record(record);
    freed++;
  }

  Shared& shared;
  stress::Random random;
  std::uint64_t freed = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const stress::Options options = stress::parse_options(argc, argv);
  auto shared = std::make_unique<Shared>();
  const stress::Deadline end(options.seconds);
  stress::Random random(options.seed);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < options.threads; i++) {
    threads.emplace_back([&, seed = random.next()] { Worker(*shared, seed).run(end); });
  }
  for (auto& thread : threads) thread.join();
  threads.clear();
  stress::check_orphans();

  Worker last(*shared, random.next());
  shared->slots.drain([&](stress::Block* record) { last.drop(record); });
  const std::uint64_t freed = shared->freed.load(std::memory_order_relaxed);  // relaxed: joined.
  if (freed == 0) stress::fail("nothing was freed");
  shared.reset();
  stress::check_at_rest("all slots are empty");
  std::printf("ok: %llu blocks freed into pages that fill up\n",
              static_cast<unsigned long long>(freed));
}
