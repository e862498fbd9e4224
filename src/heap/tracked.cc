// Making, ending and finding tracked blocks.
#include "heap/tracked.h"

#include <errno.h>

#include "heap/allocate.h"
#include "heap/attachment.h"
#include "heap/held_back.h"
#include "heap/page_source.h"
#include "os/asan.h"
#include "support/messages.h"
#include "support/text.h"

namespace ashlar {
namespace {

// What a record's state is XORed with.
constexpr std::uint64_t kInUse = 0x5ea1'ed00'b10c'4a5b;
constexpr std::uint64_t kFree = 0x5ea1'ed00'b10c'f4ee;

std::uint64_t state_of(const BlockRecord* record, std::uint64_t kind) {
  return address_of(record) ^ kind;
}

bool is(const BlockRecord* record, std::uint64_t kind) {
  // acquire: pairs with the release in allocate_tracked, for who got the pointer without any order.
  return record->state.load(std::memory_order_acquire) == state_of(record, kind);
}

BlockRecord* record_at(void* block) { return static_cast<BlockRecord*>(block); }

BlockRecord* record_of(const Page* page, const void* pointer) {
  return record_at(page->is_huge() ? page->start : block_at(page, pointer));
}

// Ends the block; false where it was not in use.
bool end(BlockRecord* record) {
  std::uint64_t seen = state_of(record, kInUse);
  // acq_rel: of several frees one succeeds, and sees the record. relaxed: a failure changes
  // nothing.
  return record->state.compare_exchange_strong(
      seen, state_of(record, kFree), std::memory_order_acq_rel, std::memory_order_relaxed);
}

enum class FreeVerdict : std::uint8_t { kRight, kTwice, kNoBlock };

FreeVerdict try_end(BlockRecord* record, const void* pointer) {
  const QuietScope quiet;
  const bool known = is(record, kInUse) || is(record, kFree);
  if (!known || record->start() != pointer) {
    return FreeVerdict::kNoBlock;
  }
  return end(record) ? FreeVerdict::kRight : FreeVerdict::kTwice;
}

// The memory that the page's blocks may lie in.
std::size_t memory_of(const Page* page) {
  return page->is_huge() ? page->block_size : page_bytes(page);
}

std::size_t size_of(const BlockRecord* record) {
  const QuietScope quiet;
  return record->size;
}

}  // namespace

void* allocate_tracked(Heap* heap, const TrackedRequest& request, CallSite site) {
  const std::size_t slack =
      request.alignment > kBlockAlignment || request.offset != 0 ? request.alignment - 1 : 0;
  std::size_t held = 0;
  if (is_too_large(request.size) ||
      __builtin_add_overflow(request.size, sizeof(BlockRecord) + kBehindTracked, &held) ||
      __builtin_add_overflow(held, slack, &held)) {
    return fail_too_large(request.size);
  }
  void* block = nullptr;
  std::uintptr_t start = 0;
  {
    const QuietScope quiet;
    block = allocate_untracked(heap, held, Contents::kUnknown);
    if (block == nullptr) {
      return nullptr;
    }
    start = align_up(address_of(block) + sizeof(BlockRecord) + request.offset, request.alignment) -
            request.offset;
    BlockRecord* const record = record_at(block);
    record->size = request.size;
    record->offset = start - address_of(block);
    // release: who sees the block in use sees the rest of the record.
    record->state.store(state_of(record, kInUse), std::memory_order_release);
  }
  const Page* const page = page_map.find(block);
  note_surroundings(block, page->block_size);
  void* const seen = reinterpret_cast<void*>(start);
  note_block(seen, request.size, request.contents, site);
  if (request.contents == Contents::kZero &&
      !(page->is_huge() && page->fresh_contents == Contents::kZero)) {
    __builtin_memset(seen, 0, request.size);
  }
  return seen;
}

void free_tracked(Page* page, void* pointer, CallSite site) {
  BlockRecord* const record = record_of(page, pointer);
  switch (try_end(record, pointer)) {
    case FreeVerdict::kRight:
      break;
    case FreeVerdict::kTwice:
      report_error(EAGAIN, "free: double free of %p, a block of %zu bytes", pointer,
                   size_of(record));
      note_bad_free(pointer);
      return;
    case FreeVerdict::kNoBlock:
      report_invalid_pointer("free", pointer);
      return;
  }
  note_block_gone(pointer, size_of(record), site);
  hold_back(page, reinterpret_cast<Block*>(record));
}

void shrink_tracked(const Resolved& found, const void* pointer, std::size_t size, CallSite site) {
  if (size >= found.usable) {
    return;
  }
  auto* const record = reinterpret_cast<BlockRecord*>(found.block);
  void* block = nullptr;
  std::size_t kept = 0;
  {
    const QuietScope quiet;
    block = record->start();
    kept = bytes_between(block, pointer) + size;
    record->size = kept;
  }
  note_block_shrunk(block, kept - size + found.usable, kept, site);
}

Resolved resolve_tracked(Page* page, const void* pointer) {
  const QuietScope quiet;
  BlockRecord* const record = record_of(page, pointer);
  if (!is(record, kInUse) || address_of(pointer) < address_of(record->start()) ||
      bytes_between(record->start(), pointer) > record->size) {
    return {};
  }
  const std::size_t usable = record->size - bytes_between(record->start(), pointer);
  return {page, reinterpret_cast<Block*>(record), usable, usable};
}

void* seen_by_program(void* block, std::size_t* size) {
  const QuietScope quiet;
  BlockRecord* const record = record_at(block);
  if (!is(record, kInUse)) {
    return nullptr;
  }
  *size = record->size;
  return record->start();
}

// What freed blocks of a host's realm hold may be read and even swapped, so the tool is not told of
// them: it sees memory that pointers may lie in.
void note_page_tracked(Page* page) {
  if (is_embedded(page)) {
    note_memory_free(page->start, memory_of(page));
    note_page_roots(page->start, memory_of(page));
    return;
  }
  set_owner_flag(page, kOwnerInterior | kOwnerSlow);
  if (page->arena != nullptr) {
    note_arena(page->arena->start(), page->arena->size());
  }
  note_page_memory(page->start, memory_of(page));
}

void note_page_untracked(Page* page) {
  const bool tracked = !is_embedded(page);
  for (std::uint32_t i = 0; tracked && page->used() != 0 && i < page->capacity; ++i) {
    BlockRecord* const record =
        record_at(at_offset(page->start, std::size_t{i} * page->block_size));
    const QuietScope quiet;
    if (is(record, kInUse) && end(record)) {
      note_block_gone(record->start(), record->size, {});
    }
  }
  note_page_memory_gone(page->start, memory_of(page));
}

namespace {

// Where an address lies, seen from a block that begins or ends near it.
struct Place {
  BlockRecord* record = nullptr;
  std::size_t distance = 0;
  const char* where = "";
};

Place place_of(BlockRecord* record, std::uintptr_t at) {
  const std::uintptr_t start = address_of(record->start());
  if (at < start) {
    return {record, start - at, "before"};
  }
  const std::size_t inside = at - start;
  return inside < record->size ? Place{record, inside, "inside"}
                               : Place{record, inside - record->size, "after"};
}

void describe(const void* address) {
  const Page* const page = page_map.find(address);
  if (page == nullptr) {
    return;
  }
  BlockRecord* const record = record_of(page, address);
  if (!is(record, kInUse) && !is(record, kFree)) {
    return;
  }
  Place place = place_of(record, address_of(address));
  // What stands in front of a block may be closer to the end of the one before.
  if (address_of(address) < address_of(record->start()) &&
      address_of(record) > address_of(page->start)) {
    BlockRecord* const before =
        record_of(page, reinterpret_cast<const void*>(address_of(record) - 1));
    const Place other = is(before, kInUse) ? place_of(before, address_of(address)) : place;
    place = other.distance < place.distance ? other : place;
  }
  FixedText<256> text;
  text->append_format("ashlar: %p is %zu bytes %s a block of size %zu at %p, %s\n", address,
                      place.distance, place.where, place.record->size, place.record->start(),
                      is(place.record, kInUse) ? "in use" : "freed");
  write_output(text->text());
}

void describe_reported(const char*) { describe(asan::reported_address()); }

}  // namespace

void begin_tracking() {
  if (!is_watched()) {
    return;
  }
  begin_telling();
  // Pages of blocks that the loader asked for, which no tool will hear of.
  visit_pages(&main_realm, [](const Page* page) {
    note_page_roots(page->start, memory_of(page));
    return true;
  });
  if (is_watched_by(Tool::kAddressSanitizer)) {
    asan::on_report(describe_reported);
  }
}

}  // namespace ashlar
