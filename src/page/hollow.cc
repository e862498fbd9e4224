// Which OS pages of a page have no block in use, and moving their blocks out of the lists and back.
#include "page/hollow.h"

#include <bit>

#include "base/integer.h"
#include "page/padding.h"
#include "support/check.h"
#include "support/tracker.h"

namespace ashlar {
namespace {

constexpr std::size_t kMostOsPages = 64;

// OS pages from the one of the first byte to that of the last.
struct OsPageRange {
  std::size_t first;
  std::size_t last;

  OsPages mask() const { return low_bits(last - first + 1) << first; }
};

OsPageRange os_pages_of(const Page* page, const void* block) {
  const auto shift = static_cast<unsigned>(std::countr_zero(System::page_size()));
  const std::size_t begin = bytes_between(page->start, block);
  return {begin >> shift, (begin + page->block_size - 1) >> shift};
}

Block* block_of(const Page* page, std::uint32_t index) {
  return at_offset<Block>(page->start, std::size_t{index} * page->block_size);
}

// The blocks that lie in an OS page, wholly or in part: [first, end), as far as there are any yet.
struct BlockRange {
  std::uint32_t first;
  std::uint32_t end;
};

BlockRange blocks_in(const Page* page, std::size_t os_page) {
  const std::size_t begin = os_page * System::page_size();
  const auto first = static_cast<std::uint32_t>(begin / page->block_size);
  const auto end =
      static_cast<std::uint32_t>(divide_up(begin + System::page_size(), page->block_size));
  return {first, end < page->capacity ? end : page->capacity};
}

// Calls visit(OS page) for each bit, from the lowest on.
template <class Visit>
void for_each(OsPages pages, Visit visit) {
  for (; pages != 0; pages &= pages - 1) {
    visit(static_cast<std::size_t>(std::countr_zero(pages)));
  }
}

// Those that blocks have been made in, up to their end. The one that capacity ends in will hold
// further blocks, unless there are none to come.
OsPages made(const Page* page) {
  const std::size_t end = std::size_t{page->capacity} * page->block_size;
  const std::size_t count =
      page->can_add_blocks() ? end / System::page_size() : divide_up(end, System::page_size());
  return low_bits(count);
}

// The OS pages all of whose blocks stand in the owner's lists; none where a list was corrupted.
OsPages without_use(const Page* page) {
  std::uint32_t free_in[kMostOsPages] = {};
  const std::size_t end = std::size_t{page->capacity} * page->block_size;
  std::uint32_t left = page->capacity;
  for (const Block* list :
       {static_cast<const Block*>(page->free), static_cast<const Block*>(page->local_free)}) {
    for (const Block* block = list; block != nullptr; block = PageLinks::next(block, page->keys)) {
      if (address_of(block) - address_of(page->start) >= end || left-- == 0) {
        return 0;
      }
      const OsPageRange range = os_pages_of(page, block);
      for (std::size_t i = range.first; i <= range.last; ++i) {
        ++free_in[i];
      }
    }
  }
  OsPages found = 0;
  for_each(made(page) & ~page->hollow, [&](std::size_t i) {
    const BlockRange blocks = blocks_in(page, i);
    if (free_in[i] == blocks.end - blocks.first) {
      found |= OsPages{1} << i;
    }
  });
  return found;
}

// Takes the blocks in these OS pages out of a list; the others keep their order.
Block* withdraw(Page* page, Block* list, OsPages gone) {
  Block* first = nullptr;
  Block* last = nullptr;
  for (Block* block = list; block != nullptr;) {
    Block* const next = PageLinks::next(block, page->keys);
    if ((os_pages_of(page, block).mask() & gone) == 0) {
      if (last == nullptr) {
        first = block;
      } else {
        PageLinks::set_next(last, block, page->keys);
      }
      last = block;
    } else {
      ++page->withdrawn;
    }
    block = next;
  }
  if (last != nullptr) {
    PageLinks::set_next(last, nullptr, page->keys);
  }
  return first;
}

// Puts the blocks of these OS pages, which are hollow no longer, in front of a list, lowest first,
// as far as they lie in no other hollow one.
Block* put_back(Page* page, OsPages filled, Block* list) {
  Block* first = list;
  const auto lowest = static_cast<std::size_t>(std::countr_zero(filled));
  const auto highest = static_cast<std::size_t>(std::bit_width(filled)) - 1;
  const std::uint32_t begin = blocks_in(page, lowest).first;
  for (std::uint32_t i = blocks_in(page, highest).end; i-- > begin;) {
    Block* const block = block_of(page, i);
    const OsPages pages = os_pages_of(page, block).mask();
    if ((pages & filled) != 0 && (pages & page->hollow) == 0) {
      mark_unused(page, block);
      PageLinks::set_next(block, first, page->keys);
      first = block;
      --page->withdrawn;
    }
  }
  return first;
}

// Gives OS pages back, run by run; those that the system took.
OsPages purge(const Page* page, OsPages gone) {
  static_assert(sizeof(OsPages) * 8 / 2 <= kPiecesMax);
  MemoryPiece pieces[kPiecesMax];
  OsPages runs[kPiecesMax];
  std::uint32_t count = 0;
  for_each_bit_run(gone, [&](std::size_t first, std::size_t pages) {
    pieces[count] = {at_offset(page->start, first * System::page_size()),
                     pages * System::page_size()};
    runs[count++] = low_bits(pages) << first;
  });
  OsPages purged = 0;
  for (std::uint64_t left = System::purge_pieces(pieces, count); left != 0; left &= left - 1) {
    purged |= runs[std::countr_zero(left)];
  }
  return purged;
}

std::size_t bytes_of(OsPages pages) {
  return static_cast<std::size_t>(std::popcount(pages)) * System::page_size();
}

}  // namespace

std::uint32_t withdrawn_blocks(const Page* page) {
  std::uint32_t count = 0;
  std::uint32_t next = 0;  // all before it are counted
  for_each(page->hollow, [&](std::size_t i) {
    const BlockRange blocks = blocks_in(page, i);
    const std::uint32_t first = blocks.first > next ? blocks.first : next;
    count += blocks.end > first ? blocks.end - first : 0;
    next = blocks.end > next ? blocks.end : next;
  });
  return count;
}

bool is_withdrawn(const Page* page, const void* block) {
  return page->withdrawn != 0 && (os_pages_of(page, block).mask() & page->hollow) != 0;
}

std::size_t hollow_page(Page* page) {
  const QuietScope quiet;
  const OsPages gone = without_use(page);
  if (gone == 0) {
    return 0;
  }
  page->free = withdraw(page, page->free, gone);
  page->local_free = withdraw(page, page->local_free, gone);
  page->hollow |= gone;
  const OsPages purged = purge(page, gone);
  touched_bytes.sub(bytes_of(purged));
  if (const OsPages refused = gone & ~purged; refused != 0) {
    page->hollow &= ~refused;
    page->local_free = put_back(page, refused, page->local_free);
  }
  return bytes_of(purged);
}

bool fill_hollow(Page* page) {
  check(page->free == nullptr, "a page is filled where its free list is empty");
  const auto lowest = static_cast<std::size_t>(std::countr_zero(page->hollow));
  const Block* const first = block_of(page, blocks_in(page, lowest).first);
  const OsPages wanted = os_pages_of(page, first).mask() & page->hollow;
  if (!touched_bytes.try_add(bytes_of(wanted))) {
    return false;
  }
  page->hollow &= ~wanted;
  {
    const PageHistory::Change change(page->history);
    keep_counts(page);
  }
  page->free = put_back(page, wanted, nullptr);
  page->free_contents = Contents::kUnknown;
  return true;
}

void forget_hollow(Page* page) {
  touched_bytes.add(bytes_of(page->hollow));
  page->hollow = 0;
  page->withdrawn = 0;
}

}  // namespace ashlar
