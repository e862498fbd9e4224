// Drawing arenas: 64 slices a line, lines without anything to see left out.
#include "observe/arena_picture.h"

#include <cstdint>

#include "heap/arenas.h"
#include "heap/process.h"
#include "heap/realm.h"
#include "observe/report_output.h"
#include "page/ownership.h"
#include "support/text.h"

namespace ashlar {
namespace {

constexpr std::size_t kGroupBytes = std::size_t{kBitsPerWord} * kSliceSize;

char sign_of(const SystemArena& arena, SliceIndex slice, const SliceBits& bits) {
  const std::uint64_t bit = std::uint64_t{1} << (slice.value % kBitsPerWord);
  if ((bits.in_use & bit) != 0) {
    if (slice.value < arena.first_slice().value) {
      return 'm';
    }
    return home_of(static_cast<const Page*>(arena.page_entry(slice))) != nullptr ? '#' : '=';
  }
  return (bits.waiting & bit) != 0                             ? 'w'
         : (bits.purged & bit) != 0                            ? 'p'
         : (bits.dirty & bit) != 0                             ? 'd'
         : arena.is_committed() || (bits.committed & bit) != 0 ? '.'
                                                               : ',';
}

// Draws a group; false where there is nothing to see in it.
bool draw(const SystemArena& arena, std::uint32_t group, char* signs) {
  const SliceBits bits = arena.bits_of(group);
  bool anything = false;
  std::uint32_t i = 0;
  for (; i < kBitsPerWord && group * kBitsPerWord + i < arena.slice_total(); ++i) {
    signs[i] = sign_of(arena, {group * kBitsPerWord + i}, bits);
    anything = anything || (signs[i] != '.' && signs[i] != ',');
  }
  signs[i] = '\0';
  return anything;
}

void print_title(const ReportOutput& output, int id, const SystemArena& arena) {
  FixedText<250> line;
  line->append_format(
      "ashlar: arena %d at %p: %zu MiB, %u slices, of them %u in use and %u waiting to be "
      "purged%s\n",
      id, arena.start(), arena.size() / kMiB, arena.slice_total(), arena.count_in_use(),
      arena.count_waiting(), arena.is_exclusive() ? "; exclusive" : "");
  output.write(line->text());
}

void print_left_out(const ReportOutput& output, std::uint32_t groups) {
  if (groups != 0) {
    FixedText<100> line;
    line->append_format("           (%zu MiB never touched)\n", groups * kGroupBytes / kMiB);
    output.write(line->text());
  }
}

void print_arena(const ReportOutput& output, int id, const SystemArena& arena) {
  print_title(output, id, arena);
  std::uint32_t left_out = 0;
  for (std::uint32_t group = 0; group < arena.group_count(); ++group) {
    char signs[kBitsPerWord + 1];
    if (!draw(arena, group, signs)) {
      ++left_out;
      continue;
    }
    print_left_out(output, left_out);
    left_out = 0;
    FixedText<100> line;
    line->append_format("%6zu MiB %s\n", group * kGroupBytes / kMiB, signs);
    output.write(line->text());
  }
  print_left_out(output, left_out);
}

}  // namespace

void print_arenas(OutputFunction* out, void* arg) {
  start_process();
  const ReportOutput output(out, arg);
  output.write(
      "ashlar: a slice of 64 KiB: m metadata, # first of a page, = the page's others, w waiting to "
      "be purged, p purged, d dirty, . fresh, \",\" not committed\n");
  const Realm* const realm = current_realm();
  const std::uint32_t count = realm->arenas.count_arenas();
  for (std::uint32_t i = 0; i < count; ++i) {
    const SystemArena* const arena = realm->arenas.arena(i);
    print_arena(output, id_of_arena(realm, arena), *arena);
  }
}

}  // namespace ashlar
