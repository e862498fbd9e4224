// A pattern that differs from place to place and from block to block.
#include "contents.h"

namespace fuzz {
namespace {

constexpr std::size_t kWholly = 2048;
constexpr std::size_t kEdge = 128;
constexpr std::size_t kBetween = 24;

unsigned char pattern(std::size_t at, unsigned seed) {
  return static_cast<unsigned char>(at * 197 + (at >> 9) * 11 + std::size_t{seed} * 37 + 1);
}

// Calls visit(first, end) for ranges of the bytes [from, to). Which ones depends on both, so who
// looks again names the same.
template <class Visit>
void for_each_looked_at(std::size_t from, std::size_t to, Visit visit) {
  if (to - from <= kWholly) {
    visit(from, to);
    return;
  }
  visit(from, from + kEdge);
  const std::size_t step = (to - from - 2 * kEdge) / kBetween;
  for (std::size_t i = 0; i < kBetween; ++i) {
    visit(from + kEdge + i * step, from + kEdge + i * step + 1);
  }
  visit(to - kEdge, to);
}

}  // namespace

void fill_contents(void* p, std::size_t size, unsigned seed) {
  auto* const bytes = static_cast<unsigned char*>(p);
  for_each_looked_at(0, size, [&](std::size_t at, std::size_t end) {
    for (; at < end; ++at) {
      bytes[at] = pattern(at, seed);
    }
  });
}

bool holds_contents(const void* p, std::size_t filled, std::size_t kept, unsigned seed) {
  const auto* const bytes = static_cast<const unsigned char*>(p);
  bool good = true;
  for_each_looked_at(0, filled, [&](std::size_t at, std::size_t end) {
    for (; at < end && at < kept; ++at) {
      good = good && bytes[at] == pattern(at, seed);
    }
  });
  return good;
}

bool is_zero(const void* p, std::size_t from, std::size_t to) {
  const auto* const bytes = static_cast<const unsigned char*>(p);
  bool good = true;
  for_each_looked_at(from, to < from ? from : to, [&](std::size_t at, std::size_t end) {
    for (; at < end; ++at) {
      good = good && bytes[at] == 0;
    }
  });
  return good;
}

}  // namespace fuzz
