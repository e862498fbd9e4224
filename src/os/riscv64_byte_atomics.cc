// RISC-V has no atomic operations on bytes, and g++ before 13 calls libatomic for them. The library
// links to libc alone: these do it by the words that the bytes lie in. Built for RISC-V alone.
#include <cstddef>
#include <cstdint>

namespace ashlar {
namespace {

// The word that a byte lies in, and where.
struct Place {
  std::uint32_t* word;
  unsigned shift;
};

Place place_of(void* byte) {
  const auto address = reinterpret_cast<std::uintptr_t>(byte);
  return {reinterpret_cast<std::uint32_t*>(address & ~std::uintptr_t{3}),
          static_cast<unsigned>(address & 3) * 8};
}

std::uint32_t with_byte(std::uint32_t word, unsigned shift, std::uint8_t byte) {
  return (word & ~(std::uint32_t{0xff} << shift)) | std::uint32_t{byte} << shift;
}

}  // namespace

// By the names that the compiler calls, and the order of its arguments.
[[gnu::visibility("hidden")]] std::uint8_t exchange_byte(void* byte, std::uint8_t value,
                                                         int) asm("__atomic_exchange_1");
[[gnu::visibility("hidden")]] bool compare_exchange_byte(void* byte, void* expected,
                                                         std::uint8_t desired, int,
                                                         int) asm("__atomic_compare_exchange_1");

std::uint8_t exchange_byte(void* byte, std::uint8_t value, int) {
  const Place place = place_of(byte);
  // relaxed: only compared below.
  std::uint32_t seen = __atomic_load_n(place.word, __ATOMIC_RELAXED);
  // seq_cst: whatever the caller asked for. relaxed: a failure reads again.
  while (!__atomic_compare_exchange_n(place.word, &seen, with_byte(seen, place.shift, value), true,
                                      __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
  }
  return static_cast<std::uint8_t>(seen >> place.shift);
}

bool compare_exchange_byte(void* byte, void* expected, std::uint8_t desired, int, int) {
  const Place place = place_of(byte);
  auto* const wanted = static_cast<std::uint8_t*>(expected);
  // seq_cst: whatever the caller asked for, where the byte is found to differ too.
  std::uint32_t seen = __atomic_load_n(place.word, __ATOMIC_SEQ_CST);
  for (;;) {
    const auto found = static_cast<std::uint8_t>(seen >> place.shift);
    if (found != *wanted) {
      *wanted = found;
      return false;
    }
    // seq_cst: as above, on failure too; the other bytes of the word may change at any time.
    if (__atomic_compare_exchange_n(place.word, &seen, with_byte(seen, place.shift, desired), true,
                                    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
      return true;
    }
  }
}

}  // namespace ashlar
