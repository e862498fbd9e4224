// Added to a program of unit tests: its threads are delayed by a seed that is printed, and taken
// back from ASHLAR_SCHEDULE_SEED.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "schedule/schedule_control.h"

namespace {

class SeedEnvironment : public testing::Environment {
 public:
  void SetUp() override {
    const char* const given = std::getenv("ASHLAR_SCHEDULE_SEED");
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    const unsigned long long seed = given != nullptr
                                        ? std::strtoull(given, nullptr, 0)
                                        : static_cast<unsigned long long>(now.tv_sec) * 1000003u +
                                              static_cast<unsigned long long>(now.tv_nsec);
    std::printf("delayed by seed %llu; to repeat it: ASHLAR_SCHEDULE_SEED=%llu\n", seed, seed);
    std::fflush(stdout);
    ashlar_test_set_schedule(seed);
  }
};

const testing::Environment* const environment =
    testing::AddGlobalTestEnvironment(new SeedEnvironment);

}  // namespace
