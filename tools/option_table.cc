// Prints docs/options.md from the table of options. tools/check_options runs it and compares; it is
// no part of the library.
#include <cstdio>
#include <cstring>
#include <string>

#include "support/option_table.h"

namespace {

using namespace ashlar;

constexpr auto kReleaseTable = make_option_table<kRelease>();
constexpr auto kSecureTable = make_option_table<kSecure>();
constexpr auto kDebugTable = make_option_table<kDebug>();

constexpr const char* kIntroduction =
    R"(<!-- Made from src/support/option_table.h; do not edit. After a change of the table:
     cmake --build build/release --target options_doc -->
# Options

Each option is a number that says how the library behaves. The environment sets it, as
`ASHLAR_NAME` or `MIMALLOC_NAME` in any letter case, or the program does, by `mi_option_set()` and
its relatives in `include/ashlar/options.h`.

    ASHLAR_VERBOSE=1 ASHLAR_ARENA_RESERVE=256MiB program

* **Values:** a number, or `1`, `TRUE`, `YES`, `ON` and the empty text for 1, `0`, `FALSE`, `NO`,
  `OFF` for 0. Sizes take `K`, `M`, `G` (with or without `iB`); a bare number is bytes there.
  `mi_option_get()` and `mi_option_set()` count sizes in KiB, `mi_option_get_size()` in bytes.
* **What is wrong** keeps the default, with a warning. A value out of range that the program sets
  becomes the nearest end of the range. Old names work, with a warning.
* **Acts:** *at once* means that a value set by the program acts from then on; *at start* that only
  the environment's value acts, since it is read once, when the process starts; *no* that nothing
  reads the option: it is there so that programs which set it go on to work, and stands below with
  the reason.
* `mi_options_print()` prints the values of a process.

)";

constexpr const char* kNotes = R"(
## How they act

* **guard_pages, zero_on_free, quarantine:** see [security.md](security.md). guard_pages and zero_on_free
  do nothing but in the secure build, quarantine nothing in release.
* **show_leaks:** a table of the blocks that are live when the process ends, by size, where messages
  go. It is no list of mistakes: what a program means to keep to its end is in it.
* **tool_held_back:** see [sanitizers.md](sanitizers.md). Without AddressSanitizer, ThreadSanitizer or
  Valgrind nothing is held back.
* **retry_on_oom:** a request that fails although all was collected is tried again, after sleeps of
  1 to 16 ms, until it succeeds or so many milliseconds have gone by. There is no waiting where it
  cannot help: in a process with one thread (where the system does not overcommit, other processes
  may free as well, and one thread waits too), in heaps that are confined to an arena, with
  `limit_os_alloc`, for a request larger than all that the library has from the system at that
  moment, from inside of a deferred free, and in a thread that has ended. After a wait in vain
  nobody waits for four times as long, so failing over and over costs a program at most a fifth of
  its time.
* **generic_collect:** every so many slow paths of a thread it takes in what other threads have
  freed in all its pages, and releases the empty ones; `mi_collect(false)` does the same at once. Of a
  thread with many pages not before eight slow paths have passed for each of them.
* **page_full_retain:** each time a page of a thread becomes full, and the thread then has so many
  full pages of all sizes or more, it looks again at the two that have been full longest: those that
  are still full are let go of, so that whoever frees into them can use them. 2 keeps the page that
  became full just now, 0 and 1 keep none, below 0 keeps all. A process with one thread keeps all.
* **page_reclaim_on_free:** what a free into an orphan page (one without an owner) does. 0: the page
  becomes the freeing thread's, but for threads that said they sleep between tasks
  (`mi_thread_set_in_threadpool()`); 1: for those too; -1: it stays an orphan.
* **page_cross_thread_max_reclaim, page_max_reclaim:** a free makes a page the thread's only while
  the thread has fewer pages with room of that size class than either says (below 0: no limit). With
  page_max_reclaim 0 a thread that needs a page does not look for an orphan either, but takes a
  fresh one. Any other value leaves that search alone: it comes when the thread has no page with
  room.
