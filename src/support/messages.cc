// Messages, the early ones that are kept for a late listener, and the error handler.
#include "support/messages.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

#include "base/integer.h"
#include "os/keep_errno.h"
#include "os/lock.h"
#include "os/system.h"
#include "os/thread.h"
#include "policy/config.h"
#include "support/options.h"
#include "support/sealed.h"
#include "support/text.h"
#include "support/tracker.h"

namespace ashlar {
namespace {

struct Output {
  OutputFunction* function = nullptr;
  void* arg = nullptr;
};

struct ErrorHandler {
  ErrorFunction* function = nullptr;
  void* arg = nullptr;
};

// Owner:       whoever holds `lock`; kept text also the one call that takes it over, afterwards
// Shared:      nothing beside the lock
// Invariants:  kept_length < kKeptMax, and kept[kept_length] is NUL; `keeping` goes from true to
//              false once, and kept text does not change from then on
// Life:        static; all zero but `keeping` is the start
constexpr std::size_t kKeptMax = 32 * kKiB;
constinit Lock lock(LockRank::kMessages);
constinit bool keeping ASHLAR_GUARDED_BY(lock) = true;
constinit std::size_t kept_length ASHLAR_GUARDED_BY(lock) = 0;
constinit char kept[kKeptMax] = {};

// Messages printed so far.
constinit std::atomic<long> errors_printed{0};
constinit std::atomic<long> warnings_printed{0};

// Whether this thread is writing, and whether it is in the error handler.
ASHLAR_THREAD_LOCAL bool writing = false;
ASHLAR_THREAD_LOCAL bool handling = false;

class Busy {
 public:
  explicit Busy(bool& flag) : flag_(flag), was_busy_(flag) { flag = true; }
  ~Busy() { flag_ = was_busy_; }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;

  bool was_busy() const { return was_busy_; }

 private:
  bool& flag_;
  const bool was_busy_;
};

// From the first message that does not fit none is kept, so that what is kept has no holes.
void keep(const char* text, std::size_t length) ASHLAR_REQUIRES(lock) {
  if (length >= kKeptMax - kept_length) {
    keeping = false;
    return;
  }
  const QuietScope quiet;
  memcpy(kept + kept_length, text, length);
  kept_length += length;
}

// False where the text was dropped, because this thread is writing already.
bool write(const char* text, std::size_t length) {
  Busy busy(writing);
  if (busy.was_busy()) {
    return false;
  }
  Output to;
  {
    LockGuard guard(lock);
    to = {sealed.output, sealed.output_arg};
    if (keeping) {
      keep(text, length);
    }
  }
  if (to.function != nullptr) {
    to.function(text, to.arg);
  } else if constexpr (!kQuiet) {
    System::write_error(text, length);
  }
  return true;
}

// A message on the stack: who speaks, the text, and a newline for which there is always room.
class Message {
 public:
  ASHLAR_PRINTF(3, 0)
  Message(const char* kind, const char* format, va_list arguments) {
    TextBuffer text(text_, sizeof text_ - 1);
    text.append("ashlar: ");
    // The main thread of a process has the process's number.
    const std::uint64_t thread = System::thread_number();
    if (thread != static_cast<std::uint64_t>(getpid())) {
      text.append_format("[thread %llu] ", static_cast<unsigned long long>(thread));
    }
    text.append(kind).append_format_list(format, arguments);
    length_ = text.length();
    text_[length_++] = '\n';
    text_[length_] = '\0';
  }

  bool write() const { return ashlar::write(text_, length_); }
  void write_past_output() const {
    if constexpr (!kQuiet) {
      System::write_error(text_, length_);
    }
  }

 private:
  char text_[512];
  std::size_t length_;
};

bool messages_are_wanted() {
  return option_is_enabled(Option::kShowErrors) || option_is_enabled(Option::kVerbose);
}

// Whether one more message may be printed, and counts it. Verbose has no limit, and uses none up.
bool within_limit(std::atomic<long>& printed, Option limit_option) {
  const long limit = option_get(limit_option);
  if (limit < 0 || option_is_enabled(Option::kVerbose)) {
    return true;
  }
  // relaxed: a count. It is looked at first so that it stays near the limit for ever.
  return printed.load(std::memory_order_relaxed) < limit &&
         printed.fetch_add(1, std::memory_order_relaxed) < limit;
}

constexpr bool is_shortage(int code) { return code == ENOMEM || code == EOVERFLOW; }
constexpr bool is_misuse(int code) { return code == EAGAIN || code == EFAULT || code == EINVAL; }

}  // namespace

void report_error(int code, const char* format, ...) {
  KeepErrno errno_kept;
  ErrorHandler handler;
  {
    LockGuard guard(lock);
    handler = {sealed.error, sealed.error_arg};
  }
  // Where a tool watches it is told next, and decides whether the program goes on.
  const bool stops =
      (kActive.stop_on_misuse && handler.function == nullptr && is_misuse(code) && !is_watched()) ||
      (kActive.xmalloc && is_shortage(code));
  if (stops || (messages_are_wanted() && within_limit(errors_printed, Option::kMaxErrors))) {
    va_list arguments;
    va_start(arguments, format);
    const Message message("error: ", format, arguments);
    va_end(arguments);
    if (!message.write() && stops) {
      message.write_past_output();  // last words are not dropped
    }
  }
  if (handler.function != nullptr) {
    Busy busy(handling);
    if (!busy.was_busy()) {
      handler.function(code, handler.arg);
    }
  }
  if (stops) {
    System::stop();
  }
}

void report_warning(const char* format, ...) {
  KeepErrno errno_kept;
  if (messages_are_wanted() && within_limit(warnings_printed, Option::kMaxWarnings)) {
    va_list arguments;
    va_start(arguments, format);
    Message("warning: ", format, arguments).write();
    va_end(arguments);
  }
}

void report_warning_always(const char* format, ...) {
  KeepErrno errno_kept;
  va_list arguments;
  va_start(arguments, format);
  Message("warning: ", format, arguments).write();
  va_end(arguments);
}

void report_verbose(const char* format, ...) {
  KeepErrno errno_kept;
  if (option_is_enabled(Option::kVerbose)) {
    va_list arguments;
    va_start(arguments, format);
    Message("", format, arguments).write();
    va_end(arguments);
  }
}

void write_output(const char* text) {
  KeepErrno errno_kept;
  write(text, strlen(text));
}

void register_output(OutputFunction* function, void* arg) {
  KeepErrno errno_kept;
  bool has_kept_text = false;
  {
    LockGuard guard(lock);
    const bool changed = change_sealed([=] {
      sealed.output = function;
      sealed.output_arg = arg;
    });
    if (!changed) {
      return;
    }
    has_kept_text = kept_length != 0;
    keeping = false;
    kept_length = 0;
  }
  // Nobody writes to the kept text any more, and only the first call finds that there is some.
  if (function != nullptr && has_kept_text) {
    Busy busy(writing);
    if (!busy.was_busy()) {
      function(kept, arg);
    }
  }
}

void register_error(ErrorFunction* function, void* arg) {
  LockGuard guard(lock);
  static_cast<void>(change_sealed([=] {
    sealed.error = function;
    sealed.error_arg = arg;
  }));
}

Lock& messages_lock() { return lock; }

}  // namespace ashlar
