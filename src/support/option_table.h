// The options: their numbers, and one row each with what is known before anybody asked.
// The numbers are part of the binary interface. How a value is found is in options.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "base/integer.h"
#include "policy/config.h"
#include "policy/layout.h"

namespace ashlar {

enum class Option : int {
  kShowErrors = 0,
  kShowStats = 1,
  kVerbose = 2,
  kEagerCommit = 3,
  kArenaEagerCommit = 4,
  kPurgeDecommits = 5,
  kAllowLargeOsPages = 6,
  kReserveHugeOsPages = 7,
  kReserveHugeOsPagesAt = 8,
  kReserveOsMemory = 9,
  kDeprecatedSegmentCache = 10,
  kDeprecatedPageReset = 11,
  kAbandonedPagePurge = 12,
  kDeprecatedSegmentReset = 13,
  kEagerCommitDelay = 14,
  kPurgeDelay = 15,
  kUseNumaNodes = 16,
  kLimitOsAlloc = 17,
  kOsTag = 18,
  kMaxErrors = 19,
  kMaxWarnings = 20,
  kMaxSegmentReclaim = 21,
  kDestroyOnExit = 22,
  kArenaReserve = 23,
  kArenaPurgeMult = 24,
  kPurgeExtendDelay = 25,
  kDisallowArenaAlloc = 26,
  kRetryOnOom = 27,
  kVisitAbandoned = 28,
  kGuardedMin = 29,
  kGuardedMax = 30,
  kGuardedPrecise = 31,
  kGuardedSampleRate = 32,
  kGuardedSampleSeed = 33,
  kGenericCollect = 34,
  kPageReclaimOnFree = 35,
  kPageFullRetain = 36,
  kPageMaxCandidates = 37,
  kMaxVabits = 38,
  kPagemapCommit = 39,
  kPageCommitOnDemand = 40,
  kPageMaxReclaim = 41,
  kPageCrossThreadMaxReclaim = 42,
  kAllowThp = 43,
  kMinimalPurgeSize = 44,
  kArenaMaxObjectSize = 45,
  kArenaIsNumaLocal = 46,
  // Then ours.
  kSoftLimit = 47,
  kHardLimit = 48,
  kLimitFromCgroup = 49,
  kPurgeThread = 50,
  kHollowPages = 51,
  kGuarded = 52,
  kGuardedPool = 53,
  kGuardPages = 54,
  kZeroOnFree = 55,
  kQuarantine = 56,
  kShowLeaks = 57,
  kToolHeldBack = 58,
  kAllocationSites = 59,
};

inline constexpr std::size_t kOptionCount = 60;

// How a value is read from the environment, and what its unit is.
enum class OptionKind : std::uint8_t {
  kFlag,          // 0 is off, everything else on
  kNumber,        // a count, a node, a number of bytes without suffixes
  kMilliseconds,  // a duration
  kSize,          // kept in KiB; bytes and suffixes in the environment
};

// When a value acts.
enum class OptionEffect : std::uint8_t {
  kAtOnce,   // also when the program sets it later
  kAtStart,  // as it is when the process starts: from the environment
  kNone,     // never: it is accepted, and `why_none` says why
};

struct OptionRow {
  Option option;
  const char* name;         // lower case; ASHLAR_ and MIMALLOC_ go in front in the environment
  const char* legacy_name;  // accepted with a warning; nullptr: none
  long default_value;
  long min;
  long max;
  OptionKind kind;
  const char* help;
  OptionEffect effect = OptionEffect::kAtOnce;
  const char* why_none = nullptr;
};

namespace option_detail {

inline constexpr long kMost = INT32_MAX;
inline constexpr long kMostBytes = std::numeric_limits<long>::max() >> 2;
// Large enough for every size that a request may have, small enough to be told in bytes.
inline constexpr long kMostKiB = static_cast<long>(kRequestMax / kKiB);

consteval OptionRow flag(Option option, const char* name, const char* legacy_name,
                         long default_value, const char* help) {
  return {option, name, legacy_name, default_value, -kMost, kMost, OptionKind::kFlag, help};
}
consteval OptionRow number(Option option, const char* name, const char* legacy_name,
                           long default_value, long min, long max, const char* help) {
  return {option, name, legacy_name, default_value, min, max, OptionKind::kNumber, help};
}
consteval OptionRow milliseconds(Option option, const char* name, const char* legacy_name,
                                 long default_value, long min, const char* help) {
  return {option, name, legacy_name, default_value, min, kMost, OptionKind::kMilliseconds, help};
}
consteval OptionRow size(Option option, const char* name, std::size_t default_bytes,
                         const char* help) {
  return {option, name,     nullptr,           static_cast<long>(default_bytes / kKiB),
          0,      kMostKiB, OptionKind::kSize, help};
}

// What is read once, when the process starts.
inline constexpr Option kReadAtStart[] = {
    Option::kReserveHugeOsPages,
    Option::kReserveHugeOsPagesAt,
    Option::kReserveOsMemory,
};

// What no code reads: the lint of docs/options.md compares this list with the sources.
struct WithoutEffect {
  Option option;
  const char* why;
};
inline constexpr const char* kNoSegments = "an older design's; there is nothing like it here";
inline constexpr WithoutEffect kWithoutEffect[] = {
    {Option::kEagerCommit, "slices are committed when they are claimed; see arena_eager_commit"},
    {Option::kDeprecatedSegmentCache, kNoSegments},
    {Option::kDeprecatedPageReset, kNoSegments},
    {Option::kDeprecatedSegmentReset, kNoSegments},
    {Option::kEagerCommitDelay, kNoSegments},
    {Option::kOsTag, "memory has no tags on Linux"},
    {Option::kMaxSegmentReclaim, kNoSegments},
    {Option::kPurgeExtendDelay,
     "memory that waits has no deadline of its own that could be moved: see purge_delay"},
    {Option::kVisitAbandoned, "visits show orphan pages always; that costs nobody anything"},
    {Option::kPageMaxCandidates,
     "a page that turns out to be full leaves its queue, so the first with room is taken, and the "
     "search needs no bound"},
    {Option::kMaxVabits, "the page map covers all 48 bits of user addresses"},
    {Option::kPagemapCommit, "the page map is reserved as a whole, and touched as it is used"},
    {Option::kPageCommitOnDemand, "pages always touch memory as they fill, 4 KiB at a time"},
};

template <Config kConfig>
consteval std::array<OptionRow, kOptionCount> make_rows() {
  using enum Option;
  return std::array<OptionRow, kOptionCount>{{
      flag(kShowErrors, "show_errors", nullptr, kConfig.show_errors ? 1 : 0,
           "print error messages"),
      flag(kShowStats, "show_stats", nullptr, 0, "print statistics at exit"),
      number(kVerbose, "verbose", nullptr, 0, 0, kMost, "print what happens; 2 traces"),
      flag(kEagerCommit, "eager_commit", nullptr, 1, "commit memory eagerly"),
      number(kArenaEagerCommit, "arena_eager_commit", "eager_region_commit", 2, 0, 2,
             "commit arenas at once; 2: only if the system overcommits"),
      flag(kPurgeDecommits, "purge_decommits", "reset_decommits", 1,
           "purge by decommit, else by reset"),
      flag(kAllowLargeOsPages, "allow_large_os_pages", "large_os_pages", 0, "use 2 MiB OS pages"),
      number(kReserveHugeOsPages, "reserve_huge_os_pages", nullptr, 0, 0, kMost,
             "reserve this many 1 GiB OS pages at start"),
      number(kReserveHugeOsPagesAt, "reserve_huge_os_pages_at", nullptr, -1, -1, kMost,
             "reserve them at this NUMA node; -1: interleaved"),
      size(kReserveOsMemory, "reserve_os_memory", 0, "reserve this much memory at start"),
      number(kDeprecatedSegmentCache, "deprecated_segment_cache", nullptr, 0, -kMost, kMost,
             "accepted for programs that set it"),
      flag(kDeprecatedPageReset, "deprecated_page_reset", nullptr, 0,
           "accepted for programs that set it"),
      flag(kAbandonedPagePurge, "abandoned_page_purge", "abandoned_page_reset", 0,
           "give what a thread's end frees back to the system at once"),
      flag(kDeprecatedSegmentReset, "deprecated_segment_reset", nullptr, 0,
           "accepted for programs that set it"),
      number(kEagerCommitDelay, "eager_commit_delay", nullptr, 1, -kMost, kMost,
             "accepted for programs that set it"),
      milliseconds(kPurgeDelay, "purge_delay", "reset_delay", 10, -kMost,
                   "milliseconds before freed memory is purged; below 0: never"),
      number(kUseNumaNodes, "use_numa_nodes", nullptr, 0, 0, kMost,
             "NUMA nodes to use; 0: all there are"),
      flag(kLimitOsAlloc, "limit_os_alloc", "disallow_os_alloc", 0, "use reserved arenas only"),
      number(kOsTag, "os_tag", nullptr, 100, 0, 255, "memory tag, where the system has one"),
      number(kMaxErrors, "max_errors", nullptr, 16, -kMost, kMost,
             "error messages to print; below 0: no limit"),
      number(kMaxWarnings, "max_warnings", nullptr, 16, -kMost, kMost,
             "warnings to print; below 0: no limit"),
      number(kMaxSegmentReclaim, "max_segment_reclaim", nullptr, 8, -kMost, kMost,
             "accepted for programs that set it"),
      flag(kDestroyOnExit, "destroy_on_exit", nullptr, 0, "free all memory at exit"),
      size(kArenaReserve, "arena_reserve", kArenaDefaultSize, "size of a reserved arena"),
      number(kArenaPurgeMult, "arena_purge_mult", nullptr, 10, 0, kMost,
             "multiplies purge_delay for arenas"),
      milliseconds(kPurgeExtendDelay, "purge_extend_delay", "decommit_extend_delay", 1, -kMost,
                   "accepted for programs that set it"),
      flag(kDisallowArenaAlloc, "disallow_arena_alloc", nullptr, 0,
           "take memory from the system, never from arenas"),
      milliseconds(kRetryOnOom, "retry_on_oom", nullptr, 400, 0,
                   "how long a request waits for memory that others may free"),
      flag(kVisitAbandoned, "visit_abandoned", nullptr, 0, "allow visits of orphan pages"),
      number(kGuardedMin, "guarded_min", nullptr, 0, 0, kMostBytes,
             "smallest request to guard, in bytes"),
      number(kGuardedMax, "guarded_max", nullptr, static_cast<long>(kGiB), 0, kMostBytes,
             "largest request to guard, in bytes"),
      flag(kGuardedPrecise, "guarded_precise", nullptr, 0,
           "put a block's end right before its guard"),
      number(kGuardedSampleRate, "guarded_sample_rate", nullptr, 0, 0, kMost,
             "guard one in so many requests; 0: none"),
      number(kGuardedSampleSeed, "guarded_sample_seed", nullptr, 0, -kMost, kMost,
             "seed of that sampling; 0: random"),
      number(kGenericCollect, "generic_collect", nullptr, 10000, 1, kMost,
             "slow paths of a thread between two collections"),
      number(kPageReclaimOnFree, "page_reclaim_on_free", nullptr, 0, -1, kMost,
             "take over orphans by frees; -1: never; 1: pool threads too"),
      number(kPageFullRetain, "page_full_retain", nullptr, 2, -1, kMost,
             "full pages from which a thread lets go; below 0: never"),
      number(kPageMaxCandidates, "page_max_candidates", nullptr, 4, 1, kMost,
             "pages looked at for room"),
      number(kMaxVabits, "max_vabits", nullptr, 0, 0, 64,
             "address bits to expect; 0: ask the system"),
      flag(kPagemapCommit, "pagemap_commit", nullptr, 0, "commit the whole page map at start"),
      flag(kPageCommitOnDemand, "page_commit_on_demand", nullptr, 0, "commit pages as they fill"),
      number(kPageMaxReclaim, "page_max_reclaim", nullptr, -1, -1, kMost,
             "orphans to take over a size class; 0: adopt none either"),
      number(kPageCrossThreadMaxReclaim, "page_cross_thread_max_reclaim", nullptr, 16, -1, kMost,
             "orphans to take over a size class; below 0: no limit"),
      flag(kAllowThp, "allow_thp", nullptr, 1, "allow transparent huge pages"),
      size(kMinimalPurgeSize, "minimal_purge_size", 0, "smallest piece to purge; 0: by itself"),
      size(kArenaMaxObjectSize, "arena_max_object_size", 2 * kGiB,
           "larger blocks come from the system"),
      flag(kArenaIsNumaLocal, "arena_is_numa_local", nullptr, 0,
           "bind an arena to the node that asked for it"),
      size(kSoftLimit, "soft_limit", 0,
           "touched memory from which free memory is given back at once; 0: none"),
      size(kHardLimit, "hard_limit", 0, "touched memory that no request may pass; 0: none"),
      flag(kLimitFromCgroup, "limit_from_cgroup", nullptr, 0,
           "take both from the control group's memory limit at start"),
      flag(kPurgeThread, "purge_thread", nullptr, 1,
           "let a thread purge in time, in processes with several"),
      flag(kHollowPages, "hollow_pages", nullptr, 1,
           "give back OS pages without a block in pages that are idle"),
      flag(kGuarded, "guarded", nullptr, 0,
           "guard some blocks: without guarded_sample_rate one in 50000 or fewer"),
      number(kGuardedPool, "guarded_pool", nullptr, 1024, 1, 16384,
             "guarded blocks at a time, freed ones that are kept included"),
      number(kGuardPages, "guard_pages", nullptr, kConfig.guard_pages ? 1 : 0, 0, 2,
             "secure: guards behind 0: nothing; 1: large pages; 2: all"),
      flag(kZeroOnFree, "zero_on_free", nullptr, 0, "secure: clear blocks when they are freed"),
      size(kQuarantine, "quarantine", 0, "secure, debug: freed blocks kept from being handed out"),
      flag(kShowLeaks, "show_leaks", nullptr, 0, "list the live blocks at exit"),
      size(kToolHeldBack, "tool_held_back", 32 * kMiB,
           "freed blocks kept from use while a sanitizer or Valgrind watches"),
      flag(kAllocationSites, "allocation_sites", nullptr, 0,
           "debug: note where blocks are allocated and freed, and tell of it"),
  }};
}

}  // namespace option_detail

// The table of a profile.
template <Config kConfig>
consteval std::array<OptionRow, kOptionCount> make_option_table() {
  std::array<OptionRow, kOptionCount> rows = option_detail::make_rows<kConfig>();
  for (const Option option : option_detail::kReadAtStart) {
    rows[static_cast<std::size_t>(option)].effect = OptionEffect::kAtStart;
  }
  for (const auto& [option, why] : option_detail::kWithoutEffect) {
    rows[static_cast<std::size_t>(option)].effect = OptionEffect::kNone;
    rows[static_cast<std::size_t>(option)].why_none = why;
  }
  return rows;
}

inline constexpr std::array<OptionRow, kOptionCount> kOptionTable = make_option_table<kActive>();

// A number from outside is an option only if this says so.
constexpr bool is_option(int number) {
  return number >= 0 && number < static_cast<int>(kOptionCount);
}

constexpr const OptionRow& option_row(Option option) {
  return kOptionTable[static_cast<std::size_t>(option)];
}

static_assert(
    [] {
      for (std::size_t i = 0; i < kOptionCount; ++i) {
        const OptionRow& row = kOptionTable[i];
        if (static_cast<std::size_t>(row.option) != i || row.default_value < row.min ||
            row.default_value > row.max) {
          return false;
        }
      }
      return true;
    }(),
    "each row stands at its number and its default lies within its range");

}  // namespace ashlar
