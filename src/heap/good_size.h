// What a request rounds to, without making it.
#pragma once

#include <cstddef>

#include "os/system.h"
#include "page/size_class.h"
#include "support/tracker.h"

namespace ashlar {

// The usable size of the block that malloc(size) would return; `size` itself where it is more
// than an object may have.
inline std::size_t good_size(std::size_t size) {
  if (is_watched()) {
    return size;  // heap/tracked.h
  }
  if (size <= kMediumBlockMax) {
    return block_size_of(size_class_of(size));
  }
  if (size > kRequestMax) {
    return size;
  }
  return size <= kArenaBlockMax ? align_up(size, System::page_size())
                                : round_mapping_size(size, System::page_size());
}

}  // namespace ashlar
