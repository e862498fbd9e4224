// Where the kernel shows control groups, and how it writes them down.
#include "os/cgroup.h"

#include <string.h>

#include <cstdint>

#include "os/linux.h"

namespace ashlar {
namespace {

constexpr std::size_t kPathMax = 1024;

// More levels than the kernel lets anybody make.
constexpr int kLevelsMax = 128;

bool append(char* path, std::size_t size, const char* more) {
  const std::size_t length = strlen(path);
  const std::size_t added = strlen(more);
  if (length + added >= size) {
    return false;
  }
  memcpy(path + length, more, added + 1);
  return true;
}

// A mount of the hierarchy, where its files are.
struct Hierarchy {
  CgroupVersion version;
  const char* mount;
  const char* max;
  const char* high;  // nullptr: there is no such file
};

constexpr Hierarchy kHierarchies[] = {
    {CgroupVersion::kTwo, "/sys/fs/cgroup", "/memory.max", "/memory.high"},
    {CgroupVersion::kTwo, "/sys/fs/cgroup/unified", "/memory.max", "/memory.high"},
    {CgroupVersion::kOne, "/sys/fs/cgroup/memory", "/memory.limit_in_bytes", nullptr},
};

std::size_t smaller(std::size_t one, std::size_t other) {
  return one == 0 || (other != 0 && other < one) ? other : one;
}

std::size_t read_limit(const char* root, const char* mount, const char* group, const char* file) {
  char path[kPathMax] = "";
  char text[64];
  const bool fits = append(path, sizeof path, root) && append(path, sizeof path, mount) &&
                    append(path, sizeof path, group) && append(path, sizeof path, file);
  return fits && Linux::read_small_file(path, text, sizeof text) != 0 ? parse_cgroup_limit(text)
                                                                      : 0;
}

void read_levels(const char* root, const Hierarchy& hierarchy, char* group, CgroupLimits* limits) {
  for (int level = 0; level < kLevelsMax; ++level) {
    limits->max = smaller(limits->max, read_limit(root, hierarchy.mount, group, hierarchy.max));
    if (hierarchy.high != nullptr) {
      limits->high =
          smaller(limits->high, read_limit(root, hierarchy.mount, group, hierarchy.high));
    }
    if (!step_to_parent(group)) {
      return;
    }
  }
}

bool has_memory_controller(const char* names, std::size_t length) {
  constexpr char kMemory[] = "memory";
  for (std::size_t at = 0; at < length;) {
    std::size_t end = at;
    while (end < length && names[end] != ',') {
      ++end;
    }
    if (end - at == sizeof kMemory - 1 && memcmp(names + at, kMemory, end - at) == 0) {
      return true;
    }
    at = end + 1;
  }
  return false;
}

}  // namespace

std::size_t parse_cgroup_limit(const char* text) {
  std::uint64_t value = 0;
  if (*text < '0' || *text > '9') {
    return 0;
  }
  for (; *text >= '0' && *text <= '9'; ++text) {
    if (__builtin_mul_overflow(value, std::uint64_t{10}, &value) ||
        __builtin_add_overflow(value, static_cast<std::uint64_t>(*text - '0'), &value)) {
      return 0;
    }
  }
  // Version 1 says "none" by the largest number of whole OS pages.
  return value < UINT64_MAX / 4 ? static_cast<std::size_t>(value) : 0;
}

bool find_cgroup_path(const char* text, CgroupVersion version, char* path, std::size_t size) {
  // A line is ID:CONTROLLERS:PATH.
  for (const char* line = text; *line != '\0';) {
    const char* const end = line + strcspn(line, "\n");
    const char* const names = strchr(line, ':');
    const char* const second = names != nullptr ? strchr(names + 1, ':') : nullptr;
    if (second != nullptr && second < end) {
      const auto length = static_cast<std::size_t>(second - names - 1);
      const bool wanted = version == CgroupVersion::kTwo
                              ? length == 0 && names - line == 1 && *line == '0'
                              : has_memory_controller(names + 1, length);
      const auto path_length = static_cast<std::size_t>(end - second - 1);
      if (wanted && path_length < size && second[1] == '/') {
        memcpy(path, second + 1, path_length);
        path[path_length] = '\0';
        return true;
      }
    }
    line = *end == '\0' ? end : end + 1;
  }
  return false;
}

bool step_to_parent(char* path) {
  char* const slash = strrchr(path, '/');
  if (slash == nullptr) {
    return false;
  }
  *slash = '\0';
  return true;
}

CgroupLimits read_cgroup_limits(const char* root) {
  CgroupLimits limits;
  char path[kPathMax] = "";
  char text[4096];
  if (!append(path, sizeof path, root) || !append(path, sizeof path, "/proc/self/cgroup") ||
      Linux::read_small_file(path, text, sizeof text) == 0) {
    return limits;
  }
  for (const Hierarchy& hierarchy : kHierarchies) {
    char group[kPathMax];
    if (find_cgroup_path(text, hierarchy.version, group, sizeof group)) {
      read_levels(root, hierarchy, group, &limits);
    }
  }
  return limits;
}

}  // namespace ashlar
