// The memory limits that the administrator has set for the process: its control groups (cgroup),
// version 2 and 1. Reads files only; allocates nothing.
#pragma once

#include <cstddef>

namespace ashlar {

// Bytes; 0: none.
struct CgroupLimits {
  std::size_t max = 0;   // where the kernel refuses, or ends the process
  std::size_t high = 0;  // where it slows the process down
};

// Of the group that the process is in and all above it, the smallest of each. `root` is put in
// front of all paths: "" but for tests.
CgroupLimits read_cgroup_limits(const char* root);

// For tests: the parts of it.

// A limit as the files tell it: a number, or "max". 0 for what is no limit: "max", no number, more
// than half of the addresses there are.
std::size_t parse_cgroup_limit(const char* text);

// The path of the process's group in the text of /proc/self/cgroup: of version 2 ("0::PATH"), or of
// the memory controller of version 1. False where there is none, or it is longer than `size`.
enum class CgroupVersion { kOne, kTwo };
bool find_cgroup_path(const char* text, CgroupVersion version, char* path, std::size_t size);

// Cuts the last part of a path off; false where there is none left.
bool step_to_parent(char* path);

}  // namespace ashlar
