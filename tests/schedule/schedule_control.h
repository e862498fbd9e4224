// The functions of builds for schedules (src/api/schedule_api.cc), as tests see them.
#ifndef ASHLAR_SCHEDULE_CONTROL_H
#define ASHLAR_SCHEDULE_CONTROL_H

extern "C" void ashlar_test_set_schedule(unsigned long long seed) noexcept;
extern "C" void ashlar_test_set_limited_schedule(unsigned long long seed,
                                                 unsigned long long limit) noexcept;
extern "C" unsigned long long ashlar_test_schedule_delays() noexcept;

#endif  // ASHLAR_SCHEDULE_CONTROL_H
