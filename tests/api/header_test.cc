// The public header for those who include it: it compiles alone as C and as every C++ from 11 on,
// without a warning, and its calls can be used from C.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>

namespace {

// Compiles a file without output; the compiler's messages go to this test's stderr.
int compile(const std::string& compiler, const std::string& standard, const std::string& file) {
  const std::string command = compiler + " -std=" + standard + " -fsyntax-only" +
                              " -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror" +
                              " -I \"$ASHLAR_SOURCE_DIR/include\" " + file;
  return std::system(command.c_str());
}

class Header : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(getenv("ASHLAR_SOURCE_DIR"), nullptr) << "the folder that holds include/ and tests/";
  }
};

TEST_F(Header, CompilesAsC) {
  for (const char* standard : {"c11", "c17", "c2x", "gnu11"}) {
    EXPECT_EQ(compile("cc", standard, "\"$ASHLAR_SOURCE_DIR/tests/api/c_header_test.c\""), 0)
        << standard;
  }
}

TEST_F(Header, CompilesAsEveryCxxFrom11On) {
  for (const char* standard : {"c++11", "c++14", "c++17", "c++20", "c++23"}) {
    EXPECT_EQ(compile("c++", standard, "-x c++ \"$ASHLAR_SOURCE_DIR/include/mimalloc.h\""), 0)
        << standard;
  }
}

TEST_F(Header, ADroppedBlockIsAWarning) {
  const std::string drop = "echo 'void drop() { mi_malloc(1); }' | ";
  const std::string keep = "echo 'void* keep() { return mi_malloc(1); }' | ";
  EXPECT_EQ(compile(keep + "c++", "c++17", "-include mimalloc.h -x c++ -"), 0);
  EXPECT_NE(compile(drop + "c++", "c++17", "-include mimalloc.h -x c++ - 2>/dev/null"), 0);
}

}  // namespace
