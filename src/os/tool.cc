// Which tool is there.
#include "os/tool.h"

#include "base/relaxed.h"
#include "os/asan.h"
#include "os/tsan.h"
#include "os/valgrind.h"

#if defined(__has_feature)
#define ASHLAR_HAS_FEATURE(name) __has_feature(name)
#else
#define ASHLAR_HAS_FEATURE(name) 0
#endif

namespace ashlar {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    ASHLAR_HAS_FEATURE(address_sanitizer) || ASHLAR_HAS_FEATURE(thread_sanitizer)
constexpr bool kIsInstrumented = true;
#else
constexpr bool kIsInstrumented = false;
#endif

constinit RelaxedNumber<bool> begun;

}  // namespace

void begin_tool() {
  if (!kIsInstrumented) {
    asan::begin_run_time();
    tsan::begin_run_time();
  }
  begun.set(true);
}

bool has_tool_begun() {
  return kIsInstrumented || begun.get() || !(asan::is_linked() || tsan::is_linked());
}

Tool find_tool() {
  if (kIsInstrumented) {
    return Tool::kNone;
  }
  return asan::is_linked()         ? Tool::kAddressSanitizer
         : tsan::is_linked()       ? Tool::kThreadSanitizer
         : valgrind::is_watching() ? Tool::kValgrind
                                   : Tool::kNone;
}

}  // namespace ashlar
