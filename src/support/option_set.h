// A value for every option of the table, read from an environment when it is first asked for.
// The environment is a template parameter; the one set that the library uses is in options.cc.
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>

#include "support/option_parse.h"
#include "support/option_table.h"
#include "support/text.h"

namespace ashlar {

// Where options come from, and who hears of what is wrong with them. All members are static.
//   ready()                   whether the environment can be read already
//   value(name)               the value of a variable in any letter case, or nullptr
//   warn_bad_value(row, variable, text)      `text` is no value for `row`
//   warn_legacy(row, variable, replacement)  `variable` is an old name
template <class Environment>
concept OptionEnvironment = requires(const char* text, const OptionRow& row) {
  { Environment::ready() } -> std::same_as<bool>;
  { Environment::value(text) } -> std::same_as<const char*>;
  { Environment::warn_bad_value(row, text, text) } -> std::same_as<void>;
  { Environment::warn_legacy(row, text, text) } -> std::same_as<void>;
};

// Owner:       nobody
// Shared:      cells_, by every thread
// Invariants:  a cell is 0, or 4 times the value plus what the value is; it is 0 until somebody
//              asks for the option or sets it, and never again
// Life:        static; all zero is the start
template <OptionEnvironment Environment>
class OptionSet {
 public:
  long get(Option option) {
    return is_option(static_cast<int>(option)) ? value_of(read(option)) : 0;
  }

  bool was_set(Option option) {
    return is_option(static_cast<int>(option)) && state_of(read(option)) == kSet;
  }

  void set(Option option, long value) {
    if (is_option(static_cast<int>(option))) {
      // relaxed: a cell says all about its option; nothing else is read on the strength of it.
      cell_of(option).store(pack(option, value, kSet), std::memory_order_relaxed);
    }
  }

  void set_default(Option option, long value) {
    if (!is_option(static_cast<int>(option))) {
      return;
    }
    std::int64_t cell = read(option);
    // relaxed: as in set, on success and on failure. A set() in between makes the exchange fail,
    // and is not overwritten.
    while (state_of(cell) != kSet && !cell_of(option).compare_exchange_weak(
                                         cell, pack(option, value, kDefault),
                                         std::memory_order_relaxed, std::memory_order_relaxed)) {
    }
  }

 private:
  // What the low two bits of a cell say of the value.
  enum State : std::int64_t { kUnread = 0, kDefault = 1, kSet = 2 };
  static constexpr std::int64_t kStates = 4;

  static constexpr State state_of(std::int64_t cell) { return static_cast<State>(cell & 3); }
  static constexpr long value_of(std::int64_t cell) { return static_cast<long>(cell >> 2); }

  static constexpr std::int64_t pack(Option option, long value, State state) {
    const OptionRow& row = option_row(option);
    const long within = value < row.min ? row.min : value > row.max ? row.max : value;
    return static_cast<std::int64_t>(within) * kStates + state;
  }

  std::atomic<std::int64_t>& cell_of(Option option) {
    std::atomic<std::int64_t>* const cells = cells_;
    return cells[static_cast<std::size_t>(option)];
  }

  std::int64_t read(Option option) {
    // relaxed: as in set.
    const std::int64_t cell = cell_of(option).load(std::memory_order_relaxed);
    return likely(state_of(cell) != kUnread) ? cell : read_first(option);
  }

  // A variable that was found: its name as we spell it, and its text.
  struct Found {
    char variable[64];
    const char* text;
  };

  static bool find(const char* name, Found* found) {
    for (const char* prefix : {"ASHLAR_", "MIMALLOC_"}) {
      TextBuffer variable(found->variable, sizeof found->variable);
      variable.append(prefix);
      for (const char* at = name; *at != '\0'; ++at) {
        variable.append(*at >= 'a' && *at <= 'z' ? static_cast<char>(*at - 'a' + 'A') : *at);
      }
      found->text = Environment::value(found->variable);
      if (found->text != nullptr) {
        return true;
      }
    }
    return false;
  }

  // Threads that come here at once for the same option find the same value; one of them keeps it,
  // and that one warns. It warns last, when the cell is filled: to show a warning means to ask for
  // options, maybe this one.
  ASHLAR_NOINLINE std::int64_t read_first(Option option) {
    const OptionRow& row = option_row(option);
    std::int64_t fresh = pack(option, row.default_value, kDefault);
    if (!Environment::ready()) {
      return fresh;  // not kept: the environment is asked again later
    }
    Found found;
    const bool by_name = find(row.name, &found);
    const bool by_legacy_name =
        !by_name && row.legacy_name != nullptr && find(row.legacy_name, &found);
    bool bad = false;
    if (by_name || by_legacy_name) {
      long value = 0;
      bad = !parse_option(row, found.text, &value);
      if (!bad) {
        fresh = pack(option, value, kSet);
      }
    }
    std::int64_t seen = kUnread;
    // relaxed: as in set, on success and on failure.
    if (!cell_of(option).compare_exchange_strong(seen, fresh, std::memory_order_relaxed,
                                                 std::memory_order_relaxed)) {
      return seen;
    }
    if (by_legacy_name) {
      Environment::warn_legacy(row, found.variable, row.name);
    }
    if (bad) {
      Environment::warn_bad_value(row, found.variable, found.text);
    }
    return fresh;
  }

  std::atomic<std::int64_t> cells_[kOptionCount] = {};
};

static_assert(
    [] {
      for (const OptionRow& row : kOptionTable) {
        if (row.min < (INT64_MIN >> 2) || row.max > (INT64_MAX >> 2)) {
          return false;
        }
      }
      return true;
    }(),
    "every value fits into a cell beside its state");

}  // namespace ashlar
