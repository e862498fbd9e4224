// Giving memory back, threads that let go or end, options, limits, and calls of the system that
// fail.
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

#include <mimalloc-stats.h>

#include "session.h"
#include "support/expect.h"

extern "C" void ashlar_test_fail_os_call_at(unsigned long long n, bool onwards) noexcept;

namespace fuzz {

void Session::collect(const Step& step) {
  const bool force = step.amount % 2 != 0;
  mi_heap_t* const heap = handle_of(step);
  switch (step.variant % 4) {
    case 0:
      return mi_collect(force);
    case 1:
      return mi_heap_collect(heap, force);
    case 2: {
      mi_theap_t* const part = heap == nullptr ? nullptr : mi_heap_theap(heap);
      return mi_theap_collect(part, force);
    }
    default:
      (void)ashlar_trim(step.block % 3);
  }
}

void Session::let_go(const Step& step) {
  switch (step.variant % 4) {
    case 0:
      return ashlar_thread_park();
    case 1:
      return mi_collect_reduce(step.amount);
    case 2:
      // It stays so as long as the thread lives.
      return thread_ == 0 ? ashlar_thread_park() : mi_thread_set_in_threadpool();
    default:
      mi_thread_done();
      forget_thread(thread_);
  }
}

void Session::end_thread(const Step& step) {
  const std::size_t which = 1 + step.variant % 2u;
  if (which != thread_) {
    workers_[which] = nullptr;
    forget_thread(which);
  }
}

void Session::set_option(const Step& step) {
  // Those that act at once and whose effect ends with the input.
  static constexpr mi_option_t kOptions[] = {mi_option_purge_decommits,
                                             mi_option_purge_delay,
                                             mi_option_abandoned_page_purge,
                                             mi_option_disallow_arena_alloc,
                                             mi_option_generic_collect,
                                             mi_option_page_reclaim_on_free,
                                             mi_option_page_full_retain,
                                             mi_option_page_max_candidates,
                                             mi_option_page_max_reclaim,
                                             mi_option_page_cross_thread_max_reclaim,
                                             mi_option_minimal_purge_size,
                                             mi_option_arena_max_object_size,
                                             mi_option_arena_purge_mult,
                                             mi_option_hollow_pages,
                                             mi_option_allow_thp,
                                             mi_option_arena_eager_commit,
                                             mi_option_purge_thread};
  const mi_option_t option = kOptions[step.variant % (sizeof kOptions / sizeof *kOptions)];
  const long value = step.alignment % 2 == 0 ? step.amount % 4 - 1 : step.amount;
  mi_option_set(option, value);
  const long kept = mi_option_get(option);
  expect(kept == value || mi_option_get_clamp(option, value, value) == value, "an option is kept");
  mi_option_set(option, kept);
  expect(mi_option_get(option) == kept, "an option's value can be set again");
  expect(mi_option_is_enabled(option) == (kept != 0), "an option but 0 is enabled");
}

void Session::set_limit(const Step& step) {
  ashlar_memory_use_t use{};
  use.size = sizeof use;
  expect(ashlar_memory_use(&use), "memory use can be read");
  expect(use.touched <= use.peak, "the peak is the most that was touched");
  if (step.variant % 3 == 0) {
    expect(ashlar_limit_memory(0, 0), "limits can be lifted");
    limited_ = false;
    return;
  }
  const std::size_t hard = use.touched + (std::size_t{1} << 20) + step.amount * std::size_t{64};
  const std::size_t soft = step.variant % 3 == 1 ? 0 : hard / 2;
  expect(ashlar_limit_memory(soft, hard), "limits can be set");
  limited_ = true;
}

void Session::start_faults(const Step& step) {
  faults_left_ = 1u + step.block % 16u;
  fail_commits(step.variant % 4 == 3);
  ashlar_test_fail_os_call_at(1u + step.amount % 24u, step.variant % 2 != 0);
}

void Session::end_shortage() {
  ashlar_test_fail_os_call_at(0, false);
  fail_commits(false);
  faults_left_ = 0;
  ashlar_limit_memory(0, 0);
  limited_ = false;
}

void Session::print_reports(const Step& step) {
  // They read what the system knows of the process, which takes as long as a hundred other calls.
  if (reported_) {
    return;
  }
  reported_ = true;
  std::size_t length = 0;
  const auto count = [](const char* text, void* arg) {
    *static_cast<std::size_t*>(arg) += std::strlen(text);
  };
  switch (step.variant % 6) {
    case 0:
      mi_stats_print_out(count, &length);
      break;
    case 1:
      mi_options_print_out(count, &length);
      break;
    case 2:
      mi_heap_stats_print_out(mi_heap_main(), count, &length);
      break;
    case 3:
      mi_process_info_print_out(count, &length);
      break;
    case 4: {
      char json[300];
      mi_stats_get_json(step.amount % sizeof json, json);
      return;
    }
    default:
      mi_arenas_print();
      return;
  }
  expect(length != 0, "a report says something");
}

}  // namespace fuzz
