// Row 8, for realms: threads of one never get pages of another, not even those that nobody owns.
#include "heap_support.h"

namespace {

using regress::Live;
using regress::Watchdog;

constexpr std::size_t kRealmSizes[] = {32, 112, 640, 3000, 12000};

TEST(regress_08_realms, orphans_stay_in_theirs) {
  Watchdog watchdog;
  const mi_subproc_id_t realm = mi_subproc_new();
  std::vector<Live> inside;
  std::vector<Live> outside;
  inside.reserve(10000);  // or the vector's own memory would come from the realm
  outside.reserve(10000);
  const auto allocate = [](std::vector<Live>& live, unsigned seed) {
    for (const std::size_t size : kRealmSizes) {
      for (unsigned i = 0; i < 100; i++) {
        const Live block{mi_malloc(size), size, seed + i};
        ASSERT_NE(block.block, nullptr);
        regress::fill(block.block, size, seed + i);
        if (i % 2 == 0) {
          regress::drop(block);
        } else {
          live.push_back(block);
        }
      }
    }
  };
  for (unsigned round = 0; round < 10; round++) {
    regress::on_a_thread([&] {
      mi_subproc_add_current_thread(realm);
      allocate(inside, round);
    });
    regress::on_a_thread([&] { allocate(outside, round + 100); });
    ASSERT_FALSE(regress::share_a_slice(inside, outside));
  }
  // Freed from the other side, a page of the realm becomes free memory, or stays the realm's.
  regress::on_a_thread([&] {
    for (std::size_t i = 0; i < inside.size(); i += 2) {
      regress::drop(inside[i]);
      inside[i] = inside.back();
      inside.pop_back();
    }
    allocate(outside, 300);
  });
  EXPECT_FALSE(regress::share_a_slice(inside, outside));
  for (const Live& block : inside) regress::drop(block);
  mi_subproc_delete(realm);
  regress::write_over_free_memory();
  for (const Live& block : outside) regress::drop(block);
}

}  // namespace
