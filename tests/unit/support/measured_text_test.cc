// Text that is counted first: the count and the text agree, and what does not fit is not begun.
#include "support/measured_text.h"

#include <gtest/gtest.h>
#include <string.h>

#include <string>

namespace ashlar {
namespace {

void make_sample(MeasuredText& text) {
  text.append_format("%d blocks of %s\n", 12, "16 bytes");
  text.append_format("and \xC3\xA9 nothing %zu\n", std::size_t{7});
}
constexpr char kSample[] = "12 blocks of 16 bytes\nand \xC3\xA9 nothing 7\n";

TEST(MeasuredText, CountsWithoutABuffer) { EXPECT_EQ(measure_text(make_sample), strlen(kSample)); }

TEST(MeasuredText, IsWholeOrNotThereAtEverySize) {
  for (std::size_t size = 0; size < sizeof kSample + 4; ++size) {
    std::string buffer(sizeof kSample + 8, '\x5a');
    const std::string untouched = buffer;
    const bool written = write_whole_text(buffer.data(), size, make_sample);
    ASSERT_EQ(written, size >= sizeof kSample) << size;
    if (written) {
      ASSERT_STREQ(buffer.data(), kSample) << size;
      ASSERT_EQ(buffer.substr(sizeof kSample), untouched.substr(sizeof kSample)) << size;
    } else {
      ASSERT_EQ(buffer, untouched) << size;
    }
  }
}

TEST(MeasuredText, TheLongestPieceIsWhole) {
  const std::string piece(MeasuredText::kPieceMax, 'x');
  EXPECT_EQ(measure_text([&](MeasuredText& text) { text.append_format("%s", piece.c_str()); }),
            piece.size());
}

}  // namespace
}  // namespace ashlar
