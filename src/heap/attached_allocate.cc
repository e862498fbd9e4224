// The slow side of allocation for attached threads.
#include "heap/attached_allocate.h"

#include <errno.h>

#include "heap/allocate.h"
#include "heap/attachment.h"
#include "heap/block_check.h"
#include "heap/free.h"
#include "heap/hold.h"
#include "heap/huge.h"
#include "heap/orphans.h"
#include "heap/page_source.h"
#include "heap/reallocate.h"
#include "heap/realm.h"
#include "os/thread.h"
#include "support/messages.h"

namespace ashlar {
namespace {

// Whether the calling thread may allocate from the part now. Reported where not.
bool may_allocate(const ThreadHeap* part) {
  if (likely(part != nullptr && part->id == thread_id() && !is_asking_host())) {
    return true;
  }
  if (part == nullptr) {
    report_error(EINVAL, "ashlar_rt_malloc: no heap; ashlar_rt_thread_heap gives one");
  } else if (is_asking_host()) {
    report_error(EINVAL,
                 "ashlar_rt_malloc: called from within page_empty or goal_reached, which may not "
                 "allocate");
  } else {
    report_error(EINVAL,
                 "ashlar_rt_malloc: the heap at %p belongs to another thread than the calling one; "
                 "each thread allocates from heaps that it attached itself",
                 static_cast<const void*>(part));
  }
  errno = EINVAL;
  return false;
}

// Threads that a trim or a deletion wants something of do it here, as do those whose pages a visit
// has found empty.
void look_around(ThreadHeap* part) {
  Attachment* const attachment = attachment_of(part);
  if (attachment->looks_again) {
    attachment->looks_again = false;
    collect_parts(&attachment->backing);
  }
}

void* allocate_huge_attached(ThreadHeap* part, std::size_t size, Contents contents) {
  poll_held(attachment_of(part), true);
  void* const block = allocate_huge(part->home, size, kSliceSize, contents);
  if (block != nullptr) {
    own_huge(part, page_map.find(block));
  }
  return block;
}

void* try_allocate(ThreadHeap* part, std::size_t size, Contents contents) {
  look_around(part);
  if (size > kMediumBlockMax - kPadding) {
    return allocate_huge_attached(part, size, contents);
  }
  Page* const page = page_with_room(part, size, class_for(size));
  return page == nullptr ? nullptr : detail::finish_attached(page, pop_block(page), size, contents);
}

// Copies what a block keeps: readers may still swap words of the old one, and look at the new one
// as at the block that it was before.
void copy_kept(void* to, const void* from, std::size_t kept) {
  for (std::size_t at = 0; at + kWordSize <= kept; at += kWordSize) {
    // relaxed: word by word; what a reader makes of a word does not depend on another.
    const std::uintptr_t word =
        __atomic_load_n(at_offset<const std::uintptr_t>(from, at), __ATOMIC_RELAXED);
    __atomic_store_n(at_offset<std::uintptr_t>(to, at), word, __ATOMIC_RELAXED);
  }
}

void* move_to(ThreadHeap* part, void* pointer, const Resolved& found, std::size_t size) {
  void* const moved = allocate_attached<Contents::kUnknown>(part, size);
  if (moved == nullptr) {
    return nullptr;
  }
  const std::size_t copied = found.usable < size ? found.usable : size;
  const std::size_t prefix = found.page->prefix;
  const std::size_t kept = (prefix < copied ? prefix : copied) / kWordSize * kWordSize;
  copy_kept(moved, pointer, kept);
  __builtin_memcpy(at_offset(moved, kept), at_offset(pointer, kept), copied - kept);
  free_block(pointer);
  return moved;
}

// Bytes of the realm's pages that are fewer afterwards.
template <class Work>
std::size_t bytes_released_by(const Realm& realm, Work work) {
  const std::int64_t before = realm.stats.page_bytes.current();
  work();
  const std::int64_t released = before - realm.stats.page_bytes.current();
  return released > 0 ? static_cast<std::size_t>(released) : 0;
}

}  // namespace

Block* clear_slow(const Page* page, Block* block) {
  const std::size_t kept = detail::kept_of(page, page->block_size);
  for (std::size_t at = 0; at < kept; at += kWordSize) {
    // relaxed: a reader takes whatever word it finds, and compares it with what it has read before.
    __atomic_store_n(at_offset<std::uintptr_t>(block, at), 0, __ATOMIC_RELAXED);
  }
  __builtin_memset(at_offset(block, kept), 0, page->block_size - kept);
  return block;
}

void* allocate_attached_slow(ThreadHeap* part, std::size_t size, Contents contents) {
  if (unlikely(!may_allocate(part))) {
    return nullptr;
  }
  if (unlikely(is_too_large(size))) {
    return fail_too_large(size);
  }
  bool tried = false;
  void* const block = allocate_or_wait(part->home, size, [&] {
    if (tried) {
      collect_attached(attachment_of(part));
    }
    tried = true;
    return try_allocate(part, size, contents);
  });
  return likely(block != nullptr) ? block : fail_out_of_memory(size);
}

void* allocate_least_slow(ThreadHeap* part, Contents contents) {
  return contents == Contents::kZero ? allocate_attached<Contents::kZero>(part, part->least)
                                     : allocate_attached<Contents::kUnknown>(part, part->least);
}

void* reallocate_attached(ThreadHeap* part, void* pointer, std::size_t size) {
  if (pointer == nullptr) {
    return allocate_attached<Contents::kUnknown>(part, size);
  }
  if (unlikely(!may_allocate(part))) {
    return nullptr;
  }
  if (unlikely(is_too_large(size))) {
    return fail_too_large(size);
  }
  const Resolved found = resolve(pointer);
  if (unlikely(found.page == nullptr)) {
    report_invalid_pointer("ashlar_rt_realloc", pointer);
    errno = EINVAL;
    return nullptr;
  }
  if constexpr (kActive.check_blocks) {
    if (!check_live(found.page, found.block, "ashlar_rt_realloc")) {
      errno = EINVAL;
      return nullptr;
    }
  }
  const std::size_t least = kActive.pad_blocks ? found.page->prefix : 0;
  const std::size_t wanted = size == 0 ? 1 : size;
  const std::size_t request = wanted < least ? least : wanted;
  return resize_where_it_is(found, pointer, request) ? pointer
                                                     : move_to(part, pointer, found, request);
}

std::size_t collect_attached(Attachment* attachment) {
  if (is_asking_host()) {
    return 0;
  }
  return bytes_released_by(*attachment->realm, [attachment] {
    attachment->looks_again = false;
    collect_parts(&attachment->backing);
    poll_held(attachment, true);
  });
}

std::size_t collect_host_orphans(Realm* realm) {
  return bytes_released_by(*realm, [realm] {
    for_each_page_entry(
        realm, [](Page* page) { return is_orphan(page) && try_own(&page->remote) == Taken::kYes; },
        [](Page* page) { publish(page); });
  });
}

}  // namespace ashlar
