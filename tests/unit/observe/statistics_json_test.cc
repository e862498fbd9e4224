// The JSON form, read by a parser and held against its schema.
#include "observe/statistics_json.h"

#include <ctype.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "statistics_samples.h"

namespace ashlar {
namespace {

using Json = nlohmann::ordered_json;

std::string json_of(const Statistics& statistics) {
  const ProcessInfo process = sample_process();
  std::string text(statistics_json_length(statistics, process) + 1, '\0');
  EXPECT_TRUE(write_statistics_json(statistics, process, text.data(), text.size()));
  text.pop_back();
  return text;
}

void append_numbers(const Json& json, std::vector<std::int64_t>& numbers) {
  if (json.is_number()) {
    numbers.push_back(json.get<std::int64_t>());
  }
  if (json.is_structured()) {
    for (const auto& [name, member] : json.items()) {
      if (name != "size" && name != "version" && name != "process") {
        append_numbers(member, numbers);
      }
    }
  }
}

TEST(StatisticsJson, HoldsEveryNumberInTheOrderOfTheStructure) {
  Statistics statistics = numbered_statistics();
  std::vector<std::int64_t> found;
  append_numbers(Json::parse(json_of(statistics)), found);

  // Spare fields and bins beyond those in use are no part of it.
  constexpr std::int64_t kLeftOut = std::numeric_limits<std::int64_t>::min();
  statistics.spare_counts.fill({kLeftOut, kLeftOut, kLeftOut});
  statistics.spare_counters.fill({kLeftOut});
  for (std::size_t bin = kUsedBins; bin < kBins; ++bin) {
    statistics.malloc_bins[bin] = {kLeftOut, kLeftOut, kLeftOut};
    statistics.page_bins[bin] = {kLeftOut, kLeftOut, kLeftOut};
  }
  std::vector<std::int64_t> expected = numbers_of(statistics);
  std::erase(expected, kLeftOut);
  EXPECT_EQ(found, expected);
}

TEST(StatisticsJson, NamesWhatItHolds) {
  Statistics statistics;
  statistics.malloc_normal = {.total = 300, .peak = 200, .current = 100};
  statistics.segments_reserved.peak = 3;
  statistics.heaps_delete_wait.total = 44;
  statistics.malloc_bins[bin_of(size_class_of(100))].current = 5;
  statistics.page_bins[kHugeBin].total = 6;
  statistics.chunk_bins[5].peak = 7;
  const Json json = Json::parse(json_of(statistics));
  EXPECT_EQ(json["version"], 5);
  EXPECT_EQ(json["malloc_normal"], Json({{"total", 300}, {"peak", 200}, {"current", 100}}));
  EXPECT_EQ(json["_segments_reserved"]["peak"], 3);
  EXPECT_EQ(json["heaps_delete_wait"], 44);
  EXPECT_EQ(json["malloc_bins"].size(), std::size_t{kSizeClassCount} + 1);
  EXPECT_EQ(json["malloc_bins"][0]["size"], 8);
  EXPECT_EQ(json["malloc_bins"][7],
            Json({{"size", 112}, {"total", 0}, {"peak", 0}, {"current", 5}}));
  EXPECT_EQ(json["page_bins"].back(),
            Json({{"size", 0}, {"total", 6}, {"peak", 0}, {"current", 0}}));
  EXPECT_EQ(json["chunk_bins"][5]["peak"], 7);
  EXPECT_EQ(json["process"]["user_msecs"], 5006);
  EXPECT_EQ(json["process"]["peak_commit"], 6 * kMiB);
  EXPECT_EQ(json["process"]["current_touched"], 7 * kMiB);
  EXPECT_EQ(json["process"]["peak_touched"], 8 * kMiB);
}

TEST(StatisticsJson, KeepsTheLargestNumbersExact) {
  Statistics statistics;
  statistics.reserved = {.total = std::numeric_limits<std::int64_t>::max(),
                         .peak = std::numeric_limits<std::int64_t>::max() - 1,
                         .current = std::numeric_limits<std::int64_t>::min()};
  const Json json = Json::parse(json_of(statistics));
  EXPECT_EQ(json["reserved"]["total"].get<std::int64_t>(), statistics.reserved.total);
  EXPECT_EQ(json["reserved"]["peak"].get<std::int64_t>(), statistics.reserved.peak);
  EXPECT_EQ(json["reserved"]["current"].get<std::int64_t>(), statistics.reserved.current);
}

TEST(StatisticsJson, IsAsTheSchemaSays) {
  for (const Statistics& statistics : {Statistics{}, numbered_statistics()}) {
    output_of("tests/unit/observe/check_json.py", "docs/stats.schema.json", json_of(statistics));
  }
}

TEST(StatisticsJson, ThePageOnStatisticsNamesEveryMember) {
  std::ifstream file(std::string(getenv("ASHLAR_SOURCE_DIR")) + "/docs/statistics.md");
  std::stringstream page;
  page << file.rdbuf();
  std::string words = page.str();
  for (char& character : words) {
    if (isalnum(static_cast<unsigned char>(character)) == 0 && character != '_') {
      character = ' ';
    }
  }
  const Json json = Json::parse(json_of({}));
  for (const auto& [name, member] : json.items()) {
    EXPECT_NE(words.find(" " + name + " "), std::string::npos) << name;
  }
}

TEST(StatisticsJson, IsWholeOrNotThereAtAnySize) {
  const Statistics statistics = numbered_statistics();
  const ProcessInfo process = sample_process();
  check_sizes(statistics_json_length(statistics, process), [&](char* out, std::size_t size) {
    return write_statistics_json(statistics, process, out, size);
  });
}

}  // namespace
}  // namespace ashlar
