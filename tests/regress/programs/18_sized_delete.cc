// Row 18: sized and aligned delete in C++, and C23's free_sized and free_aligned_sized, also after
// a realloc that stayed in place.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <new>

#include <malloc.h>

// Newer than this C library: the preloaded library brings them.
extern "C" void free_sized(void* p, std::size_t size) __attribute__((weak));
extern "C" void free_aligned_sized(void* p, std::size_t alignment, std::size_t size)
    __attribute__((weak));

namespace {

void check(bool good, const char* what, std::size_t size) {
  if (good) return;
  std::fprintf(stderr, "wrong: %s, %zu bytes\n", what, size);
  std::exit(1);
}

struct alignas(256) Wide {
  char bytes[256];
};

}  // namespace

int main() {
  check(free_sized != nullptr && free_aligned_sized != nullptr, "free_sized is there", 0);
  // Blocks that live all the time: one that is freed by mistake is handed out twice.
  static unsigned char* guards[400];
  for (std::size_t i = 0; i < 400; i++) {
    guards[i] = static_cast<unsigned char*>(std::malloc(i * 10 + 1));
    std::memset(guards[i], static_cast<int>(i % 251), i * 10 + 1);
  }
  int in_place = 0;
  for (std::size_t size = 1; size < 400000; size += 1 + size / 7) {
    void* block = ::operator new(size);
    std::memset(block, 1, size);
    ::operator delete(block, size);
    block = ::operator new[](size);
    ::operator delete[](block, size);
    for (std::size_t alignment = 16; alignment <= 65536; alignment *= 4) {
      block = ::operator new(size, std::align_val_t{alignment});
      check(reinterpret_cast<std::uintptr_t>(block) % alignment == 0, "aligned new", size);
      std::memset(block, 2, size);
      ::operator delete(block, size, std::align_val_t{alignment});
      block = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
      check(block != nullptr, "aligned_alloc", size);
      free_aligned_sized(block, alignment, (size + alignment - 1) / alignment * alignment);
    }
    for (const std::size_t next : {size, size + 1, size - size / 10, size / 2 + 1}) {
      block = std::malloc(size);
      const auto before = reinterpret_cast<std::uintptr_t>(block);
      block = std::realloc(block, next);
      check(block != nullptr, "realloc", next);
      in_place += reinterpret_cast<std::uintptr_t>(block) == before ? 1 : 0;
      std::memset(block, 3, next);
      free_sized(block, next);
    }
    delete new Wide;
    delete[] new Wide[3];
  }
  free_sized(nullptr, 10);
  free_aligned_sized(nullptr, 64, 128);
  check(in_place > 0, "some realloc stays in place", 0);
  for (std::size_t i = 0; i < 400; i++) {
    for (std::size_t at = 0; at < i * 10 + 1; at++)
      check(guards[i][at] == i % 251, "a block that lives all the time was changed", i * 10 + 1);
    std::free(guards[i]);
  }
}
