// The new handler and bad_alloc, reached without linking to a C++ runtime: its symbols are weak
// here, and absent in a C program. This is the one file that is compiled with exceptions.
#include "api/new_handler.h"

#include "heap/allocate.h"
#include "os/system.h"

// Exception handling of a file needs these; a C program has none of them and never gets here.
asm(".weak __gxx_personality_v0\n"
    ".weak __cxa_begin_catch\n"
    ".weak __cxa_end_catch\n"
    ".weak _Unwind_Resume\n"
    ".weak _ZSt9terminatev\n"
    // For processors whose compilers find data through a table, and forget there what is weak.
    ".weak _ZTVSt9bad_alloc\n"
    ".weak _ZTISt9bad_alloc");

// std::get_new_handler() and the function that throws std::bad_alloc, of libstdc++ and libc++,
// under their names in the Itanium C++ ABI.
extern "C" {
[[gnu::weak]] void (*_ZSt15get_new_handlerv())();
[[gnu::weak]] void _ZSt17__throw_bad_allocv();
[[gnu::weak]] void _ZNSt3__117__throw_bad_allocEv();

// What those functions are made of. A program without shared libraries has only what it uses of
// its C++ runtime: perhaps not them, but all of std::bad_alloc if it catches that.
// NOLINTNEXTLINE(readability-redundant-declaration): some headers declare it, but not as weak.
[[gnu::weak]] void* __cxa_allocate_exception(std::size_t size) noexcept;
[[gnu::weak]] void __cxa_throw(void* exception, void* type, void (*destroy)(void*));
[[gnu::weak]] extern void* _ZTVSt9bad_alloc[];  // the vtable
[[gnu::weak]] extern void* _ZTISt9bad_alloc[];  // the type
[[gnu::weak]] void _ZNSt9bad_allocD1Ev(void* exception);
}

namespace ashlar {
namespace {

using Handler = void (*)();

Handler current_handler() {
  return _ZSt15get_new_handlerv != nullptr ? _ZSt15get_new_handlerv() : nullptr;
}

}  // namespace

void throw_bad_alloc() {
  if (_ZSt17__throw_bad_allocv != nullptr) {
    _ZSt17__throw_bad_allocv();
  }
  if (_ZNSt3__117__throw_bad_allocEv != nullptr) {
    _ZNSt3__117__throw_bad_allocEv();
  }
  if (__cxa_throw != nullptr && __cxa_allocate_exception != nullptr &&
      _ZNSt9bad_allocD1Ev != nullptr) {
    // An object of a class without members is its vtable pointer, which points behind the two
    // words at the vtable's start (Itanium C++ ABI, section 2.5.2).
    void* const exception = __cxa_allocate_exception(sizeof(void*));
    *static_cast<void**>(exception) = &_ZTVSt9bad_alloc[2];
    __cxa_throw(exception, &_ZTISt9bad_alloc[0], _ZNSt9bad_allocD1Ev);
  }
  static constexpr char kText[] =
      "ashlar: error: operator new: out of memory, and no C++ runtime to throw std::bad_alloc\n";
  System::write_error(kText, sizeof kText - 1);
  System::stop();
}

void* new_or_throw(const NewRequest& request) {
  for (;;) {
    const Handler handler = current_handler();
    if (handler == nullptr) {
      throw_bad_alloc();
    }
    handler();
    if (void* const block = request.try_again(request.size, request.alignment, request.old)) {
      return block;
    }
  }
}

void* new_or_null(const NewRequest& request) noexcept {
  for (;;) {
    const Handler handler = current_handler();
    if (handler == nullptr) {
      return nullptr;
    }
    try {
      handler();
    } catch (...) {
      return nullptr;
    }
    if (void* const block = request.try_again(request.size, request.alignment, request.old)) {
      return block;
    }
  }
}

void throw_overflow(std::size_t count, std::size_t size) {
  static_cast<void>(fail_too_large(count > size ? count : size));
  if (const Handler handler = current_handler()) {
    handler();
  }
  throw_bad_alloc();
}

}  // namespace ashlar
