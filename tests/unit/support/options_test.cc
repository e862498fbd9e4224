// The options of the process through both interfaces. Each case uses options of its own, since
// the environment is read once; cases about messages run in a process of their own.
#include "support/options.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include "mimalloc.h"

namespace ashlar {
namespace {

TEST(Options, VariablesOfTheProcessInAnyCase) {
  ASSERT_EQ(setenv("Mimalloc_os_Tag", "7", 1), 0);
  EXPECT_EQ(option_get(Option::kOsTag), 7);
  EXPECT_EQ(mi_option_get(mi_option_os_tag), 7);
  EXPECT_TRUE(option_was_set(Option::kOsTag));
}

TEST(Options, SizesAreKiBInGetAndBytesInGetSize) {
  option_set(Option::kArenaMaxObjectSize, 3 * 1024);
  EXPECT_EQ(option_get(Option::kArenaMaxObjectSize), 3 * 1024);
  EXPECT_EQ(option_get_size(Option::kArenaMaxObjectSize), 3 * kMiB);
  option_set(Option::kArenaMaxObjectSize, 64);
  EXPECT_EQ(option_get_size(Option::kArenaMaxObjectSize), 64 * kKiB);
  EXPECT_EQ(mi_option_get_size(mi_option_arena_max_object_size), 64 * kKiB);
  option_set(Option::kArenaMaxObjectSize, option_row(Option::kArenaMaxObjectSize).default_value);
}

TEST(Options, GetSizeOfOtherOptionsIsTheirValue) {
  option_set(Option::kGuardedMax, 5000);
  EXPECT_EQ(option_get_size(Option::kGuardedMax), 5000u);
  option_set(Option::kPageMaxReclaim, -1);
  EXPECT_EQ(option_get_size(Option::kPageMaxReclaim), 0u);
}

TEST(Options, ClampBoundsWhatIsRead) {
  option_set(Option::kPageFullRetain, 50);
  EXPECT_EQ(option_get_clamp(Option::kPageFullRetain, 0, 10), 10);
  EXPECT_EQ(option_get_clamp(Option::kPageFullRetain, 60, 70), 60);
  EXPECT_EQ(option_get_clamp(Option::kPageFullRetain, 0, 100), 50);
  EXPECT_EQ(mi_option_get_clamp(mi_option_page_full_retain, 0, 10), 10);
}

TEST(Options, EnableAndDisable) {
  option_enable(Option::kDeprecatedPageReset);
  EXPECT_TRUE(option_is_enabled(Option::kDeprecatedPageReset));
  option_disable(Option::kDeprecatedPageReset);
  EXPECT_FALSE(option_is_enabled(Option::kDeprecatedPageReset));
  mi_option_enable(mi_option_deprecated_page_reset);
  EXPECT_TRUE(mi_option_is_enabled(mi_option_deprecated_page_reset));
  mi_option_set_enabled(mi_option_deprecated_page_reset, false);
  EXPECT_FALSE(option_is_enabled(Option::kDeprecatedPageReset));
  mi_option_set_enabled_default(mi_option_deprecated_page_reset, true);
  EXPECT_FALSE(option_is_enabled(Option::kDeprecatedPageReset)) << "it was set by a call";
  option_set_default(Option::kDeprecatedSegmentReset, 1);
  EXPECT_TRUE(mi_option_is_enabled(mi_option_deprecated_segment_reset));
  mi_option_disable(mi_option_deprecated_segment_reset);
  EXPECT_FALSE(option_is_enabled(Option::kDeprecatedSegmentReset));
  mi_option_set(mi_option_deprecated_segment_cache, 12);
  EXPECT_EQ(option_get(Option::kDeprecatedSegmentCache), 12);
  mi_option_set_default(mi_option_deprecated_segment_cache, 13);
  EXPECT_EQ(option_get(Option::kDeprecatedSegmentCache), 12);
}

class OptionsDeathTest : public testing::Test {
 protected:
  // "threadsafe" runs each statement in a fresh process, where no option has been read.
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(OptionsDeathTest, ABadValueIsShownWithShowErrors) {
  EXPECT_EXIT(
      {
        setenv("ASHLAR_SHOW_ERRORS", "1", 1);
        setenv("MIMALLOC_EAGER_COMMIT_DELAY", "later", 1);
        _exit(option_get(Option::kEagerCommitDelay) == 1 ? 0 : 1);
      },
      testing::ExitedWithCode(0),
      "^ashlar: warning: environment variable MIMALLOC_EAGER_COMMIT_DELAY has a bad value: "
      "\"later\" .*; using 1\n$");
}

TEST_F(OptionsDeathTest, ABadValueIsNotShownUnlessAsked) {
  EXPECT_EXIT(
      {
        setenv("ASHLAR_SHOW_ERRORS", "0", 1);
        setenv("MIMALLOC_EAGER_COMMIT_DELAY", "later", 1);
        _exit(option_get(Option::kEagerCommitDelay) == 1 ? 0 : 1);
      },
      testing::ExitedWithCode(0), "^$");
}

TEST_F(OptionsDeathTest, ABadVerboseIsShownInAnyCase) {
  EXPECT_EXIT(
      {
        setenv("ASHLAR_SHOW_ERRORS", "0", 1);
        setenv("ASHLAR_VERBOSE", "loud", 1);
        _exit(option_get(Option::kVerbose) == 0 ? 0 : 1);
      },
      testing::ExitedWithCode(0),
      "^ashlar: warning: environment variable ASHLAR_VERBOSE has a bad value: \"loud\"");
}

TEST_F(OptionsDeathTest, BadOptionsOfMessagesThemselvesDoNotGoInCircles) {
  EXPECT_EXIT(
      {
        setenv("ASHLAR_SHOW_ERRORS", "maybe", 1);
        setenv("ASHLAR_VERBOSE", "loud", 1);
        setenv("ASHLAR_MAX_WARNINGS", "few", 1);
        _exit(option_get(Option::kMaxWarnings) == 16 ? 0 : 1);
      },
      testing::ExitedWithCode(0), "ASHLAR_VERBOSE");
}

TEST_F(OptionsDeathTest, AnOldNameIsShown) {
  EXPECT_EXIT(
      {
        setenv("ASHLAR_VERBOSE", "1", 1);
        setenv("MIMALLOC_DECOMMIT_EXTEND_DELAY", "3", 1);
        _exit(option_get(Option::kPurgeExtendDelay) == 3 ? 0 : 1);
      },
      testing::ExitedWithCode(0),
      "MIMALLOC_DECOMMIT_EXTEND_DELAY is an old name: the option is now called "
      "\"purge_extend_delay\"");
}

}  // namespace
}  // namespace ashlar
