// Records for the allocator itself: zero, aligned, used again, and refused cleanly.
#include "arena/metadata_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "fake_os.h"

namespace ashlar {
namespace {

class MetadataPoolTest : public FakeOsTest {
 protected:
  MetadataPoolTest() {
    arenas_->configure({.reserve = 16 * kMiB, .purge_delay_ms = 100, .os_allowed = true});
  }
  static bool is_zero(const void* record, std::size_t size) {
    const auto* bytes = static_cast<const unsigned char*>(record);
    for (std::size_t i = 0; i < size; ++i) {
      if (bytes[i] != 0) {
        return false;
      }
    }
    return true;
  }

  std::unique_ptr<ArenaSet<FakeOs>> arenas_ = std::make_unique<ArenaSet<FakeOs>>();
  MetadataPool<FakeOs> pool_{*arenas_};
};

TEST_F(MetadataPoolTest, RecordsAreZeroAlignedAndApart) {
  std::set<char*> seen;
  for (int i = 0; i < 500; ++i) {
    const std::size_t size = i % 3 == 0 ? 200 : i % 3 == 1 ? 64 : 3000;
    auto* const record = static_cast<char*>(pool_.allocate(size));
    ASSERT_NE(record, nullptr);
    EXPECT_TRUE(is_aligned(record, kCacheLine));
    EXPECT_TRUE(is_zero(record, size));
    std::memset(record, 0xAB, size);
    const auto [at, inserted] = seen.insert(record);
    ASSERT_TRUE(inserted);
    if (at != seen.begin()) {
      EXPECT_GE(record - *std::prev(at), 64);
    }
  }
}

TEST_F(MetadataPoolTest, AReleasedRecordIsHandedOutAgainZeroed) {
  void* const record = pool_.allocate(1000);
  std::memset(record, 0xFF, 1000);
  pool_.release(record, 1000);
  EXPECT_NE(pool_.allocate(64), record) << "a list a size";
  void* const again = pool_.allocate(1000);
  EXPECT_EQ(again, record);
  EXPECT_TRUE(is_zero(again, 1000));
}

TEST_F(MetadataPoolTest, ComingAndGoingTakesNoFurtherMemory) {
  pool_.release(pool_.allocate(3000), 3000);
  const std::uint64_t before = os().reserves.load(std::memory_order_relaxed);
  for (int i = 0; i < 1000; ++i) {
    void* const record = pool_.allocate(3000);
    ASSERT_NE(record, nullptr);
    pool_.release(record, 3000);
  }
  EXPECT_EQ(os().reserves.load(std::memory_order_relaxed), before);
}

TEST_F(MetadataPoolTest, CutsRecordsFromAnArenaWhereThereIsOne) {
  Claim<FakeOs> claim;
  ASSERT_TRUE(arenas_->claim({1}, {1}, &claim));
  const std::uint64_t before = os().reserves.load(std::memory_order_relaxed);
  void* const record = pool_.allocate(128);
  // Profiles that guard keep records apart from blocks.
  EXPECT_EQ(os().reserves.load(std::memory_order_relaxed), before + (kActive.guard_pages ? 1 : 0));
  EXPECT_EQ(arenas_->arena_of(record), kActive.guard_pages ? nullptr : claim.arena);
}

TEST_F(MetadataPoolTest, RecordsAreZeroEvenInSlicesThatWereUsed) {
  Claim<FakeOs> claim;
  ASSERT_TRUE(arenas_->claim({1}, {1}, &claim));
  std::memset(claim.start(), 0xFF, kSliceSize);
  arenas_->release(claim.arena, claim.run, claim.run.count, Contents::kUnknown, 0);
  for (std::size_t at = 0; at + 4096 <= kSliceSize; at += 4096) {
    ASSERT_TRUE(is_zero(pool_.allocate(4096), 4096));
  }
}

TEST_F(MetadataPoolTest, FailsCleanlyWhereThereIsNoMemory) {
  os().reserve_fails = true;
  EXPECT_EQ(pool_.allocate(128), nullptr);
  os().reserve_fails = false;
  void* const record = pool_.allocate(128);
  ASSERT_NE(record, nullptr);
  os().reserve_fails = true;
  pool_.release(record, 128);
  EXPECT_EQ(pool_.allocate(128), record) << "what it has needs no memory";
}

TEST_F(MetadataPoolTest, RefusesMoreSizesThanItHasListsAndRecordsAboveASlice) {
  for (std::size_t i = 1; i <= 12; ++i) {
    ASSERT_NE(pool_.allocate(i * kCacheLine), nullptr);
  }
  EXPECT_EQ(pool_.allocate(13 * kCacheLine), nullptr);
  EXPECT_NE(pool_.allocate(1), nullptr) << "sizes that round to the same are one size";
  EXPECT_NE(pool_.allocate(8 * kCacheLine), nullptr);

  MetadataPool<FakeOs> other{*arenas_};
  EXPECT_EQ(other.allocate(kSliceSize + 1), nullptr);
}

TEST_F(MetadataPoolTest, ThreadsGetRecordsOfTheirOwn) {
  std::vector<std::thread> threads;
  std::atomic<int> errors{0};
  for (int id = 1; id <= 4; ++id) {
    threads.emplace_back([&, id] {
      for (int i = 0; i < 500; ++i) {
        auto* const record = static_cast<unsigned char*>(pool_.allocate(256));
        if (record == nullptr || !is_zero(record, 256)) {
          errors.fetch_add(1, std::memory_order_relaxed);
          continue;
        }
        std::memset(record, id, 256);
        std::this_thread::yield();
        if (record[0] != id || record[255] != id) {
          errors.fetch_add(1, std::memory_order_relaxed);
        }
        pool_.release(record, 256);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(errors.load(std::memory_order_relaxed), 0);
}

}  // namespace
}  // namespace ashlar
