// Padding: what is written is read back, and whatever is overwritten shows.
#include "harden/canary.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdint>
#include <cstring>

namespace ashlar {
namespace {

struct Case {
  LinkKeys keys;
  std::uint64_t address;
  std::uint32_t slack;
  std::size_t most;
};

Case any_case() {
  const auto most = *rc::gen::inRange<std::uint32_t>(0, 0x10000);
  return {{*rc::gen::arbitrary<std::uint64_t>(), *rc::gen::arbitrary<std::uint64_t>()},
          *rc::gen::arbitrary<std::uint64_t>(),
          *rc::gen::inRange<std::uint32_t>(0, most + 1),
          most};
}

PaddingView read(const Case& c, Padding padding) {
  return read_padding(padding, c.address, c.most, c.keys);
}

RC_GTEST_PROP(Padding, IsReadAsItWasWritten, ()) {
  const Case c = any_case();
  const Padding live = make_padding(c.address, c.slack, c.keys);
  const PaddingView view = read(c, live);
  RC_ASSERT(view.state == PaddingState::kLive);
  RC_ASSERT(view.slack_known);
  RC_ASSERT(view.slack == c.slack);
  const PaddingView freed = read(c, make_freed(live));
  RC_ASSERT(freed.state == PaddingState::kFreed);
  RC_ASSERT(freed.slack == c.slack);
}

RC_GTEST_PROP(Padding, EveryChangedByteShows, (std::uint8_t change)) {
  RC_PRE(change != 0);
  const Case c = any_case();
  for (const Padding whole : {make_padding(c.address, c.slack, c.keys),
                              make_freed(make_padding(c.address, c.slack, c.keys))}) {
    for (std::size_t i = 0; i < sizeof whole; ++i) {
      unsigned char bytes[sizeof whole];
      std::memcpy(bytes, &whole, sizeof bytes);
      bytes[i] = static_cast<unsigned char>(bytes[i] ^ change);
      Padding changed;
      std::memcpy(&changed, bytes, sizeof bytes);
      RC_ASSERT(read(c, changed).state == PaddingState::kDamaged);
    }
  }
}

RC_GTEST_PROP(Padding, AnOverrunCanaryLeavesTheSize, (std::uint32_t canary)) {
  const Case c = any_case();
  Padding padding = make_padding(c.address, c.slack, c.keys);
  const Padding freed = make_freed(padding);
  RC_PRE(std::memcmp(&canary, &padding, kCanaryBytes) != 0);
  RC_PRE(std::memcmp(&canary, &freed, kCanaryBytes) != 0);
  std::memcpy(&padding, &canary, kCanaryBytes);
  const PaddingView view = read(c, padding);
  RC_ASSERT(view.state == PaddingState::kDamaged);
  RC_ASSERT(view.slack_known);
  RC_ASSERT(view.slack == c.slack);
}

// What the fast path of free reads is what the closer look sees.
RC_GTEST_PROP(Padding, OnlyALiveOnesSlackIsOneThatABlockCanHave, (std::uint64_t word)) {
  const Case c = any_case();
  const Padding live = make_padding(c.address, c.slack, c.keys);
  RC_ASSERT(read_live(live, c.address, c.keys) == c.slack);
  RC_ASSERT(read_live(make_freed(live), c.address, c.keys) > 0xFFFF);
  RC_ASSERT((read_live({word}, c.address, c.keys) <= c.most) ==
            (read(c, {word}).state == PaddingState::kLive));
}

TEST(Padding, BelongsToItsAddressAndItsPage) {
  const LinkKeys keys{0x9E37'79B9'7F4A'7C15, 0xD1B5'4A32'D192'ED03};
  const LinkKeys others{0x9E37'79B9'7F4A'7C15, 0xD1B5'4A32'D192'ED05};
  const Padding padding = make_padding(0x2000'0040, 5, keys);
  EXPECT_EQ(read_padding(padding, 0x2000'0040, 100, keys).state, PaddingState::kLive);
  EXPECT_EQ(read_padding(padding, 0x2000'0050, 100, keys).state, PaddingState::kDamaged);
  EXPECT_EQ(read_padding(padding, 0x2000'0040, 100, others).state, PaddingState::kDamaged);
  EXPECT_EQ(read_padding(padding, 0x2000'0040, 4, keys).state, PaddingState::kDamaged)
      << "more slack than the block has";
}

TEST(Padding, OfZerosIsDamaged) {
  const LinkKeys keys{0x9E37'79B9'7F4A'7C15, 0xD1B5'4A32'D192'ED03};
  EXPECT_EQ(read_padding({0}, 0x2000'0040, 100, keys).state, PaddingState::kDamaged);
}

}  // namespace
}  // namespace ashlar