* **abandoned_page_purge:** when a thread ends, its empty pages go back to the arena as ever; with
  this option, what waits in the arenas then is given to the system at once, without the delay of
  `purge_delay`. Free blocks in pages that hold live ones stay.
* **purge_delay, arena_purge_mult:** the product is the delay; see *Memory comes back* in
  [ARCHITECTURE.md](../ARCHITECTURE.md).
* **guarded, guarded_sample_rate** and the rest: [guards.md](guards.md).
* **verbose** lifts the limits max_errors and max_warnings.
)";

std::string value_text(const OptionRow& row, long value) {
  std::string text = std::to_string(value);
  if (row.kind != OptionKind::kSize || value == 0) {
    return text;
  }
  constexpr long kKiBInGiB = 1024 * 1024;
  return value % kKiBInGiB == 0 ? text + " (" + std::to_string(value / kKiBInGiB) + " GiB)" : text;
}

std::string default_text(std::size_t i) {
  const OptionRow& row = kReleaseTable[i];
  std::string text = value_text(row, row.default_value);
  if (kSecureTable[i].default_value != row.default_value) {
    text += "; secure: " + value_text(row, kSecureTable[i].default_value);
  }
  if (kDebugTable[i].default_value != row.default_value) {
    text += "; debug: " + value_text(row, kDebugTable[i].default_value);
  }
  return text;
}

std::string range_text(const OptionRow& row) {
  if (row.kind == OptionKind::kFlag) {
    return "0, 1";
  }
  const bool any_least = row.min == -option_detail::kMost;
  const bool any_most = row.max == option_detail::kMost || row.max == option_detail::kMostBytes ||
                        row.max == option_detail::kMostKiB;
  if (any_most) {
    return any_least ? "any" : std::to_string(row.min) + " and up";
  }
  return std::to_string(row.min) + " to " + std::to_string(row.max);
}

const char* unit_text(OptionKind kind) {
  switch (kind) {
    case OptionKind::kFlag:
      return "on or off";
    case OptionKind::kNumber:
      return "number";
    case OptionKind::kMilliseconds:
      return "ms";
    case OptionKind::kSize:
      return "KiB";
  }
  return "";
}

const char* effect_text(OptionEffect effect) {
  return effect == OptionEffect::kAtOnce ? "at once"
         : effect == OptionEffect::kAtStart ? "at start"
                                            : "no";
}

// The reasons, and under each the options that have it, in the order of the table.
void print_reasons() {
  std::printf("\n## Without effect\n\n");
  for (std::size_t first = 0; first < kOptionCount; ++first) {
    const char* const why = kReleaseTable[first].why_none;
    bool is_first = why != nullptr;
    for (std::size_t i = 0; is_first && i < first; ++i) {
      const char* const before = kReleaseTable[i].why_none;
      is_first = before == nullptr || std::strcmp(before, why) != 0;
    }
    if (!is_first) {
      continue;
    }
    std::printf("* %s:", why);
    const char* separator = " ";
    for (std::size_t i = first; i < kOptionCount; ++i) {
      const OptionRow& row = kReleaseTable[i];
      if (row.why_none != nullptr && std::strcmp(row.why_none, why) == 0) {
        std::printf("%s`%s`", separator, row.name);
        separator = ", ";
      }
    }
    std::printf(".\n");
  }
}

}  // namespace

int main() {
  std::fputs(kIntroduction, stdout);
  std::printf(
      "| # | name | old name | default | range | unit | meaning | acts |\n"
      "| ---: | --- | --- | --- | --- | --- | --- | --- |\n");
  for (std::size_t i = 0; i < kOptionCount; ++i) {
    const OptionRow& row = kReleaseTable[i];
    std::printf("| %zu | `%s` | %s%s%s | %s | %s | %s | %s | %s |\n", i, row.name,
                row.legacy_name == nullptr ? "" : "`",
                row.legacy_name == nullptr ? "" : row.legacy_name,
                row.legacy_name == nullptr ? "" : "`", default_text(i).c_str(),
                range_text(row).c_str(), unit_text(row.kind), row.help, effect_text(row.effect));
  }
  print_reasons();
  std::fputs(kNotes, stdout);
  return 0;
}
