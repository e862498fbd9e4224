// Ordinary C++: an index of words to lists of positions in ordered and hashed maps, strings, shared
// pointers and growing vectors, built, queried and thrown away. Many small nodes of several sizes
// with moderate lifetimes, through operator new and sized delete.
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "workload.h"

namespace {

std::string word(workload::Random& random) {
  // Low numbers are likelier, so that some words are frequent.
  std::uint64_t number = random.below(random.between(1, 20000));
  std::string text = "word";
  for (; number > 0; number /= 26) text.push_back(static_cast<char>('a' + number % 26));
  if (text.size() % 3 == 0) text += "-with-a-long-tail-behind-it";
  return text;
}

std::uint64_t index_document(std::uint64_t seed) {
  workload::Random random(seed);
  std::unordered_map<std::string, std::vector<std::uint32_t>> positions;
  std::map<std::string, std::shared_ptr<std::string>> ordered;
  for (std::uint32_t i = 0; i < 30000; i++) {
    std::string text = word(random);
    auto& place = ordered[text];
    if (place == nullptr) place = std::make_shared<std::string>(text + "!");
    positions[std::move(text)].push_back(i);
    if (i % 1000 == 999) ordered.erase(ordered.begin());
  }
  std::uint64_t sum = 0;
  for (const auto& [text, shared] : ordered) sum = sum * 31 + shared->size() + text.size();
  std::uint64_t places = 0;
  for (const auto& [text, list] : positions) places += list.size() * text.size() + list.back();
  return sum + places;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = workload::parse(argc, argv, {40, 1, 1});
  std::uint64_t checksum = 0;
  for (std::uint64_t i = 0; i < arguments.size; i++) checksum += index_document(arguments.seed + i);
  return workload::finish(checksum);
}
