// Other machines: OS pages of 16 and 64 KiB, address spaces of 39 bits, and addresses beyond what
// the page map knows. The fake system demands whole OS pages in every call.
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <tuple>
#include <vector>

#include "arena/arena_set.h"
#include "arena/metadata_pool.h"
#include "arena/page_map.h"
#include "fake_os.h"
#include "support/touched.h"

namespace ashlar {
namespace {

constexpr std::size_t kAskedFor = 32 * kMiB;

class OsPagesTest : public FakeOsTest,
                    public testing::WithParamInterface<std::tuple<std::size_t, bool>> {
 protected:
  OsPagesTest() {
    os().page_size = std::get<0>(GetParam());
    os().overcommits = std::get<1>(GetParam());
    set_->configure({.reserve = kAskedFor, .purge_delay_ms = 0});
  }
  ~OsPagesTest() override {
    set_->unmap_unless([](const Arena<FakeOs>&) { return false; });
  }

  std::unique_ptr<ArenaSet<FakeOs>> set_ = std::make_unique<ArenaSet<FakeOs>>();
};

// Whatever is claimed can be used to its last byte, is zero where that is said, and shares no OS
// page with anybody.
TEST_P(OsPagesTest, ALifeOfClaimsAndPurges) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 generator(seed);
  const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(generator()) % n; };
  std::vector<Claim<FakeOs>> held;
  for (int i = 0; i < 2000; ++i) {
    Claim<FakeOs> claim;
    const std::uint32_t count = below(8) == 0 ? below(100) + 1 : below(4) + 1;
    if (below(2) == 0 && set_->claim({count}, {1U << below(3)}, &claim)) {
      const std::size_t size = std::size_t{count} * kSliceSize;
      auto* const bytes = static_cast<unsigned char*>(claim.start());
      ASSERT_EQ(address_of(bytes) % os().page_size, 0u);
      if (claim.contents == Contents::kZero) {
        ASSERT_EQ(bytes[0] | bytes[size / 2] | bytes[size - 1], 0);
      }
      bytes[0] = bytes[size / 2] = bytes[size - 1] = static_cast<unsigned char>(count);
      held.push_back(claim);
    } else if (!held.empty()) {
      std::swap(held[below(static_cast<std::uint32_t>(held.size()))], held.back());
      const Claim<FakeOs> gone = held.back();
      held.pop_back();
      const std::size_t size = std::size_t{gone.run.count.value} * kSliceSize;
      const auto* const bytes = static_cast<const unsigned char*>(gone.start());
      for (const std::size_t at : {std::size_t{0}, size / 2, size - 1}) {
        ASSERT_EQ(bytes[at], static_cast<unsigned char>(gone.run.count.value));
      }
      set_->release(gone.arena, gone.run, gone.run.count, Contents::kUnknown, 0);
    }
  }
  EXPECT_GT(os().purges.load(std::memory_order_relaxed), 0u);
  EXPECT_EQ(os().commits.load(std::memory_order_relaxed) == 0, os().overcommits);
}

// Touched memory is counted in whole OS pages: what holds the bytes, and never more than a slice.
TEST_P(OsPagesTest, TouchedBytesAreThoseOfWholePages) {
  const std::size_t page = os().page_size;
  Claim<FakeOs> claim;
  ASSERT_TRUE(set_->claim({3}, {1}, &claim));
  for (const std::size_t bytes :
       {std::size_t{1}, page, page + 1, kSliceSize, kSliceSize + 1, 3 * kSliceSize}) {
    EXPECT_EQ(claim.arena->untouched(claim.run, bytes), align_up(bytes, page)) << bytes;
  }
  const std::size_t before = touched_bytes.now();
  ASSERT_TRUE(touched_bytes.try_add(claim.arena->untouched(claim.run, 1)));
  claim.arena->mark_touched(claim.run, 1);
  EXPECT_EQ(claim.arena->untouched(claim.run, page), 0u);
  EXPECT_EQ(claim.arena->untouched(claim.run, kSliceSize), kSliceSize - page);
  set_->release(claim.arena, claim.run, {1}, Contents::kZero, 0);
  set_->purge_now();
  EXPECT_EQ(touched_bytes.now(), before);
}

TEST_P(OsPagesTest, AnArenaThatIsUnmappedCountsForNothing) {
  const std::size_t before = touched_bytes.now();
  Claim<FakeOs> claim;
  ASSERT_TRUE(set_->claim({3}, {1}, &claim));
  EXPECT_GE(touched_bytes.now(), before + os().page_size);
  set_->release(claim.arena, claim.run, {0}, claim.contents, 0);
  set_->unmap_unless([](const Arena<FakeOs>&) { return false; });
  EXPECT_EQ(touched_bytes.now(), before);
}

