// Linux's OS pages of other sizes than the ordinary one, and the NUMA node that pages come from.
// As in linux.cc, every function leaves errno as it found it.
#include <errno.h>
#include <linux/mempolicy.h>
#include <linux/mman.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/relaxed.h"
#include "os/keep_errno.h"
#include "os/linux.h"

namespace ashlar {
namespace {

constexpr int kPrivate = MAP_PRIVATE | MAP_ANONYMOUS;

// No MAP_NORESERVE: the kernel then sets the pages aside, or says no. Without that it would send a
// signal at the first touch of a page that it does not have.
void* map_large(void* hint, std::size_t size) {
  void* const start = mmap(hint, size, PROT_READ | PROT_WRITE,
                           kPrivate | MAP_HUGETLB | static_cast<int>(MAP_HUGE_2MB), -1, 0);
  return start == MAP_FAILED ? nullptr : start;
}

// The nodes that a policy can name.
constexpr unsigned kNodesMax = 1024;
constexpr unsigned kNodesInWord = 64;

}  // namespace

void* Linux::reserve_large(void* hint, std::size_t size, std::size_t alignment) {
  KeepErrno keep;
  void* start = map_large(hint, size);
  if (start == nullptr || is_aligned(start, alignment)) {
    return start;
  }
  // To over-allocate might take pages that the system has not got; so a place is found with
  // ordinary memory, let go of, and taken again. Another thread may be faster: then this fails.
  munmap(start, size);
  void* const place = reserve(nullptr, size, alignment, Access::kNone);
  if (place == nullptr) {
    return nullptr;
  }
  munmap(place, size);
  start = map_large(place, size);
  if (start != nullptr && !is_aligned(start, alignment)) {
    munmap(start, size);
    return nullptr;
  }
  return start;
}

int Linux::map_huge_page(void* at, int numa_node) {
  KeepErrno keep;
  // Not MAP_FIXED on a range that was reserved before: where the kernel has no page it may have
  // unmapped the range already, and another thread's mapping may be there a moment later.
  void* const start =
      mmap(at, kHugeOsPage, PROT_READ | PROT_WRITE,
           kPrivate | MAP_HUGETLB | static_cast<int>(MAP_HUGE_1GB) | MAP_FIXED_NOREPLACE, -1, 0);
  if (start == MAP_FAILED) {
    return errno;
  }
  if (start != at) {  // kernels before 4.17 take the address for a wish
    munmap(start, kHugeOsPage);
    return EEXIST;
  }
  if (numa_node >= 0) {
    bind_to_node(start, kHugeOsPage, numa_node);
  }
  // Now, while "no" is an answer and the time is counted. Kernels before 5.14 do it when touched.
  if (madvise(start, kHugeOsPage, MADV_POPULATE_WRITE) != 0 && errno != EINVAL) {
    const int error = errno;
    munmap(start, kHugeOsPage);
    return error;
  }
  return 0;
}

bool Linux::advise_huge_pages(void* start, std::size_t size, HugeAdvice advice) {
  KeepErrno keep;
  return madvise(start, size, advice == HugeAdvice::kWanted ? MADV_HUGEPAGE : MADV_NOHUGEPAGE) == 0;
}

bool Linux::makes_huge_pages() {
  // The modes stand in a row, the chosen one in brackets. Two threads may both find nothing here
  // and read the file.
  static constinit RelaxedNumber<signed char> known;
  if (known.get() == 0) {
    char text[80] = {};
    read_small_file("/sys/kernel/mm/transparent_hugepage/enabled", text, sizeof text);
    known.set(strstr(text, "[always]") != nullptr ? 1 : -1);
  }
  return known.get() > 0;
}

std::size_t Linux::huge_resident() {
  char text[2048] = {};
  read_small_file("/proc/self/smaps_rollup", text, sizeof text);
  const char* const field = strstr(text, "AnonHugePages:");
  KeepErrno keep;
  return field == nullptr ? 0 : strtoul(strchr(field, ':') + 1, nullptr, 10) * kKiB;
}

bool Linux::bind_to_node(void* start, std::size_t size, int numa_node) {
  KeepErrno keep;
  const auto node = static_cast<unsigned>(numa_node);
  if (node >= kNodesMax) {
    return false;
  }
  unsigned long nodes[kNodesMax / kNodesInWord] = {};
  nodes[node / kNodesInWord] = 1UL << (node % kNodesInWord);
  // Preferred: strictly bound memory of a node that is full is a signal at the first touch. The
  // kernel takes one bit less than it is told of.
  return syscall(SYS_mbind, start, size, MPOL_PREFERRED, nodes, kNodesMax + 1, 0) == 0;
}

}  // namespace ashlar
