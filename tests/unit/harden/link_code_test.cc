// Encoding of free-list links: decoding undoes it under every key, and a link that was
// overwritten, or belongs to another page, does not decode to what it was.
#include "harden/link_code.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdint>

namespace ashlar {
namespace {

RC_GTEST_PROP(LinkCode, DecodingUndoesEncoding,
              (std::uint64_t link, std::uint64_t mask, std::uint64_t offset)) {
  const LinkKeys keys{mask, offset};
  RC_ASSERT(decode_link(encode_link(link, keys), keys) == link);
  RC_ASSERT(encode_link(decode_link(link, keys), keys) == link);
}

RC_GTEST_PROP(LinkCode, DifferentLinksHaveDifferentCodes,
              (std::uint64_t link, std::uint64_t mask, std::uint64_t offset)) {
  const LinkKeys keys{mask, offset};
  for (unsigned bit = 0; bit < 64; ++bit) {
    const std::uint64_t other = link ^ (std::uint64_t{1} << bit);
    RC_ASSERT(encode_link(link, keys) != encode_link(other, keys));
  }
}

RC_GTEST_PROP(LinkCode, EveryChangeOfTheCodeChangesTheLink,
              (std::uint64_t code, std::uint64_t mask, std::uint64_t offset)) {
  const LinkKeys keys{mask, offset};
  for (unsigned bit = 0; bit < 64; ++bit) {
    const std::uint64_t overwritten = code ^ (std::uint64_t{1} << bit);
    RC_ASSERT(decode_link(code, keys) != decode_link(overwritten, keys));
  }
}

TEST(LinkCode, AnotherPagesKeysDoNotDecode) {
  const std::uint64_t link = 0x0000'0200'1234'5680;
  const LinkKeys keys{0x9E37'79B9'7F4A'7C15, 0xD1B5'4A32'D192'ED03};
  const LinkKeys other_mask{keys.mask ^ 0x10, keys.offset};
  const LinkKeys other_offset{keys.mask, keys.offset + 1};
  EXPECT_NE(decode_link(encode_link(link, keys), other_mask), link);
  EXPECT_NE(decode_link(encode_link(link, keys), other_offset), link);
}

TEST(LinkCode, TheEndOfAListIsEncodedToo) {
  const LinkKeys keys{0x9E37'79B9'7F4A'7C15, 0xD1B5'4A32'D192'ED03};
  EXPECT_NE(encode_link(0, keys), 0u) << "a null link must not show which keys are in use";
  EXPECT_EQ(decode_link(encode_link(0, keys), keys), 0u);
}

// Links are addresses of blocks; a thread's id is a multiple of 64.
RC_GTEST_PROP(LinkCode, NoCodeIsAThreadsId,
              (std::uint64_t link, std::uint64_t mask, std::uint64_t offset)) {
  const LinkKeys keys = link_keys(mask, offset);
  const std::uint64_t address = (link >> 8) & ~std::uint64_t{7};
  RC_ASSERT(encode_link(address, keys) % 2 == 1u);
  RC_ASSERT(encode_link(0, keys) % 2 == 1u);
}

TEST(LinkCode, WithoutKeysALinkIsItself) {
  static_assert(encode_link(0x1234, NoLinkKeys{}) == 0x1234);
  static_assert(decode_link(0x1234, NoLinkKeys{}) == 0x1234);
  EXPECT_EQ(encode_link(~std::uint64_t{0}, NoLinkKeys{}), ~std::uint64_t{0});
}

}  // namespace
}  // namespace ashlar
