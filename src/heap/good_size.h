// What a request rounds to, without making it.
#pragma once

#include <cstddef>

#include "os/system.h"
#include "page/padding.h"
#include "page/size_class.h"
#include "support/tracker.h"

namespace ashlar {

// The largest request that takes a block as large as malloc(size) would; `size` itself where it is
// more than an object may have.
inline std::size_t good_size(std::size_t size) {
  if (is_watched()) {
    return size;  // heap/tracked.h
  }
  if (size <= kMediumBlockMax - kPadding) {
    return block_size_of(class_for(size)) - kPadding;
  }
  if (size > kRequestMax - kPadding) {
    return size;
  }
  const std::size_t padded = size + kPadding;
  return (padded <= kArenaBlockMax ? align_up(padded, System::page_size())
                                   : round_mapping_size(padded, System::page_size())) -
         kPadding;
}

}  // namespace ashlar
