// Advice on moving: that following it empties pages and ends, that it names no other blocks, and
// that nothing it is given does harm.
#include <gtest/gtest.h>
#include <mimalloc-stats.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "api_test_support.h"

namespace {

using api_test::address_of;
using api_test::block_bytes;
using api_test::kKiB;
using api_test::kPadding;

constexpr std::size_t kSlice = 64 * kKiB;
constexpr unsigned kSeed = 20;  // of which blocks are freed: any will do

// What a program would keep of its data: a pointer that may change, and what it should find there.
struct Item {
  void* block;
  std::size_t size;
  unsigned pattern;
  std::size_t alignment = 0;
  mi_heap_t* heap = nullptr;
};

void* allocate_for(const Item& item) {
  mi_heap_t* const heap = item.heap != nullptr ? item.heap : mi_heap_get_default();
  return item.alignment == 0 ? mi_heap_malloc(heap, item.size)
                             : mi_heap_malloc_aligned(heap, item.size, item.alignment);
}

void add_item(std::vector<Item>* items, Item item) {
  item.block = allocate_for(item);
  ASSERT_NE(item.block, nullptr);
  api_test::fill(item.block, 0, item.size, item.pattern);
  items->push_back(item);
}

std::vector<Item> make_items(std::size_t count, std::size_t size, mi_heap_t* heap = nullptr) {
  std::vector<Item> items;
  items.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    add_item(&items, {nullptr, size, static_cast<unsigned>(i), 0, heap});
  }
  return items;
}

// Frees all but about one in `keep`, at random.
void thin_out(std::vector<Item>* items, unsigned keep) {
  std::mt19937 random(kSeed);
  std::vector<Item> kept;
  for (const Item& item : *items) {
    if (random() % keep == 0) {
      kept.push_back(item);
    } else {
      mi_free(item.block);
    }
  }
  items->swap(kept);
}

void free_items(std::vector<Item>* items) {
  for (const Item& item : *items) mi_free(item.block);
  items->clear();
}

bool all_intact(const std::vector<Item>& items) {
  return std::all_of(items.begin(), items.end(), [](const Item& item) {
    return api_test::first_difference(item.block, 0, item.size, item.pattern) == item.size;
  });
}

std::set<std::uintptr_t> slices_of(const std::vector<Item>& items) {
  std::set<std::uintptr_t> slices;
  for (const Item& item : items) slices.insert(address_of(item.block) / kSlice);
  return slices;
}

struct Advice {
  std::vector<unsigned char> move;
  std::size_t blocks = 0;
  std::size_t bytes = 0;
};

Advice ask(const std::vector<void*>& blocks) {
  static_assert(sizeof(bool) == 1);
  Advice advice;
  advice.move.assign(blocks.size(), 1);
  advice.blocks = ashlar_should_move(blocks.data(), blocks.size(),
                                     reinterpret_cast<bool*>(advice.move.data()), &advice.bytes);
  return advice;
}

Advice ask(const std::vector<Item>& items) {
  std::vector<void*> blocks;
  for (const Item& item : items) blocks.push_back(item.block);
  return ask(blocks);
}

std::size_t count_moves(const Advice& advice) {
  return static_cast<std::size_t>(std::count(advice.move.begin(), advice.move.end(), 1));
}

void follow(const Advice& advice, std::vector<Item>* items) {
  for (std::size_t i = 0; i < items->size(); ++i) {
    if (advice.move[i] == 0) continue;
    Item& item = (*items)[i];
    void* const copy = allocate_for(item);
    ASSERT_NE(copy, nullptr);
    std::memcpy(copy, item.block, item.size);
    mi_free(item.block);
    item.block = copy;
  }
}

// Rounds until nothing is left to move, and what was moved.
struct Result {
  int rounds = 0;
  std::size_t moved = 0;
  std::size_t bytes = 0;
};

constexpr int kRoundsMax = 10;

Result defragment(std::vector<Item>* items) {
  Result result;
  for (; result.rounds < kRoundsMax; ++result.rounds) {
    const Advice advice = ask(*items);
    EXPECT_EQ(count_moves(advice), advice.blocks);
    if (advice.blocks == 0) break;
    follow(advice, items);
    result.moved += advice.blocks;
    result.bytes += advice.bytes;
  }
  return result;
}

std::int64_t page_bytes() {
  mi_stats_t stats{};
  stats.size = sizeof stats;
  stats.version = MI_STAT_VERSION;
  EXPECT_TRUE(mi_stats_get(&stats));
  return stats.page_committed.current;
}

