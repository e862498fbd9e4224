// Invariants: executed in debug, with the law in the message; free of charge elsewhere.
#include "support/check.h"

#include <gtest/gtest.h>

namespace ashlar {
namespace {

TEST(CheckDeathTest, ABrokenInvariantStopsDebugBuildsOnly) {
  check(true, "one is one");
  if constexpr (kActive.check_invariants) {
    EXPECT_DEATH(check(false, "one is two"), "ashlar: error: .*one is two.*check_test.cc");
  } else {
    check(false, "one is two");
    EXPECT_FALSE(kActive.check_invariants);
  }
}

TEST(CheckDeathTest, FailureNamesLawFileAndLine) {
  EXPECT_DEATH(check_failed("used <= capacity", "page.cc", 42), "used <= capacity.*page.cc.*42");
}

}  // namespace
}  // namespace ashlar
