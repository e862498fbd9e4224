// What every system must offer to the rooms above: the concept OsMemory.
// One file a system implements it; tests implement it with a system that fails on demand.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>

#include "base/integer.h"
#include "base/units.h"

namespace ashlar {

// OS pages beyond the ordinary ones: large ones are tried for whole arenas, huge ones are reserved
// by name, one at a time.
inline constexpr std::size_t kLargeOsPage = 2 * kMiB;
inline constexpr std::size_t kHugeOsPage = kGiB;

// What the system is told of the pages that it may put together by itself in a range.
enum class HugeAdvice : std::uint8_t { kWanted, kUnwanted };

// A range of whole OS pages, and how many are handed to one call at most.
struct MemoryPiece {
  void* start;
  std::size_t size;
};
inline constexpr std::uint32_t kPiecesMax = 64;

// All members are static: a system has no state of its own that an allocator could own.
// None of them changes errno, and a call that fails changes nothing.
//
//   page_size()                    bytes of an OS page, a power of two of at most kSliceSize, the
//   same
//                                  at every call; all ranges below are of whole OS pages
//   overcommits()                  whether reserving read-write memory costs nothing until touched
//   reserve(hint, size, align, a)  fresh zero pages at an address aligned to `align`, near `hint`
//                                  where that is free (nullptr: anywhere); nullptr on failure
//   release(start, size)           unmaps; false where the system could not (memory is kept)
//   commit(start, size)            makes reserved pages readable and writable
//   purge(start, size)             gives the physical pages back; true: they read as zero now
//   purge_pieces(pieces, count)    the same for at most kPiecesMax, by fewer calls of the system
//   where
//                                  it can; bit i: piece i reads as zero now
//   populate(start, size)          has writable pages in place as if each had been written to, and
//                                  changes no byte; false: some may not be
//   reset(start, size)             lets the system take the pages when it needs them
//   protect(start, size, access)   forbids or allows access
//   remap(start, old, target, new) resizes a mapping; target == start: in place or not at all;
//                                  else its pages move to `target`, which is reserved already
//   reserve_large(hint, size, align) as reserve, read-write and of large OS pages, that are there
//                                  for certain; nullptr where the system has not got so many
//   map_huge_page(at, node)        one huge OS page, read-write and there for certain, exactly at
//                                  this address, from this NUMA node if possible (-1: any); 0, or
//                                  the system's number of the error: EEXIST where `at` is in use
//   advise_huge_pages(start, size, advice)  false where the system does not listen
//   makes_huge_pages()             whether it puts pages together where it was told nothing
//   bind_to_node(start, size, node)  has pages that are not there yet come from this NUMA node if
//                                  it has any; false where the system does not know it
template <class Os>
concept OsMemory = requires(void* start, std::size_t size, Access access, int node,
                            HugeAdvice advice, const MemoryPiece* pieces, std::uint32_t count) {
  { Os::page_size() } -> std::same_as<std::size_t>;
  { Os::overcommits() } -> std::same_as<bool>;
  { Os::reserve(start, size, size, access) } -> std::same_as<void*>;
  { Os::release(start, size) } -> std::same_as<bool>;
  { Os::commit(start, size) } -> std::same_as<bool>;
  { Os::purge(start, size) } -> std::same_as<bool>;
  { Os::purge_pieces(pieces, count) } -> std::same_as<std::uint64_t>;
  { Os::populate(start, size) } -> std::same_as<bool>;
  { Os::reset(start, size) } -> std::same_as<bool>;
  { Os::protect(start, size, access) } -> std::same_as<bool>;
  { Os::remap(start, size, start, size) } -> std::same_as<bool>;
  { Os::reserve_large(start, size, size) } -> std::same_as<void*>;
  { Os::map_huge_page(start, node) } -> std::same_as<int>;
  { Os::advise_huge_pages(start, size, advice) } -> std::same_as<bool>;
  { Os::makes_huge_pages() } -> std::same_as<bool>;
  { Os::bind_to_node(start, size, node) } -> std::same_as<bool>;
};

// Sizes of mappings of their own are rounded so that they waste at most an eighth and can grow
// a little in place: to the OS page below 512 KiB, then to 64 KiB, 256 KiB, 1 MiB and 4 MiB.
constexpr std::size_t round_mapping_size(std::size_t size, std::size_t os_page) {
  std::size_t unit = os_page;
  if (size >= 32 * kMiB) {
    unit = 4 * kMiB;
  } else if (size >= 8 * kMiB) {
    unit = kMiB;
  } else if (size >= 2 * kMiB) {
    unit = 256 * kKiB;
  } else if (size >= 512 * kKiB) {
    unit = 64 * kKiB;
  }
  return align_up(size, unit > os_page ? unit : os_page);
}

}  // namespace ashlar
