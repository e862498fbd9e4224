// Option values over an environment of our own: which variable wins, what is warned of, and that
// threads that ask at once agree.
#include "support/option_set.h"

#include <ctype.h>
#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace ashlar {
namespace {

struct FakeEnvironment {
  static inline std::map<std::string, std::string> variables;  // names in upper case
  static inline bool is_ready = true;
  static inline std::atomic<int> reads{0};
  static inline std::vector<std::string> warnings;

  static bool ready() { return is_ready; }
  static const char* value(const char* name) {
    reads.fetch_add(1, std::memory_order_relaxed);
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  }
  static void warn_bad_value(const OptionRow& row, const char* variable, const char* text) {
    warnings.push_back(std::string("bad ") + row.name + " " + variable + " " + text);
  }
  static void warn_legacy(const OptionRow& row, const char* variable, const char* replacement) {
    warnings.push_back(std::string("legacy ") + row.name + " " + variable + " " + replacement);
  }
};

struct NoEnvironment {};
static_assert(OptionEnvironment<FakeEnvironment>);
static_assert(!OptionEnvironment<NoEnvironment>);

class OptionSetTest : public testing::Test {
 protected:
  using Warnings = std::vector<std::string>;

  void SetUp() override {
    FakeEnvironment::variables.clear();
    FakeEnvironment::is_ready = true;
    FakeEnvironment::reads.store(0, std::memory_order_relaxed);
    FakeEnvironment::warnings.clear();
  }
  static void put(const char* name, const char* value) { FakeEnvironment::variables[name] = value; }
  static const Warnings& warnings() { return FakeEnvironment::warnings; }

