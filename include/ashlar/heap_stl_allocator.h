// Public interface, C++ only: allocators for standard containers whose memory comes from a heap of
// their own. Copies share the heap. Not for use alone: mimalloc.h includes it.
#ifndef ASHLAR_HEAP_STL_ALLOCATOR_H
#define ASHLAR_HEAP_STL_ALLOCATOR_H

#include <cstddef>
#include <cstdlib>
#include <limits>
#include <memory>
#include <new>
#include <type_traits>

#include "ashlar/attributes.h"
#include "ashlar/heaps.h"

extern "C" mi_decl_export void mi_free(void* p) mi_attr_noexcept;

/// The two allocators below are part of the interface.
#define MI_HAS_HEAP_STL_ALLOCATOR 1

/**
 * What mi_heap_stl_allocator and mi_heap_destroy_stl_allocator share: the heap, and room from it.
 * Programs name those two.
 * @tparam T        what the containers hold
 * @tparam kDestroy whether freeing is left to the destruction of the heap
 */
template <class T, bool kDestroy>
class ashlar_heap_allocator {
 public:
  using value_type = T;
  using pointer = T*;
  using const_pointer = const T*;
  using reference = T&;
  using const_reference = const T&;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  using propagate_on_container_copy_assignment = std::true_type;
  using propagate_on_container_move_assignment = std::true_type;
  using propagate_on_container_swap = std::true_type;
  using is_always_equal = std::false_type;

  /// Room for `count` objects, none of them constructed. While there is none: calls the new
  /// handler; without one throws std::bad_alloc (aborts in programs without exceptions).
  mi_decl_nodiscard T* allocate(size_type count) {
    if (alignof(T) <= alignof(std::max_align_t) || count > max_size()) {
      return static_cast<T*>(mi_heap_alloc_new_n(heap_.get(), count, sizeof(T)));
    }
    for (;;) {
      void* const room = mi_heap_malloc_aligned(heap_.get(), count * sizeof(T), alignof(T));
      if (room != nullptr) {
        return static_cast<T*>(room);
      }
      const std::new_handler handler = std::get_new_handler();
      if (handler == nullptr) {
        fail();
      }
      handler();
    }
  }

  /// Gives back what allocate() returned, unless that is left to the heap's destruction.
  void deallocate(T* p, size_type = 0) noexcept {
    if (!kDestroy) {
      mi_free(p);
    }
  }

  /// The largest `count` that can ever succeed.
  size_type max_size() const noexcept {
    return static_cast<size_type>((std::numeric_limits<difference_type>::max)()) / sizeof(T);
  }

  /// The heap; valid while a copy of this allocator lives, or as long as the program says where it
  /// gave the heap.
  mi_heap_t* heap() const noexcept { return heap_.get(); }

  /// mi_heap_collect() of the heap.
  void collect(bool force) { mi_heap_collect(heap_.get(), force); }

  /// Whether each can free what the other allocated: whether they share the heap.
  template <class U>
  bool is_equal(const ashlar_heap_allocator<U, kDestroy>& other) const noexcept {
    return heap_ == other.heap_;
  }

 protected:
  // Of a fresh heap that ends with its last user; throws std::bad_alloc when there is none.
  ashlar_heap_allocator() : heap_(mi_heap_new(), kDestroy ? mi_heap_destroy : mi_heap_delete) {
    if (heap_ == nullptr) {
      fail();
    }
  }
  // Of a heap whose life is the program's affair.
  explicit ashlar_heap_allocator(mi_heap_t* heap) noexcept
      : heap_(std::shared_ptr<mi_heap_t>(), heap) {}
  template <class U>
  ashlar_heap_allocator(const ashlar_heap_allocator<U, kDestroy>& other) noexcept
      : heap_(other.heap_) {}

 private:
  template <class U, bool kOther>
  friend class ashlar_heap_allocator;

  [[noreturn]] static void fail() {
#if defined(__cpp_exceptions)
    throw std::bad_alloc();
#else
    std::abort();
#endif
  }

  std::shared_ptr<mi_heap_t> heap_;
};

template <class T, class U, bool kDestroy>
bool operator==(const ashlar_heap_allocator<T, kDestroy>& a,
                const ashlar_heap_allocator<U, kDestroy>& b) noexcept {
  return a.is_equal(b);
}

template <class T, class U, bool kDestroy>
bool operator!=(const ashlar_heap_allocator<T, kDestroy>& a,
                const ashlar_heap_allocator<U, kDestroy>& b) noexcept {
  return !a.is_equal(b);
}

/**
 * `std::vector<T, mi_heap_stl_allocator<T>>`: containers whose memory comes from one heap. Without
 * an argument that is a fresh heap, deleted with the last copy of the allocator (blocks that still
 * live stay valid); with one, a heap that the program keeps. Threads: as the containers that use
 * it; copies may be used by different threads at once.
 */
template <class T>
struct mi_heap_stl_allocator : ashlar_heap_allocator<T, false> {
  template <class U>
  struct rebind {
    using other = mi_heap_stl_allocator<U>;
  };

  mi_heap_stl_allocator() = default;
  explicit mi_heap_stl_allocator(mi_heap_t* heap) noexcept
      : ashlar_heap_allocator<T, false>(heap) {}
  template <class U>
  mi_heap_stl_allocator(const mi_heap_stl_allocator<U>& other) noexcept
      : ashlar_heap_allocator<T, false>(other) {}
};

/**
 * The same, but nothing is freed one by one: deallocate() does nothing, and all memory goes when
 * the heap is destroyed, which for a fresh heap happens with the last copy of the allocator. For
 * containers that are built, used and dropped as a whole.
 */
template <class T>
struct mi_heap_destroy_stl_allocator : ashlar_heap_allocator<T, true> {
  template <class U>
  struct rebind {
    using other = mi_heap_destroy_stl_allocator<U>;
  };

  mi_heap_destroy_stl_allocator() = default;
  explicit mi_heap_destroy_stl_allocator(mi_heap_t* heap) noexcept
      : ashlar_heap_allocator<T, true>(heap) {}
  template <class U>
  mi_heap_destroy_stl_allocator(const mi_heap_destroy_stl_allocator<U>& other) noexcept
      : ashlar_heap_allocator<T, true>(other) {}
};

#endif  // ASHLAR_HEAP_STL_ALLOCATOR_H
