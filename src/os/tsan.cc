// Calls of ThreadSanitizer's run time, where there is one.
#include "os/tsan.h"

#include "base/integer.h"
#include "base/units.h"

extern "C" {
[[gnu::weak]] void __tsan_init();
[[gnu::weak]] void __tsan_java_init(unsigned long start, unsigned long bytes);
[[gnu::weak]] void __tsan_java_alloc(unsigned long block, unsigned long bytes);
[[gnu::weak]] void __tsan_java_free(unsigned long block, unsigned long bytes);
[[gnu::weak]] void __tsan_func_entry(void* caller);
[[gnu::weak]] void __tsan_func_exit();
[[gnu::weak]] void __tsan_write_range_pc(void* start, unsigned long bytes, void* function);
// NOLINTBEGIN(readability-identifier-naming): their names.
[[gnu::weak]] void AnnotateIgnoreReadsBegin(const char* file, int line);
[[gnu::weak]] void AnnotateIgnoreReadsEnd(const char* file, int line);
[[gnu::weak]] void AnnotateIgnoreWritesBegin(const char* file, int line);
[[gnu::weak]] void AnnotateIgnoreWritesEnd(const char* file, int line);
// NOLINTEND(readability-identifier-naming)
}

namespace ashlar::tsan {
namespace {

// What the run time keeps of a range is four times as large: of a large one only its ends are
// written, lest memory be touched that the program never will.
constexpr std::size_t kWrittenWhole = kMiB;
constexpr std::size_t kWrittenEnd = 32 * kKiB;

void write_range(void* start, std::size_t bytes, void* function) {
  if (bytes <= kWrittenWhole) {
    __tsan_write_range_pc(start, bytes, function);
    return;
  }
  __tsan_write_range_pc(start, kWrittenEnd, function);
  __tsan_write_range_pc(at_offset(start, bytes - kWrittenEnd), kWrittenEnd, function);
}

// A call on the stack of reports.
class Frame {
 public:
  explicit Frame(void* caller) { __tsan_func_entry(caller); }
  ~Frame() { __tsan_func_exit(); }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;
};

}  // namespace

bool is_linked() {
  return __tsan_java_alloc != nullptr && __tsan_java_free != nullptr &&
         __tsan_func_entry != nullptr && __tsan_func_exit != nullptr &&
         __tsan_write_range_pc != nullptr && AnnotateIgnoreReadsBegin != nullptr &&
         AnnotateIgnoreReadsEnd != nullptr && AnnotateIgnoreWritesBegin != nullptr &&
         AnnotateIgnoreWritesEnd != nullptr;
}

void begin_run_time() {
  if (__tsan_init != nullptr) {
    __tsan_init();
  }
}

void begin(void* start, std::size_t bytes) {
  if (__tsan_java_init != nullptr) {
    __tsan_java_init(address_of(start), bytes);
  }
}

void begin_page(void* start) { __tsan_java_alloc(address_of(start), sizeof(void*)); }

void begin_block(void* block, std::size_t bytes, void* function, void* caller) {
  const Frame frame(caller);
  __tsan_java_alloc(address_of(block), bytes);
  write_range(block, bytes, function);
}

void end_block(void* block, std::size_t bytes, void* function, void* caller) {
  const Frame frame(caller);
  write_range(block, bytes, function);
  __tsan_java_free(address_of(block), bytes);
}

void write(void* start, std::size_t bytes, void* function, void* caller) {
  const Frame frame(caller);
  write_range(start, bytes, function);
}

void ignore() {
  AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
  AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
}

void mind() {
  AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
  AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
}

}  // namespace ashlar::tsan
