// What a pointer of the user's leads to: its page, its block, its size; and the slow frees.
#pragma once

#include <cstddef>

#include "heap/thread_heap.h"

namespace ashlar {

// A pointer, resolved. `page` is nullptr where the pointer is not ours.
struct Resolved {
  Page* page = nullptr;
  Block* block = nullptr;  // the start of the block
  std::size_t usable = 0;  // bytes from the pointer on that are the program's
  std::size_t room = 0;    // bytes that it could have there: more only in profiles that pad
};

Resolved resolve(const void* pointer);

// Whether the pointer is the start of a block, live or free, as an allocation returned it.
bool is_block(const void* pointer);

// Frees a block of a page, not a huge one, that passed the checks of the profile: by its owner or
// by any other thread.
void free_marked(Page* page, Block* block);

// Tells of a pointer that is not ours; `call` is the function it was passed to.
void report_invalid_pointer(const char* call, const void* pointer);

// The free of a block that its page counts as in use, where the tool that watches was told already.
void free_untracked(Page* page, Block* block);

// The usable bytes of a block, 0 for nullptr and (reported) for what is not ours.
std::size_t usable_size_of(const void* pointer, const char* call);

}  // namespace ashlar
