// What users of a profile rely on, and that the build got the profile that it asked for.
#include "policy/config.h"

#include <gtest/gtest.h>

namespace ashlar {
namespace {

TEST(Config, ReleaseNeverStopsAndChecksNothingThatCosts) {
  EXPECT_FALSE(kRelease.stop_on_misuse);
  EXPECT_FALSE(kRelease.encode_links);
  EXPECT_FALSE(kRelease.check_blocks);
  EXPECT_FALSE(kRelease.check_invariants);
  EXPECT_FALSE(kRelease.fill_blocks);
  EXPECT_FALSE(kRelease.show_errors);
  EXPECT_TRUE(kRelease.random_addresses);
}

TEST(Config, SecureStopsOnMisuseAndIsSilentUntilThen) {
  EXPECT_TRUE(kSecure.stop_on_misuse);
  EXPECT_TRUE(kSecure.encode_links);
  EXPECT_TRUE(kSecure.check_blocks);
  EXPECT_TRUE(kSecure.random_addresses);
  EXPECT_FALSE(kSecure.show_errors);
  EXPECT_FALSE(kSecure.check_invariants);
}

TEST(Config, DebugChecksEverythingAndRepeatsItself) {
  EXPECT_TRUE(kDebug.stop_on_misuse);
  EXPECT_TRUE(kDebug.check_blocks);
  EXPECT_TRUE(kDebug.check_invariants);
  EXPECT_TRUE(kDebug.fill_blocks);
  EXPECT_TRUE(kDebug.show_errors);
  EXPECT_FALSE(kDebug.random_addresses);
}

TEST(Config, TheActiveProfileIsTheOneOfTheBuild) {
#if defined(ASHLAR_PROFILE_SECURE)
  EXPECT_EQ(kActive.profile, Profile::kSecure);
#elif defined(ASHLAR_PROFILE_DEBUG)
  EXPECT_EQ(kActive.profile, Profile::kDebug);
#else
  EXPECT_EQ(kActive.profile, Profile::kRelease);
#endif
}

TEST(Config, XmallocIsItsProfileButForThat) {
  Config config = with_xmalloc(kActive);
  EXPECT_TRUE(config.xmalloc);
  EXPECT_EQ(config.profile, kActive.profile);
  EXPECT_EQ(config.stop_on_misuse, kActive.stop_on_misuse);
  for (const Config& profile : {kRelease, kSecure, kDebug}) {
    EXPECT_FALSE(profile.xmalloc);
  }
}

TEST(Config, FreshAndFreedFillsDifferAndAreNoLikelyValue) {
  EXPECT_NE(kFillAllocated, kFillFreed);
  for (const unsigned char fill : {kFillAllocated, kFillFreed}) {
    EXPECT_NE(fill, 0x00);
    EXPECT_NE(fill, 0xFF);
  }
}

}  // namespace
}  // namespace ashlar
