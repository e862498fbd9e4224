// The life of a host's realm.
#include "heap/embedding.h"

#include <new>

#include "heap/attached_allocate.h"
#include "heap/attachment.h"
#include "heap/held_back.h"
#include "heap/hold.h"
#include "heap/page_source.h"
#include "heap/process.h"
#include "heap/realm.h"
#include "page/ownership.h"
#include "page/padding.h"

namespace ashlar {
namespace {

constinit Lock lock{LockRank::kEmbedding};
constinit RelaxedNumber<bool> at_rest;

bool has_threads(const Embedding& embedding) {
  LockGuard guard(lock);
  return embedding.attachments != nullptr;
}

Leftovers count_leftovers(Realm* realm) {
  Leftovers left;
  look_at_page_entries(realm, [&left](const Page* page) {
    PageCounts counts;
    static_cast<void>(try_read_counts(page, &counts));
    const bool huge = counts.kind == kHugeClass + 1;
    const std::size_t blocks = huge ? 1 : counts.live;
    if (counts.kind == 0 || blocks == 0) {
      return;
    }
    ++left.pages;
    left.blocks += blocks;
    left.bytes += huge ? static_cast<std::size_t>(counts.handed_out)
                       : blocks * (block_size_of(counts.kind - 1) - kPadding);
  });
  return left;
}

Heap* make_host_heap(Realm* realm, unsigned tag, std::uint8_t prefix, bool holds) {
  Heap* const heap = make_heap_of(realm, nullptr, static_cast<int>(tag), false);
  if (heap != nullptr) {
    heap->prefix = prefix;
    heap->holds.set(holds);
  }
  return heap;
}

}  // namespace

Lock& embedding_lock() { return lock; }

Realm* make_host_realm(const HostOps& ops) {
  start_process();
  void* const record = metadata_pool.allocate(sizeof(Embedding));
  Realm* const realm = record == nullptr ? nullptr : make_realm();
  if (realm == nullptr) {
    if (record != nullptr) {
      metadata_pool.release(record, sizeof(Embedding));
    }
    return nullptr;
  }
  auto* const embedding = new (record) Embedding{};
  embedding->ops = ops;
  // Under the lock that is_host_realm looks at it.
  LockGuard guard(heaps_lock());
  realm->embedding = embedding;
  return realm;
}

bool is_host_realm(const Realm* realm) {
  LockGuard guard(heaps_lock());
  const Realm* each = &main_realm;
  while (each != nullptr && each != realm) {
    each = each->next;
  }
  // relaxed: written before the realm's handle is given up.
  return each != nullptr && each->embedding != nullptr &&
         !each->embedding->ended.load(std::memory_order_relaxed);
}

bool end_host_realm(Realm* realm, Leftovers* leftovers) {
  Embedding& embedding = *realm->embedding;
  for (const Heap* const heap : embedding.heaps) {
    if (heap != nullptr) {
      give_back_held(heap);  // freed blocks that wait would count as left
    }
  }
  {
    LockGuard attaching(attaching_lock());
    if (has_threads(embedding)) {
      return false;
    }
    LockGuard guard(lock);
    // relaxed: who holds a page looks at it under the lock.
    embedding.ended.store(true, std::memory_order_relaxed);
  }
  for (Heap* const heap : embedding.heaps) {
    if (heap != nullptr) {
      heap->holds.set(false);
    }
  }
  release_all_unowned(realm);
  collect_host_orphans(realm);
  *leftovers = count_leftovers(realm);
  delete_realm(realm);
  return true;
}

Heap* host_heap(Realm* realm, unsigned tag, std::uint8_t prefix, bool holds, bool* known) {
  Heap*& heap = realm->embedding->heaps[tag];
  *known = heap != nullptr;
  if (heap == nullptr) {
    heap = make_host_heap(realm, tag, prefix, holds);
    return heap;
  }
  return heap->prefix == prefix && heap->holds.get() == holds ? heap : nullptr;
}

void note_hosts_rest(bool rest) { at_rest.set(rest); }
bool hosts_rest() { return at_rest.get(); }

}  // namespace ashlar
