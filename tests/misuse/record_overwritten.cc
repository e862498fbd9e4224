// A write from far away hits the allocator's own record of a page: how much memory it has.
#include "misuse.h"

#include "arena/page_map.h"
#include "page/page.h"

int main() {
  void* const block = hidden(malloc(5000));
  ashlar::Page* const page = ashlar::page_map.find(block);
  page->slices.value += 1;
  // The next slow path of a block of this size looks at the record.
  for (int i = 0; i < 100; ++i) {
    if (hidden(malloc(5000)) == nullptr) return 2;
  }
  return 0;
}
