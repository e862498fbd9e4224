// Public interface, C++ only: an allocator for standard containers. It holds nothing, so all of
// its objects are equal. Not for use alone: mimalloc.h includes it.
#ifndef ASHLAR_STL_ALLOCATOR_H
#define ASHLAR_STL_ALLOCATOR_H

#include <cstddef>
#include <limits>
#include <type_traits>

#include "ashlar/attributes.h"
#include "ashlar/new_family.h"

extern "C" mi_decl_export void mi_free(void* p) mi_attr_noexcept;

/**
 * `std::vector<T, mi_stl_allocator<T>>`: containers whose memory is this library's, whatever the
 * process uses for malloc. Any thread; each object and copy can free what another allocated.
 * Blocks are aligned for `T`, over-aligned types included.
 */
template <class T>
struct mi_stl_allocator {
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
  using is_always_equal = std::true_type;
  template <class U>
  struct rebind {
    using other = mi_stl_allocator<U>;
  };

  mi_stl_allocator() noexcept = default;
  template <class U>
  mi_stl_allocator(const mi_stl_allocator<U>&) noexcept {}

  /// Room for `count` objects, none of them constructed. Throws std::bad_alloc after the new
  /// handler, as mi_new_n() does.
  mi_decl_nodiscard T* allocate(size_type count) {
    if (alignof(T) <= alignof(std::max_align_t) || count > max_size()) {
      return static_cast<T*>(mi_new_n(count, sizeof(T)));
    }
    return static_cast<T*>(mi_new_aligned(count * sizeof(T), alignof(T)));
  }

  /// Gives back what allocate() returned; the number of objects is not needed.
  void deallocate(T* p, size_type = 0) noexcept { mi_free(p); }

  /// The largest `count` that can ever succeed.
  size_type max_size() const noexcept {
    return static_cast<size_type>((std::numeric_limits<difference_type>::max)()) / sizeof(T);
  }
};

template <class T, class U>
bool operator==(const mi_stl_allocator<T>&, const mi_stl_allocator<U>&) noexcept {
  return true;
}

template <class T, class U>
bool operator!=(const mi_stl_allocator<T>&, const mi_stl_allocator<U>&) noexcept {
  return false;
}

#endif  // ASHLAR_STL_ALLOCATOR_H
