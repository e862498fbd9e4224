// Something for the C++ compiler to chew on: the standard library's templates. Never run.
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <ranges>
#include <regex>
#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

template <int N>
struct Tagged {
  std::string text;
  auto operator<=>(const Tagged&) const = default;
};

using Value = std::variant<int, double, std::string, std::vector<std::string>,
                           std::map<std::string, std::string>>;

template <int N>
int count(const std::map<Tagged<N>, Value>& values) {
  return std::accumulate(values.begin(), values.end(), 0, [](int sum, const auto& entry) {
    return sum + std::visit([](const auto& v) { return static_cast<int>(sizeof v); }, entry.second);
  });
}

int count_all(const std::tuple<std::map<Tagged<1>, Value>, std::map<Tagged<2>, Value>,
                               std::map<Tagged<3>, Value>, std::map<Tagged<4>, Value>,
                               std::map<Tagged<5>, Value>>& all) {
  return std::apply([](const auto&... each) { return (count(each) + ...); }, all);
}

std::vector<std::string> matching(const std::vector<std::string>& lines, const std::string& what) {
  const std::regex expression(what);
  std::vector<std::string> found;
  std::ranges::copy_if(lines, std::back_inserter(found), [&](const std::string& line) {
    return std::regex_search(line, expression);
  });
  std::ranges::sort(found, std::ranges::greater{});
  return found;
}

std::unordered_map<std::string, std::function<std::unique_ptr<Value>(int)>> makers() {
  return {{"int", [](int n) { return std::make_unique<Value>(n); }},
          {"double", [](int n) { return std::make_unique<Value>(n / 2.0); }},
          {"string", [](int n) { return std::make_unique<Value>(std::to_string(n)); }}};
}
