// The set of live blocks and their bytes.
#include "blocks.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "contents.h"
#include "support/expect.h"

namespace fuzz {
const Block& Blocks::pick(std::size_t which) const {
  return by_address_.at(picks_[which % picks_.size()]);
}

void Blocks::add(void* p, const Promise& promise, mi_heap_t* heap, bool fill_all) {
  const std::size_t usable = mi_usable_size(opaque(p));
  if (promise.zeroed) {
    expect(is_zero(p, 0, promise.size), "a zeroed block is zero");
  }
  expect(heap == nullptr || mi_heap_of(p) == heap, "a block is of the heap that was asked");
  const std::size_t size = fill_all ? usable : promise.size;
  enter({.address = address_of(p),
         .size = size,
         .usable = usable,
         .alignment = promise.alignment,
         .offset = promise.offset,
         .heap = heap,
         .seed = next_seed_++,
         .zeroed = promise.zeroed && !fill_all,
         .skewed = promise.offset != 0,
         .small = promise.small,
         .at = 0});
}

void Blocks::add_resized(const Block& old, void* p, const Promise& promise, mi_heap_t* into) {
  const std::size_t kept = std::min(old.size, promise.size);
  expect(holds_contents(p, old.size, kept, old.seed), "a resized block keeps its bytes");
  if (promise.zeroed) {
    expect(is_zero(p, kept, promise.size), "what a zeroing resize adds is zero");
  }
  const bool moved = address_of(p) != old.address;
  mi_heap_t* const heap = mi_heap_of(p);
  if (old.heap != nullptr) {
    expect(heap == old.heap || (moved && heap == into), "a resized block is of one of the heaps");
  }
  enter({.address = address_of(p),
         .size = promise.size,
         .usable = mi_usable_size(p),
         .alignment = promise.alignment,
         .offset = promise.offset,
         .heap = old.heap == nullptr && !moved ? nullptr : heap,
         .seed = next_seed_++,
         // A block that shrank has old bytes beyond its size.
         .zeroed = promise.zeroed && promise.size >= old.size,
         .skewed = promise.offset != 0 || (old.skewed && !moved),
         .small = false,
         .at = 0});
}

void Blocks::expand(const Block& block, std::size_t size) {
  Block same = take(block);
  if (size >= same.size) {
    same.size = size;
    same.usable = std::max(same.usable, size);
  } else {
    return put_back(same);
  }
  enter(same);
}

Block Blocks::take(const Block& block) {
  const Block taken = block;
  check(taken);
  erase(taken.address);
  return taken;
}

void Blocks::put_back(const Block& block) {
  const std::size_t at = picks_.size();
  picks_.push_back(block.address);
  bytes_ += block.usable;
  Block& kept = by_address_.emplace(block.address, block).first->second;
  kept.at = at;
  check(kept);
}

void Blocks::enter(Block block) {
  const auto next = by_address_.lower_bound(block.address);
  expect(next == by_address_.end() ||
             next->first >= block.address + std::max(block.usable, std::size_t{1}),
         "a block does not reach into the next");
  if (next != by_address_.begin()) {
    const Block& before = std::prev(next)->second;
    expect(before.address + std::max(before.usable, std::size_t{1}) <= block.address,
           "the block before does not reach into it");
  }
  fill_contents(block.pointer(), block.size, block.seed);
  block.at = picks_.size();
  picks_.push_back(block.address);
  bytes_ += block.usable;
  check(by_address_.emplace(block.address, block).first->second);
}

void Blocks::erase(std::uintptr_t address) {
  const auto found = by_address_.find(address);
  const std::size_t at = found->second.at;
  bytes_ -= found->second.usable;
  by_address_.erase(found);
  picks_[at] = picks_.back();
  picks_.pop_back();
  if (at < picks_.size()) {
    by_address_.at(picks_[at]).at = at;
  }
}

void Blocks::check(const Block& block) const {
  const void* p = block.pointer();
  expect((block.address + block.offset) % block.alignment == 0, "the block is aligned as asked");
  expect(block.skewed || block.address % (block.size >= 16 ? 16 : 8) == 0,
         "the block is aligned as all are");
  expect(mi_usable_size(p) == block.usable, "the usable size does not change");
  expect(block.usable >= block.size, "the block is large enough");
  expect(holds_contents(p, block.size, block.size, block.seed), "the block keeps its bytes");
  if (block.heap != nullptr) {
    expect(mi_heap_of(p) == block.heap, "the block stays in its heap");
  }
}

void Blocks::check_all() const {
  for (const auto& [address, block] : by_address_) {
    check(block);
  }
}

void Blocks::forget_heap(const mi_heap_t* heap) {
  for (const Block& block : all()) {
    if (block.heap == heap) {
      erase(block.address);
    }
  }
}

void Blocks::move_heap(const mi_heap_t* heap, mi_heap_t* to) {
  for (auto& [address, block] : by_address_) {
    if (block.heap == heap) {
      block.heap = to;
    }
  }
}

const Block* Blocks::find(const void* start, std::size_t size) const {
  const std::uintptr_t first = address_of(start);
  const auto found = by_address_.lower_bound(first);
  const bool inside =
      found != by_address_.end() && found->first - first < std::max(size, std::size_t{1});
  return inside ? &found->second : nullptr;
}

std::size_t Blocks::count_in(const mi_heap_t* heap) const {
  return static_cast<std::size_t>(
      std::count_if(by_address_.begin(), by_address_.end(),
                    [&](const auto& entry) { return entry.second.heap == heap; }));
}

std::vector<Block> Blocks::all() const {
  std::vector<Block> blocks;
  blocks.reserve(by_address_.size());
  for (const auto& [address, block] : by_address_) {
    blocks.push_back(block);
  }
  return blocks;
}

}  // namespace fuzz
