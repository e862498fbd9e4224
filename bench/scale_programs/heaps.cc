// First-class heaps, which a program makes for its parts and takes blocks of in turn. Only some
// allocators have them. Arguments: HEAPS, how often, MiB that may be resident.
#include "scale.h"

namespace {

constexpr std::size_t kBlock = 64;
constexpr std::size_t kLive = 4096;

struct mi_heap_s;

}  // namespace

int main(int argc, char** argv) {
  const auto [count, times, start, guard] = scale::Begin(argc, argv);
  auto* make = scale::find<mi_heap_s*()>("mi_heap_new");
  auto* allocate = scale::find<void*(mi_heap_s*, std::size_t)>("mi_heap_malloc");
  auto* drop = scale::find<void(mi_heap_s*)>("mi_heap_delete");
  if (make == nullptr || allocate == nullptr || drop == nullptr) {
    scale::end(scale::Ended::kLacksCalls);
  }

  mi_heap_s** heaps = probe::table<mi_heap_s*>(count);
  void** firsts = probe::table<void*>(count);
  std::int64_t before = scale::cpu_ns();
  for (std::uint64_t i = 0; i < count; i++) {
    heaps[i] = make();
    if (heaps[i] == nullptr) scale::end(scale::Ended::kNoMemory);
    firsts[i] = allocate(heaps[i], kBlock);
    if (firsts[i] == nullptr) scale::end(scale::Ended::kNoMemory);
  }
  const std::int64_t made = scale::cpu_ns() - before;
  guard.look();
  const probe::Memory full = probe::memory();

  static void* live[kLive];
  before = scale::cpu_ns();
  for (std::uint64_t i = 0; i < times; i++) {
    void*& block = live[i % kLive];
    std::free(block);
    block = allocate(heaps[i % count], kBlock);
    if (block == nullptr) scale::end(scale::Ended::kNoMemory);
  }
  const std::int64_t turn = scale::cpu_ns() - before;

  for (void* block : live) std::free(block);
  before = scale::cpu_ns();
  for (std::uint64_t i = 0; i < count; i++) drop(heaps[i]);
  const std::int64_t dropped = scale::cpu_ns() - before;
  for (std::uint64_t i = 0; i < count; i++) std::free(firsts[i]);

  probe::tell("make_ps", scale::picoseconds_each(made, count));
  probe::tell("turn_ps", scale::picoseconds_each(turn, times));
  probe::tell("delete_ps", scale::picoseconds_each(dropped, count));
  probe::tell("heap_bytes",
              (full.resident_kib - start.resident_kib) * 1024 / static_cast<std::int64_t>(count));
  return 0;
}
