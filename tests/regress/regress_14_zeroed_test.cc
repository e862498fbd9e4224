// Row 14: memory that must be zero is zero, whatever it held before: after reuse of every size
// class, after frees by other threads, after purges, and in what rezalloc adds.
#include "regress_support.h"

#include <gtest/gtest.h>

#include <sys/mman.h>

#include <initializer_list>
#include <thread>
#include <vector>

#include "page/padding.h"

namespace {

using regress::kKiB;
using regress::kMiB;

using ashlar::kPadding;

// Sizes around every size class and every kind of page, from small to beyond an arena's slices.
std::vector<std::size_t> sizes() {
  std::vector<std::size_t> all;
  for (std::size_t n = 1; n <= 256; n++) all.push_back(n);
  for (std::size_t n = 256; n <= (std::size_t{8} << 20); n += n / 8) {
    all.push_back(n - 1);
    all.push_back(n);
    all.push_back(n + 1);
  }
  all.push_back(std::size_t{48} << 20);
  return all;
}

std::size_t count_for(std::size_t size) { return size < 4096 ? 40 : size < (1 << 20) ? 4 : 1; }

void dirty_and_free(std::size_t size) {
  std::vector<void*> blocks;
  for (std::size_t i = 0; i < count_for(size); i++) {
    blocks.push_back(mi_malloc(size));
    ASSERT_NE(blocks.back(), nullptr);
    std::memset(blocks.back(), 0xA5, mi_usable_size(blocks.back()));
  }
  for (void* const block : blocks) mi_free(block);
}

void expect_zeroed(std::size_t size) {
  std::vector<void*> blocks;
  for (std::size_t i = 0; i < count_for(size); i++) {
    void* const block = i % 3 == 0   ? mi_calloc(1, size)
                        : i % 3 == 1 ? mi_zalloc(size)
                                     : mi_zalloc_aligned(size, 64);
    ASSERT_NE(block, nullptr);
    ASSERT_EQ(regress::first_non_zero(block, 0, size), size)
        << "block of " << size << ", way " << i % 3;
    std::memset(block, 0x5A, size);
    blocks.push_back(block);
  }
  for (void* const block : blocks) mi_free(block);
}

TEST(regress_14_zeroed, calloc_after_every_size_class_was_dirty) {
  for (const std::size_t size : sizes()) {
    dirty_and_free(size);
    expect_zeroed(size);
  }
}

TEST(regress_14_zeroed, calloc_of_another_size_than_the_dirty_one) {
  const auto all = sizes();
  for (const std::size_t size : all) dirty_and_free(size);
  mi_collect(true);
  for (std::size_t i = all.size(); i-- > 0;) expect_zeroed(all[i]);
  mi_collect(false);
  for (const std::size_t size : all) expect_zeroed(size);
}

TEST(regress_14_zeroed, calloc_after_purges_at_once) {
  const long delay = mi_option_get(mi_option_purge_delay);
  mi_option_set(mi_option_purge_delay, 0);
  for (const std::size_t size : sizes()) {
    dirty_and_free(size);
    if (size % 5 == 0) mi_collect(true);
    expect_zeroed(size);
  }
  mi_option_set(mi_option_purge_delay, delay);
}

// The system takes such pages when it wants to: whether a byte is still there is chance.
TEST(regress_14_zeroed, calloc_after_purges_that_let_the_system_choose) {
  const long decommits = mi_option_get(mi_option_purge_decommits);
  mi_option_set(mi_option_purge_decommits, 0);
  for (const std::size_t size : sizes()) dirty_and_free(size);
  mi_collect(true);
  mi_option_set(mi_option_purge_decommits, decommits);
  for (const std::size_t size : sizes()) expect_zeroed(size);
}

// The kernel refuses to take locked pages, and says so.
TEST(regress_14_zeroed, calloc_after_purges_that_failed) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  for (const std::size_t size : std::initializer_list<std::size_t>{
           page, 8 * kKiB, 32 * kKiB, 100 * kKiB, 3000 * kKiB, 48 * kMiB}) {
    for (const bool zeroed : {false, true}) {
      auto* const block =
          static_cast<unsigned char*>(zeroed ? mi_zalloc(size + page) : mi_malloc(size + page));
      ASSERT_NE(block, nullptr);
      std::memset(block, 0x77, size + page);
      const auto from = (reinterpret_cast<std::uintptr_t>(block) + page - 1) & ~(page - 1);
      // As little as any limit allows.
      ASSERT_EQ(mlock(reinterpret_cast<void*>(from), page), 0) << "the test needs a locked page";
      mi_free(block);
      mi_collect(true);
      expect_zeroed(size);
      expect_zeroed(size + page);
      mi_collect(true);
      expect_zeroed(size);
    }
  }
  munlockall();
}

