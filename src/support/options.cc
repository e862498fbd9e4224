// The options of the process: the one OptionSet, over the environment that the system gives.
#include "support/options.h"

#include "os/system.h"
#include "support/messages.h"
#include "support/option_set.h"

namespace ashlar {
namespace {

struct SystemEnvironment {
  // libc fills environ when it starts; the loader may allocate before that.
  static bool ready() { return kQuiet || System::has_environment(); }

  static const char* value(const char* name) {
    return kQuiet ? nullptr : System::environment(name, true);
  }

  static void warn_bad_value(const OptionRow& row, const char* variable, const char* text) {
    // Whoever sets `verbose` wants to see messages, so this one is shown in any case.
    const auto warn = row.option == Option::kVerbose ? report_warning_always : report_warning;
    warn("environment variable %s has a bad value: \"%.100s\" (%s from %ld to %ld); using %ld",
         variable, text, row.kind == OptionKind::kSize ? "a size, in KiB" : "a number", row.min,
         row.max, row.default_value);
  }

  static void warn_legacy(const OptionRow&, const char* variable, const char* replacement) {
    report_warning("environment variable %s is an old name: the option is now called \"%s\"",
                   variable, replacement);
  }
};

constinit OptionSet<SystemEnvironment> options;

}  // namespace

long option_get(Option option) { return options.get(option); }

long option_get_clamp(Option option, long min, long max) {
  const long value = options.get(option);
  return value < min ? min : value > max ? max : value;
}

std::size_t option_get_size(Option option) {
  const long value = options.get(option);
  if (value <= 0) {
    return 0;
  }
  const auto size = static_cast<std::size_t>(value);
  return option_row(option).kind == OptionKind::kSize ? size * kKiB : size;
}

bool option_is_enabled(Option option) { return options.get(option) != 0; }

void option_set(Option option, long value) { options.set(option, value); }

void option_set_default(Option option, long value) { options.set_default(option, value); }

void option_enable(Option option) { options.set(option, 1); }

void option_disable(Option option) { options.set(option, 0); }

bool option_was_set(Option option) { return options.was_set(option); }

}  // namespace ashlar
