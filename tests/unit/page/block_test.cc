// Links between free blocks, as each profile writes them.
#include "page/block.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <type_traits>

namespace ashlar {
namespace {

template <Config C>
struct ProfileOf {
  static constexpr Config kConfig = C;
};

template <class P>
class LinksTest : public testing::Test {
 protected:
  using TestedLinks = Links<P::kConfig>;

  static typename TestedLinks::Keys keys() {
    typename TestedLinks::Keys keys;
    if constexpr (P::kConfig.encode_links) {
      keys.mask = 0xA5A5'1234'5678'9ABC;
      keys.offset = 0x0F1E'2D3C'4B5A'6978;
    }
    return keys;
  }
};

using Profiles = testing::Types<ProfileOf<kRelease>, ProfileOf<kSecure>, ProfileOf<kDebug>>;
TYPED_TEST_SUITE(LinksTest, Profiles);

TYPED_TEST(LinksTest, KeysTakeSpaceOnlyWhereLinksAreEncoded) {
  constexpr bool kEncodes = TypeParam::kConfig.encode_links;
  EXPECT_EQ(std::is_empty_v<typename TestFixture::TestedLinks::Keys>, !kEncodes);
}

TYPED_TEST(LinksTest, ReadsBackWhatWasWritten) {
  using Tested = typename TestFixture::TestedLinks;
  const auto keys = TestFixture::keys();
  std::array<Block, 4> blocks{};
  for (Block& to : blocks) {
    Tested::set_next(&blocks[0], &to, keys);
    EXPECT_EQ(Tested::next(&blocks[0], keys), &to);
  }
  Tested::set_next(&blocks[0], nullptr, keys);
  EXPECT_EQ(Tested::next(&blocks[0], keys), nullptr);
}

TYPED_TEST(LinksTest, WritesTheFirstWordOnly) {
  using Tested = typename TestFixture::TestedLinks;
  alignas(16) std::array<unsigned char, 64> bytes{};
  bytes.fill(0xEE);
  Tested::set_next(reinterpret_cast<Block*>(bytes.data()), nullptr, TestFixture::keys());
  for (std::size_t i = sizeof(Block); i < bytes.size(); ++i) {
    ASSERT_EQ(bytes[i], 0xEE) << i;
  }
}

TYPED_TEST(LinksTest, EncodedLinksDoNotShowAddresses) {
  using Tested = typename TestFixture::TestedLinks;
  Block to{};
  Block from{};
  Tested::set_next(&from, &to, TestFixture::keys());
  EXPECT_EQ(from.code != address_of(&to), TypeParam::kConfig.encode_links);
}

}  // namespace
}  // namespace ashlar
