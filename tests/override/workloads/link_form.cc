// Says whether malloc and operator new are Ashlar's in a program that was linked to it.
#include <mimalloc.h>

#include <cstdio>
#include <cstdlib>
#include <string>

int main() {
  void* const block = std::malloc(100);
  const std::string text(100, 'x');
  std::printf("malloc %d new %d usable %d\n", mi_is_in_heap_region(block),
              mi_is_in_heap_region(text.data()), mi_usable_size(block) >= 100);
  std::free(block);
  try {
    ::operator delete(::operator new(std::size_t{1} << 62));
  } catch (const std::bad_alloc&) {
    std::puts("bad_alloc");
  }
  return 0;
}
