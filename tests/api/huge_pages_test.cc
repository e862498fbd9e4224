// Huge and large OS pages through the public header. A machine may have some set aside; most have
// none, and then the failure must be exact. What is reserved stays, so little is asked for.
#include <gtest/gtest.h>

#include <fstream>

#include "api_test_support.h"

namespace {

using namespace api_test;

// The huge pages that may be had at this moment.
std::size_t free_huge_pages() {
  std::ifstream file("/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages");
  std::size_t count = 0;
  file >> count;
  return count;
}

// Mappings where huge pages are put.
std::size_t mappings_of_huge_pages() {
  std::ifstream maps("/proc/self/maps");
  std::size_t count = 0;
  for (std::string line; std::getline(maps, line);) {
    const unsigned long long start = std::strtoull(line.c_str(), nullptr, 16);
    count += start >= 32ULL << 40 && start < 80ULL << 40 ? 1 : 0;
  }
  return count;
}

bool mention(const std::vector<std::string>& lines, const std::string& text) {
  for (const std::string& line : lines) {
    if (line.find(text) != std::string::npos) return true;
  }
  return false;
}

// What is said meanwhile, however much that is.
template <class Call>
std::vector<std::string> all_lines_sent_by(Call call) {
  mi_option_enable(mi_option_verbose);
  std::vector<std::string> lines = lines_sent_by(call);
  mi_option_disable(mi_option_verbose);
  return lines;
}

TEST(HugePages, WhereThereAreNoneTheFailureIsExact) {
  const std::size_t too_many = free_huge_pages() == 0 ? 1 : std::size_t{1} << 40;
  const std::size_t before = mappings_of_huge_pages();
  mi_arena_id_t id = 77;
  int result = 0;
  const std::vector<std::string> lines = all_lines_sent_by(
      [&] { result = mi_reserve_huge_os_pages_at_ex(too_many, 0, 1000, true, &id); });
  EXPECT_EQ(result, ENOMEM);
  EXPECT_EQ(id, 77);
  EXPECT_TRUE(mention(lines, "ashlar: warning: reserved 0 of ")) << "what";
  EXPECT_TRUE(mention(lines, " at NUMA node 0: ")) << "where";
  EXPECT_TRUE(mention(lines, "/proc/sys/vm/nr_hugepages")) << "what to do";
  EXPECT_TRUE(mention(lines, "hugeadm"));
  EXPECT_EQ(mappings_of_huge_pages(), before);
  std::size_t reserved = 77;
  EXPECT_EQ(mi_reserve_huge_os_pages(too_many, 1.0, &reserved), ENOMEM);
  EXPECT_EQ(reserved, 0u);
  EXPECT_EQ(mi_reserve_huge_os_pages(too_many, 0, nullptr), ENOMEM);
  EXPECT_EQ(mi_reserve_huge_os_pages_at(too_many, -1, 0), ENOMEM);
  EXPECT_EQ(mi_reserve_huge_os_pages_interleave(too_many, 0, 0), ENOMEM);
  EXPECT_EQ(mappings_of_huge_pages(), before);
}

TEST(HugePages, MoreThanThereAreAddressesForIsAFailureToo) {
  std::size_t reserved = 77;
  EXPECT_EQ(mi_reserve_huge_os_pages_at(kMaxSize, -1, 0), ENOMEM);
  EXPECT_EQ(mi_reserve_huge_os_pages_interleave(kMaxSize, 3, 0), ENOMEM);
  EXPECT_EQ(mi_reserve_huge_os_pages(kMaxSize, -1, &reserved), ENOMEM);
  EXPECT_EQ(reserved, 0u);
}

TEST(HugePages, NoneAreWantedIsNoFailure) {
  mi_arena_id_t id = 77;
  std::size_t reserved = 77;
  const std::vector<std::string> lines = all_lines_sent_by([&] {
    EXPECT_EQ(mi_reserve_huge_os_pages_at_ex(0, 0, 0, false, &id), 0);
    EXPECT_EQ(mi_reserve_huge_os_pages_at(0, 0, 0), 0);
    EXPECT_EQ(mi_reserve_huge_os_pages_interleave(0, 0, 0), 0);
    EXPECT_EQ(mi_reserve_huge_os_pages(0, 0, &reserved), 0);
  });
  EXPECT_EQ(id, 77);
  EXPECT_EQ(reserved, 0u);
  EXPECT_TRUE(lines.empty());
}

TEST(HugePages, WhatIsReservedIsAnArena) {
  mi_arena_id_t id = 77;
  const int result = mi_reserve_huge_os_pages_at_ex(1, -1, 0, true, &id);
  if (result == 0) {
    std::size_t size = 0;
    EXPECT_TRUE(is_aligned(mi_arena_area(id, &size), kGiB));
    EXPECT_EQ(size, kGiB);
    mi_heap_t* const heap = mi_heap_new_in_arena(id);
    void* const block = opaque(mi_heap_zalloc(heap, 8 * kMiB));
    ASSERT_TRUE(mi_arena_contains(id, block));
    EXPECT_EQ(first_nonzero(block, 0, 8 * kMiB), 8 * kMiB);
    mi_heap_destroy(heap);
  } else {
    EXPECT_EQ(result, ENOMEM);
    EXPECT_EQ(id, 77);
  }
}

TEST(HugePages, LargePagesThatThereAreNotAreReplacedByOrdinaryOnes) {
  constexpr std::size_t kSize = 32 * kMiB;
  for (const bool commit : {true, false}) {
    mi_arena_id_t id = 0;
    ASSERT_EQ(mi_reserve_os_memory_ex(kSize, commit, true, true, &id), 0);
    mi_heap_t* const heap = mi_heap_new_in_arena(id);
    void* const block = opaque(mi_heap_zalloc(heap, 8 * kMiB));
    ASSERT_TRUE(mi_arena_contains(id, block));
    EXPECT_EQ(first_nonzero(block, 0, 8 * kMiB), 8 * kMiB);
    std::memset(block, 0xEE, 8 * kMiB);
    mi_heap_destroy(heap);
  }
}

TEST(HugePages, LargePagesForAllAreAnOption) {
  mi_option_enable(mi_option_allow_large_os_pages);
  mi_arena_id_t id = 0;
  EXPECT_EQ(mi_reserve_os_memory_ex(32 * kMiB, true, false, true, &id), 0);
  const Block block(mi_malloc(100 * kMiB));
  EXPECT_TRUE(block);
  std::memset(block.get(), 1, 100 * kMiB);
  mi_option_disable(mi_option_allow_large_os_pages);
}

}  // namespace
