// What holds of every record of a page that is in use.
#include "page/page_record.h"

#include "arena/page_map.h"
#include "os/system.h"
#include "support/text.h"

namespace ashlar {
namespace {

bool is_known_by_map(const Page* page) { return page_map.find(page->start) == page; }

bool has_blocks_of_its_class(const Page* page) {
  return page->size_class < kSizeClassCount &&
         page->block_size == block_size_of(page->size_class) &&
         page->slices == page_slices_of(page->size_class);
}

bool has_possible_counts(const Page* page) {
  return page->reserved * page->block_size <= page_bytes(page) &&
         page->capacity <= page->reserved && page->used() <= page->capacity;
}

}  // namespace

const char* find_record_damage(const Page* page) {
  if (!is_known_by_map(page)) {
    return "where its blocks lie";
  }
  if (!page->is_huge() && !has_blocks_of_its_class(page)) {
    return "its size class";
  }
  if (!page->is_huge() && !has_possible_counts(page)) {
    return "how many blocks it has";
  }
  // relaxed: the owner's own, or that of a page without one.
  return page->home.load(std::memory_order_relaxed) == nullptr ? "its heap" : nullptr;
}

void stop_at_damaged_record(const Page* page, const char* damage) {
  FixedText<320> text;
  text->append_format(
      "ashlar: error: corrupted record of the page at %p (%s): the program wrote to memory of the "
      "allocator, which can't go on; look for writes far outside of blocks\n",
      page->start, damage);
  System::write_error(text->text(), text->length());
  System::stop();
}

}  // namespace ashlar
