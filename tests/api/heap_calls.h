// The functions that allocate from a heap, as a table for tests of what holds for all of them.
#pragma once

#include <mimalloc.h>

#include <functional>
#include <vector>

namespace api_test {

// Every allocating function of a heap, for about 100 bytes.
struct HeapCall {
  const char* name;
  std::function<void*(mi_heap_t*)> allocate;
};

inline const std::vector<HeapCall>& heap_calls() {
  static const std::vector<HeapCall> all = {
      {"malloc", [](mi_heap_t* h) { return mi_heap_malloc(h, 100); }},
      {"malloc_small", [](mi_heap_t* h) { return mi_heap_malloc_small(h, 100); }},
      {"zalloc", [](mi_heap_t* h) { return mi_heap_zalloc(h, 100); }},
      {"zalloc_small", [](mi_heap_t* h) { return mi_heap_zalloc_small(h, 100); }},
      {"calloc", [](mi_heap_t* h) { return mi_heap_calloc(h, 10, 10); }},
      {"mallocn", [](mi_heap_t* h) { return mi_heap_mallocn(h, 10, 10); }},
      {"realloc", [](mi_heap_t* h) { return mi_heap_realloc(h, nullptr, 100); }},
      {"reallocn", [](mi_heap_t* h) { return mi_heap_reallocn(h, nullptr, 10, 10); }},
      {"reallocf", [](mi_heap_t* h) { return mi_heap_reallocf(h, nullptr, 100); }},
      {"rezalloc", [](mi_heap_t* h) { return mi_heap_rezalloc(h, nullptr, 100); }},
      {"recalloc", [](mi_heap_t* h) { return mi_heap_recalloc(h, nullptr, 10, 10); }},
      {"malloc_aligned", [](mi_heap_t* h) { return mi_heap_malloc_aligned(h, 100, 256); }},
      {"malloc_aligned_at", [](mi_heap_t* h) { return mi_heap_malloc_aligned_at(h, 100, 64, 8); }},
      {"zalloc_aligned", [](mi_heap_t* h) { return mi_heap_zalloc_aligned(h, 100, 4096); }},
      {"zalloc_aligned_at", [](mi_heap_t* h) { return mi_heap_zalloc_aligned_at(h, 100, 64, 8); }},
      {"calloc_aligned", [](mi_heap_t* h) { return mi_heap_calloc_aligned(h, 10, 10, 65536); }},
      {"calloc_aligned_at",
       [](mi_heap_t* h) { return mi_heap_calloc_aligned_at(h, 10, 10, 128, 16); }},
      {"realloc_aligned",
       [](mi_heap_t* h) { return mi_heap_realloc_aligned(h, nullptr, 100, 64); }},
      {"realloc_aligned_at",
       [](mi_heap_t* h) { return mi_heap_realloc_aligned_at(h, nullptr, 100, 64, 8); }},
      {"rezalloc_aligned",
       [](mi_heap_t* h) { return mi_heap_rezalloc_aligned(h, nullptr, 100, 64); }},
      {"rezalloc_aligned_at",
       [](mi_heap_t* h) { return mi_heap_rezalloc_aligned_at(h, nullptr, 100, 64, 8); }},
      {"recalloc_aligned",
       [](mi_heap_t* h) { return mi_heap_recalloc_aligned(h, nullptr, 10, 10, 64); }},
      {"recalloc_aligned_at",
       [](mi_heap_t* h) { return mi_heap_recalloc_aligned_at(h, nullptr, 10, 10, 64, 8); }},
      {"strdup", [](mi_heap_t* h) { return mi_heap_strdup(h, "a text of some length"); }},
      {"strndup", [](mi_heap_t* h) { return mi_heap_strndup(h, "a text of some length", 6); }},
      {"realpath", [](mi_heap_t* h) { return mi_heap_realpath(h, "/", nullptr); }},
      {"alloc_new", [](mi_heap_t* h) { return mi_heap_alloc_new(h, 100); }},
      {"alloc_new_n", [](mi_heap_t* h) { return mi_heap_alloc_new_n(h, 10, 10); }},
      {"malloc_tp", [](mi_heap_t* h) -> void* { return mi_heap_malloc_tp(double, h); }},
      {"zalloc_tp", [](mi_heap_t* h) -> void* { return mi_heap_zalloc_tp(double, h); }},
      {"calloc_tp", [](mi_heap_t* h) -> void* { return mi_heap_calloc_tp(double, h, 9); }},
      {"mallocn_tp", [](mi_heap_t* h) -> void* { return mi_heap_mallocn_tp(double, h, 9); }},
      {"reallocn_tp",
       [](mi_heap_t* h) -> void* { return mi_heap_reallocn_tp(double, h, nullptr, 9); }},
      {"recalloc_tp",
       [](mi_heap_t* h) -> void* { return mi_heap_recalloc_tp(double, h, nullptr, 9); }},
  };
  return all;
}

}  // namespace api_test
