// Row 11: a pool of threads that sleep after much was freed. What they had must be of use to
// others, or given back: another thread that then allocates as much as the pool ever held needs
// hardly any memory beside that.
#include "sleeping_pool.h"

namespace {

using namespace regress::pool;

const Sizes kOne = {64};
const Sizes kFew = {48, 128, 320, 1000};
const Sizes kMedium = {12000, 30000};
const Sizes kLarge = {100000, 300000};

TEST(regress_11_sleeping_pool, one_size_freed_by_the_pool) {
  EXPECT_LE(bytes_not_reused(kOne, FreedBy::kItself, do_nothing), kBytes / 10);
}

TEST(regress_11_sleeping_pool, few_sizes_freed_by_the_pool) {
  EXPECT_LE(bytes_not_reused(kFew, FreedBy::kItself, do_nothing), kBytes / 10);
}

TEST(regress_11_sleeping_pool, medium_sizes_freed_by_the_pool) {
  EXPECT_LE(bytes_not_reused(kMedium, FreedBy::kItself, do_nothing), kBytes / 10);
}

TEST(regress_11_sleeping_pool, large_sizes_freed_by_the_pool) {
  EXPECT_LE(bytes_not_reused(kLarge, FreedBy::kItself, do_nothing), kBytes / 10);
}

TEST(regress_11_sleeping_pool, many_sizes_freed_by_the_pool) {
  EXPECT_LE(bytes_not_reused(many_sizes(), FreedBy::kItself, do_nothing), kBytes / 10);
}

TEST(regress_11_sleeping_pool, one_size_freed_by_main) {
  EXPECT_LE(bytes_not_reused(kOne, FreedBy::kMain, do_nothing), kBytes / 10);
}

TEST(regress_11_sleeping_pool, few_sizes_freed_by_main) {
  EXPECT_LE(bytes_not_reused(kFew, FreedBy::kMain, do_nothing), kBytes / 10);
}

TEST(regress_11_sleeping_pool, medium_sizes_freed_by_main) {
  EXPECT_LE(bytes_not_reused(kMedium, FreedBy::kMain, do_nothing), kBytes / 10);
}

TEST(regress_11_sleeping_pool, large_sizes_freed_by_main) {
  EXPECT_LE(bytes_not_reused(kLarge, FreedBy::kMain, do_nothing), kBytes / 10);
}

// What a sleeping thread still owns, main can't take: the page of each size class that it used
// last. With very many sizes that is more; parking before sleep (regress_11_parked_pool) gives it
// up.
TEST(regress_11_sleeping_pool, many_sizes_freed_by_main) {
  EXPECT_LE(bytes_not_reused(many_sizes(), FreedBy::kMain, do_nothing), kBytes / 10 * 3 / 2);
}

// mi_collect and mi_thread_done are what a pool can do by itself before it sleeps.
TEST(regress_11_sleeping_pool, many_sizes_collected_before_sleep) {
  EXPECT_LE(bytes_not_reused(many_sizes(), FreedBy::kItself, [] { mi_collect(false); }),
            kBytes / 10);
}

TEST(regress_11_sleeping_pool, many_sizes_and_a_heap_that_ended_before_sleep) {
  EXPECT_LE(bytes_not_reused(many_sizes(), FreedBy::kMain, mi_thread_done), kBytes / 10);
}

}  // namespace
