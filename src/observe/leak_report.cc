// Adding up live blocks by their size, in a table of a fixed length.
#include "observe/leak_report.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>

#include "arena/page_map.h"
#include "heap/realm.h"
#include "observe/heap_walk.h"
#include "observe/report_output.h"
#include "os/system.h"
#include "page/padding.h"
#include "support/text.h"

namespace ashlar {
namespace {

struct SizeCount {
  std::size_t size = 0;
  std::uint64_t blocks = 0;  // 0: no size has this place
  std::uint64_t bytes() const { return size * blocks; }
};

// Sizes by a hash; what finds no place any more is added up in `others`.
struct LiveCounts {
  static constexpr std::size_t kPlaces = 2048;
  static constexpr std::size_t kTries = 16;
  std::array<SizeCount, kPlaces> sizes{};
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;

  void add(std::size_t size) {
    ++blocks;
    bytes += size;
    const std::size_t start = size * 0x9E37'79B9'7F4A'7C15U >> 32;
    for (std::size_t i = 0; i < kTries; ++i) {
      SizeCount& place = sizes[(start + i) % kPlaces];
      if (place.blocks == 0 || place.size == size) {
        place.size = size;
        ++place.blocks;
        return;
      }
    }
  }

  // The size that holds most bytes, taken out of the table.
  SizeCount take_largest() {
    SizeCount* largest = &sizes[0];
    for (SizeCount& each : sizes) {
      if (each.bytes() > largest->bytes() ||
          (each.bytes() == largest->bytes() && each.blocks > largest->blocks)) {
        largest = &each;
      }
    }
    const SizeCount taken = *largest;
    *largest = {};
    return taken;
  }
};

constexpr int kLines = 20;

std::size_t size_of(const PageView& view, const void* block) {
  if constexpr (kActive.pad_blocks) {
    if (const Page* const page = page_map.find(block)) {
      return requested_of(page, block);
    }
  }
  return view.usable;
}

bool count_block(const PageView& view, void* block, void* arg) {
  if (block != nullptr) {
    static_cast<LiveCounts*>(arg)->add(size_of(view, block));
  }
  return true;
}

void count_all(LiveCounts* counts) {
  for_each_realm([counts](const Realm& realm) {
    visit_heaps(
        &realm,
        [](Heap* heap, void* to) { return walk_heap(heap, true, count_block, to, Rest::kUnknown); },
        counts);
  });
}

void print_all(const ReportOutput& output, LiveCounts& counts) {
  FixedText<160> line;
  line->append_format("ashlar: live at exit: %llu blocks, %llu bytes\n",
                      static_cast<unsigned long long>(counts.blocks),
                      static_cast<unsigned long long>(counts.bytes));
  output.write(line->text());
  std::uint64_t blocks = counts.blocks;
  std::uint64_t bytes = counts.bytes;
  for (int i = 0; i < kLines && blocks != 0; ++i) {
    const SizeCount size = counts.take_largest();
    if (size.blocks == 0) {
      break;
    }
    if (i == 0) {
      output.write("      bytes     blocks  bytes a block\n");
    }
    line->clear();
    line->append_format("%11llu %10llu %14zu\n", static_cast<unsigned long long>(size.bytes()),
                        static_cast<unsigned long long>(size.blocks), size.size);
    output.write(line->text());
    blocks -= size.blocks;
    bytes -= size.bytes();
  }
  if (blocks != 0) {
    line->clear();
    line->append_format("%11llu %10llu         others\n", static_cast<unsigned long long>(bytes),
                        static_cast<unsigned long long>(blocks));
    output.write(line->text());
  }
}

}  // namespace

void print_live_blocks(OutputFunction* out, void* arg) {
  const ReportOutput output(out, arg);
  // Too large for a stack. The system's memory is zero, which is an empty table.
  const std::size_t bytes = align_up(sizeof(LiveCounts), System::page_size());
  void* const memory = System::reserve(nullptr, bytes, kCacheLine, Access::kReadWrite);
  if (memory == nullptr) {
    output.write("ashlar: live at exit: no memory to count them\n");
    return;
  }
  auto* const counts = new (memory) LiveCounts;
  count_all(counts);
  print_all(output, *counts);
  System::release(memory, bytes);
}

}  // namespace ashlar
