// The limits of control groups, as the kernel's files tell them: version 2, version 1, both at
// once, and files that say nothing of use.
#include "os/cgroup.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

namespace ashlar {
namespace {

// A folder that stands for the root of the file system.
class CgroupTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = std::filesystem::temp_directory_path() /
            ("ashlar_cgroup_" + std::to_string(getpid()) + "_" +
             testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(root_);
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void write(const std::string& path, const std::string& text) const {
    const std::filesystem::path file = root_.string() + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  CgroupLimits read() const { return read_cgroup_limits(root_.c_str()); }

  std::filesystem::path root_;
};

TEST_F(CgroupTest, NoFilesAreNoLimits) {
  EXPECT_EQ(read().max, 0U);
  EXPECT_EQ(read().high, 0U);
}

TEST_F(CgroupTest, VersionTwoCountsTheSmallestOfAllLevels) {
  write("/proc/self/cgroup", "0::/a/b\n");
  write("/sys/fs/cgroup/a/b/memory.max", "max\n");
  write("/sys/fs/cgroup/a/b/memory.high", "700\n");
  write("/sys/fs/cgroup/a/memory.max", "1000\n");
  write("/sys/fs/cgroup/a/memory.high", "800\n");
  write("/sys/fs/cgroup/memory.max", "2000\n");
  EXPECT_EQ(read().max, 1000U);
  EXPECT_EQ(read().high, 700U);
}

TEST_F(CgroupTest, TheRootGroupIsOne) {
  write("/proc/self/cgroup", "0::/\n");
  write("/sys/fs/cgroup/memory.max", "4096\n");
  EXPECT_EQ(read().max, 4096U);
}

TEST_F(CgroupTest, VersionTwoMayBeMountedBesideVersionOne) {
  write("/proc/self/cgroup", "5:cpu,memory:/old\n1:name=systemd:/x\n0::/new\n");
  write("/sys/fs/cgroup/unified/new/memory.max", "9000\n");
  write("/sys/fs/cgroup/memory/old/memory.limit_in_bytes", "8000\n");
  EXPECT_EQ(read().max, 8000U);
  write("/sys/fs/cgroup/unified/new/memory.max", "7000\n");
  EXPECT_EQ(read().max, 7000U);
}

TEST_F(CgroupTest, VersionOneSaysNoneByAHugeNumber) {
  write("/proc/self/cgroup", "5:memory:/old\n");
  write("/sys/fs/cgroup/memory/old/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(read().max, 0U);
}

TEST_F(CgroupTest, LongPathsAreNotFollowed) {
  write("/proc/self/cgroup", "0::/" + std::string(3000, 'x') + "\n");
  EXPECT_EQ(read().max, 0U);
}

TEST(CgroupLimit, IsANumberOrNone) {
  EXPECT_EQ(parse_cgroup_limit("1048576\n"), 1048576U);
  EXPECT_EQ(parse_cgroup_limit("0"), 0U);
  EXPECT_EQ(parse_cgroup_limit("max\n"), 0U);
  EXPECT_EQ(parse_cgroup_limit(""), 0U);
  EXPECT_EQ(parse_cgroup_limit("-5"), 0U);
  EXPECT_EQ(parse_cgroup_limit("99999999999999999999999999"), 0U);
  EXPECT_EQ(parse_cgroup_limit("18446744073709551615"), 0U);
}

TEST(CgroupPath, IsFoundByVersion) {
  const char* const text = "12:memory_hot:/no\n10:cpu,memory:/m\n1:name=a:/s\n0::/unified/x\n";
  char path[32];
  ASSERT_TRUE(find_cgroup_path(text, CgroupVersion::kTwo, path, sizeof path));
  EXPECT_STREQ(path, "/unified/x");
  ASSERT_TRUE(find_cgroup_path(text, CgroupVersion::kOne, path, sizeof path));
  EXPECT_STREQ(path, "/m");
  EXPECT_FALSE(find_cgroup_path("10:cpu:/m\n", CgroupVersion::kOne, path, sizeof path));
  EXPECT_FALSE(find_cgroup_path("10:cpu:/m\n", CgroupVersion::kTwo, path, sizeof path));
  EXPECT_FALSE(find_cgroup_path("0::/123456789\n", CgroupVersion::kTwo, path, 10));
  EXPECT_FALSE(find_cgroup_path("", CgroupVersion::kTwo, path, sizeof path));
  EXPECT_FALSE(find_cgroup_path("0:\nx", CgroupVersion::kTwo, path, sizeof path));
  ASSERT_TRUE(find_cgroup_path("0::/end", CgroupVersion::kTwo, path, sizeof path));
  EXPECT_STREQ(path, "/end");
}

TEST(CgroupPath, HasParents) {
  char path[] = "/a/b";
  EXPECT_TRUE(step_to_parent(path));
  EXPECT_STREQ(path, "/a");
  EXPECT_TRUE(step_to_parent(path));
  EXPECT_STREQ(path, "");
  EXPECT_FALSE(step_to_parent(path));
}

}  // namespace
}  // namespace ashlar
