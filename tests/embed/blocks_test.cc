// Blocks of attached threads: allocation, what stays of a free block, and questions about blocks.
#include <cerrno>
#include <set>

#include "host.h"

namespace {

using namespace embed_test;

std::uintptr_t* words_of(void* block) { return static_cast<std::uintptr_t*>(block); }

// Reads as a reader without locks does: the block may be free.
std::uintptr_t word_at(void* block, std::size_t i) {
  return __atomic_load_n(words_of(block) + i, __ATOMIC_RELAXED);
}

TEST(Blocks, OfAllSizesHoldWhatIsWritten) {
  Host host;
  const Attached thread(host);
  std::vector<std::pair<unsigned char*, std::size_t>> blocks;
  unsigned seed = 0;
  for (const std::size_t size : {0u, 1u, 8u, 15u, 16u, 100u, 1000u, 1025u, 5000u, 33'000u, 70'000u,
                                 3'000'000u, 40'000'000u}) {
    for (const unsigned tag : {kPlain, kObjects, kHeld}) {
      auto* const block = static_cast<unsigned char*>(thread.malloc(tag, size));
      ASSERT_NE(block, nullptr) << size;
      ASSERT_GE(ashlar_rt_usable_size(block), size);
      EXPECT_EQ(ashlar_rt_owner(block), ashlar_rt_thread_id());
      EXPECT_EQ(ashlar_rt_owner(block + size / 2), ashlar_rt_thread_id()) << "inside of it too";
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % (size <= 8 ? 8 : 16), 0u);
      std::memset(block, static_cast<int>(++seed % 251), size);
      blocks.emplace_back(block, size);
      auto* const zero = static_cast<unsigned char*>(ashlar_rt_calloc(thread.heap(tag), 1, size));
      ASSERT_NE(zero, nullptr);
      for (std::size_t i = 0; i < size; i += 61) {
        ASSERT_EQ(zero[i], 0) << size;
      }
      std::memset(zero, 0xAB, size);
      ashlar_rt_free(zero);
    }
  }
  seed = 0;
  for (const auto& [block, size] : blocks) {
    ++seed;
    for (std::size_t i = 0; i < size; ++i) {
      ASSERT_EQ(block[i], seed % 251);
    }
    ashlar_rt_free(block);
  }
  host.reach_all();
}

TEST(Blocks, OfCallocAreZeroHoweverOftenTheyAreUsed) {
  Host host;
  const Attached thread(host);
  for (int round = 0; round < 500; ++round) {
    for (const unsigned tag : {kPlain, kObjects, kHeld}) {
      auto* const block = static_cast<unsigned char*>(ashlar_rt_calloc(thread.heap(tag), 3, 50));
      for (std::size_t i = 0; i < 150; ++i) {
        ASSERT_EQ(block[i], 0);
      }
      std::memset(block, 0xFF, 150);
      ashlar_rt_free(block);
    }
  }
}

TEST(Blocks, FailAsMallocDoes) {
  Host host;
  const Attached thread(host);
  Reports reports;
  errno = 0;
  const volatile std::size_t too_many = SIZE_MAX / 2;
  EXPECT_EQ(thread.malloc(kPlain, too_many / 2 + 1), nullptr);
  EXPECT_EQ(errno, ENOMEM);
  errno = 0;
  EXPECT_EQ(ashlar_rt_calloc(thread.heap(kPlain), too_many, 4), nullptr);
  EXPECT_EQ(errno, ENOMEM);
  reports.take();
  errno = 0;
  EXPECT_EQ(ashlar_rt_malloc(nullptr, 10), nullptr);
  EXPECT_EQ(errno, EINVAL);
  EXPECT_EQ(reports.take(), 1);
  on_a_thread([&] {
    errno = 0;
    EXPECT_EQ(thread.malloc(kHeld, 10), nullptr) << "the heap is another thread's, and is empty";
    EXPECT_EQ(errno, EINVAL);
  });
  EXPECT_EQ(reports.take(), 1);
  void* const block = thread.malloc(kHeld, 10);
  EXPECT_EQ(ashlar_rt_realloc(thread.heap(kHeld), block, too_many / 2 + 1), nullptr);
  ashlar_rt_free(block);
}

TEST(Blocks, AnswerQuestionsOfWhateverPointer) {
  int local = 0;
  EXPECT_EQ(ashlar_rt_owner(nullptr), 0u);
  EXPECT_EQ(ashlar_rt_owner(&local), 0u);
  EXPECT_EQ(ashlar_rt_prefix(&local), 0u);
  EXPECT_EQ(ashlar_rt_usable_size(nullptr), 0u);
  EXPECT_GE(ashlar_rt_good_size(33), 33u);
  ashlar_rt_free(nullptr);
}

