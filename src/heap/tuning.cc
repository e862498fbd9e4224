// From options to the numbers that slow paths use.
#include "heap/tuning.h"

#include "heap/guards.h"
#include "support/noted_stacks.h"
#include "support/options.h"

namespace ashlar {
namespace {

// A limit where a negative value means none.
std::uint32_t limit_of(Option option) {
  const long value = option_get(option);
  return value < 0 ? UINT32_MAX : static_cast<std::uint32_t>(value);
}

}  // namespace

constinit Tuning tuning;

void read_tuning() {
  const std::uint32_t most = limit_of(Option::kPageMaxReclaim);
  const std::uint32_t most_by_frees = limit_of(Option::kPageCrossThreadMaxReclaim);
  const long reclaim = option_get(Option::kPageReclaimOnFree);
  tuning.full_pages.set(limit_of(Option::kPageFullRetain));
  tuning.take_over_limit.set(most < most_by_frees ? most : most_by_frees);
  tuning.adopts.set(most != 0);
  tuning.takes_over.set(reclaim >= 0);
  tuning.pool_takes_over.set(reclaim > 0);
  tuning.collect_interval.set(limit_of(Option::kGenericCollect));
  tuning.hollows.set(option_is_enabled(Option::kHollowPages) &&
                     option_get(Option::kPurgeDelay) >= 0);
  tuning.retry_ms.set(limit_of(Option::kRetryOnOom));
  const long rate = option_get(Option::kGuardedSampleRate);
  const bool by_flag = rate == 0 && option_is_enabled(Option::kGuarded);
  tuning.guard_rate.set(by_flag ? kDefaultGuardRate : static_cast<std::uint32_t>(rate));
  tuning.guard_budget.set(by_flag);
  tuning.guard_seed.set(static_cast<std::uint64_t>(option_get(Option::kGuardedSampleSeed)));
  tuning.guard_min.set(option_get_size(Option::kGuardedMin));
  tuning.guard_max.set(option_get_size(Option::kGuardedMax));
  tuning.guard_precise.set(option_is_enabled(Option::kGuardedPrecise));
  tuning.purges_at_thread_end.set(option_is_enabled(Option::kAbandonedPagePurge));
  const long guards = option_get(Option::kGuardPages);
  tuning.guard_level.set(guards <= 0   ? GuardLevel::kNone
                         : guards == 1 ? GuardLevel::kLarge
                                       : GuardLevel::kAll);
  tuning.zero_on_free.set(option_is_enabled(Option::kZeroOnFree));
  if constexpr (kActive.note_sites) {
    set_notes_stacks(option_is_enabled(Option::kAllocationSites));
  }
  tuning.quarantine.set(option_get_size(Option::kQuarantine));
  tuning.frees_slowly.set(tuning.zero_on_free.get() || tuning.quarantine.get() != 0);
}

}  // namespace ashlar
