// Adding up live blocks by their size and by who allocated them, in tables of a fixed length.
#include "observe/leak_report.h"

#include <array>
#include <cstddef>
#include <cstdint>

#include "arena/page_map.h"
#include "heap/realm.h"
#include "observe/heap_walk.h"
#include "observe/report_output.h"
#include "os/system.h"
#include "page/padding.h"
#include "support/noted_stacks.h"
#include "support/text.h"

namespace ashlar {
namespace {

// What is live of one kind: a size, or a site that allocated.
struct Tally {
  std::uint64_t key = 0;
  std::uint64_t blocks = 0;  // 0: no kind has this place
  std::uint64_t bytes = 0;
};

// Tallies by a hash of their keys; what finds no place any more is only in the sums.
struct Tallies {
  static constexpr std::size_t kPlaces = 4096;
  static constexpr std::size_t kTries = 16;
  std::array<Tally, kPlaces> places{};
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;

  void add(std::uint64_t key, std::size_t size) {
    ++blocks;
    bytes += size;
    const std::size_t start = key * 0x9E37'79B9'7F4A'7C15U >> 32;
    for (std::size_t i = 0; i < kTries; ++i) {
      Tally& place = places[(start + i) % kPlaces];
      if (place.blocks == 0 || place.key == key) {
        place.key = key;
        ++place.blocks;
        place.bytes += size;
        return;
      }
    }
  }

  // The one that holds most bytes, taken out of the table.
  Tally take_largest() {
    Tally* largest = &places[0];
    for (Tally& each : places) {
      if (each.bytes > largest->bytes ||
          (each.bytes == largest->bytes && each.blocks > largest->blocks)) {
        largest = &each;
      }
    }
    const Tally taken = *largest;
    *largest = {};
    blocks -= taken.blocks;
    bytes -= taken.bytes;
    return taken;
  }
};

struct LiveBlocks {
  Tallies by_size;
  Tallies by_site;  // all of it empty where sites are not noted
};

constexpr int kLines = 20;

bool count_block(const PageView& view, void* block, void* arg) {
  if (block == nullptr) {
    return true;
  }
  auto* const live = static_cast<LiveBlocks*>(arg);
  if constexpr (kActive.pad_blocks) {
    if (const Page* const page = page_map.find(block)) {
      const std::size_t size = requested_of(page, block);
      live->by_size.add(size, size);
      if (const NotedStack site = sites_of(page, block).allocated; site != NotedStack::kNone) {
        live->by_site.add(static_cast<std::uint64_t>(site), size);
      }
      return true;
    }
  }
  live->by_size.add(view.usable, view.usable);
  return true;
}

void count_all(LiveBlocks* live) {
  for_each_realm([live](const Realm& realm) {
    visit_heaps(
        &realm,
        [](Heap* heap, void* to) { return walk_heap(heap, true, count_block, to, Rest::kUnknown); },
        live);
  });
}

void print_others(const ReportOutput& output, const Tallies& rest) {
  if (rest.blocks == 0) {
    return;
  }
  FixedText<160> line;
  line->append_format("%11llu %10llu         others\n", static_cast<unsigned long long>(rest.bytes),
                      static_cast<unsigned long long>(rest.blocks));
  output.write(line->text());
}

// Those that hold most bytes, by print_row(tally), and the rest in a row of their own.
template <class PrintRow>
void print_largest(const ReportOutput& output, Tallies& tallies, const char* heading,
                   PrintRow print_row) {
  if (tallies.blocks == 0) {
    return;
  }
  output.write(heading);
  for (int i = 0; i < kLines; ++i) {
    const Tally tally = tallies.take_largest();
    if (tally.blocks == 0) {
      break;
    }
    print_row(tally);
  }
  print_others(output, tallies);
}

void print_sizes(const ReportOutput& output, Tallies& sizes) {
  FixedText<160> line;
  line->append_format("ashlar: live at exit: %llu blocks, %llu bytes\n",
                      static_cast<unsigned long long>(sizes.blocks),
                      static_cast<unsigned long long>(sizes.bytes));
  output.write(line->text());
  print_largest(output, sizes, "      bytes     blocks  bytes a block\n", [&](const Tally& size) {
    line->clear();
    line->append_format("%11llu %10llu %14llu\n", static_cast<unsigned long long>(size.bytes),
                        static_cast<unsigned long long>(size.blocks),
                        static_cast<unsigned long long>(size.key));
    output.write(line->text());
  });
}

void print_sites(const ReportOutput& output, Tallies& sites) {
  FixedText<160> line;
  print_largest(output, sites, "      bytes     blocks  where\n", [&](const Tally& site) {
    line->clear();
    line->append_format("%11llu %10llu\n", static_cast<unsigned long long>(site.bytes),
                        static_cast<unsigned long long>(site.blocks));
    output.write(line->text());
    output.write_stack("allocated", static_cast<NotedStack>(site.key));
  });
}

}  // namespace

void print_live_blocks(OutputFunction* out, void* arg) {
  const ReportOutput output(out, arg);
  // Too large for a stack. The system's memory is zero, which is an empty table.
  const std::size_t bytes = align_up(sizeof(LiveBlocks), System::page_size());
  void* const memory = System::reserve(nullptr, bytes, kCacheLine, Access::kReadWrite);
  if (memory == nullptr) {
    output.write("ashlar: live at exit: no memory to count them\n");
    return;
  }
  auto* const live = static_cast<LiveBlocks*>(memory);
  count_all(live);
  print_sizes(output, live->by_size);
  print_sites(output, live->by_site);
  System::release(memory, bytes);
}

}  // namespace ashlar
