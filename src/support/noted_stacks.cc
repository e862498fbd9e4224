// The depot of stacks: an append-only row of them, and a table from hashes to places in the row.
#include "support/noted_stacks.h"

#include <atomic>
#include <new>

#include "base/integer.h"
#include "os/system.h"
#include "os/unwind.h"
#include "support/touched.h"

namespace ashlar {
namespace {

struct Stack {
  RelaxedNumber<std::uint32_t> count;
  RelaxedNumber<std::uintptr_t> frames[kNotedFrames];
};

// Owner:       nobody; any thread notes and reads at any time
// Shared:      index, next, stacks
// Invariants:  an entry of the index is 0, or the upper bits of a stack's hash and its site; it
//              never changes again, and what it leads to was written before
// Life:        zero memory of the system -> filled -> the end of the process
struct Depot {
  static constexpr std::uint32_t kPlaces = 1 << 17;  // twice the sites, so that tries are few
  static constexpr std::uint32_t kTries = 64;
  static constexpr std::uint64_t kSiteBits = 0xFFFF;

  std::atomic<std::uint64_t> index[kPlaces];
  std::atomic<std::uint32_t> next;
  Stack stacks[kNotedStacksMax + 1];  // [site]; 0 is none's
};
static_assert(kNotedStacksMax <= Depot::kSiteBits);

constinit std::atomic<Depot*> depot{nullptr};

std::uint64_t hash_of(const std::uintptr_t* frames, std::size_t count) {
  // FNV-1a (Fowler, Noll, Vo) by words, then a multiplication that brings all bits to the top.
  std::uint64_t hash = 0xCBF2'9CE4'8422'2325;
  for (std::size_t i = 0; i < count; ++i) {
    hash = (hash ^ frames[i]) * 0x0000'0100'0000'01B3;
    hash ^= hash >> 32;
  }
  return hash * 0x9E37'79B9'7F4A'7C15;
}

// A site for a stack that is not in the index yet; 0: the row is full.
std::uint32_t append(Depot* to, const std::uintptr_t* frames, std::size_t count) {
  // relaxed: gives numbers away, each to one thread; the bound keeps it from running over.
  if (to->next.load(std::memory_order_relaxed) >= kNotedStacksMax) {
    return 0;
  }
  // relaxed: as above.
  const std::uint32_t site = to->next.fetch_add(1, std::memory_order_relaxed) + 1;
  if (site > kNotedStacksMax) {
    return 0;
  }
  touched_bytes.add(sizeof(Stack));
  Stack& stack = to->stacks[site];
  for (std::size_t i = 0; i < count; ++i) {
    stack.frames[i].set(frames[i]);
  }
  stack.count.set(static_cast<std::uint32_t>(count));
  return site;
}

// Two stacks with the same upper 48 bits of their hashes would be taken for one.
NotedStack enter(Depot* to, const std::uintptr_t* frames, std::size_t count) {
  const std::uint64_t hash = hash_of(frames, count);
  const std::uint64_t tag = hash & ~Depot::kSiteBits;
  std::uint32_t site = 0;
  for (std::uint32_t i = 0; i < Depot::kTries; ++i) {
    std::atomic<std::uint64_t>& place = to->index[(hash + i) % Depot::kPlaces];
    // acquire: pairs with the release below, so that the stack is seen.
    std::uint64_t entry = place.load(std::memory_order_acquire);
    if (entry == 0) {
      site = site != 0 ? site : append(to, frames, count);
      if (site == 0) {
        return NotedStack::kNone;
      }
      // release: the stack comes before what leads to it. acquire: another thread's entry.
      if (place.compare_exchange_strong(entry, tag | site, std::memory_order_release,
                                        std::memory_order_acquire)) {
        return NotedStack{site};
      }
    }
    if ((entry & ~Depot::kSiteBits) == tag) {
      return NotedStack{static_cast<std::uint32_t>(entry & Depot::kSiteBits)};
    }
  }
  return NotedStack::kNone;
}

// The depot, made by the first who needs it; nullptr: the system has no memory for it.
Depot* open_depot() {
  // acquire: pairs with the release below.
  Depot* found = depot.load(std::memory_order_acquire);
  if (found != nullptr) {
    return found;
  }
  const std::size_t bytes = align_up(sizeof(Depot), System::page_size());
  void* const memory = System::reserve(nullptr, bytes, kCacheLine, Access::kReadWrite);
  if (memory == nullptr) {
    return nullptr;
  }
  auto* const made = static_cast<Depot*>(memory);  // zero memory is an empty one
  // release: who finds it finds it made. acquire: another thread's, which was first.
  if (depot.compare_exchange_strong(found, made, std::memory_order_release,
                                    std::memory_order_acquire)) {
    return made;
  }
  System::release(memory, bytes);
  return found;
}

void write(OutputFunction* out, void* arg, const char* text) {
  out != nullptr ? out(text, arg) : write_output(text);
}

}  // namespace

constinit RelaxedNumber<bool> notes_stacks;

void set_notes_stacks(bool on) {
  if (on && open_depot() == nullptr) {
    report_warning("allocation_sites: no memory to note where blocks are allocated");
    return;
  }
  notes_stacks.set(on);
}

NotedStack note_stack_slow() {
  std::uintptr_t frames[kNotedFrames];
  const std::size_t count = unwind_here(frames, kNotedFrames);
  // acquire: as in open_depot.
  Depot* const to = depot.load(std::memory_order_acquire);
  return count != 0 && to != nullptr ? enter(to, frames, count) : NotedStack::kNone;
}

void append_frame(TextBuffer& line, std::size_t index, std::uintptr_t code) {
  const CodePlace place = find_code(code);
  if (place.module == nullptr) {
    line.append_format("    #%zu %p\n", index, reinterpret_cast<const void*>(code));
    return;
  }
  char program[256];
  const char* const module =
      place.module[0] != '\0' ? place.module : System::program_path(program, sizeof program);
  line.append_format("    #%zu %s+0x%zx\n", index, module, std::size_t{place.offset});
}

void print_stack(OutputFunction* out, void* arg, const char* what, NotedStack site) {
  // acquire: as in open_depot.
  const Depot* const from = depot.load(std::memory_order_acquire);
  const auto number = static_cast<std::uint32_t>(site);
  if (from == nullptr || number == 0 || number > kNotedStacksMax) {
    return;
  }
  FixedText<320> line;
  line->append_format("  %s:\n", what);
  write(out, arg, line->text());
  const Stack& stack = from->stacks[number];
  for (std::size_t i = 0; i < stack.count.get() && i < kNotedFrames; ++i) {
    line->clear();
    append_frame(*line, i, stack.frames[i].get());
    write(out, arg, line->text());
  }
}

}  // namespace ashlar
