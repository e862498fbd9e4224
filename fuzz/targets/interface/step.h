// A step of a sequence of calls, as it stands in an input: eight bytes. Every byte string is a
// sequence, and a step that is cut out of one means the same in another.
#ifndef ASHLAR_FUZZ_STEP_H
#define ASHLAR_FUZZ_STEP_H

#include <cstddef>
#include <cstdint>

namespace fuzz {

// fuzz/make_seeds reads the names from here; their order is that of the numbers in an input.
enum class Op : std::uint8_t {
  kMalloc,
  kZeroed,
  kAligned,
  kAlignedAt,
  kNew,
  kString,
  kReporting,
  kThreadHeap,
  kBurst,
  kRealloc,
  kReallocAligned,
  kRezalloc,
  kExpand,
  kFree,
  kFreeMany,
  kFreeTogether,
  kQuestions,
  kForeign,
  kHeapNew,
  kHeapDelete,
  kHeapDestroy,
  kHeapDefault,
  kCollect,
  kLetGo,
  kEndThread,
  kVisit,
  kVisitParts,
  kMove,
  kOption,
  kLimit,
  kFaults,
  kReports,
  kRealm,
  kCheckAll,
  kCount
};

struct Step {
  std::uint8_t op;         // modulo Op::kCount
  std::uint8_t place;      // bits 0, 1: the thread; the others: the heap
  std::uint8_t block;      // picks among the live blocks
  std::uint8_t scale;      // what `amount` means
  std::uint8_t alignment;  // its logarithm; from 250 on, no power of two
  std::uint8_t variant;    // which of the functions of this kind
  std::uint16_t amount;
};
static_assert(sizeof(Step) == 8);

// Of all live blocks together: more would take the time that many inputs need.
inline constexpr std::size_t kBytesMax = std::size_t{32} << 20;

// Sizes as programs ask for them: each order of magnitude alike, powers of two and their
// neighbours, and such as nobody can serve.
std::size_t size_of(const Step& step);

// No request of more is ever served.
inline bool is_impossible(std::size_t size) { return size > (std::size_t{1} << 47); }

std::size_t alignment_of(const Step& step);

}  // namespace fuzz

#endif  // ASHLAR_FUZZ_STEP_H
