// Added to a program of unit tests: its threads are delayed by a seed that is printed, and taken
// back from ASHLAR_SCHEDULE_SEED. Each test starts from the seed anew.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "schedule/schedule_control.h"

namespace {

// Enough to disturb what several threads do, and few seconds at most where a property runs through
// a hot point a million times in one thread, which nobody can disturb.
constexpr unsigned long long kDelaysOfAThread = 2000;

class Seed : public testing::EmptyTestEventListener {
 public:
  Seed() : seed_(chosen()) {}

  void OnTestProgramStart(const testing::UnitTest&) override {
    std::printf("delayed by seed %llu; to repeat it: ASHLAR_SCHEDULE_SEED=%llu\n", seed_, seed_);
    std::fflush(stdout);
  }
  void OnTestStart(const testing::TestInfo&) override {
    ashlar_test_set_limited_schedule(seed_, kDelaysOfAThread);
  }

 private:
  static unsigned long long chosen() {
    const char* const given = std::getenv("ASHLAR_SCHEDULE_SEED");
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return given != nullptr ? std::strtoull(given, nullptr, 0)
                            : static_cast<unsigned long long>(now.tv_sec) * 1000003u +
                                  static_cast<unsigned long long>(now.tv_nsec);
  }

  const unsigned long long seed_;
};

[[maybe_unused]] const bool added = [] {
  testing::UnitTest::GetInstance()->listeners().Append(new Seed);
  return true;
}();

}  // namespace
