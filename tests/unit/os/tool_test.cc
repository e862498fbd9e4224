// What can be said of tools in a process without one; how they report is tested by
// tests/sanitizers, in programs that have one.
#include "os/tool.h"

#include <gtest/gtest.h>

#include "os/valgrind.h"

#if defined(__has_include)
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#define ASHLAR_TEST_HAS_VALGRIND_HEADERS 1
#endif
#endif

namespace ashlar {
namespace {

TEST(Tool, ThereIsNoneInThisProcess) {
  EXPECT_EQ(find_tool(), Tool::kNone);
  EXPECT_TRUE(has_tool_begun());
  begin_tool();
  EXPECT_TRUE(has_tool_begun());
}

// Requests are instructions without effect where nobody listens.
TEST(Tool, RequestsToValgrindChangeNothing) {
  char block[64] = {1};
  EXPECT_FALSE(valgrind::is_watching());
  valgrind::begin_block(block, sizeof block, true);
  valgrind::resize_block(block, sizeof block, 10);
  valgrind::forbid(block, sizeof block);
  valgrind::allow(block, sizeof block);
  valgrind::end_block(block);
  valgrind::ignore();
  valgrind::mind();
  EXPECT_EQ(block[0], 1);
}

#if defined(ASHLAR_TEST_HAS_VALGRIND_HEADERS)
TEST(Tool, RequestsHaveTheNumbersOfValgrindsHeaders) {
  using valgrind::Request;
  EXPECT_EQ(static_cast<unsigned>(Request::kBeginBlock), VG_USERREQ__MALLOCLIKE_BLOCK);
  EXPECT_EQ(static_cast<unsigned>(Request::kEndBlock), VG_USERREQ__FREELIKE_BLOCK);
  EXPECT_EQ(static_cast<unsigned>(Request::kResizeBlock), VG_USERREQ__RESIZEINPLACE_BLOCK);
  EXPECT_EQ(static_cast<unsigned>(Request::kChangeErrorDisablement),
            VG_USERREQ__CHANGE_ERR_DISABLEMENT);
  EXPECT_EQ(static_cast<unsigned>(Request::kMakeNoAccess), VG_USERREQ__MAKE_MEM_NOACCESS);
  EXPECT_EQ(static_cast<unsigned>(Request::kMakeDefined), VG_USERREQ__MAKE_MEM_DEFINED);
}
#endif

}  // namespace
}  // namespace ashlar