  OptionSet<FakeEnvironment> options_;
};

TEST_F(OptionSetTest, DefaultsWithoutAnEnvironment) {
  for (const OptionRow& row : kOptionTable) {
    EXPECT_EQ(options_.get(row.option), row.default_value) << row.name;
    EXPECT_FALSE(options_.was_set(row.option)) << row.name;
  }
  EXPECT_TRUE(warnings().empty());
}

TEST_F(OptionSetTest, BothPrefixesWorkAndOursWins) {
  put("MIMALLOC_PURGE_DELAY", "20");
  put("MIMALLOC_MAX_ERRORS", "5");
  put("ASHLAR_MAX_ERRORS", "6");
  put("ASHLAR_VERBOSE", "2");
  EXPECT_EQ(options_.get(Option::kPurgeDelay), 20);
  EXPECT_EQ(options_.get(Option::kMaxErrors), 6);
  EXPECT_EQ(options_.get(Option::kVerbose), 2);
  EXPECT_TRUE(options_.was_set(Option::kPurgeDelay));
  EXPECT_TRUE(warnings().empty());
}

TEST_F(OptionSetTest, LegacyNamesWorkWithAWarningAndGiveWay) {
  put("MIMALLOC_RESET_DELAY", "30");
  put("ASHLAR_DISALLOW_OS_ALLOC", "1");
  put("MIMALLOC_LIMIT_OS_ALLOC", "0");
  EXPECT_EQ(options_.get(Option::kPurgeDelay), 30);
  EXPECT_EQ(options_.get(Option::kLimitOsAlloc), 0);
  EXPECT_EQ(warnings(), (Warnings{"legacy purge_delay MIMALLOC_RESET_DELAY purge_delay"}));
}

TEST_F(OptionSetTest, ABadValueIsNamedOnceAndTheDefaultStays) {
  put("ASHLAR_PURGE_DELAY", "soon");
  EXPECT_EQ(options_.get(Option::kPurgeDelay), 10);
  EXPECT_EQ(options_.get(Option::kPurgeDelay), 10);
  EXPECT_FALSE(options_.was_set(Option::kPurgeDelay));
  EXPECT_EQ(warnings(), (Warnings{"bad purge_delay ASHLAR_PURGE_DELAY soon"}));
}

TEST_F(OptionSetTest, ABadValueDoesNotLetAnotherVariableIn) {
  put("ASHLAR_PURGE_DELAY", "soon");
  put("MIMALLOC_PURGE_DELAY", "70");
  EXPECT_EQ(options_.get(Option::kPurgeDelay), 10);
}

TEST_F(OptionSetTest, TheEnvironmentIsReadOnceAnOption) {
  put("ASHLAR_PURGE_DELAY", "20");
  EXPECT_EQ(options_.get(Option::kPurgeDelay), 20);
  const int reads = FakeEnvironment::reads.load(std::memory_order_relaxed);
  put("ASHLAR_PURGE_DELAY", "21");
  EXPECT_EQ(options_.get(Option::kPurgeDelay), 20);
  EXPECT_EQ(FakeEnvironment::reads.load(std::memory_order_relaxed), reads);
}

TEST_F(OptionSetTest, WhatIsSetBeforeTheFirstReadStays) {
  put("ASHLAR_PURGE_DELAY", "20");
  options_.set(Option::kPurgeDelay, 5);
  EXPECT_EQ(options_.get(Option::kPurgeDelay), 5);
  EXPECT_TRUE(options_.was_set(Option::kPurgeDelay));
}

TEST_F(OptionSetTest, SetDefaultGivesWayToEnvironmentAndCalls) {
  put("ASHLAR_PURGE_DELAY", "20");
  options_.set_default(Option::kPurgeDelay, 5);
  EXPECT_EQ(options_.get(Option::kPurgeDelay), 20);

  options_.set(Option::kMaxErrors, 3);
  options_.set_default(Option::kMaxErrors, 4);
  EXPECT_EQ(options_.get(Option::kMaxErrors), 3);

  options_.set_default(Option::kMaxWarnings, 4);
  EXPECT_EQ(options_.get(Option::kMaxWarnings), 4);
  EXPECT_FALSE(options_.was_set(Option::kMaxWarnings)) << "a default is not a setting";
  options_.set_default(Option::kMaxWarnings, 6);
  EXPECT_EQ(options_.get(Option::kMaxWarnings), 6);
}

TEST_F(OptionSetTest, ValuesOutOfRangeGoToItsEnd) {
  options_.set(Option::kArenaEagerCommit, 9);
  EXPECT_EQ(options_.get(Option::kArenaEagerCommit), 2);
  options_.set(Option::kArenaReserve, -5);
  EXPECT_EQ(options_.get(Option::kArenaReserve), 0);
  for (const OptionRow& row : kOptionTable) {
    options_.set(row.option, std::numeric_limits<long>::min());
    EXPECT_EQ(options_.get(row.option), row.min) << row.name;
    options_.set(row.option, std::numeric_limits<long>::max());
    EXPECT_EQ(options_.get(row.option), row.max) << row.name;
  }
}

TEST_F(OptionSetTest, NegativeValuesSurvive) {
  options_.set(Option::kPurgeDelay, -1);
  EXPECT_EQ(options_.get(Option::kPurgeDelay), -1);
}

TEST_F(OptionSetTest, NumbersThatAreNoOptionReadAsZeroAndAreIgnored) {
  for (const int number :
       {-1, static_cast<int>(kOptionCount), 1000, std::numeric_limits<int>::min()}) {
    const Option option = static_cast<Option>(number);
    options_.set(option, 9);
    options_.set_default(option, 9);
    EXPECT_EQ(options_.get(option), 0);
    EXPECT_FALSE(options_.was_set(option));
  }
  EXPECT_EQ(FakeEnvironment::reads.load(std::memory_order_relaxed), 0);
  EXPECT_EQ(options_.get(Option::kArenaIsNumaLocal), 0) << "and nothing near was hit";
}

TEST_F(OptionSetTest, BeforeTheEnvironmentIsReadyItIsNotGivenUp) {
  put("ASHLAR_PURGE_DELAY", "20");
  FakeEnvironment::is_ready = false;
  EXPECT_EQ(options_.get(Option::kPurgeDelay), 10);
  FakeEnvironment::is_ready = true;
  EXPECT_EQ(options_.get(Option::kPurgeDelay), 20);
}

TEST_F(OptionSetTest, ThreadsThatAskAtOnceAgreeAndOneWarns) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 100;
  put("ASHLAR_PURGE_DELAY", "20");
  put("ASHLAR_MAX_ERRORS", "many");
  std::vector<OptionSet<FakeEnvironment>> sets(kRounds);
  std::barrier together(kThreads);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (OptionSet<FakeEnvironment>& set : sets) {
        together.arrive_and_wait();
        if (set.get(Option::kPurgeDelay) != 20 || set.get(Option::kMaxErrors) != 16) {
          wrong.fetch_add(1, std::memory_order_relaxed);
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(wrong.load(std::memory_order_relaxed), 0);
  EXPECT_EQ(warnings().size(), static_cast<std::size_t>(kRounds));
}

TEST_F(OptionSetTest, AFirstReadNeverOverwritesASetting) {
  constexpr int kRounds = 200;
  put("ASHLAR_PURGE_DELAY", "20");
  std::vector<OptionSet<FakeEnvironment>> sets(kRounds);
  std::barrier together(3);
  std::thread reader([&] {
    for (OptionSet<FakeEnvironment>& set : sets) {
      together.arrive_and_wait();
      set.get(Option::kPurgeDelay);
    }
  });
  std::thread defaulter([&] {
    for (OptionSet<FakeEnvironment>& set : sets) {
      together.arrive_and_wait();
      set.set_default(Option::kPurgeDelay, 7);
    }
  });
  for (OptionSet<FakeEnvironment>& set : sets) {
    together.arrive_and_wait();
    set.set(Option::kPurgeDelay, 5);
  }
  reader.join();
  defaulter.join();
  for (OptionSet<FakeEnvironment>& set : sets) {
    EXPECT_EQ(set.get(Option::kPurgeDelay), 5);
  }
}

}  // namespace
}  // namespace ashlar
