// The public headers for those who include them: they compile alone as C and as every C++ from 11
// on, without a warning, and their calls can be used from C.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>
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
    for (const char* header :
         {"mimalloc.h", "mimalloc-stats.h", "mimalloc-override.h", "mimalloc-new-delete.h"}) {
      EXPECT_EQ(compile("c++", standard,
                        std::string("-x c++ \"$ASHLAR_SOURCE_DIR/include/") + header + '"'),
                0)
          << standard << " " << header;
    }
  }
}

TEST_F(Header, RenamingCompilesAsC) {
  for (const char* standard : {"c11", "c17", "gnu11"}) {
    EXPECT_EQ(compile("cc", standard, "-x c \"$ASHLAR_SOURCE_DIR/include/mimalloc-override.h\""), 0)
        << standard;
  }
}

// Each group of functions says which threads may call them, and what must not happen meanwhile:
// from the line with its @name to the one that opens it.
TEST_F(Header, EveryGroupSaysWhichThreads) {
  const std::string folder = std::string(getenv("ASHLAR_SOURCE_DIR")) + "/include/";
  int groups = 0;
  for (const char* header :
       {"mimalloc.h", "ashlar/aligned.h", "ashlar/arenas.h", "ashlar/defragment.h",
        "ashlar/heaps.h", "ashlar/limits.h", "ashlar/new_family.h", "ashlar/options.h",
        "ashlar/process.h", "ashlar/realms.h", "ashlar/statistics.h", "ashlar/strings.h",
        "ashlar/theaps.h", "ashlar/trim.h", "mimalloc-stats.h"}) {
    std::ifstream file(folder + header);
    ASSERT_TRUE(file) << header;
    std::string group;
    bool says = true;
    for (std::string line; std::getline(file, line);) {
      if (line.find("@name") != std::string::npos) {
        group = line;
        says = false;
        ++groups;
      }
      says = says || line.find(" Threads: ") != std::string::npos;
      if (line == "/// @{") {
        EXPECT_TRUE(says) << header << ": " << group;
      }
    }
  }
  EXPECT_GT(groups, 20);
}

// The forms of [new.delete] up to C++20, as the compiler names them.
constexpr const char* kOperators[] = {
    "_Znwm",
    "_Znam",
    "_ZnwmRKSt9nothrow_t",
    "_ZnamRKSt9nothrow_t",
    "_ZnwmSt11align_val_t",
    "_ZnamSt11align_val_t",
    "_ZnwmSt11align_val_tRKSt9nothrow_t",
    "_ZnamSt11align_val_tRKSt9nothrow_t",
    "_ZdlPv",
    "_ZdaPv",
    "_ZdlPvRKSt9nothrow_t",
    "_ZdaPvRKSt9nothrow_t",
    "_ZdlPvm",
    "_ZdaPvm",
    "_ZdlPvSt11align_val_t",
    "_ZdaPvSt11align_val_t",
    "_ZdlPvSt11align_val_tRKSt9nothrow_t",
    "_ZdaPvSt11align_val_tRKSt9nothrow_t",
    "_ZdlPvmSt11align_val_t",
    "_ZdaPvmSt11align_val_t",
};

TEST_F(Header, NewAndDeleteAreDefinedInEveryForm) {
  const std::string symbols =
      "c++ -std=c++20 -I \"$ASHLAR_SOURCE_DIR/include\" -S -o - -x c++"
      " \"$ASHLAR_SOURCE_DIR/include/mimalloc-new-delete.h\" | grep -qx ";
  for (const char* name : kOperators) {
    EXPECT_EQ(std::system((symbols + "'" + name + ":'").c_str()), 0) << name;
  }
}

TEST_F(Header, ADroppedBlockIsAWarning) {
  const std::string drop = "echo 'void drop() { mi_malloc(1); }' | ";
  const std::string keep = "echo 'void* keep() { return mi_malloc(1); }' | ";
  EXPECT_EQ(compile(keep + "c++", "c++17", "-include mimalloc.h -x c++ -"), 0);
  EXPECT_NE(compile(drop + "c++", "c++17", "-include mimalloc.h -x c++ - 2>/dev/null"), 0);
}

}  // namespace
