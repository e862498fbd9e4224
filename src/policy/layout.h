// Every derived size of the memory layout, in bytes unless the name says otherwise, with the
// relations between them. No code: a change here is a change of the layout and nothing else.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/integer.h"
#include "base/units.h"
#include "policy/config.h"

namespace ashlar {

inline constexpr std::size_t kWordSize = sizeof(void*);

// Slices: the unit in which arenas hand out memory.
inline constexpr unsigned kSliceShift = 16;
inline constexpr std::size_t kSliceSize = std::size_t{1} << kSliceShift;

// Pages, by the blocks they hold. What is larger than a medium block is huge: it has slices of
// its own, which serve any size when they are free again. (Pages of 64 slices for blocks up to
// 512 KiB, one a size class, held up to twice the resident memory and gained no time.)
inline constexpr SliceCount kSmallPageSlices{1};
inline constexpr SliceCount kMediumPageSlices{4};
inline constexpr std::size_t kSmallBlockMax = 8 * kKiB;
inline constexpr std::size_t kMediumBlockMax = 32 * kKiB;

// Size classes: 8 and 16, steps of 16 to 128, then N a doubling up to the largest block.
inline constexpr std::size_t kLinearClassMax = 128;
inline constexpr std::uint32_t kLinearClasses = 9;
inline constexpr std::uint32_t kSizeClassCount =
    kLinearClasses +
    kActive.classes_per_doubling * (floor_log2(kMediumBlockMax) - floor_log2(kLinearClassMax));

// Requests up to this many words find their page in the thread heap's direct table.
inline constexpr std::size_t kDirectWords = 128;
inline constexpr std::size_t kDirectMax = kDirectWords * kWordSize;

// Alignment of every block of 16 bytes or more.
inline constexpr std::size_t kBlockAlignment = 16;

// Arenas. The default reserve doubles for every eight arenas there are.
inline constexpr std::size_t kArenaDefaultSize = kGiB;
inline constexpr std::size_t kArenaMinSize = 8 * kMiB;
inline constexpr std::size_t kArenaMaxSize = 64 * kGiB;
inline constexpr std::size_t kArenaAlignment = 64 * kSliceSize;  // a word of its bitmaps
inline constexpr std::size_t kArenaCountMax = 112;
inline constexpr std::size_t kArenaCountByHand = 4;  // of these, places for arenas by hand
// Blocks above this have a mapping of their own. Below, the slices of a buffer that is freed wait
// for the next one, which saves it the page faults; half an arena holds what programs allocate
// again and again (docs/decisions.md, section 11).
inline constexpr std::size_t kArenaBlockMax = 512 * kMiB;
// Above this, blocks that must be zero get a mapping already, since the system's pages are zero and
// cost nothing before they are touched; and so do blocks that grow and are in their neighbour's
// way, since there growing is a matter of page tables.
inline constexpr std::size_t kArenaPlainMax = 32 * kMiB;

// Metadata of a page: one entry a slice. Its first pair of lines is the owner's, the second other
// threads'. Processors fetch lines in pairs and run ahead over following ones: with entries of two
// lines, two threads whose pages lie side by side took each other's lines away.
inline constexpr std::size_t kCacheLine = 64;
inline constexpr std::size_t kLinePair = 2 * kCacheLine;
inline constexpr std::size_t kPageEntrySize = 2 * kLinePair;

// The page map's flat window in front of its two levels.
inline constexpr std::size_t kWindowSize = 64 * kGiB;
inline constexpr std::size_t kWindowEntries = kWindowSize / kSliceSize;

// Address hints for arenas: from 2 TiB to 30 TiB, the start randomised by 20 bits.
inline constexpr std::uintptr_t kHintStart = std::uintptr_t{2} << 40;
inline constexpr std::uintptr_t kHintEnd = std::uintptr_t{30} << 40;
inline constexpr unsigned kHintRandomBits = 20;
inline constexpr std::size_t kHintStep = 16 * kMiB;

// Address hints for huge OS pages: from 32 TiB on, the start randomised by 12 bits; below where
// Linux puts programs.
inline constexpr std::uintptr_t kHugeHintStart = std::uintptr_t{32} << 40;
inline constexpr std::uintptr_t kHugeHintEnd = std::uintptr_t{80} << 40;
inline constexpr unsigned kHugeHintRandomBits = 12;
inline constexpr std::size_t kHugeHintStep = kGiB;

// Freed memory that may wait to be purged: at first and at least, and for as long as no page
// faults are measured that more of it would have saved.
inline constexpr std::size_t kPurgeBudgetMin = kMiB;
// Without any proof an eighth of what is in use may wait, or what makes up the recent peak of use
// with it, up to this.
inline constexpr std::size_t kPurgeBudgetFree = 8 * kMiB;
// The most that may wait in a process with threads that has no purge thread, whatever is measured.
inline constexpr std::size_t kPurgeBudgetShared = 16 * kMiB;

// No object is larger: ptrdiff_t must be able to say the distance of its ends.
inline constexpr std::size_t kRequestMax = PTRDIFF_MAX;

static_assert(is_power_of_two(kSliceSize));
static_assert(kSmallPageSlices.value * kSliceSize >= 8 * kSmallBlockMax,
              "a page holds at least eight blocks, or most of it may be waste");
static_assert(kMediumPageSlices.value * kSliceSize >= 8 * kMediumBlockMax);
static_assert(kArenaAlignment % (kMediumPageSlices.value * kSliceSize) == 0);
static_assert(kArenaMinSize % kArenaAlignment == 0);
static_assert(kHintStart + (kHintStep << kHintRandomBits) + kWindowSize <= kHintEnd);
static_assert(kHugeHintStart >= kHintEnd);
static_assert(kHugeHintStart + (kHugeHintStep << kHugeHintRandomBits) < kHugeHintEnd);
static_assert(kArenaPlainMax > kMediumBlockMax);
static_assert(kArenaBlockMax >= kArenaPlainMax && kArenaBlockMax <= kArenaDefaultSize / 2);

}  // namespace ashlar
