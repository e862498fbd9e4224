// Setting, finding and taking hints.
#include <array>
#include <set>
#include <vector>

#include "arena/hint_bitmap.h"
#include "bitmaps.h"
#include "support/expect.h"

namespace fuzz {

void fuzz_hints(FuzzedDataProvider& input) {
  constexpr std::uint32_t kWords = 140;
  constexpr std::uint32_t kStride = 3;  // the other words are other size classes'
  std::vector<ashlar::AtomicWord> words(kWords * kStride);
  std::array<ashlar::AtomicWord, kWords / 64 + 1> summary{};
  ashlar::HintBitmap hints(words.data() + 1, kStride, summary.data(), kWords);
  std::set<std::uint32_t> model;
  Call call;
  while (input.ConsumeData(&call, sizeof call) == sizeof call) {
    const std::uint32_t slice = call.first % (kWords * 64);
    ashlar::SliceIndex at{slice};
    const auto lowest = model.lower_bound(slice);
    switch (call.op % 6) {
      case 0:
        for (std::uint32_t i = 0; i <= call.count % 4u; ++i) {
          const std::uint32_t next = (slice + i * call.other) % (kWords * 64);
          hints.set({next});
          model.insert(next);
        }
        break;
      case 1:
        expect(hints.is_set(at) == model.contains(slice), "a hint is there if it was set");
        break;
      case 2:
        expect(hints.clear(at) == (model.erase(slice) == 1), "who clears a hint is told");
        break;
      case 3:
        expect(hints.find(&at) == (lowest != model.end()), "a hint is found where there is one");
        expect(lowest == model.end() || at.value == *lowest, "the lowest hint is found");
        break;
      default:
        expect(hints.take(&at) == (lowest != model.end()), "a hint is taken where there is one");
        if (lowest != model.end()) {
          expect(at.value == *lowest, "the lowest hint is taken");
          model.erase(lowest);
        }
        break;
    }
  }
  ashlar::SliceIndex at{0};
  for (const std::uint32_t slice : model) {
    expect(hints.take(&at) && at.value == slice, "all hints can be taken, in order");
  }
  expect(!hints.take(&at), "and no others");
  for (std::size_t i = 0; i < words.size(); ++i) {
    expect(words[i].load(std::memory_order_relaxed) == 0, "no word of other classes is written to");
  }
}

}  // namespace fuzz
