// Arenas of huge OS pages (1 GiB), and what the options ask to be reserved when the process starts.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ashlar {

struct HugeArenaRequest {
  std::size_t pages = 0;
  int numa_node = -1;            // any number, see wrap_numa_node
  std::uint64_t timeout_ms = 0;  // 0: none
  bool exclusive = false;        // serves only who names it
};

// Reserves an arena of as many of these pages as the system gives in that time; says so where these
// are not all. Returns how many, and the arena's number in *id (untouched where there are none).
std::size_t reserve_huge_arena(const HugeArenaRequest& wanted, int* id);

// The same in an arena for each of `nodes` nodes (0: all there are) that serves all; the pages are
// spread evenly, and those left over go to the first nodes. Each node gets an equal part of the
// time, and 50 ms.
std::size_t reserve_huge_arenas_interleaved(std::size_t pages, std::size_t nodes,
                                            std::uint64_t timeout_ms);

// Reserves what the options ask for. Messages may be sent.
void reserve_at_start();

}  // namespace ashlar