TEST(Defragment, MovingEmptiesPagesAndEnds) {
  for (const std::size_t size : {16u, 100u, 500u, 1500u, 6000u}) {
    std::vector<Item> items = make_items(400 * kSlice / block_bytes(size) / 10, size);
    thin_out(&items, 5);
    const std::int64_t before = page_bytes();
    const Result result = defragment(&items);
    EXPECT_LE(result.rounds, 2) << size;
    EXPECT_GT(result.moved, 0u) << size;
    EXPECT_LT(result.moved, items.size()) << size << ": the fullest pages stay where they are";
    // 40 pages a fifth full: eight would do; one more where the last one is not full.
    EXPECT_LE(slices_of(items).size(), 10u) << size;
    const std::int64_t back = before - page_bytes();
    EXPECT_GE(back, static_cast<std::int64_t>(28 * kSlice)) << size;
    EXPECT_LE(static_cast<std::int64_t>(result.bytes), back) << size;
    EXPECT_GE(result.bytes, 24 * kSlice) << size;
    EXPECT_TRUE(all_intact(items)) << size;
    free_items(&items);
  }
}

TEST(Defragment, MixedSizesAndAlignments) {
  std::mt19937 random(kSeed);
  std::vector<Item> items;
  for (unsigned i = 0; i < 60000; ++i) {
    const std::size_t size = 1 + random() % (i % 50 == 0 ? 32 * kKiB : i % 5 == 0 ? 2000 : 150);
    const std::size_t alignment = i % 7 == 0 ? std::size_t{8} << random() % 6 : 0;
    add_item(&items, {nullptr, size, i, alignment});
  }
  thin_out(&items, 6);
  const std::int64_t before = page_bytes();
  const Result result = defragment(&items);
  EXPECT_LT(result.rounds, kRoundsMax);
  EXPECT_LT(page_bytes(), before * 2 / 3);
  EXPECT_TRUE(all_intact(items));
  free_items(&items);
}

TEST(Defragment, DenseBlocksStay) {
  std::vector<Item> items = make_items(5000, 320);
  EXPECT_LE(defragment(&items).rounds, 1);
  const Advice advice = ask(items);
  EXPECT_EQ(advice.blocks, 0u);
  EXPECT_EQ(advice.bytes, 0u);
  EXPECT_EQ(count_moves(advice), 0u);
  free_items(&items);
}

// Of pages with the same number of live blocks those at low addresses stay.
TEST(Defragment, HighAddressesEmptyFirst) {
  constexpr std::size_t kSize = 1024 - kPadding;
  std::vector<Item> items = make_items(64 * 40, kSize);
  const std::set<std::uintptr_t> slices = slices_of(items);
  std::vector<Item> kept;
  std::size_t in_slice[2] = {0, 0};  // the slice that was looked at last, and blocks kept there
  std::sort(items.begin(), items.end(),
            [](const Item& a, const Item& b) { return address_of(a.block) < address_of(b.block); });
  for (const Item& item : items) {
    const std::uintptr_t slice = address_of(item.block) / kSlice;
    if (slice != in_slice[0]) {
      in_slice[0] = slice;
      in_slice[1] = 0;
    }
    if (in_slice[1]++ < 8) {
      kept.push_back(item);
    } else {
      mi_free(item.block);
    }
  }
  defragment(&kept);
  const std::set<std::uintptr_t> left = slices_of(kept);
  EXPECT_LE(left.size(), slices.size() / 8 + 2);
  EXPECT_LT(*left.rbegin(), *std::next(slices.begin(), static_cast<long>(slices.size() / 4)));
  EXPECT_TRUE(all_intact(kept));
  free_items(&kept);
}

// The one block of each page that is not offered keeps all of them where they are.
TEST(Defragment, PagesThatAreNotOfferedAsAWholeAreLeftAlone) {
  std::vector<Item> items = make_items(20000, 256);
  thin_out(&items, 8);
  std::vector<Item> offered;
  std::vector<Item> held_back;
  std::set<std::uintptr_t> seen;
  for (const Item& item : items) {
    (seen.insert(address_of(item.block) / kSlice).second ? held_back : offered).push_back(item);
  }
  EXPECT_EQ(ask(offered).blocks, 0u);
  EXPECT_GT(ask(items).blocks, 0u);
  free_items(&offered);
  free_items(&held_back);
}

TEST(Defragment, AnEmptyOfferIsNothing) {
  bool move = true;
  void* block = mi_malloc(100);
  std::size_t bytes = 7;
  EXPECT_EQ(ashlar_should_move(&block, 0, &move, &bytes), 0u);
  EXPECT_TRUE(move);
  EXPECT_EQ(bytes, 0u);
  EXPECT_EQ(ashlar_should_move(nullptr, 5, &move, nullptr), 0u);
  EXPECT_EQ(ashlar_should_move(&block, 1, nullptr, nullptr), 0u);
  EXPECT_EQ(ashlar_should_move(&block, 1, &move, nullptr), 0u);
  EXPECT_FALSE(move);
  mi_free(block);
}

