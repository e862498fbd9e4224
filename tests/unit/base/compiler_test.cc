// The branch hints: they may change speed only, never a value.
#include "base/compiler.h"

#include <gtest/gtest.h>

namespace ashlar {
namespace {

TEST(Compiler, BranchHintsKeepTheCondition) {
  for (const bool condition : {false, true}) {
    EXPECT_EQ(likely(condition), condition);
    EXPECT_EQ(unlikely(condition), condition);
  }
}

}  // namespace
}  // namespace ashlar
