// Stress: blocks of mixed sizes that wander between threads through one table of shared slots, so
// that most frees are remote and every thread frees what any other allocated. Threads are replaced
// in every round while their blocks live on. Long-lived structure is not its subject.
#include "stress.h"

#include <memory>
#include <new>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t kSlots = 2048;
constexpr std::size_t kLargest = std::size_t{4} << 20;

struct Slots {
  std::atomic<stress::Block*> slot[kSlots] = {};
};

struct Shared {
  Slots slots;
  stress::Budget budget{std::size_t{192} << 20};
  std::atomic<std::uint64_t> moved{0};
};

// The record that carries a block through the table comes from the allocator under test as well.
stress::Block* make_record(stress::Random& random, std::size_t size) {
  auto* const record = static_cast<stress::Block*>(mi_malloc(sizeof(stress::Block)));
  stress::check_shape(record, sizeof(stress::Block),
                      stress::natural_alignment(sizeof(stress::Block)));
  return new (record) stress::Block(stress::allocate(random, size));
}

void drop_record(Shared& shared, stress::Block* record) {
  stress::release(*record, "taken from a slot");
  shared.budget.give_back(record->size);
  mi_free(record);
}

void work(Shared& shared, std::uint64_t seed, const stress::Deadline& round_end) {
  stress::Random random(seed);
  std::uint64_t moved = 0;
  while (!round_end.passed()) {
    for (int i = 0; i < 256; i++) {
      const std::size_t size = random.size(kLargest);
      stress::Block* record = nullptr;
      if (!random.one_in(3) && shared.budget.take(size)) record = make_record(random, size);
      // acq_rel: hands our block's content over, and receives that of whoever put the other one.
      stress::Block* const old =
          shared.slots.slot[random.below(kSlots)].exchange(record, std::memory_order_acq_rel);
      if (old == nullptr) continue;
      moved++;
      if (random.one_in(8)) {
        const std::size_t before = old->size;
        const std::size_t after = random.size(kLargest / 16);
        if (shared.budget.take(after)) {
          stress::resize(random, *old, after, "before a realloc by another thread");
          shared.budget.give_back(before);
        }
      }
      drop_record(shared, old);
    }
    if (random.one_in(64)) mi_collect(random.one_in(2));
  }
  shared.moved.fetch_add(moved, std::memory_order_relaxed);  // relaxed: read after the joins.
}

}  // namespace

int main(int argc, char** argv) {
  const stress::Options options = stress::parse_options(argc, argv);
  auto shared = std::make_unique<Shared>();
  const stress::Deadline end(options.seconds);
  std::uint64_t round = 0;
  while (round == 0 || !end.passed()) {
    round++;
    const stress::Deadline round_end(options.seconds / 12);
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < options.threads; i++)
      threads.emplace_back(work, std::ref(*shared), stress::mix(options.seed + round * 1000 + i),
                           std::cref(round_end));
    for (auto& thread : threads) thread.join();
  }
  for (auto& slot : shared->slots.slot) {
    // relaxed: all threads were joined.
    if (stress::Block* const record = slot.load(std::memory_order_relaxed))
      drop_record(*shared, record);
  }
  const std::uint64_t moved = shared->moved.load(std::memory_order_relaxed);  // relaxed: joined.
  if (moved == 0) stress::fail("no block ever changed hands");
  std::printf("ok: %llu blocks changed hands in %llu rounds\n",
              static_cast<unsigned long long>(moved), static_cast<unsigned long long>(round));
}