TEST(Defragment, OddPointersAreNotToMoveAndDoNoHarm) {
  api_test::ErrorRecorder errors;
  std::vector<Item> items = make_items(10000, 480);
  thin_out(&items, 6);
  void* const huge = mi_malloc(1000 * kKiB);
  void* const vast = mi_malloc(100 * 1000 * kKiB);
  static int somewhere;
  const auto odd = [](std::uintptr_t address) { return reinterpret_cast<void*>(address); };
  std::vector<void*> blocks = {nullptr,
                               &somewhere,
                               &items,
                               huge,
                               vast,
                               odd(8),
                               odd(address_of(items[0].block) + 8),
                               odd(address_of(items[1].block) / kSlice * kSlice + kSlice - 1),
                               odd(std::uintptr_t{0xdead} << 48),
                               odd(~std::uintptr_t{0})};
  const std::size_t strange = blocks.size();
  for (const Item& item : items) blocks.push_back(item.block);
  Advice advice = ask(blocks);
  EXPECT_GT(advice.blocks, 0u);
  EXPECT_EQ(count_moves(advice), advice.blocks);
  for (std::size_t i = 0; i < strange; ++i) EXPECT_EQ(advice.move[i], 0) << i;
  advice.move.erase(advice.move.begin(), advice.move.begin() + static_cast<long>(strange));
  follow(advice, &items);
  EXPECT_TRUE(all_intact(items));
  EXPECT_EQ(errors.take(), std::vector<int>{});
  mi_free(huge);
  mi_free(vast);
  free_items(&items);
}

// Blocks that were freed, and blocks that are there twice, keep their pages from being chosen.
TEST(Defragment, MistakesCostTheirPagesOnly) {
  api_test::ErrorRecorder errors;
  constexpr std::size_t kSize = 640;
  std::vector<Item> items = make_items(10000, kSize);
  const std::vector<Item> all = items;
  thin_out(&items, 6);
  const Advice right = ask(items);
  std::vector<void*> blocks;
  for (const Item& item : items) blocks.push_back(item.block);

  std::vector<void*> twice = blocks;
  twice.insert(twice.end(), blocks.begin(), blocks.end());
  EXPECT_EQ(ask(twice).blocks, 0u);

  // As many pointers as there are live blocks, but one block twice, and another one left out.
  std::vector<void*> replaced = blocks;
  std::sort(replaced.begin(), replaced.end());
  for (std::size_t i = 1; i < replaced.size(); ++i) {
    if (address_of(replaced[i]) / kSlice == address_of(replaced[i - 1]) / kSlice) {
      replaced[i] = replaced[i - 1];
    }
  }
  EXPECT_EQ(ask(replaced).blocks, 0u);

  std::vector<void*> freed;  // all that there ever were
  for (const Item& item : all) freed.push_back(item.block);
  EXPECT_EQ(ask(freed).blocks, 0u);

  EXPECT_EQ(ask(items).blocks, right.blocks);
  EXPECT_EQ(errors.take(), std::vector<int>{});
  free_items(&items);
  // What it was given is gone, pages and all.
  EXPECT_EQ(ask(blocks).blocks, 0u);
}

TEST(Defragment, BlocksOfAHeapMoveWithinIt) {
  mi_heap_t* const heap = mi_heap_new();
  ASSERT_NE(heap, nullptr);
  std::vector<Item> items = make_items(10000, 448, heap);
  std::vector<Item> others = make_items(200, 448);
  thin_out(&items, 6);
  const std::size_t before = slices_of(items).size();
  std::vector<Item> both = items;
  both.insert(both.end(), others.begin(), others.end());
  EXPECT_LE(defragment(&both).rounds, 2);
  items.assign(both.begin(), both.begin() + static_cast<long>(items.size()));
  others.assign(both.begin() + static_cast<long>(items.size()), both.end());
  EXPECT_LE(slices_of(items).size(), before / 4);
  EXPECT_TRUE(all_intact(items));
  EXPECT_TRUE(all_intact(others));
  mi_heap_destroy(heap);
  free_items(&others);
}

// A thread that holds blocks until it is told to end.
class Holder {
 public:
  explicit Holder(void (*make)(std::vector<Item>*))
      : thread_([this, make] {
          make(&items_);
          std::unique_lock<std::mutex> lock(mutex_);
          ready_ = true;
          changed_.notify_all();
          changed_.wait(lock, [this] { return over_; });
        }) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return ready_; });
  }
  const std::vector<Item>& items() const { return items_; }
  void end() {
    {
      const std::lock_guard<std::mutex> guard(mutex_);
      over_ = true;
      changed_.notify_all();
    }
    thread_.join();
  }

 private:
  std::vector<Item> items_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ready_ = false;
  bool over_ = false;
  std::thread thread_;  // last: it uses the others
};

