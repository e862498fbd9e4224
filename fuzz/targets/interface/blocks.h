// The live blocks as the program knows them, and what must hold for each: its place, its bytes,
// its alignment, its heap. The library's own structures are not looked at.
#ifndef ASHLAR_FUZZ_BLOCKS_H
#define ASHLAR_FUZZ_BLOCKS_H

#include <mimalloc.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace fuzz {

struct Block {
  std::uintptr_t address;
  std::size_t size;       // bytes asked for, which hold the pattern of `seed`
  std::size_t usable;     // as the library said when it was allocated
  std::size_t alignment;  // of address + offset
  std::size_t offset;
  mi_heap_t* heap;  // nullptr: of a heap that was deleted while other threads had parts of it
  unsigned seed;
  bool zeroed;     // what lies between size and usable was never written
  bool skewed;     // an offset moved it off the alignment that blocks have by themselves
  bool small;      // one of the _small functions returned it
  std::size_t at;  // its place among those that are picked from

  void* pointer() const { return reinterpret_cast<void*>(address); }
};

// What is promised of a block that a function has just returned.
struct Promise {
  std::size_t size = 0;
  std::size_t alignment = 1;
  std::size_t offset = 0;
  bool zeroed = false;
  bool small = false;
};

class Blocks {
 public:
  bool empty() const { return picks_.empty(); }
  std::size_t count() const { return picks_.size(); }
  std::size_t bytes() const { return bytes_; }  // usable ones of all blocks

  // A live block; there is one.
  const Block& pick(std::size_t which) const;

  // Enters a block that an allocation has returned, for a heap. `fill_all`: the program uses all of
  // the usable size.
  void add(void* p, const Promise& promise, mi_heap_t* heap, bool fill_all);

  // Enters what a resize made of a block that was taken out; its heap is one of two.
  void add_resized(const Block& old, void* p, const Promise& promise, mi_heap_t* into);

  // The same block at the same place, now of another size within its usable size.
  void expand(const Block& block, std::size_t size);

  // Looks at a block's bytes and takes it out of the set: it is about to be freed or resized.
  Block take(const Block& block);
  // A resize failed: it is as it was.
  void put_back(const Block& block);

  // Everything that can be said about a block.
  void check(const Block& block) const;
  void check_all() const;

  // A heap is gone: with its blocks, or they have become those of another one.
  void forget_heap(const mi_heap_t* heap);
  void move_heap(const mi_heap_t* heap, mi_heap_t* to);

  // The live block that starts in [start, start + size), or nullptr.
  const Block* find(const void* start, std::size_t size) const;
  std::size_t count_in(const mi_heap_t* heap) const;
  bool any_of_unknown_heap() const { return count_in(nullptr) != 0; }
  std::vector<Block> all() const;

 private:
  void enter(Block block);
  void erase(std::uintptr_t address);

  std::map<std::uintptr_t, Block> by_address_;
  std::vector<std::uintptr_t> picks_;
  std::size_t bytes_ = 0;
  unsigned next_seed_ = 1;
};

}  // namespace fuzz

#endif  // ASHLAR_FUZZ_BLOCKS_H