// Other bytes of a block from fresh or purged memory are not written just to make them zero. So
// many OS pages of each block are touched that what is counted is not noise.
TEST(regress_14_zeroed, what_is_known_to_be_zero_is_not_cleared) {
  if (!regress::kExact || regress::kFills) return;
  // An arena without a slice that other tests have left dirty: one makes a whole run unknown.
  mi_arena_id_t arena = 0;
  ASSERT_EQ(mi_reserve_os_memory_ex(256 * kMiB, true, false, true, &arena), 0);
  mi_heap_t* const heap = mi_heap_new_in_arena(arena);
  for (const std::size_t size : std::initializer_list<std::size_t>{
           25'000, 30'000, 200 * kKiB, 7 * kMiB, 30 * kMiB, 60 * kMiB}) {
    const std::size_t count = 1 + 32 * kMiB / size;
    for (const char* const before : {"purged", "purged again"}) {
      mi_collect(true);
      const std::size_t resident = regress::resident_bytes();
      std::vector<void*> blocks;
      for (std::size_t i = 0; i < count; i++) blocks.push_back(mi_heap_zalloc(heap, size));
      const std::size_t now = regress::resident_bytes();
      // An OS page for the link that each of them held, another for what stands behind it where
      // blocks are padded, and what the allocator keeps itself.
      const std::size_t allowed = count * size / (kPadding == 0 ? 4 : 2) + 2 * kMiB;
      EXPECT_LE(now, resident + allowed) << size << ", " << before;
      for (void* const block : blocks) {
        ASSERT_EQ(regress::first_non_zero(block, 0, size), size);
        std::memset(block, 1, size);
        mi_free(block);
      }
    }
  }
  mi_heap_destroy(heap);
}

TEST(regress_14_zeroed, calloc_of_what_another_thread_dirtied_and_freed) {
  for (const std::size_t size : std::initializer_list<std::size_t>{
           8, 24, 64, 500, 1024, 5000, 30000, 100000, 700000, 5000000}) {
    std::vector<void*> blocks(count_for(size) * 4, nullptr);
    std::thread([&] {
      for (auto& block : blocks) {
        block = mi_malloc(size);
        ASSERT_NE(block, nullptr);
        std::memset(block, 0xC3, mi_usable_size(block));
      }
    }).join();
    for (void* const block : blocks) mi_free(block);  // into pages whose thread has ended
    for (int i = 0; i < 4; i++) expect_zeroed(size);

    for (auto& block : blocks) {
      block = mi_malloc(size);
      ASSERT_NE(block, nullptr);
      std::memset(block, 0x3C, mi_usable_size(block));
    }
    std::thread([&] {
      for (void* const block : blocks) mi_free(block);
      for (int i = 0; i < 4; i++) expect_zeroed(size);
    }).join();
    for (int i = 0; i < 4; i++) expect_zeroed(size);
  }
}

// The program writes all it asked for; what a step adds must be zero, the old part untouched.
void grow_by_steps(std::size_t from, std::size_t to, std::size_t step) {
  auto* block = static_cast<unsigned char*>(mi_zalloc(from));
  ASSERT_NE(block, nullptr);
  std::size_t size = from;
  ASSERT_EQ(regress::first_non_zero(block, 0, size), size);
  regress::fill(block, size, 3);
  while (size < to) {
    const std::size_t next = size + step + size / 3;
    block = static_cast<unsigned char*>(mi_rezalloc(block, next));
    ASSERT_NE(block, nullptr);
    ASSERT_EQ(regress::intact(block, size, 3), size) << size << " to " << next;
    ASSERT_EQ(regress::first_non_zero(block, size, next), next) << size << " to " << next;
    regress::fill(block, next, 3);
    size = next;
  }
  mi_free(block);
}

TEST(regress_14_zeroed, rezalloc_zeroes_what_it_adds) {
  for (const std::size_t size : sizes()) dirty_and_free(size);
  for (const std::size_t from :
       std::initializer_list<std::size_t>{1, 7, 8, 13, 16, 100, 1000, 5000, 60000, 900000})
    for (const std::size_t step : std::initializer_list<std::size_t>{1, 4096})
      grow_by_steps(from, 3u << 20, step);
}

TEST(regress_14_zeroed, recalloc_and_aligned_rezalloc) {
  for (const std::size_t size : sizes()) {
    if (size > (4u << 20)) continue;
    dirty_and_free(2 * size);
    void* block = mi_calloc(size, 1);
    ASSERT_NE(block, nullptr);
    regress::fill(block, size, 4);
    block = mi_recalloc(block, size, 2);
    ASSERT_NE(block, nullptr);
    ASSERT_EQ(regress::intact(block, size, 4), size);
    ASSERT_EQ(regress::first_non_zero(block, size, 2 * size), 2 * size) << size;
    mi_free(block);

    block = mi_zalloc_aligned(size, 256);
    ASSERT_NE(block, nullptr);
    regress::fill(block, size, 4);
    block = mi_rezalloc_aligned(block, 3 * size, 256);
    ASSERT_NE(block, nullptr);
    ASSERT_TRUE(regress::aligned(block, 256));
    ASSERT_EQ(regress::intact(block, size, 4), size);
    ASSERT_EQ(regress::first_non_zero(block, size, 3 * size), 3 * size) << size;
    mi_free(block);
  }
}

TEST(regress_14_zeroed, large_plain_reallocs_leave_nothing_behind_for_calloc) {
  void* block = mi_malloc(1 << 20);
  for (std::size_t size = 1 << 20; size <= (std::size_t{256} << 20); size *= 4) {
    block = mi_realloc(block, size);
    ASSERT_NE(block, nullptr);
    std::memset(block, 0xEE, size);
  }
  for (std::size_t size = std::size_t{100} << 20; size > (1 << 20); size /= 3) {
    block = mi_realloc(block, size);
    ASSERT_NE(block, nullptr);
    expect_zeroed(size);
    expect_zeroed(2 * size);
  }
  mi_free(block);
  expect_zeroed(std::size_t{200} << 20);
}

}  // namespace
