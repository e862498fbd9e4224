// Stress: the very moment of a thread's end. Its blocks stand in shared slots while it still
// runs, so that others free into its pages before, while and after it lets go of them; the next
// thread gets the same stack, and with it the same id. Threads end in all ways there are, and some
// allocate and free after the allocator has been told. What becomes of blocks that are left behind
// for long is turnover_stress's.
#include <memory>
#include <thread>
#include <vector>

#include <pthread.h>

#include "exchange.h"
#include "rest.h"
#include "stress.h"

namespace {

constexpr std::size_t kSlots = 512;
constexpr std::size_t kLargest = std::size_t{64} << 10;
constexpr std::size_t kFewSizes[] = {24, 200, 1000, 7000, 30000};

struct Shared {
  stress::Exchange<kSlots> slots;
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> ended{0};
  std::atomic<std::uint64_t> freed{0};
};

void drop(stress::Block* record, const char* when) {
  if (record == nullptr) return;
  stress::release(*record, when);
  stress::free_record(record);
}

// Puts new blocks in slots, and frees what stood there.
void put_some(Shared& shared, stress::Random& random, std::size_t count) {
  const std::size_t one_of_few = kFewSizes[random.below(sizeof kFewSizes / sizeof kFewSizes[0])];
  for (std::size_t i = 0; i < count; i++) {
    const std::size_t size = random.one_in(4) ? random.size(kLargest) : one_of_few;
    drop(shared.slots.swap(random.below(kSlots),
                           stress::make_record(stress::allocate(random, size))),
         "displaced by a thread about to end");
  }
}

// Runs among the destructors of the thread, some before and some after the allocator's own.
struct AtEnd {
  ~AtEnd() {
    if (shared == nullptr) return;
    stress::Random random(seed);
    put_some(*shared, random, random.below(20));
  }
  Shared* shared = nullptr;
  std::uint64_t seed = 0;
};
thread_local AtEnd at_end;

pthread_key_t late_key;  // its destructor comes after all thread_local objects are gone

struct Late {
  Shared* shared;
  std::uint64_t seed;
  bool again;  // once more, in the next round of destructors
};

void late_destructor(void* value) {
  Late* const late = static_cast<Late*>(value);
  stress::Random random(late->seed);
  Shared& shared = *late->shared;
  const bool again = late->again;
  delete late;
  put_some(shared, random, random.below(20));
  // By then the allocator's own has run for sure. Not a third time: the last of the four rounds
  // belongs to ThreadSanitizer.
  if (again) pthread_setspecific(late_key, new Late{&shared, random.next(), false});
}

struct Start {
  Shared* shared;
  std::uint64_t seed;
};

void* short_life(void* argument) {
  auto* const start = static_cast<Start*>(argument);
  Shared& shared = *start->shared;
  stress::Random random(start->seed);
  delete start;
  if (random.one_in(4)) at_end.shared = &shared;
  at_end.seed = random.next();
  if (random.one_in(4))
    pthread_setspecific(late_key, new Late{&shared, random.next(), random.one_in(2)});
  put_some(shared, random, 1 + random.below(200));
  shared.ended.fetch_add(1, std::memory_order_relaxed);  // relaxed: read after the joins.
  switch (random.below(5)) {
    case 0:
      mi_thread_done();
      break;
    case 1:  // A heap again, of the same thread.
      mi_thread_done();
      put_some(shared, random, 1 + random.below(50));
      break;
    case 2:
      pthread_exit(nullptr);
    default:
      break;
  }
  return nullptr;
}

void start_threads(Shared& shared, std::uint64_t seed) {
  stress::Random random(seed);
  // relaxed: only says when to stop.
  while (!shared.stop.load(std::memory_order_relaxed)) {
    pthread_t threads[4];
    const std::size_t count = 1 + random.below(4);
    for (std::size_t i = 0; i < count; i++) {
      if (pthread_create(&threads[i], nullptr, short_life, new Start{&shared, random.next()}) != 0)
        stress::fail("cannot start a thread");
    }
    for (std::size_t i = 0; i < count; i++) pthread_join(threads[i], nullptr);
  }
}

void free_all(Shared& shared, std::uint64_t seed) {
  stress::Random random(seed);
  std::vector<stress::Block> mine;
  std::uint64_t freed = 0;
  // relaxed: only says when to stop.
  while (!shared.stop.load(std::memory_order_relaxed)) {
    const std::size_t from = random.below(kSlots);
    for (std::size_t i = 0; i < 32; i++) {
      stress::Block* const record = shared.slots.swap((from + i) % kSlots, nullptr);
      if (record == nullptr) continue;
      // Of the same size, to adopt what the threads leave.
      if (random.one_in(4)) mine.push_back(stress::allocate(random, record->size));
      drop(record, "of a thread that ends");
      freed++;
    }
    while (mine.size() > 500 || (!mine.empty() && random.one_in(3))) {
      stress::release(mine.back(), "allocated beside threads that end");
      mine.pop_back();
    }
    if (random.one_in(8)) std::this_thread::yield();
  }
  for (const auto& block : mine) stress::release(block, "at the end");
  shared.freed.fetch_add(freed, std::memory_order_relaxed);  // relaxed: read after the joins.
}

}  // namespace

int main(int argc, char** argv) {
  const stress::Options options = stress::parse_options(argc, argv);
  if (pthread_key_create(&late_key, late_destructor) != 0) stress::fail("no key is left");
  auto shared = std::make_unique<Shared>();
  stress::Random random(options.seed);
  // Both kinds are needed.
  const unsigned lasting = options.threads < 2 ? 2 : options.threads;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < lasting; i++)
    threads.emplace_back(i < (lasting + 1) / 2 ? start_threads : free_all, std::ref(*shared),
                         random.next());
  const stress::Deadline end(options.seconds);
  while (!end.passed()) {
    const timespec moment{0, 10'000'000};
    nanosleep(&moment, nullptr);
  }
  shared->stop.store(true, std::memory_order_relaxed);  // relaxed: only says when to stop.
  for (auto& thread : threads) thread.join();
  threads.clear();
  stress::check_orphans();

  shared->slots.drain([](stress::Block* record) { drop(record, "at the end"); });
  // relaxed: all threads were joined.
  const std::uint64_t ended = shared->ended.load(std::memory_order_relaxed);
  const std::uint64_t freed = shared->freed.load(std::memory_order_relaxed);
  if (ended == 0 || freed == 0) stress::fail("no block of a thread that ended was freed");
  shared.reset();
  stress::check_at_rest("all threads have ended and all was freed");
  std::printf("ok: %llu threads ended, %llu of their blocks were freed meanwhile by others\n",
              static_cast<unsigned long long>(ended), static_cast<unsigned long long>(freed));
}
