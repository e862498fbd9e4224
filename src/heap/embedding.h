// What a host's realm has beside other realms: the host's answers, its heaps by tag, and what its
// attached threads share. One attached thread's own is attachment.h's, held pages are hold.h's.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "heap/heap.h"
#include "heap/held_list.h"
#include "os/lock.h"
#include "page/page.h"
#include "support/stats.h"

namespace ashlar {

struct Attachment;
struct Realm;

// Tags of a host's heaps are below this.
inline constexpr unsigned kTags = 16;

// The host's answers (include/ashlar/embed.h tells what they mean). Each may be missing.
enum class HostAnswer : std::uint8_t { kMayGo, kHold };
struct HostOps {
  HostAnswer (*page_empty)(const HostOps& ops, void* context, const void* page, std::size_t bytes,
                           std::uint64_t* goal) = nullptr;
  bool (*goal_reached)(const HostOps& ops, void* context, std::uint64_t goal, bool scan) = nullptr;
  void (*given[2])() = {};  // the host's functions, which the two above call
  void* user = nullptr;
};

// Blocks in use, their bytes, and the bytes of pages, as far as they have been looked at.
template <class Counter>
struct UseCounts {
  Counter blocks;
  Counter bytes;
  Counter pages;

  void add(std::int64_t more_blocks, std::int64_t more_bytes, std::int64_t more_pages) {
    blocks.add(more_blocks);
    bytes.add(more_bytes);
    pages.add(more_pages);
  }
};

// Owner:       embedding_lock(): heaps (by tag, kept until the realm ends), attachments, held, and
// the
//              lists of huge blocks of all attachments
// Shared:      ended, written once, by who ends the realm; unowned, by every thread
// Invariants:  held is in the order of goals; its pages are empty, and orphans or huge blocks'
// pages,
//              but for those that an adopter owns already and is about to take out;
//              unowned counts what no attachment does: orphans and huge blocks
// Life:        made with the realm -> ended -> its record goes with the realm's
struct Embedding {
  HostOps ops;
  Heap* heaps[kTags];
  Attachment* attachments;
  HeldList held;
  std::atomic<bool> ended;
  UseCounts<EventCounter> unowned;
};

// Guards what the threads of any host's realm share. Taken on slow paths: for blocks with a page of
// their own, and for empty orphans. The host's answers may be asked for under it.
Lock& embedding_lock();

// A host's realm; nullptr where memory is short.
Realm* make_host_realm(const HostOps& ops);

// Whether there is such a realm, and it is a host's that has not ended. Linear in the realms.
bool is_host_realm(const Realm* realm);

// Blocks in use of a realm that was ended.
struct Leftovers {
  std::size_t pages = 0;
  std::size_t blocks = 0;
  std::size_t bytes = 0;
};

// Ends a host's realm that has no attached threads: what is held is released, and the realm goes
// with its last block. False, and nothing done, where it has some.
bool end_host_realm(Realm* realm, Leftovers* leftovers);

// The realm's heap of a tag, made if it is the first thread that wants it. Where it is there with
// another prefix or hold, or memory is short, nullptr: `known` says which of the two.
Heap* host_heap(Realm* realm, unsigned tag, std::uint8_t prefix, bool holds, bool* known);

// For fork: whether the host has said that its threads are at rest, so that nothing of theirs is
// torn.
void note_hosts_rest(bool at_rest);
bool hosts_rest();

}  // namespace ashlar
