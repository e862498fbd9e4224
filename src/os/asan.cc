// Calls of AddressSanitizer's run time, where there is one.
#include "os/asan.h"

extern "C" {
[[gnu::weak]] void __asan_init();
[[gnu::weak]] void __asan_poison_memory_region(const volatile void* start, std::size_t bytes);
[[gnu::weak]] void __asan_unpoison_memory_region(const volatile void* start, std::size_t bytes);
[[gnu::weak]] void __asan_get_shadow_mapping(std::size_t* scale, std::size_t* offset);
[[gnu::weak]] void __asan_report_error(void* pc, void* bp, void* sp, void* address, int is_write,
                                       std::size_t bytes);
[[gnu::weak]] void __asan_set_error_report_callback(void (*function)(const char* text));
[[gnu::weak]] void* __asan_get_report_address();
[[gnu::weak]] void __lsan_register_root_region(const void* start, std::size_t bytes);
[[gnu::weak]] void __lsan_unregister_root_region(const void* start, std::size_t bytes);
}

namespace ashlar::asan {
namespace {

// What the public interface writes for wholly forbidden granules: "use-after-poison" in reports.
constexpr std::uint8_t kPoisonedByUser = 0xf7;

// The shadow of an address, by the mapping that the run time tells.
struct Shadow {
  std::size_t scale = 0;
  std::size_t offset = 0;

  Shadow() { __asan_get_shadow_mapping(&scale, &offset); }

  std::uint8_t* of(std::uintptr_t address) const {
    return reinterpret_cast<std::uint8_t*>((address >> scale) + offset);
  }
};

}  // namespace

bool is_linked() {
  return __asan_poison_memory_region != nullptr && __asan_unpoison_memory_region != nullptr &&
         __asan_get_shadow_mapping != nullptr;
}

void begin_run_time() {
  if (__asan_init != nullptr) {
    __asan_init();
  }
}

// The public interface does it, byte for byte; then reports are made to name the kind of error, as
// for blocks of the run time's own.
void forbid(const void* start, std::size_t bytes, Kind kind) {
  if (bytes == 0) {
    return;
  }
  __asan_poison_memory_region(start, bytes);
  const Shadow shadow;
  const auto begin = reinterpret_cast<std::uintptr_t>(start);
  std::uint8_t* const last = shadow.of(begin + bytes - 1);
  for (std::uint8_t* at = shadow.of(begin); at <= last; ++at) {
    if (*at == kPoisonedByUser || *at == static_cast<std::uint8_t>(Kind::kOverflow) ||
        *at == static_cast<std::uint8_t>(Kind::kFreed)) {
      *at = static_cast<std::uint8_t>(kind);
    }
  }
}

void allow(const void* start, std::size_t bytes) { __asan_unpoison_memory_region(start, bytes); }

void report_access(void* address) {
  if (__asan_report_error != nullptr) {
    void* const frame = __builtin_frame_address(0);
    __asan_report_error(__builtin_return_address(0), frame, frame, address, 1, 1);
  }
}

void add_roots(const void* start, std::size_t bytes) {
  if (__lsan_register_root_region != nullptr) {
    __lsan_register_root_region(start, bytes);
  }
}

void remove_roots(const void* start, std::size_t bytes) {
  if (__lsan_unregister_root_region != nullptr) {
    __lsan_unregister_root_region(start, bytes);
  }
}

void on_report(void (*function)(const char* text)) {
  if (__asan_set_error_report_callback != nullptr) {
    __asan_set_error_report_callback(function);
  }
}

void* reported_address() {
  return __asan_get_report_address == nullptr ? nullptr : __asan_get_report_address();
}

}  // namespace ashlar::asan
