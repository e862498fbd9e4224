// The calls that resize.
#include <cerrno>
#include <new>

#include "page/padding.h"
#include "session.h"
#include "support/expect.h"

namespace fuzz {
namespace {

struct Product {
  std::size_t count, size;
  explicit Product(const Step& step, std::size_t wanted)
      : count(1 + step.variant % 5), size(wanted / count) {}
};

}  // namespace

void* Session::call_realloc(const Step& step, void* p, Promise* promise, bool* freed) {
  const std::size_t size = promise->size;
  const Product product(step, size);
  const std::size_t total = product.count * product.size;
  mi_heap_t* const heap = handle_of(step);
  switch (step.variant % 12) {
    case 0:
      return mi_heap_realloc(heap, p, size);
    case 1:
      promise->size = total;
      return heap == nullptr ? mi_reallocn(p, product.count, product.size)
                             : mi_heap_reallocn(heap, p, product.count, product.size);
    case 2:
      *freed = true;
      return heap == nullptr ? mi_reallocf(p, size) : mi_heap_reallocf(heap, p, size);
    case 3:
      promise->size = total;
      return heap == nullptr ? mi_reallocarray(p, product.count, product.size)
                             : mi_heap_reallocn(heap, p, product.count, product.size);
    case 4: {
      if (heap != nullptr) {
        return mi_heap_realloc(heap, p, size);
      }
      promise->size = total;
      void* variable = p;
      const int error = mi_reallocarr(&variable, product.count, product.size);
      expect(error == 0 || variable == p, "a reallocarr that failed leaves the variable alone");
      return error == 0 ? variable : nullptr;
    }
    case 5: {
      mi_theap_t* const part = heap == nullptr ? nullptr : mi_heap_theap(heap);
      return heap != nullptr && part == nullptr ? nullptr : mi_theap_realloc(part, p, size);
    }
    case 6: {
      if (heap != nullptr) {
        return mi_heap_realloc(heap, p, size);
      }
      const std::size_t before = mi_usable_size(p);
      std::size_t old_usable = 0;
      std::size_t new_usable = 0;
      void* const resized = opaque(mi_urealloc(p, size, &old_usable, &new_usable));
      expect(old_usable == before, "urealloc reports the old usable size");
      expect(new_usable == (resized == nullptr ? 0 : mi_usable_size(resized)),
             "urealloc reports the new usable size");
      return resized;
    }
    case 7:
      return heap == nullptr ? null_if_thrown([&] { return mi_new_realloc(p, size); })
                             : mi_heap_realloc(heap, p, size);
    case 8:
      promise->size = total;
      return heap == nullptr
                 ? null_if_thrown([&] { return mi_new_reallocn(p, product.count, product.size); })
                 : mi_heap_reallocn(heap, p, product.count, product.size);
    default:
      return heap == nullptr ? mi_realloc(p, size) : mi_heap_realloc(heap, p, size);
  }
}

void* Session::call_realloc_aligned(const Step& step, void* p, Promise* promise) {
  const std::size_t size = promise->size;
  mi_heap_t* const heap = handle_of(step);
  promise->alignment = alignment_of(step);
  if (step.variant % 2 == 0) {
    return heap == nullptr ? mi_realloc_aligned(p, size, promise->alignment)
                           : mi_heap_realloc_aligned(heap, p, size, promise->alignment);
  }
  promise->offset = size == SIZE_MAX ? 0 : step.amount * 5u % (size + 1);
  return heap == nullptr
             ? mi_realloc_aligned_at(p, size, promise->alignment, promise->offset)
             : mi_heap_realloc_aligned_at(heap, p, size, promise->alignment, promise->offset);
}

void* Session::call_rezalloc(const Step& step, void* p, Promise* promise) {
  const std::size_t size = promise->size;
  const Product product(step, size);
  const std::size_t total = product.count * product.size;
  mi_heap_t* const heap = handle_of(step);
  promise->zeroed = true;
  const unsigned kind = step.variant % 8;
  if (kind == 0) {
    return heap == nullptr ? mi_rezalloc(p, size) : mi_heap_rezalloc(heap, p, size);
  }
  if (kind == 1) {
    promise->size = total;
    return heap == nullptr ? mi_recalloc(p, product.count, product.size)
                           : mi_heap_recalloc(heap, p, product.count, product.size);
  }
  promise->alignment = alignment_of(step);
  const std::size_t alignment = promise->alignment;
  if (kind == 2) {
    return heap == nullptr ? mi_rezalloc_aligned(p, size, alignment)
                           : mi_heap_rezalloc_aligned(heap, p, size, alignment);
  }
  if (kind == 3 || kind == 4) {
    promise->size = total;
    if (heap != nullptr) {
      return mi_heap_recalloc_aligned(heap, p, product.count, product.size, alignment);
    }
    return kind == 3 ? mi_recalloc_aligned(p, product.count, product.size, alignment)
                     : mi_aligned_recalloc(p, product.count, product.size, alignment);
  }
  promise->size = kind == 5 ? size : total;
  const std::size_t offset = promise->size == SIZE_MAX ? 0 : step.amount * 3u % (promise->size + 1);
  promise->offset = offset;
  if (kind == 5) {
    return heap == nullptr ? mi_rezalloc_aligned_at(p, size, alignment, offset)
                           : mi_heap_rezalloc_aligned_at(heap, p, size, alignment, offset);
  }
  if (heap != nullptr) {
    return mi_heap_recalloc_aligned_at(heap, p, product.count, product.size, alignment, offset);
  }
  return kind == 6 ? mi_recalloc_aligned_at(p, product.count, product.size, alignment, offset)
                   : mi_aligned_offset_recalloc(p, product.count, product.size, alignment, offset);
}

// A resize of NULL allocates.
void Session::resize(const Step& step) {
  const Op op = static_cast<Op>(step.op);
  const bool of_nothing = blocks_.empty() || step.block == 255;
  if (!of_nothing && op == Op::kRezalloc && !blocks_.pick(step.block).zeroed) {
    return;
  }
  Block old{};
  if (!of_nothing) {
    old = blocks_.take(blocks_.pick(step.block));
  }
  Promise promise{.size = affordable_size(step)};
  bool freed = false;
  errno = 0;
  void* p = nullptr;
  if (op == Op::kRealloc) {
    p = call_realloc(step, old.pointer(), &promise, &freed);
  } else if (op == Op::kReallocAligned) {
    p = call_realloc_aligned(step, old.pointer(), &promise);
  } else {
    p = call_rezalloc(step, old.pointer(), &promise);
  }
  p = opaque(p);
  if (p == nullptr) {
    check_failure(step, promise.size, promise.alignment);
    if (!of_nothing && !freed) {
      blocks_.put_back(old);
    }
    return;
  }
  if (of_nothing) {
    return blocks_.add(p, promise, used_by(step), false);
  }
  blocks_.add_resized(old, p, promise, used_by(step));
}

void Session::expand(const Step& step) {
  if (blocks_.empty()) {
    return;
  }
  const Block& block = blocks_.pick(step.block);
  const std::size_t size =
      step.variant % 2 == 0 ? block.usable - step.amount % (block.usable + 1) : size_of(step);
  errno = 0;
  void* const p = block.pointer();
  void* const expanded = opaque(step.variant % 4 < 2 ? mi_expand(p, size) : mi__expand(p, size));
  expect(errno == 0, "expand leaves errno alone");
  // Where blocks are padded there may be room that was not asked for.
  const bool may_grow = ashlar::kPadding != 0 && expanded == p;
  expect(may_grow || expanded == (size <= block.usable ? p : nullptr),
         "expand goes up to the usable size");
  if (expanded != nullptr) {
    blocks_.expand(block, size);
  }
}

}  // namespace fuzz
