// The C interface to the `new` family.
#include "api/new.h"
#include "mimalloc.h"

extern "C" {

ASHLAR_EXPORT void* mi_new(std::size_t size) { return ashlar::allocate_new(size); }
ASHLAR_EXPORT void* mi_new_aligned(std::size_t size, std::size_t alignment) {
  return ashlar::allocate_new_aligned(size, alignment);
}
ASHLAR_EXPORT void* mi_new_nothrow(std::size_t size) noexcept {
  return ashlar::allocate_new_nothrow(size);
}
ASHLAR_EXPORT void* mi_new_aligned_nothrow(std::size_t size, std::size_t alignment) noexcept {
  return ashlar::allocate_new_aligned_nothrow(size, alignment);
}
ASHLAR_EXPORT void* mi_new_n(std::size_t count, std::size_t size) {
  std::size_t total = 0;
  if (ashlar::multiply_overflows(count, size, &total)) {
    ashlar::throw_overflow(count, size);
  }
  return ashlar::allocate_new(total);
}
ASHLAR_EXPORT void* mi_new_realloc(void* p, std::size_t newsize) {
  return ashlar::reallocate_new(p, newsize);
}
ASHLAR_EXPORT void* mi_new_reallocn(void* p, std::size_t newcount, std::size_t size) {
  std::size_t total = 0;
  if (ashlar::multiply_overflows(newcount, size, &total)) {
    ashlar::throw_overflow(newcount, size);
  }
  return ashlar::reallocate_new(p, total);
}

}  // extern "C"
