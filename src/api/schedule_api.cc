// The seed of builds for schedules: where threads are delayed. Not compiled into any other.
#include "base/compiler.h"
#include "os/schedule.h"

extern "C" {

// Delays threads at schedule points from now on, as follows from the seed and from the order in
// which they first come to such a point (0: no delays). Not while other threads are at work.
ASHLAR_EXPORT void ashlar_test_set_schedule(unsigned long long seed) noexcept {
  ashlar::set_schedule_seed(seed, ashlar::kNoScheduleLimit);
}

// The same, each thread being delayed `limit` times at most.
ASHLAR_EXPORT void ashlar_test_set_limited_schedule(unsigned long long seed,
                                                    unsigned long long limit) noexcept {
  ashlar::set_schedule_seed(seed, limit);
}

// How often the calling thread was delayed since then.
ASHLAR_EXPORT unsigned long long ashlar_test_schedule_delays() noexcept {
  return ashlar::schedule_delays();
}

}  // extern "C"
