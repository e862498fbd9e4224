// Stress: blocks of mixed sizes that wander between threads through one table of shared slots, so
// that most frees are remote and every thread frees what any other allocated. Threads are replaced
// in every round while their blocks live on. Long-lived structure is not its subject.
#include <memory>
#include <thread>
#include <vector>

#include "exchange.h"
#include "rest.h"
#include "stress.h"

namespace {

constexpr std::size_t kSlots = 2048;
constexpr std::size_t kLargest = std::size_t{4} << 20;

struct Shared {
  stress::Exchange<kSlots> exchange;
  stress::Budget budget{std::size_t{192} << 20};
  std::atomic<std::uint64_t> moved{0};
};

void drop(Shared& shared, stress::Block* record) {
  stress::release(*record, "taken from a slot");
  shared.budget.give_back(record->size);
  stress::free_record(record);
}

void work(Shared& shared, std::uint64_t seed, const stress::Deadline& round_end) {
  stress::Random random(seed);
  std::uint64_t moved = 0;
  while (!round_end.passed()) {
    for (int i = 0; i < 256; i++) {
      const std::size_t size = random.size(kLargest);
      stress::Block* record = nullptr;
      if (!random.one_in(3) && shared.budget.take(size))
        record = stress::make_record(stress::allocate(random, size));
      stress::Block* const old = shared.exchange.swap(random.below(kSlots), record);
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
      drop(shared, old);
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
    stress::check_orphans();
  }
  shared->exchange.drain([&](stress::Block* record) { drop(*shared, record); });
  stress::check_at_rest("all blocks of all threads were freed");
  const std::uint64_t moved = shared->moved.load(std::memory_order_relaxed);  // relaxed: joined.
  if (moved == 0) stress::fail("no block ever changed hands");
  std::printf("ok: %llu blocks changed hands in %llu rounds\n",
              static_cast<unsigned long long>(moved), static_cast<unsigned long long>(round));
}
