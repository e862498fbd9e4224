// Giving back at once what is free, wherever it is: for programs that know that they are idle.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ashlar {

struct ThreadHeap;

enum class TrimLevel : std::uint8_t {
  kWaiting,  // free slices
  kCollect,  // and all pages that become empty when what was freed in them is collected
  kLetGo,    // and pages with room are let go of, so that other threads can use and empty them
};

// Gives free memory of all realms back to the system; returns how many bytes. What threads own is
// theirs: the calling thread's is collected now, and that of others by themselves when they next
// come to a slow path, which purges it after the usual delay. Orphan pages have nothing that needs
// collecting. May call commit hooks.
std::size_t trim(TrimLevel level);

// The calling thread does what a trim asked of it. Called by settle_thread.
void trim_own(ThreadHeap* backing);

}  // namespace ashlar
