// Options that decide where memory comes from and how it goes, set while the process runs or in the
// environment of a fresh one.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>

#include "api_test_support.h"

namespace {

using namespace api_test;

// The first arena that an address lies in; 0: none.
mi_arena_id_t arena_of(const void* p) {
  for (mi_arena_id_t id = 1; id <= 112; ++id) {
    if (mi_arena_contains(id, p)) return id;
  }
  return 0;
}

class WithOption {
 public:
  WithOption(mi_option_t option, long value) : option_(option), before_(mi_option_get(option)) {
    mi_option_set(option, value);
  }
  ~WithOption() { mi_option_set(option_, before_); }
  WithOption(const WithOption&) = delete;
  WithOption& operator=(const WithOption&) = delete;

 private:
  const mi_option_t option_;
  const long before_;
};

TEST(ArenaOptions, WithoutArenasPagesHaveMappingsOfTheirOwn) {
  const WithOption option(mi_option_disallow_arena_alloc, 1);
  mi_heap_t* const heap = mi_heap_new();
  std::vector<void*> blocks;
  for (int round = 0; round < 2; ++round) {
    for (const std::size_t size : {16ul, 500ul, 8000ul, 30000ul, 100000ul, 5000000ul, 50000000ul}) {
      void* const block = opaque(mi_heap_zalloc(heap, size));
      ASSERT_NE(block, nullptr);
      EXPECT_EQ(arena_of(block), 0) << size;
      EXPECT_EQ(first_nonzero(block, 0, size), size);
      std::memset(block, 0xEE, size);
      blocks.push_back(block);
    }
    for (void* const block : blocks) mi_free(block);
    blocks.clear();
  }
  mi_heap_destroy(heap);
  mi_arena_id_t id = 0;
  ASSERT_EQ(mi_reserve_os_memory_ex(32 * kMiB, true, false, true, &id), 0);
  mi_heap_t* const walled = mi_heap_new_in_arena(id);
  EXPECT_TRUE(mi_arena_contains(id, mi_heap_malloc(walled, 100))) << "a heap keeps to its arena";
  mi_heap_destroy(walled);
}

TEST(ArenaOptions, TheLargestObjectOfArenasCanBeChosen) {
  const WithOption option(mi_option_arena_max_object_size, 1024);  // KiB
  const Block large(mi_malloc(kMiB + 1));
  const Block moderate(mi_malloc(kMiB - 1 - kPadding));
  EXPECT_EQ(arena_of(large.get()), 0);
  EXPECT_NE(arena_of(moderate.get()), 0);
  // Resizing crosses the line in both directions.
  fill(moderate.get(), 0, kMiB - 1 - kPadding, 1);
  const Block grown(mi_realloc(const_cast<Block&>(moderate).release(), 3 * kMiB));
  ASSERT_TRUE(grown);
  EXPECT_EQ(arena_of(grown.get()), 0);
  EXPECT_EQ(first_difference(grown.get(), 0, kMiB - 1 - kPadding, 1), kMiB - 1 - kPadding);
}

TEST(ArenaOptions, AResetIsNotTakenForZero) {
  const WithOption option(mi_option_purge_decommits, 0);
  mi_arena_id_t id = 0;
  ASSERT_EQ(mi_reserve_os_memory_ex(32 * kMiB, true, false, true, &id), 0);
  mi_heap_t* const heap = mi_heap_new_in_arena(id);
  for (int round = 0; round < 3; ++round) {
    void* const block = opaque(mi_heap_zalloc(heap, 4 * kMiB));
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(first_nonzero(block, 0, 4 * kMiB), 4 * kMiB);
    std::memset(block, 0xEE, 4 * kMiB);
    mi_free(block);
    mi_heap_collect(heap, true);
  }
  mi_heap_destroy(heap);
}

TEST(ArenaOptions, ADelayThatIsSetLaterIsKept) {
  mi_arena_id_t id = 0;
  ASSERT_EQ(mi_reserve_os_memory_ex(32 * kMiB, true, false, true, &id), 0);
  mi_heap_t* const heap = mi_heap_new_in_arena(id);
  const WithOption option(mi_option_purge_delay, 0);
  void* const block = opaque(mi_heap_malloc(heap, 4 * kMiB));
  std::memset(block, 0xEE, 4 * kMiB);
  mi_free(block);
  EXPECT_EQ(opaque(static_cast<unsigned char*>(block))[kMiB], 0) << "purged at once";
  mi_heap_destroy(heap);
}

// In a process that start() started: prints what it finds, and ends before any test.
constexpr const char* kChild = "ASHLAR_API_TEST_START";
const bool kIsChild = [] {
  if (getenv(kChild) == nullptr) return false;
  std::size_t size = 0;
  static_cast<void>(opaque(mi_arena_area(1, &size)));
  const Block block(mi_zalloc(100000));
  std::memset(block.get(), 1, 100000);
  std::printf("size %zu arena %d\n", size / kMiB, arena_of(block.get()));
  std::fflush(stdout);
  _exit(0);
}();

// What a fresh process with this variable prints, to stderr as well.
std::string start(const char* name, const char* value) {
  int ends[2];
  if (kIsChild || pipe(ends) != 0) return "";
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    dup2(ends[1], STDERR_FILENO);
    setenv(name, value, 1);
    setenv("ASHLAR_SHOW_ERRORS", "1", 1);
    setenv(kChild, "1", 1);
    execl("/proc/self/exe", "api_tests", static_cast<char*>(nullptr));
    _exit(127);
  }
  close(ends[1]);
  std::string printed;
  std::array<char, 512> part{};
  for (ssize_t got = 0; (got = read(ends[0], part.data(), part.size())) > 0;) {
    printed.append(part.data(), static_cast<std::size_t>(got));
  }
  close(ends[0]);
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  return printed;
}

