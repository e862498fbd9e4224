// Copies of strings, paths and environment variables on our blocks.
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "heap/thread_heap.h"
#include "mimalloc.h"

namespace ashlar {
namespace {

// A copy of `length` bytes, followed by `zeros` zero bytes; nullptr with errno on failure.
void* copy_string(const void* text, std::size_t length, std::size_t zeros) {
  void* const copy = allocate<Contents::kUnknown>(length + zeros);
  if (copy != nullptr) {
    memcpy(copy, text, length);
    memset(static_cast<char*>(copy) + length, 0, zeros);
  }
  return copy;
}

}  // namespace
}  // namespace ashlar

extern "C" {

ASHLAR_EXPORT char* mi_strdup(const char* s) noexcept {
  return s == nullptr ? nullptr : static_cast<char*>(ashlar::copy_string(s, strlen(s), 1));
}
ASHLAR_EXPORT char* mi_strndup(const char* s, std::size_t n) noexcept {
  return s == nullptr ? nullptr : static_cast<char*>(ashlar::copy_string(s, strnlen(s, n), 1));
}
ASHLAR_EXPORT unsigned char* mi_mbsdup(const unsigned char* s) noexcept {
  return reinterpret_cast<unsigned char*>(mi_strdup(reinterpret_cast<const char*>(s)));
}
ASHLAR_EXPORT unsigned short* mi_wcsdup(const unsigned short* s) noexcept {
  if (s == nullptr) {
    return nullptr;
  }
  std::size_t length = 0;
  while (s[length] != 0) {
    ++length;
  }
  return static_cast<unsigned short*>(
      ashlar::copy_string(s, length * sizeof(unsigned short), sizeof(unsigned short)));
}

ASHLAR_EXPORT char* mi_realpath(const char* fname, char* resolved_name) noexcept {
  if (resolved_name != nullptr) {
    return realpath(fname, resolved_name);
  }
  // libc's own allocation, which may not be ours, is kept out of it.
  char path[PATH_MAX];
  return realpath(fname, path) == nullptr ? nullptr : mi_strdup(path);
}

ASHLAR_EXPORT int mi_dupenv_s(char** buf, std::size_t* size, const char* name) noexcept {
  if (size != nullptr) {
    *size = 0;
  }
  if (buf == nullptr || name == nullptr) {
    return EINVAL;
  }
  *buf = nullptr;
  const char* const value = getenv(name);
  if (value == nullptr) {
    return 0;
  }
  *buf = mi_strdup(value);
  if (*buf == nullptr) {
    return ENOMEM;
  }
  if (size != nullptr) {
    *size = strlen(value);
  }
  return 0;
}
ASHLAR_EXPORT int mi_wdupenv_s(unsigned short** buf, std::size_t* size,
                               const unsigned short*) noexcept {
  if (buf != nullptr) {
    *buf = nullptr;
  }
  if (size != nullptr) {
    *size = 0;
  }
  return EINVAL;
}

}  // extern "C"
