// Row 8: pages that ended threads left are taken over only for the heap, tag, arena and realm that
// they belong to. Were one taken for another heap, destroying the first would destroy live blocks.
#include "heap_support.h"

#include <sys/mman.h>

namespace {

using regress::Chance;
using regress::Live;
using regress::Watchdog;

constexpr std::size_t kOrphanSizes[] = {32, 112, 640, 3000, 12000};

// Threads end and leave half-empty pages of each of the heaps, then others allocate the same sizes
// from all of them. Each heap's blocks stay apart, and survive the destruction of the others.
void leave_adopt_and_destroy(const std::vector<mi_heap_t*>& heaps, std::uint64_t seed) {
  Watchdog watchdog;
  Chance chance(seed);
  std::vector<std::vector<Live>> live(heaps.size());
  for (int round = 0; round < 6; round++) {
    regress::on_a_thread([&] {
      for (const std::size_t size : kOrphanSizes) {
        for (std::size_t h = 0; h < heaps.size(); h++) {
          const auto value = static_cast<unsigned>(chance.next());
          const std::size_t count = size < 4000 ? 80000 / size : 6;
          for (const Live& block : regress::many_from_heap(heaps[h], size, count, value)) {
            if (chance.below(2) == 0) {
              regress::drop(block);
            } else {
              live[h].push_back(block);
            }
          }
        }
      }
    });
    // Frees by a stranger take pages over, whatever heap they are of; what he allocates next from
    // one heap must not come from another's.
    regress::on_a_thread([&] {
      for (std::size_t h = 0; h < heaps.size(); h++) {
        for (std::size_t i = 0; i < live[h].size(); i += 3) {
          const std::size_t to = chance.below(heaps.size());
          const std::size_t size = live[h][i].size;
          regress::drop(live[h][i]);
          live[h][i] = live[h].back();
          live[h].pop_back();
          live[to].push_back(regress::from_heap(heaps[to], size, static_cast<unsigned>(i)));
        }
      }
    });
  }
  if (::testing::Test::HasFailure()) return;
  for (std::size_t h = 0; h < heaps.size(); h++) {
    for (const Live& block : live[h])
      ASSERT_EQ(mi_heap_of(block.block), heaps[h]) << "seed " << seed;
    for (std::size_t other = 0; other < h; other++)
      EXPECT_FALSE(regress::share_a_slice(live[h], live[other])) << "seed " << seed;
  }
  // The last heap is destroyed first; all others' blocks must outlive it.
  for (std::size_t h = heaps.size(); h-- > 0;) {
    if (heaps[h] == mi_heap_main()) {
      for (const Live& block : live[h]) regress::drop(block);
    } else {
      mi_heap_destroy(heaps[h]);
    }
    live.pop_back();
    regress::write_over_free_memory();
    for (const auto& of_one : live)
      for (const Live& block : of_one) ASSERT_TRUE(regress::is_intact(block)) << "seed " << seed;
  }
}

TEST(regress_08_orphan_kinds, of_several_heaps) {
  leave_adopt_and_destroy({mi_heap_main(), mi_heap_new(), mi_heap_new(), mi_heap_new()},
                          Chance::seed());
}

TEST(regress_08_orphan_kinds, of_heaps_with_tags) {
  leave_adopt_and_destroy({mi_heap_new_ex(1, true, 0), mi_heap_main(), mi_heap_new_ex(2, true, 0),
                           mi_heap_new_ex(1, true, 0)},
                          Chance::seed());
}

// Memory of the caller's, for one arena that only heaps made for it may use.
class Region {
 public:
  explicit Region(std::size_t size) : size_(size) {
    reserved_ = mmap(nullptr, size + kAlignment, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    const auto start =
        (reinterpret_cast<std::uintptr_t>(reserved_) + kAlignment - 1) & ~(kAlignment - 1);
    start_ = reinterpret_cast<void*>(start);
    managed_ = reserved_ != MAP_FAILED &&
               mi_manage_os_memory_ex(start_, size, true, false, true, -1, true, &arena_);
  }
  // Arenas stay for the life of the process, and so does the memory.
  ~Region() = default;
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;

  bool managed() const { return managed_; }
  mi_arena_id_t arena() const { return arena_; }
  bool holds(const void* p) const {
    const auto at = reinterpret_cast<std::uintptr_t>(p);
    const auto start = reinterpret_cast<std::uintptr_t>(start_);
    return at >= start && at < start + size_;
  }

 private:
  static constexpr std::uintptr_t kAlignment = std::uintptr_t{64} << 20;
  std::size_t size_;
  void* reserved_ = nullptr;
  void* start_ = nullptr;
  mi_arena_id_t arena_{};
  bool managed_ = false;
};

TEST(regress_08_orphan_kinds, of_heaps_in_arenas) {
  Region one(std::size_t{64} << 20);
  Region other(std::size_t{64} << 20);
  ASSERT_TRUE(one.managed());
  ASSERT_TRUE(other.managed());
  for (int round = 0; round < 3; round++) {
    leave_adopt_and_destroy(
        {mi_heap_new_in_arena(one.arena()), mi_heap_main(), mi_heap_new_in_arena(other.arena()),
         mi_heap_new_ex(3, true, one.arena())},
        Chance::seed());
  }
}

TEST(regress_08_orphan_kinds, blocks_stay_in_their_arena_until_it_is_full) {
  Watchdog watchdog;
  Region region(std::size_t{32} << 20);
  ASSERT_TRUE(region.managed());
  for (int round = 0; round < 3; round++) {
    mi_heap_t* const heap = mi_heap_new_in_arena(region.arena());
    ASSERT_NE(heap, nullptr);
    // Orphans of the main heap, with room, which must not help out.
    std::vector<Live> of_main;
    regress::on_a_thread([&] {
      of_main = regress::many_from_heap(mi_heap_main(), 3000, 2000, 1);
      for (std::size_t i = 0; i < of_main.size(); i += 2) mi_free(of_main[i].block);
    });
    std::size_t bytes = 0;
    for (int thread = 0; thread < 3; thread++) {
      regress::on_a_thread([&] {
        for (std::size_t i = 0; i < 20000; i++) {
          void* const block = mi_heap_malloc(heap, 3000);
          if (block == nullptr) break;
          ASSERT_TRUE(region.holds(block));
          std::memset(block, 2, 3000);
          bytes += 3000;
        }
        void* const block = mi_malloc(3000);
        ASSERT_NE(block, nullptr);
        EXPECT_FALSE(region.holds(block));
        mi_free(block);
      });
    }
    EXPECT_GT(bytes, std::size_t{20} << 20);
    EXPECT_LT(bytes, std::size_t{32} << 20);
    mi_heap_destroy(heap);  // the next round finds it all free again
    for (std::size_t i = 1; i < of_main.size(); i += 2) regress::drop(of_main[i]);
  }
}

}  // namespace