TEST(ArenaOptions, MemoryIsReservedAtTheStart) {
  EXPECT_EQ(start("ASHLAR_RESERVE_OS_MEMORY", "200M"), "size 200 arena 1\n");
}

TEST(ArenaOptions, MoreThanThereIsAtTheStartIsAWarning) {
  const std::string printed = start("ASHLAR_RESERVE_OS_MEMORY", "4000000G");
  EXPECT_NE(printed.find("warning: the option reserve_os_memory"), std::string::npos) << printed;
  EXPECT_NE(printed.find(" arena 1\n"), std::string::npos) << "and all works";
}

TEST(ArenaOptions, HugePagesAtTheStartAreThereOrAWarningIs) {
  const std::string printed = start("ASHLAR_RESERVE_HUGE_OS_PAGES", "1");
  if (printed.find("size 1024 arena 1\n") == std::string::npos) {
    EXPECT_NE(printed.find("warning: reserved 0 of 1 huge OS pages"), std::string::npos) << printed;
    EXPECT_NE(printed.find(" arena 1\n"), std::string::npos) << "and all works";
  }
}

TEST(ArenaOptions, OptionsOfArenasInTheEnvironmentDoNoHarm) {
  for (const auto& [name, value] :
       {std::pair{"ASHLAR_ARENA_EAGER_COMMIT", "0"}, std::pair{"ASHLAR_ARENA_EAGER_COMMIT", "1"},
        std::pair{"ASHLAR_ALLOW_THP", "0"}, std::pair{"ASHLAR_MINIMAL_PURGE_SIZE", "4M"},
        std::pair{"ASHLAR_ARENA_IS_NUMA_LOCAL", "1"}, std::pair{"ASHLAR_USE_NUMA_NODES", "1"}}) {
    EXPECT_NE(start(name, value).find(" arena 1\n"), std::string::npos) << name << "=" << value;
  }
  EXPECT_NE(start("ASHLAR_DISALLOW_ARENA_ALLOC", "1").find(" arena 0\n"), std::string::npos);
  EXPECT_NE(start("ASHLAR_ALLOW_LARGE_OS_PAGES", "1").find(" arena 1\n"), std::string::npos);
}

}  // namespace
