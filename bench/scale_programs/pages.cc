// Very many pages in use, each of 64 KiB of blocks of 8 KiB: first all blocks live, then one of
// eight. What do a block, a page more, and giving memory back cost among so many?
// Arguments: PAGES, how often, MiB that may be resident.
#include "scale.h"

namespace {

constexpr std::size_t kBlock = 8192;
constexpr std::size_t kBlocksOfPage = 8;
constexpr std::size_t kPagesMore = 64;
constexpr std::uint64_t kLookEvery = 4096;
constexpr unsigned kPageBits = 16;
constexpr std::size_t kPagesOfAddresses = std::size_t{1} << (47 - kPageBits);

// The allocator's own call for giving back all that it can.
void give_back() {
  if (auto* collect = scale::find<void(bool)>("mi_collect")) {
    collect(true);
  } else if (auto* purge = scale::find<int(const char*, void*, std::size_t*, void*, std::size_t)>(
                 "mallctl")) {
    purge("thread.tcache.flush", nullptr, nullptr, nullptr, 0);
    purge("arena.4096.purge", nullptr, nullptr, nullptr, 0);  // 4096 stands for all arenas
  } else if (auto* release = scale::find<void()>("MallocExtension_ReleaseFreeMemory")) {
    release();
  } else if (auto* command = scale::find<int(int, void*)>("scalable_allocation_command")) {
    command(0, nullptr);  // TBBMALLOC_CLEAN_ALL_BUFFERS
  } else {
    malloc_trim(0);
  }
}

// Frees all but one block of each 64 KiB of addresses; returns how many stay.
std::uint64_t thin_out(void** blocks, std::uint64_t count) {
  auto* seen = probe::table<bool>(kPagesOfAddresses);
  std::uint64_t kept = 0;
  for (std::uint64_t i = 0; i < count; i++) {
    bool& here = seen[reinterpret_cast<std::uintptr_t>(blocks[i]) >> kPageBits];
    if (here) {
      std::free(blocks[i]);
    } else {
      here = true;
      blocks[kept++] = blocks[i];
    }
  }
  probe::drop_table(seen, kPagesOfAddresses);
  return kept;
}

std::int64_t replace_ns(void** blocks, std::uint64_t count, std::uint64_t times) {
  workload::Random random(1);
  const std::int64_t before = scale::cpu_ns();
  for (std::uint64_t i = 0; i < times; i++) {
    void*& block = blocks[random.below(count)];
    std::free(block);
    block = workload::allocate(kBlock);
  }
  return scale::cpu_ns() - before;
}

// Malloc and free of 64 pages more.
std::int64_t fresh_ns(std::uint64_t rounds) {
  static void* more[kPagesMore * kBlocksOfPage];
  const std::int64_t before = scale::cpu_ns();
  for (std::uint64_t round = 0; round < rounds; round++) {
    for (void*& block : more) {
      block = workload::allocate(kBlock);
      *static_cast<char*>(block) = 1;
    }
    for (void* block : more) std::free(block);
  }
  return scale::cpu_ns() - before;
}

std::int64_t give_back_ns() {
  const std::int64_t before = scale::cpu_ns();
  give_back();
  return scale::cpu_ns() - before;
}

}  // namespace

int main(int argc, char** argv) {
  const auto [pages, times, start, guard] = scale::Begin(argc, argv);
  const std::uint64_t count = pages * kBlocksOfPage;
  void** blocks = probe::table<void*>(count);

  for (std::uint64_t i = 0; i < count; i++) {
    if (i % kLookEvery == 0) guard.look();
    blocks[i] = scale::allocate_or_end(kBlock);
    *static_cast<char*>(blocks[i]) = 1;
  }
  const std::uint64_t rounds = times / 10000 + 2;
  probe::tell("same_ps", scale::picoseconds_each(scale::pairs_ns(kBlock, times), times));
  probe::tell("replace_ps", scale::picoseconds_each(replace_ns(blocks, count, times), times));
  probe::tell("fresh_ps", scale::picoseconds_each(fresh_ns(rounds), rounds * kPagesMore));
  probe::tell("collect_ns", give_back_ns());
  probe::tell("again_ns", give_back_ns());
  probe::tell("full_kib", probe::memory().resident_kib - start.resident_kib);

  const std::uint64_t kept = thin_out(blocks, count);
  const std::uint64_t fewer = times / 10 + 1;
  probe::tell("sparse_pages", static_cast<std::int64_t>(kept));
  probe::tell("sparse_replace_ps", scale::picoseconds_each(replace_ns(blocks, kept, fewer), fewer));
  probe::tell("sparse_collect_ns", give_back_ns());
  probe::tell("sparse_again_ns", give_back_ns());
  probe::tell("sparse_kib", probe::memory().resident_kib - start.resident_kib);
  return 0;
}
