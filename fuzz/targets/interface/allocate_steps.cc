// The calls that allocate.
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

#include "page/padding.h"
#include "session.h"
#include "support/expect.h"

namespace fuzz {
namespace {

// A product that is `size`, or the nearest below it.
struct Product {
  std::size_t count, size;
  explicit Product(const Step& step, std::size_t wanted)
      : count(1 + step.variant % 7), size(wanted / count) {}
  std::size_t total() const { return count * size; }
};

}  // namespace

void* Session::allocate_plain(const Step& step, Promise* promise) {
  const std::size_t size = affordable_size(step);
  const Product product(step, size);
  mi_heap_t* const heap = handle_of(step);
  promise->size = size;
  switch (step.variant % 4) {
    case 0:
      return heap == nullptr ? mi_malloc(size) : mi_heap_malloc(heap, size);
    case 1:
      promise->size = product.total();
      return heap == nullptr ? mi_mallocn(product.count, product.size)
                             : mi_heap_mallocn(heap, product.count, product.size);
    case 2:
      promise->size = size % (MI_SMALL_SIZE_MAX + 1);
      promise->small = true;
      return heap == nullptr ? mi_malloc_small(promise->size)
                             : mi_heap_malloc_small(heap, promise->size);
    default:
      return mi_heap_malloc(heap, size);
  }
}

void* Session::allocate_zeroed(const Step& step, Promise* promise) {
  const std::size_t size = affordable_size(step);
  const Product product(step, size);
  mi_heap_t* const heap = handle_of(step);
  promise->size = size;
  promise->zeroed = true;
  switch (step.variant % 3) {
    case 0:
      return heap == nullptr ? mi_zalloc(size) : mi_heap_zalloc(heap, size);
    case 1:
      promise->size = product.total();
      return heap == nullptr ? mi_calloc(product.count, product.size)
                             : mi_heap_calloc(heap, product.count, product.size);
    default:
      promise->size = size % (MI_SMALL_SIZE_MAX + 1);
      promise->small = true;
      return heap == nullptr ? mi_zalloc_small(promise->size)
                             : mi_heap_zalloc_small(heap, promise->size);
  }
}

void* Session::allocate_aligned(const Step& step, Promise* promise) {
  const std::size_t size = affordable_size(step);
  const std::size_t alignment = alignment_of(step);
  mi_heap_t* const heap = handle_of(step);
  const Product product(step, size);
  promise->size = size;
  promise->alignment = alignment;
  void* p = nullptr;
  switch (step.variant % 9) {
    case 0:
      return heap == nullptr ? mi_malloc_aligned(size, alignment)
                             : mi_heap_malloc_aligned(heap, size, alignment);
    case 1:
      promise->zeroed = true;
      return heap == nullptr ? mi_zalloc_aligned(size, alignment)
                             : mi_heap_zalloc_aligned(heap, size, alignment);
    case 2:
      promise->zeroed = true;
      promise->size = product.total();
      return heap == nullptr ? mi_calloc_aligned(product.count, product.size, alignment)
                             : mi_heap_calloc_aligned(heap, product.count, product.size, alignment);
    case 3: {
      const int error = heap == nullptr ? mi_posix_memalign(&p, alignment, size) : ENOMEM;
      if (heap != nullptr) {
        return mi_heap_malloc_aligned(heap, size, alignment);
      }
      expect((error == 0) == (p != nullptr), "posix_memalign's answer fits its block");
      errno = error;
      // It takes multiples of a pointer's size alone.
      promise->alignment = error == EINVAL ? 0 : alignment;
      return p;
    }
    case 4:
      return heap == nullptr ? mi_aligned_alloc(alignment, size)
                             : mi_heap_malloc_aligned(heap, size, alignment);
    case 5:
      return heap == nullptr ? mi_memalign(alignment, size)
                             : mi_heap_malloc_aligned(heap, size, alignment);
    case 6:
      promise->alignment = 4096;
      return heap == nullptr ? mi_valloc(size) : mi_heap_malloc_aligned(heap, size, 4096);
    case 7:
      promise->alignment = 4096;
      return heap == nullptr ? mi_pvalloc(size) : mi_heap_malloc_aligned(heap, size, 4096);
    default:
      return mi_heap_zalloc_aligned(heap, size, alignment);
  }
}

void* Session::allocate_aligned_at(const Step& step, Promise* promise) {
  const std::size_t size = affordable_size(step);
  const std::size_t alignment = alignment_of(step);
  const Product product(step, size);
  mi_heap_t* const heap = handle_of(step);
  const bool array = step.variant % 3 == 2;
  promise->size = array ? product.total() : size;
  promise->alignment = alignment;
  promise->offset = promise->size == SIZE_MAX ? 0 : step.amount * 7u % (promise->size + 1);
  promise->zeroed = step.variant % 3 != 0;
  if (array) {
    return heap == nullptr
               ? mi_calloc_aligned_at(product.count, product.size, alignment, promise->offset)
               : mi_heap_calloc_aligned_at(heap, product.count, product.size, alignment,
                                           promise->offset);
  }
  if (promise->zeroed) {
    return heap == nullptr ? mi_zalloc_aligned_at(size, alignment, promise->offset)
                           : mi_heap_zalloc_aligned_at(heap, size, alignment, promise->offset);
  }
  return heap == nullptr ? mi_malloc_aligned_at(size, alignment, promise->offset)
                         : mi_heap_malloc_aligned_at(heap, size, alignment, promise->offset);
}

void* Session::allocate_new(const Step& step, Promise* promise) {
  const std::size_t size = affordable_size(step);
  const std::size_t alignment = alignment_of(step);
  const Product product(step, size);
  mi_heap_t* const heap = handle_of(step);
  promise->size = size;
  switch (step.variant % 5) {
    case 0:
      return null_if_thrown(
          [&] { return heap == nullptr ? mi_new(size) : mi_heap_alloc_new(heap, size); });
    case 1:
      promise->size = product.total();
      return null_if_thrown([&] {
        return heap == nullptr ? mi_new_n(product.count, product.size)
                               : mi_heap_alloc_new_n(heap, product.count, product.size);
      });
    case 2:
      return heap == nullptr ? mi_new_nothrow(size) : mi_heap_malloc(heap, size);
    case 3:
      promise->alignment = alignment;
      return null_if_thrown([&] {
        return heap == nullptr ? mi_new_aligned(size, alignment)
                               : mi_heap_malloc_aligned(heap, size, alignment);
      });
    default:
      promise->alignment = alignment;
      return heap == nullptr ? mi_new_aligned_nothrow(size, alignment)
                             : mi_heap_malloc_aligned(heap, size, alignment);
  }
}

void* Session::allocate_reporting(const Step& step, Promise* promise) {
  const std::size_t size = affordable_size(step);
  const std::size_t alignment = alignment_of(step);
  const Product product(step, size);
  std::size_t usable = 0;
  promise->size = size;
  void* p = nullptr;
  switch (step.variant % 6) {
    case 0:
      p = mi_umalloc(size, &usable);
      break;
    case 1:
      promise->size = product.total();
      promise->zeroed = true;
      p = mi_ucalloc(product.count, product.size, &usable);
      break;
    case 2:
      promise->size = size % (MI_SMALL_SIZE_MAX + 1);
      promise->small = true;
      p = mi_umalloc_small(promise->size, &usable);
      break;
    case 3:
      promise->size = size % (MI_SMALL_SIZE_MAX + 1);
      promise->small = true;
      promise->zeroed = true;
      p = mi_uzalloc_small(promise->size, &usable);
      break;
    case 4:
      promise->alignment = alignment;
      p = mi_umalloc_aligned(size, alignment, &usable);
      break;
    default:
      promise->alignment = alignment;
      promise->zeroed = true;
      p = mi_uzalloc_aligned(size, alignment, &usable);
      break;
  }
  expect(usable == mi_usable_size(p), "the usable size that an allocation reports is the block's");
  return p;
}

// By the thread's part of a heap; the default part where there is none.
void* Session::allocate_in_part(const Step& step, Promise* promise) {
  const std::size_t size = affordable_size(step);
  const std::size_t alignment = alignment_of(step);
  const Product product(step, size);
  mi_heap_t* const heap = handle_of(step);
  const int before = errno;
  mi_theap_t* const part = heap == nullptr ? nullptr : mi_heap_theap(heap);
  if (heap != nullptr && part == nullptr) {
    expect(faults_left_ != 0 || limited_, "a thread gets its part of a heap");
    return nullptr;
  }
  errno = before;
  promise->size = size;
  switch (step.variant % 6) {
    case 0:
      return mi_theap_malloc(part, size);
    case 1:
      promise->zeroed = true;
      return mi_theap_zalloc(part, size);
    case 2:
      promise->size = product.total();
      promise->zeroed = true;
      return mi_theap_calloc(part, product.count, product.size);
    case 3:
      promise->size = size % (MI_SMALL_SIZE_MAX + 1);
      promise->small = true;
      return mi_theap_malloc_small(part, promise->size);
    case 4:
      promise->size = size % (MI_SMALL_SIZE_MAX + 1);
      promise->small = true;
      promise->zeroed = true;
      return mi_theap_zalloc_small(part, promise->size);
    default:
      promise->alignment = alignment;
      return mi_theap_malloc_aligned(part, size, alignment);
  }
}

void* Session::call_allocation(const Step& step, Promise* promise) {
  switch (static_cast<Op>(step.op)) {
    case Op::kZeroed:
      return allocate_zeroed(step, promise);
    case Op::kAligned:
      return allocate_aligned(step, promise);
    case Op::kAlignedAt:
      return allocate_aligned_at(step, promise);
    case Op::kNew:
      return allocate_new(step, promise);
    case Op::kReporting: {
      Step plain = step;
      plain.place &= 3;  // these have no form with a heap
      return allocate_reporting(plain, promise);
    }
    case Op::kThreadHeap:
      return allocate_in_part(step, promise);
    default:
      return allocate_plain(step, promise);
  }
}

void Session::allocate(const Step& step) {
  Step used = step;
  if (static_cast<Op>(step.op) == Op::kReporting) {
    used.place &= 3;
  }
  Promise promise;
  errno = 0;
  void* const p = opaque(call_allocation(used, &promise));
  if (p == nullptr) {
    return check_failure(used, promise.size, promise.alignment);
  }
  expect(errno == 0, "success leaves errno alone");
  if (promise.alignment == 1 && promise.offset == 0) {
    const std::size_t usable = mi_usable_size(p);
    // Where blocks are padded, no more is usable than was asked for.
    expect(usable >= (ashlar::kPadding == 0 ? mi_good_size(promise.size) : promise.size),
           "a block holds the good size");
  }
  blocks_.add(p, promise, used_by(used), step.block % 8 == 7);
}

void Session::copy_string(const Step& step) {
  const std::string text(affordable_size(step) % 2000, static_cast<char>('a' + step.block % 26));
  mi_heap_t* const heap = handle_of(step);
  const std::size_t most = step.amount % 2500;
  const std::size_t cut = most < text.size() ? most : text.size();
  char* copy = nullptr;
  std::size_t length = text.size();
  Step plain = step;
  switch (step.variant % 6) {
    case 0:
      copy = heap == nullptr ? mi_strdup(text.c_str()) : mi_heap_strdup(heap, text.c_str());
      break;
    case 1:
      length = cut;
      copy = heap == nullptr ? mi_strndup(text.c_str(), most)
                             : mi_heap_strndup(heap, text.c_str(), most);
      break;
    case 2:
      plain.place &= 3;
      copy =
          reinterpret_cast<char*>(mi_mbsdup(reinterpret_cast<const unsigned char*>(text.c_str())));
      break;
    case 3: {
      plain.place &= 3;
      static const unsigned short kWide[] = {1, 0x4142, 3, 0};
      unsigned short* const wide = opaque(mi_wcsdup(kWide));
      if (wide == nullptr) {
        return check_failure(plain, sizeof kWide, 1);
      }
      expect(std::memcmp(wide, kWide, sizeof kWide) == 0, "a copy of a wide string is equal");
      return blocks_.add(wide, {.size = sizeof kWide}, used_by(plain), false);
    }
    case 4: {
      char* const path = heap == nullptr ? mi_realpath("/usr/../", nullptr)
                                         : mi_heap_realpath(heap, "/usr/../", nullptr);
      if (path == nullptr) {
        return check_failure(step, 2, 1);
      }
      expect(std::strcmp(opaque(path), "/") == 0, "a path is resolved");
      return blocks_.add(path, {.size = 2}, used_by(step), false);
    }
    default: {
      plain.place &= 3;
      std::size_t size = 0;
      const int error = mi_dupenv_s(&copy, &size, "ASHLAR_FUZZ_VARIABLE");
      if (error != 0) {
        expect(copy == nullptr, "a variable that was not copied leaves NULL");
        errno = error;
        return check_failure(plain, 6, 1);
      }
      expect(size == 5 && std::strcmp(copy, "value") == 0, "a variable is copied");
      return blocks_.add(copy, {.size = 6}, used_by(plain), false);
    }
  }
  copy = opaque(copy);
  if (copy == nullptr) {
    return check_failure(plain, length + 1, 1);
  }
  expect(std::strlen(copy) == length && text.compare(0, length, copy) == 0, "a copy is equal");
  blocks_.add(copy, {.size = length + 1}, used_by(plain), false);
}

// Many blocks of one size, so that pages fill up and queues get long.
void Session::burst(const Step& step) {
  const std::size_t size = affordable_size(step) % 40000;
  const std::size_t most = size > 2048 ? 24 : 400;
  const std::size_t count = std::size_t{step.block} * 2 % most + 1;
  mi_heap_t* const heap = handle_of(step);
  for (std::size_t i = 0; i < count && blocks_.count() < 3000; ++i) {
    errno = 0;
    void* const p = opaque(heap == nullptr ? mi_malloc(size) : mi_heap_malloc(heap, size));
    if (p == nullptr) {
      return check_failure(step, size, 1);
    }
    blocks_.add(p, {.size = size}, used_by(step), false);
  }
}

}  // namespace fuzz
