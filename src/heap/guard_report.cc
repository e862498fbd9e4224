// Reports of guarded blocks, line by line, so that they need little stack.
#include "heap/guard_report.h"

#include <errno.h>

#include "heap/guards.h"
#include "os/system.h"
#include "os/unwind.h"
#include "support/messages.h"
#include "support/noted_stacks.h"
#include "support/text.h"

namespace ashlar {
namespace {

// Where lines go. A signal handler writes past the output function of the program, which may do
// anything.
using Sink = void(const char* text, std::size_t length);
void sink_directly(const char* text, std::size_t length) { System::write_error(text, length); }
void sink_to_output(const char* text, std::size_t) { write_output(text); }

constexpr std::size_t kLine = 320;

void write_frame(Sink* sink, std::size_t index, std::uintptr_t code) {
  FixedText<kLine> line;
  append_frame(*line, index, code);
  sink(line->text(), line->length());
}

void write_head(Sink* sink, const char* what, std::uint64_t thread) {
  FixedText<kLine> line;
  line->append_format("  %s by thread %llu:\n", what, static_cast<unsigned long long>(thread));
  sink(line->text(), line->length());
}

void write_stack(Sink* sink, const char* what, const GuardStack& stack) {
  const std::size_t count = stack.count.get();
  if (count == 0) {
    return;  // freed with its heap
  }
  write_head(sink, what, stack.thread.get());
  for (std::size_t i = 0; i < count && i < kGuardFrames; ++i) {
    write_frame(sink, i, stack.frames[i].get());
  }
}

void write_access(Sink* sink, const Fault& fault) {
  std::uintptr_t frames[kGuardFrames];
  const std::size_t count = unwind_interrupted(fault.context, frames, kGuardFrames);
  write_head(sink, "accessed", System::thread_number());
  for (std::size_t i = 0; i < count; ++i) {
    write_frame(sink, i, frames[i]);
  }
}

GuardState state_of(const GuardSlot* slot) {
  // acquire: pairs with the release of who made the block, so that its numbers are seen.
  return slot->state.load(std::memory_order_acquire);
}

// The stacks of a block, the latest event first.
void write_history(Sink* sink, const GuardSlot* slot) {
  if (state_of(slot) == GuardState::kFreed) {
    write_stack(sink, "freed", slot->freed);
  }
  write_stack(sink, "allocated", slot->allocated);
}

// Which block an access was meant for: the address may lie between two of them.
const GuardSlot* nearest_slot(std::uintptr_t address) {
  GuardSlot* const slot = guard_pool.slot_at(address);
  if (slot == nullptr) {
    return nullptr;
  }
  const GuardSlot* const next = guard_pool.next_slot(slot);
  const bool here = state_of(slot) != GuardState::kEmpty;
  if (next == nullptr || state_of(next) == GuardState::kEmpty) {
    return here ? slot : nullptr;
  }
  const std::uintptr_t end = slot->start.get() + slot->size.get();
  return here && (address < end || address - end < next->start.get() - address) ? slot : next;
}

// Says what was wrong with an access; false where nothing was.
bool describe(const Fault& fault, const GuardSlot* slot, TextBuffer& line) {
  const char* const access = fault.access == FaultAccess::kWrite  ? "write"
                             : fault.access == FaultAccess::kRead ? "read"
                                                                  : "access";
  const std::uintptr_t start = slot->start.get();
  const std::size_t size = slot->size.get();
  const bool is_freed = state_of(slot) == GuardState::kFreed;
  const std::uintptr_t at = fault.address;
  line.append("ashlar: error: ");
  if (at - start < size && !is_freed) {
    return false;
  }
  if (at - start < size) {
    line.append_format("use after free: %s at %p, %zu bytes into a freed block", access,
                       reinterpret_cast<const void*>(at), std::size_t{at - start});
  } else if (at >= start + size) {
    line.append_format("%s by %zu bytes: %s at %p, behind a %sblock",
                       is_freed ? "use after free and overflow" : "overflow",
                       std::size_t{at - start - size + 1}, access,
                       reinterpret_cast<const void*>(at), is_freed ? "freed " : "");
  } else {
    line.append_format("%s by %zu bytes: %s at %p, before a %sblock",
                       is_freed ? "use after free and underflow" : "underflow",
                       std::size_t{start - at}, access, reinterpret_cast<const void*>(at),
                       is_freed ? "freed " : "");
  }
  line.append_format(" of %zu bytes at %p\n", size, reinterpret_cast<const void*>(start));
  return true;
}

// One report at a time: threads that break blocks at the same moment wait for each other, for a
// bounded time, since the one before may never end.
constexpr int kTurnWaits = 1000;
constinit std::atomic<bool> reporting{false};

void take_turn() {
  // acquire: pairs with the release below.
  for (int i = 0; reporting.exchange(true, std::memory_order_acquire) && i < kTurnWaits; ++i) {
    System::sleep_ms(1);
  }
}

void leave_turn() {
  // release: what was written comes before what the next one writes.
  reporting.store(false, std::memory_order_release);
}

bool write_headline(const Fault& fault, const GuardSlot* slot) {
  FixedText<kLine> line;
  if (!describe(fault, slot, *line)) {
    return false;
  }
  sink_directly(line->text(), line->length());
  return true;
}

void write_found(const char* headline, std::size_t length, const GuardSlot* slot) {
  sink_to_output(headline, length);
  GuardStack here{};
  here.take();
  write_stack(sink_to_output, "found", here);
  write_history(sink_to_output, slot);
}

}  // namespace

void report_fault(const Fault& fault) {
  const GuardSlot* const slot = nearest_slot(fault.address);
  if (slot == nullptr) {
    return;
  }
  take_turn();
  if (write_headline(fault, slot)) {
    write_access(sink_directly, fault);
    write_history(sink_directly, slot);
  }
  leave_turn();
}

bool report_guarded_pointer(const char* call, const void* pointer) {
  const GuardSlot* const slot = guard_pool.slot_at(address_of(pointer));
  if (slot == nullptr || state_of(slot) == GuardState::kEmpty) {
    return false;
  }
  const void* const start = reinterpret_cast<const void*>(slot->start.get());
  const bool is_freed = state_of(slot) == GuardState::kFreed;
  const bool twice = is_freed && pointer == start;
  FixedText<kLine> line;
  line->append_format("ashlar: error: %s: %s %p, %s %sblock of %zu bytes at %p\n", call,
                      twice ? "double free of" : "invalid pointer", pointer,
                      twice ? "a" : "in the slot of a", is_freed ? "freed " : "", slot->size.get(),
                      start);
  write_found(line->text(), line->length(), slot);
  report_error(twice ? EAGAIN : EINVAL, "%s: %s %p: the stacks above say where it comes from", call,
               twice ? "double free of" : "invalid pointer", pointer);
  return true;
}

void report_guarded_edges(const GuardSlot* slot, std::size_t behind, std::size_t before) {
  const void* const start = reinterpret_cast<const void*>(slot->start.get());
  const std::size_t bytes = behind != 0 ? behind : before;
  const char* const what = behind != 0 ? "overflow" : "underflow";
  FixedText<kLine> line;
  line->append_format(
      "ashlar: error: free: %s by %zu bytes: written %s a block of %zu bytes at %p\n", what, bytes,
      behind != 0 ? "behind" : "before", slot->size.get(), start);
  sink_to_output(line->text(), line->length());
  write_history(sink_to_output, slot);
  report_error(EFAULT, "free: %s by %zu bytes of the block at %p: the stacks above say which it is",
               what, bytes, start);
}

}  // namespace ashlar