// A sixth of what a third of a page holds, in each of some classes: so that no page becomes full,
// and all stay their thread's.
void make_few(std::vector<Item>* items) {
  for (const std::size_t size : {200u, 300u, 400u, 600u, 800u}) {
    std::vector<Item> some = make_items(kSlice / size / 3, size);
    thin_out(&some, 6);
    items->insert(items->end(), some.begin(), some.end());
  }
}

TEST(Defragment, BlocksInPagesOfOtherThreadsStay) {
  Holder holder(make_few);
  const std::vector<Item>& theirs = holder.items();
  std::vector<Item> items = theirs;
  for (const std::size_t size : {200u, 300u, 400u, 600u, 800u}) {
    std::vector<Item> some = make_items(2 * kSlice / size, size);
    thin_out(&some, 6);
    items.insert(items.end(), some.begin(), some.end());
  }
  const Result mine = defragment(&items);
  EXPECT_GT(mine.moved, 0u);
  EXPECT_LT(mine.rounds, kRoundsMax);
  for (std::size_t i = 0; i < theirs.size(); ++i) EXPECT_EQ(items[i].block, theirs[i].block);
  holder.end();
  // Nobody's now, and this thread has room for them.
  const std::size_t before = slices_of(items).size();
  const Result all = defragment(&items);
  EXPECT_LT(all.rounds, kRoundsMax);
  EXPECT_LE(slices_of(items).size(), before - 5);
  EXPECT_TRUE(all_intact(items));
  free_items(&items);
}

void make_many(std::vector<Item>* items) {
  *items = make_items(8000, 768);
  thin_out(items, 6);
}

TEST(Defragment, BlocksOfThreadsThatEndedMove) {
  Holder one(make_many);
  Holder two(make_many);
  one.end();
  two.end();
  std::vector<Item> items = one.items();
  items.insert(items.end(), two.items().begin(), two.items().end());
  const std::size_t before = slices_of(items).size();
  const std::int64_t pages = page_bytes();
  const Result result = defragment(&items);
  EXPECT_LE(result.rounds, 2);
  EXPECT_LE(slices_of(items).size(), before / 3);
  EXPECT_LT(page_bytes(), pages);
  EXPECT_TRUE(all_intact(items));
  free_items(&items);
}

// Other threads free blocks of this one's pages, allocate and end, while it defragments.
TEST(Defragment, OtherThreadsMayGoOn) {
  constexpr std::size_t kSize = 352;
  std::vector<Item> items = make_items(20000, kSize);
  std::vector<void*> theirs;
  thin_out(&items, 3);
  for (std::size_t i = items.size() / 2; i < items.size(); ++i) theirs.push_back(items[i].block);
  items.resize(items.size() / 2);
  std::atomic<bool> over{false};
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      while (!over.load(std::memory_order_acquire)) {
        std::thread([&] {
          std::vector<void*> blocks;
          for (int i = 0; i < 300; ++i) {
            blocks.push_back(mi_malloc(kSize));
            const std::size_t mine = next.fetch_add(1, std::memory_order_relaxed);
            if (mine < theirs.size()) mi_free(theirs[mine]);
          }
          for (void* block : blocks) mi_free(block);
        }).join();
      }
    });
  }
  for (int i = 0; i < 50; ++i) {
    follow(ask(items), &items);
    ASSERT_TRUE(all_intact(items));
  }
  over.store(true, std::memory_order_release);
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = next.load(std::memory_order_relaxed); i < theirs.size(); ++i) {
    mi_free(theirs[i]);
  }
  EXPECT_LT(defragment(&items).rounds, kRoundsMax);
  EXPECT_TRUE(all_intact(items));
  free_items(&items);
}

// What the program does between the rounds may undo some of it, but never makes it endless.
TEST(Defragment, EndsThoughOtherBlocksComeAndGo) {
  constexpr std::size_t kSize = 208;
  std::vector<Item> items = make_items(30000, kSize);
  thin_out(&items, 6);
  std::vector<Item> others;
  int rounds = 0;
  for (; rounds < kRoundsMax; ++rounds) {
    const Advice advice = ask(items);
    if (advice.blocks == 0) break;
    for (unsigned i = 0; i < 200; ++i) add_item(&others, {nullptr, kSize, i});
    follow(advice, &items);
  }
  EXPECT_LT(rounds, kRoundsMax);
  EXPECT_TRUE(all_intact(items));
  free_items(&others);
  free_items(&items);
}

}  // namespace