TEST(Blocks, OfRawAllocationNeedNoAttachment) {
  on_a_thread([] {
    auto* block = static_cast<char*>(ashlar_rt_raw_malloc(100));
    ASSERT_NE(block, nullptr);
    std::strcpy(block, "raw");
    block = static_cast<char*>(ashlar_rt_raw_realloc(block, 10'000));
    EXPECT_STREQ(block, "raw");
    EXPECT_EQ(ashlar_rt_prefix(block), 0u);
    ashlar_rt_raw_free(block);
    auto* const zero = static_cast<char*>(ashlar_rt_raw_calloc(10, 10));
    EXPECT_EQ(zero[99], 0);
    ashlar_rt_free(zero);
  });
}

TEST(Blocks, MoveBetweenHeapsByRealloc) {
  Host host;
  const Attached thread(host);
  auto* block = static_cast<unsigned char*>(thread.malloc(kObjects, 30));
  for (std::size_t i = 0; i < 30; ++i) {
    block[i] = static_cast<unsigned char>(i + 1);
  }
  std::size_t had = 30;
  for (const std::size_t size : {31u, 200u, 40'000u, 500'000u, 60'000u, 25u, 1u}) {
    block = static_cast<unsigned char*>(ashlar_rt_realloc(thread.heap(kHeld), block, size));
    ASSERT_NE(block, nullptr);
    for (std::size_t i = 0; i < (size < had ? size : had); ++i) {
      ASSERT_EQ(block[i], i + 1) << size;
    }
    had = had < size ? had : size;
  }
  ashlar_rt_free(block);
  void* const fresh = ashlar_rt_realloc(thread.heap(kPlain), nullptr, 20);
  EXPECT_EQ(ashlar_rt_prefix(fresh), 0u);
  ashlar_rt_free(fresh);
}

// Word 0 may change, to a value that is no thread's id; the rest of the prefix stays, whoever
// frees.
class Prefix : public testing::TestWithParam<std::size_t> {};

TEST_P(Prefix, StaysWhenABlockIsFreedAndWhenItIsHandedOutAgain) {
  const std::size_t size = GetParam();
  Host host;
  const Attached thread(host);
  for (const unsigned tag : {kObjects, kHeld}) {
    std::vector<void*> blocks;
    void* const stays = thread.malloc(tag, size);  // the page stays in use
    for (int i = 0; i < 40; ++i) {
      blocks.push_back(thread.malloc(tag, size));
      words_of(blocks.back())[0] = ashlar_rt_thread_id();
      words_of(blocks.back())[1] = 0x1111'0000 + static_cast<std::uintptr_t>(i);
      words_of(blocks.back())[2] = 0x2222'0000 + static_cast<std::uintptr_t>(i);
    }
    const auto check = [&](const char* when) {
      for (std::size_t i = 0; i < blocks.size(); ++i) {
        ASSERT_EQ(word_at(blocks[i], 1), 0x1111'0000 + i) << when;
        ASSERT_EQ(word_at(blocks[i], 2), 0x2222'0000 + i) << when;
        ASSERT_NE(word_at(blocks[i], 0), ashlar_rt_thread_id()) << when;
      }
    };
    for (std::size_t i = 0; i < 20; ++i) {
      ashlar_rt_free(blocks[i]);
    }
    on_a_thread([&] {
      for (std::size_t i = 20; i < 40; ++i) {
        ashlar_rt_free(blocks[i]);
      }
    });
    check("freed");
    static_cast<void>(ashlar_rt_collect(const_cast<ashlar_rt_thread_t*>(&thread.storage), 0));
    mi_collect(true);
    ashlar_trim(0);
    check("collected and trimmed");
    std::set<void*> again;
    while (again.size() < 5'000 / (size / 16)) {
      again.insert(thread.malloc(tag, size));
    }
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      ASSERT_EQ(again.count(blocks[i]), 1u) << "the block serves again";
      ASSERT_EQ(word_at(blocks[i], 1), 0x1111'0000 + i) << "malloc does not write it";
      ASSERT_EQ(word_at(blocks[i], 2), 0x2222'0000 + i);
    }
    for (void* const block : again) {
      ashlar_rt_free(block);
    }
    ashlar_rt_free(stays);
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, Prefix, testing::Values(24, 32, 100, 1000));

TEST(PrefixOptions, StaysWithOptionsThatWriteOverFreedBlocks) {
  mi_option_set(mi_option_zero_on_free, 1);
  mi_option_set(mi_option_quarantine, 1);
  {
    Host host;
    const Attached thread(host);
    void* const stays = thread.malloc(kHeld, 64);
    std::vector<void*> blocks;
    for (int i = 0; i < 200; ++i) {
      blocks.push_back(thread.malloc(kHeld, 64));
      words_of(blocks.back())[1] = 0x1111;
      words_of(blocks.back())[2] = 0x2222;
    }
    void* const huge = thread.malloc(kHeld, 100'000);
    words_of(huge)[1] = 0x1111;
    words_of(huge)[2] = 0x2222;
    blocks.push_back(huge);
    free_all(blocks);
    for (void* const block : blocks) {
      ASSERT_EQ(word_at(block, 1), 0x1111u);
      ASSERT_EQ(word_at(block, 2), 0x2222u);
    }
    ashlar_rt_free(stays);
  }
  mi_option_set(mi_option_zero_on_free, 0);
  mi_option_set(mi_option_quarantine, 0);
}

TEST(Blocks, AreFilledInDebugBehindThePrefix) {
  const ashlar_rt_fill_t fill = ashlar_rt_fill_bytes();
  EXPECT_EQ(fill.fills, kActive.fill_blocks);
  if (!fill.fills) {
    return;
  }
  Host host;
  const Attached thread(host);
  void* const stays = thread.malloc(kObjects, 64);
  auto* const block = static_cast<unsigned char*>(thread.malloc(kObjects, 64));
  for (std::size_t i = kPrefix; i < 64; ++i) {
    ASSERT_EQ(block[i], fill.allocated);
  }
  ashlar_rt_free(block);
  for (std::size_t i = kPrefix; i < 64; ++i) {
    ASSERT_EQ(block[i], fill.freed);
  }
  ashlar_rt_free(stays);
}

}  // namespace
