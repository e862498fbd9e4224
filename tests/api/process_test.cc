// Process-wide calls: version, regions, messages, errors, deferred frees and collecting.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "api_test_support.h"

namespace {

using namespace api_test;

TEST(Process, VersionIsTheHeaders) {
  EXPECT_EQ(mi_version(), MI_MALLOC_VERSION);
  EXPECT_EQ(MI_MALLOC_VERSION, 30403);
}

TEST(Process, SmallSizesAreThoseOfTheInterface) {
  EXPECT_EQ(MI_SMALL_WSIZE_MAX, 128);
  EXPECT_EQ(MI_SMALL_SIZE_MAX, 128 * sizeof(void*));
}

TEST(Process, IsNotRedirectedHere) { EXPECT_FALSE(mi_is_redirected()); }

TEST(Process, InitMayBeCalledAgain) {
  mi_process_init();
  mi_process_init();
  const Block block(mi_malloc(10));
  EXPECT_TRUE(block);
}

TEST(HeapRegion, KnowsOurBlocksOfEverySize) {
  for (const std::size_t size : border_sizes(64 * kMiB)) {
    const Block block(mi_malloc(size));
    ASSERT_TRUE(mi_is_in_heap_region(block.get())) << size;
    if (size > 0) {
      ASSERT_TRUE(mi_is_in_heap_region(block.bytes() + size - 1)) << size;
    }
  }
}

TEST(HeapRegion, KnowsAnyOtherAddress) {
  static int in_data = 0;
  int on_stack = 0;
  EXPECT_FALSE(mi_is_in_heap_region(opaque(&in_data)));
  EXPECT_FALSE(mi_is_in_heap_region(opaque(&on_stack)));
  EXPECT_FALSE(mi_is_in_heap_region(reinterpret_cast<void*>(&mi_malloc)));
  EXPECT_FALSE(mi_is_in_heap_region(opaque<void*>(nullptr)));
  // Addresses that no process is ever given: the first OS pages, and the system's half.
  for (std::uintptr_t address = 1; address != 0; address <<= 1) {
    if (address > 4096 && address < (std::uintptr_t{1} << 56)) continue;
    EXPECT_FALSE(mi_is_in_heap_region(reinterpret_cast<void*>(opaque(address)))) << address;
    EXPECT_FALSE(mi_is_in_heap_region(reinterpret_cast<void*>(opaque(address - 1)))) << address;
  }
  EXPECT_FALSE(mi_is_in_heap_region(reinterpret_cast<void*>(~std::uintptr_t{0})));
  EXPECT_FALSE(mi_is_in_heap_region(reinterpret_cast<void*>(opaque(0xffff800000001000))));
  void* foreign = mmap(nullptr, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(foreign, MAP_FAILED);
  EXPECT_FALSE(mi_is_in_heap_region(foreign));
  munmap(foreign, 65536);
}

TEST(Cfree, FreesOurBlocksAndLeavesOthers) {
  ErrorRecorder errors;
  int local = 7;
  mi_cfree(opaque(&local));
  EXPECT_EQ(local, 7);
  mi_cfree(reinterpret_cast<void*>(opaque(std::uintptr_t{4096})));
  mi_cfree(opaque(mi_malloc(100)));
  EXPECT_TRUE(errors.take().empty());
}

void append(const char* message, void* text) {
  // Within a room that was reserved before: the output function may be called from malloc.
  static_cast<std::string*>(text)->append(message);
}

TEST(Output, GoesToTheRegisteredFunction) {
  std::string text;
  text.reserve(64 * kKiB);
  const long shown = mi_option_get(mi_option_show_errors);
  const long allowed = mi_option_get(mi_option_max_errors);
  mi_option_enable(mi_option_show_errors);
  mi_option_set(mi_option_max_errors, -1);
  mi_register_output(append, &text);
  text.clear();
  {
    // With a function to hear of it, no build stops the program.
    ErrorRecorder errors;
    int local = 0;
    mi_free(opaque(&local));
    EXPECT_EQ(errors.take(), std::vector<int>{EINVAL});
  }
  mi_register_output(nullptr, nullptr);
  mi_option_set(mi_option_max_errors, allowed);
  mi_option_set(mi_option_show_errors, shown);
  EXPECT_NE(text.find("ashlar: "), std::string::npos) << text;
  EXPECT_NE(text.find("error: free: invalid pointer 0x"), std::string::npos) << text;
  EXPECT_NE(text.find("not a block of this allocator"), std::string::npos) << text;
}

TEST(Output, NothingIsPrintedUnlessAskedFor) {
  std::string text;
  text.reserve(64 * kKiB);
  const long shown = mi_option_get(mi_option_show_errors);
  mi_register_output(append, &text);
  text.clear();  // what was said before this test
  mi_option_disable(mi_option_show_errors);
  for (const std::size_t size : border_sizes(kMiB)) mi_free(opaque(mi_malloc(size)));
  EXPECT_EQ(opaque(mi_malloc(opaque(kMoreThanThereIs))), nullptr);
  mi_collect(true);
  mi_register_output(nullptr, nullptr);
  mi_option_set(mi_option_show_errors, shown);
  EXPECT_EQ(text, "");
}

void allocate_on_error(int, void* p) { *static_cast<void**>(p) = mi_malloc(64); }

TEST(Errors, TheFunctionMayAllocate) {
  void* p = nullptr;
  mi_register_error(allocate_on_error, &p);
  EXPECT_EQ(opaque(mi_malloc(opaque(kMoreThanThereIs))), nullptr);
  mi_register_error(nullptr, nullptr);
  const Block block(p);
  ASSERT_TRUE(block);
  std::memset(p, 1, 64);
}

TEST(Errors, NobodyIsCalledAfterUnregistering) {
  ErrorRecorder outer;
  mi_register_error(nullptr, nullptr);
  EXPECT_EQ(opaque(mi_malloc(opaque(kMoreThanThereIs))), nullptr);
  EXPECT_TRUE(outer.take().empty());
}

struct DeferredCalls {
  int calls = 0;
  int forced = 0;
  int nested = 0;
  bool inside = false;
  bool in_order = true;
  unsigned long long heartbeat = 0;
};

void deferred_free(bool force, unsigned long long heartbeat, void* arg) {
  auto& seen = *static_cast<DeferredCalls*>(arg);
  if (seen.inside) ++seen.nested;
  seen.inside = true;
  ++seen.calls;
  seen.forced += force ? 1 : 0;
  if (heartbeat < seen.heartbeat) seen.in_order = false;
  seen.heartbeat = heartbeat;
  // Allocating here must not come back here.
  for (std::size_t size = 8; size < 4096; size *= 2) mi_free(opaque(mi_malloc(size)));
  seen.inside = false;
}

TEST(DeferredFree, IsCalledNowAndThen) {
  DeferredCalls seen;
  mi_register_deferred_free(deferred_free, &seen);
  std::vector<Block> blocks;
  for (int i = 0; i < 50000; ++i) blocks.emplace_back(mi_malloc(64));
  blocks.clear();
  mi_register_deferred_free(nullptr, nullptr);
  EXPECT_GT(seen.calls, 0);
  EXPECT_EQ(seen.nested, 0);
  EXPECT_TRUE(seen.in_order);
}

TEST(DeferredFree, IsReachedByALoopOverOneBlock) {
  DeferredCalls seen;
  mi_register_deferred_free(deferred_free, &seen);
  for (int i = 0; i < 200000; ++i) mi_free(opaque(mi_malloc(64)));
  mi_register_deferred_free(nullptr, nullptr);
  EXPECT_GT(seen.calls, 0);
  EXPECT_TRUE(seen.in_order);
}

TEST(DeferredFree, HearsOfAForcedCollect) {
  DeferredCalls seen;
  mi_register_deferred_free(deferred_free, &seen);
  mi_collect(true);
  mi_register_deferred_free(nullptr, nullptr);
  EXPECT_GT(seen.forced, 0);
  const int calls = seen.calls;
  mi_collect(true);
  EXPECT_EQ(seen.calls, calls) << "no longer registered";
}

TEST(DeferredFree, IsForcedBeforeARequestFails) {
  DeferredCalls seen;
  mi_register_deferred_free(deferred_free, &seen);
  EXPECT_EQ(opaque(mi_malloc(opaque(kMoreThanThereIs))), nullptr);
  mi_register_deferred_free(nullptr, nullptr);
  EXPECT_GT(seen.forced, 0);
}

TEST(Collect, KeepsLiveBlocks) {
  std::vector<Block> blocks;
  for (unsigned i = 0; i < 3000; ++i) {
    blocks.emplace_back(mi_malloc(500));
    fill(blocks.back().get(), 0, 500, i);
  }
  for (std::size_t i = 0; i < blocks.size(); i += 2) Block(std::move(blocks[i]));
  mi_collect(false);
  mi_collect(true);
  for (std::size_t i = 1; i < blocks.size(); i += 2) {
    ASSERT_EQ(first_difference(blocks[i].get(), 0, 500, static_cast<unsigned>(i)), 500u);
  }
}

std::size_t resident_bytes() {
  std::size_t total = 0;
  std::size_t resident = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr || std::fscanf(file, "%zu %zu", &total, &resident) != 2) resident = 0;
  if (file != nullptr) std::fclose(file);
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

TEST(Collect, ByForceGivesFreeMemoryBackToTheSystem) {
  constexpr std::size_t kBytes = 64 * kMiB;
  std::vector<void*> blocks(kBytes / 4000);
  for (void*& p : blocks) {
    p = opaque(mi_malloc(4000));
    std::memset(p, 1, 4000);
  }
  const std::size_t full = resident_bytes();
  for (void* p : blocks) mi_free(p);
  mi_collect(true);
  ASSERT_GT(full, kBytes);
  EXPECT_LT(resident_bytes(), full - kBytes / 2);
}

}  // namespace