TEST_P(OsPagesTest, RecordsComeFromWholePages) {
  os().reserve_max = 2 * kMiB;  // no arena
  auto pool = std::make_unique<MetadataPool<FakeOs>>(*set_);
  for (int i = 0; i < 100; ++i) {
    auto* const record = static_cast<char*>(pool->allocate(2000));
    ASSERT_NE(record, nullptr);
    ASSERT_EQ(record[0] | record[1999], 0);
    record[0] = record[1999] = 1;
  }
  pool->unmap();
  EXPECT_EQ(os().mapping_count(), 0u);
}

INSTANTIATE_TEST_SUITE_P(ArenaSet, OsPagesTest,
                         testing::Combine(testing::Values(4 * kKiB, 16 * kKiB, 64 * kKiB),
                                          testing::Bool()),
                         [](const auto& made) {
                           return std::to_string(std::get<0>(made.param) / kKiB) + "KiB" +
                                  (std::get<1>(made.param) ? "" : "Committed");
                         });

class AddressesTest : public FakeOsTest {
 protected:
  std::unique_ptr<ArenaSet<FakeOs>> set_ = std::make_unique<ArenaSet<FakeOs>>();
};

// AddressSanitizer holds all addresses of 39 bits itself: there, these two do not exist.
#if !defined(__SANITIZE_ADDRESS__)
// All hints lie beyond the end, as those of the library do: the arenas lie where the system puts
// them, and the page map finds what is there.
TEST_F(AddressesTest, In39BitsHintsAreIgnoredAndAllIsFound) {
  os().addresses_end = std::uintptr_t{1} << 39;
  std::uintptr_t next = kHintStart;
  set_->configure({.reserve = kAskedFor, .next_address = &next});
  const auto map = std::make_unique<PageMap>();
  std::vector<Claim<FakeOs>> held;
  Claim<FakeOs> claim;
  while (set_->count_arenas() < 6 && set_->claim({64}, {1}, &claim)) {
    held.push_back(claim);
    auto* const page = static_cast<Page*>(claim.arena->page_entry(claim.run.first));
    ASSERT_TRUE(map->enter(claim.start(), 64 * kSliceSize, page));
  }
  ASSERT_EQ(set_->count_arenas(), 6u);
  for (const Claim<FakeOs>& each : held) {
    EXPECT_LT(address_of(each.start()), std::uintptr_t{1} << 39);
    Page* const page = static_cast<Page*>(each.arena->page_entry(each.run.first));
    EXPECT_EQ(map->find(each.start()), page);
    EXPECT_EQ(map->find(at_offset(each.start(), 64 * kSliceSize - 1)), page);
    map->remove(each.start(), 64 * kSliceSize);
    EXPECT_EQ(map->find(each.start()), nullptr);
  }
}

// Where there are too few addresses for an arena of the usual size, a smaller one will do.
TEST_F(AddressesTest, AnArenaIsAsLargeAsTheAddressesAllow) {
  os().addresses_end = os().next_address + 48 * kMiB;
  set_->configure({.reserve = kGiB});
  Claim<FakeOs> claim;
  ASSERT_TRUE(set_->claim({64}, {1}, &claim));
  EXPECT_LE(claim.arena->size(), 48 * kMiB);
}
#endif

// Memory that no page could be found in is not used, not even its first byte, and given back.
TEST_F(AddressesTest, MemoryBeyondThePageMapIsNotUsed) {
  os().beyond_map = true;
  set_->configure({.reserve = kAskedFor});
  Claim<FakeOs> claim;
  EXPECT_FALSE(set_->claim({1}, {1}, &claim));
  EXPECT_EQ(set_->count_arenas(), 0u);
  EXPECT_EQ(os().mapping_count(), 0u);
  EXPECT_EQ(set_->add_reserved(kAskedFor, {.committed = true}), nullptr);
  EXPECT_EQ(set_->add_memory({.start = reinterpret_cast<void*>(std::uintptr_t{1} << 50),
                              .size = kAskedFor,
                              .committed = true,
                              .zero = true}),
            nullptr);
  os().beyond_map = false;
  ASSERT_TRUE(set_->claim({1}, {1}, &claim));
  *static_cast<char*>(claim.start()) = 1;
}

TEST_F(AddressesTest, ThePageMapSaysWhatItCanHold) {
  constexpr std::uintptr_t kEnd = std::uintptr_t{1} << 48;
  EXPECT_TRUE(PageMap::can_hold(kSliceSize, kSliceSize));
  EXPECT_TRUE(PageMap::can_hold((std::uintptr_t{1} << 47) - kSliceSize, kSliceSize));
  EXPECT_TRUE(PageMap::can_hold(kEnd - kSliceSize, kSliceSize));
  EXPECT_FALSE(PageMap::can_hold(kEnd - kSliceSize, 2 * kSliceSize));
  EXPECT_FALSE(PageMap::can_hold(kEnd, kSliceSize));
  EXPECT_FALSE(PageMap::can_hold(std::uintptr_t{1} << 56, kSliceSize));
  EXPECT_FALSE(PageMap::can_hold(0 - kSliceSize, 2 * kSliceSize));
}

}  // namespace
}  // namespace ashlar
