// Collecting what other threads freed.
#include "page/ownership.h"

#include <errno.h>

#include "support/messages.h"

namespace ashlar {

bool collect_remote(Page* page) {
  // acquire: pairs with the release of each push; the links of the list are seen. An exchange
  // and not a CAS: the owner takes whatever is there, so it never has to try again.
  const std::uintptr_t list = page->remote->word.exchange(0, std::memory_order_acquire);
  auto* const first = reinterpret_cast<Block*>(list);
  if (first == nullptr) {
    return true;
  }
  // used counts every block of the list, so a longer one holds a block twice or a foreign link.
  std::uint32_t count = 0;
  Block* last = first;
  for (Block* block = first; block != nullptr; block = PageLinks::next(block, page->keys)) {
    last = block;
    const std::uintptr_t offset = address_of(block) - address_of(page->start);
    if (++count > page->used || offset >= page_bytes(page)) {
      report_error(EFAULT,
                   "free: corrupted list of blocks of %zu bytes freed by other threads, in the "
                   "page at %p: a block was freed twice or written after it was freed; the list "
                   "is dropped",
                   page->block_size, page->start);
      return false;
    }
  }
  PageLinks::set_next(last, page->local_free, page->keys);
  page->local_free = first;
  page->used -= count;
  return true;
}

}  // namespace ashlar
