// The one macro that renames the embedding interface in object files.
#define ASHLAR_SYMBOL_PREFIX my_
#include <ashlar/embed.h>
#include <gtest/gtest.h>

#include <string_view>

namespace {

#define SPELLED(call) SPELLED_NOW(call)
#define SPELLED_NOW(call) std::string_view(#call)

TEST(EmbedNames, HaveThePrefixOfTheHost) {
  EXPECT_EQ(SPELLED(ashlar_rt_malloc(heap, 1)), "my_ashlar_rt_malloc(heap, 1)");
  EXPECT_EQ(SPELLED(ashlar_rt_free(p)), "my_ashlar_rt_free(p)");
  EXPECT_EQ(SPELLED(ashlar_rt_fork(side)), "my_ashlar_rt_fork(side)");
  EXPECT_EQ(SPELLED(ashlar_rt_thread_attach(t)), "my_ashlar_rt_thread_attach(t)");
}

}  // namespace
