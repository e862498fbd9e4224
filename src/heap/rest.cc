// Watching a heap's pages for changes.
#include "heap/rest.h"

#include "heap/page_source.h"
#include "heap/realm.h"
#include "os/system.h"
#include "page/ownership.h"

namespace ashlar {
namespace {

constexpr int kLooks = 8;

// A number that changes with the counts of any page, but for rare coincidences.
std::uint64_t digest_of(const Heap* heap) {
  std::uint64_t digest = 0;
  look_at_page_entries(heap->realm, [&](const Page* page) {
    if (home_of(page) == heap) {
      PageCounts counts;
      static_cast<void>(try_read_counts(page, &counts));
      // Odd multipliers, so that changes of two counts, or of two pages, do not cancel out.
      digest += (counts.handed_out * 0x9e3779b97f4a7c15 + counts.live) *
                (address_of(page) / sizeof(Page) * 2 + 1);
    }
  });
  return digest;
}

}  // namespace

bool seems_at_rest(const Heap* heap) {
  const std::uint64_t first = digest_of(heap);
  for (int i = 1; i < kLooks; ++i) {
    System::yield();
    if (digest_of(heap) != first) {
      return false;
    }
  }
  return true;
}

}  // namespace ashlar
