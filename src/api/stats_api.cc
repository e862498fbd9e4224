// The C interface to statistics: the public structure and the texts.
#include <stdio.h>

#include <bit>

#include "heap/heap.h"
#include "heap/heap_check.h"
#include "mimalloc-stats.h"
#include "observe/process_report.h"
#include "observe/statistics.h"
#include "observe/statistics_gather.h"
#include "observe/statistics_json.h"
#include "observe/statistics_print.h"
#include "observe/statistics_prometheus.h"
#include "os/keep_errno.h"
#include "support/text.h"

namespace ashlar {
namespace {

// The two structures are one, field by field.
static_assert(sizeof(mi_stats_t) == sizeof(Statistics) &&
              sizeof(mi_stat_count_t) == sizeof(StatisticsCount) &&
              sizeof(mi_stat_counter_t) == sizeof(StatisticsCounter) &&
              MI_STAT_VERSION == kStatisticsVersion);
static_assert(offsetof(mi_stat_count_t, total) == offsetof(StatisticsCount, total) &&
              offsetof(mi_stat_count_t, peak) == offsetof(StatisticsCount, peak) &&
              offsetof(mi_stat_count_t, current) == offsetof(StatisticsCount, current));
#define ASHLAR_SAME_PLACE(theirs, ours)                                       \
  static_assert(offsetof(mi_stats_t, theirs) == offsetof(Statistics, ours) && \
                sizeof(mi_stats_t::theirs) == sizeof(Statistics::ours))
ASHLAR_SAME_PLACE(size, size);
ASHLAR_SAME_PLACE(version, version);
ASHLAR_SAME_PLACE(pages, pages);
ASHLAR_SAME_PLACE(reserved, reserved);
ASHLAR_SAME_PLACE(committed, committed);
ASHLAR_SAME_PLACE(reset, reset);
ASHLAR_SAME_PLACE(purged, purged);
ASHLAR_SAME_PLACE(page_committed, page_committed);
ASHLAR_SAME_PLACE(pages_abandoned, pages_abandoned);
ASHLAR_SAME_PLACE(threads, threads);
ASHLAR_SAME_PLACE(malloc_normal, malloc_normal);
ASHLAR_SAME_PLACE(malloc_huge, malloc_huge);
ASHLAR_SAME_PLACE(malloc_requested, malloc_requested);
ASHLAR_SAME_PLACE(mmap_calls, mmap_calls);
ASHLAR_SAME_PLACE(commit_calls, commit_calls);
ASHLAR_SAME_PLACE(reset_calls, reset_calls);
ASHLAR_SAME_PLACE(purge_calls, purge_calls);
ASHLAR_SAME_PLACE(arena_count, arena_count);
ASHLAR_SAME_PLACE(malloc_normal_count, malloc_normal_count);
ASHLAR_SAME_PLACE(malloc_huge_count, malloc_huge_count);
ASHLAR_SAME_PLACE(malloc_guarded_count, malloc_guarded_count);
ASHLAR_SAME_PLACE(arena_rollback_count, arena_rollback_count);
ASHLAR_SAME_PLACE(arena_purges, arena_purges);
ASHLAR_SAME_PLACE(pages_extended, pages_extended);
ASHLAR_SAME_PLACE(pages_retire, pages_retire);
ASHLAR_SAME_PLACE(page_searches, page_searches);
ASHLAR_SAME_PLACE(page_searches_count, page_searches_count);
ASHLAR_SAME_PLACE(segments, segments);
ASHLAR_SAME_PLACE(segments_abandoned, segments_abandoned);
ASHLAR_SAME_PLACE(segments_cache, segments_cache);
ASHLAR_SAME_PLACE(_segments_reserved, segments_reserved);
ASHLAR_SAME_PLACE(heaps, heaps);
ASHLAR_SAME_PLACE(theaps, theaps);
ASHLAR_SAME_PLACE(pages_reclaim_on_alloc, pages_reclaim_on_alloc);
ASHLAR_SAME_PLACE(pages_reclaim_on_free, pages_reclaim_on_free);
ASHLAR_SAME_PLACE(pages_reabandon_full, pages_reabandon_full);
ASHLAR_SAME_PLACE(pages_unabandon_busy_wait, pages_unabandon_busy_wait);
ASHLAR_SAME_PLACE(heaps_delete_wait, heaps_delete_wait);
ASHLAR_SAME_PLACE(_spare_counts, spare_counts);
ASHLAR_SAME_PLACE(_spare_counters, spare_counters);
ASHLAR_SAME_PLACE(malloc_bins, malloc_bins);
ASHLAR_SAME_PLACE(page_bins, page_bins);
ASHLAR_SAME_PLACE(chunk_bins, chunk_bins);
#undef ASHLAR_SAME_PLACE

Heap* heap_of_handle(mi_heap_t* heap) { return reinterpret_cast<Heap*>(heap); }
bool is_heap(mi_heap_t* heap) { return heap != nullptr && check_heap(heap_of_handle(heap)); }
Realm* realm_of_id(mi_subproc_id_t id) { return static_cast<Realm*>(id._mi_subproc_id); }

bool is_ours(const mi_stats_t* stats) {
  return stats != nullptr && stats->size == sizeof(mi_stats_t) && stats->version == MI_STAT_VERSION;
}

Statistics statistics_of_realm(const Realm* realm) {
  Statistics statistics;
  gather_realm(realm, StatisticsScope::kAll, &statistics);
  return statistics;
}

Statistics statistics_of_heap(const Heap* heap) {
  Statistics statistics;
  gather_heap(heap, &statistics);
  return statistics;
}

// Gathers into a structure of the program's, if it and what is asked about are there.
template <class Gather>
bool fill(const void* subject, mi_stats_t* stats, Gather gather) {
  if (subject == nullptr || !is_ours(stats)) {
    return false;
  }
  Statistics statistics;
  gather(&statistics);
  *stats = std::bit_cast<mi_stats_t>(statistics);
  return true;
}

using LengthOfText = std::size_t(const Statistics& statistics, const ProcessInfo& process);
using WriteText = bool(const Statistics& statistics, const ProcessInfo& process, char* out,
                       std::size_t size);

// Writes a text where the program wants it, or allocates it.
char* deliver(const Statistics& statistics, LengthOfText* length, WriteText* write,
              std::size_t size, char* out) {
  const ProcessInfo process = full_process_info();
  if (out == nullptr) {
    size = length(statistics, process) + 1;
    out = static_cast<char*>(mi_malloc(size));
    if (out == nullptr) {
      return nullptr;
    }
  }
  return write(statistics, process, out, size) ? out : nullptr;
}

char* deliver_json(const Statistics& statistics, std::size_t size, char* out) {
  return deliver(statistics, statistics_json_length, write_statistics_json, size, out);
}

void print_realm(const char* subject, const Realm* realm, OutputFunction* out, void* arg) {
  print_statistics(subject, statistics_of_realm(realm), {.bins = kShowBins, .process = true}, out,
                   arg);
}

void print_heap(const Heap* heap, OutputFunction* out, void* arg) {
  FixedText<60> subject;
  if (heap == &main_heap) {
    subject->append("the main heap");
  } else {
    subject->append_format("heap %llu", static_cast<unsigned long long>(heap->number));
  }
  print_statistics(subject->text(), statistics_of_heap(heap), {.bins = kShowBins}, out, arg);
}

// Where the tables of several heaps go.
struct HeapsOutput {
  OutputFunction* function;
  void* arg;
};

bool print_visited_heap(mi_heap_t* heap, void* arg) {
  const auto& output = *static_cast<const HeapsOutput*>(arg);
  print_heap(heap_of_handle(heap), output.function, output.arg);
  return true;
}

// Writes to a stream of the program's. errno stays as it was.
void write_to_stream(const char* message, void* stream) {
  const KeepErrno keep;
  fputs(message, static_cast<FILE*>(stream));
}

}  // namespace
}  // namespace ashlar

extern "C" {

ASHLAR_EXPORT bool mi_stats_get(mi_stats_t* stats) noexcept {
  return mi_subproc_stats_get({ashlar::current_realm()}, stats);
}
ASHLAR_EXPORT bool mi_heap_stats_get(mi_heap_t* heap, mi_stats_t* stats) noexcept {
  return ashlar::fill(ashlar::is_heap(heap) ? heap : nullptr, stats,
                      [heap](ashlar::Statistics* into) {
                        ashlar::gather_heap(ashlar::heap_of_handle(heap), into);
                      });
}
ASHLAR_EXPORT bool mi_subproc_stats_get(mi_subproc_id_t subproc_id, mi_stats_t* stats) noexcept {
  const ashlar::Realm* const realm = ashlar::realm_of_id(subproc_id);
  return ashlar::fill(realm, stats, [realm](ashlar::Statistics* into) {
    ashlar::gather_realm(realm, ashlar::StatisticsScope::kAll, into);
  });
}
ASHLAR_EXPORT bool mi_subproc_stats_get_exclusive(mi_subproc_id_t subproc_id,
                                                  mi_stats_t* stats) noexcept {
  const ashlar::Realm* const realm = ashlar::realm_of_id(subproc_id);
  return ashlar::fill(realm, stats, [realm](ashlar::Statistics* into) {
    ashlar::gather_realm(realm, ashlar::StatisticsScope::kExclusive, into);
  });
}
ASHLAR_EXPORT std::size_t mi_stats_get_bin_size(std::size_t bin) noexcept {
  return ashlar::bin_size(bin);
}

ASHLAR_EXPORT void mi_heap_stats_merge_to_subproc(mi_heap_t* heap) noexcept {
  if (ashlar::is_heap(heap)) {
    ashlar::merge_heap_statistics(ashlar::heap_of_handle(heap));
  }
}
ASHLAR_EXPORT void mi_stats_merge(void) noexcept {}
ASHLAR_EXPORT void mi_stats_reset(void) noexcept {
  ashlar::reset_statistics(ashlar::current_realm());
}

ASHLAR_EXPORT char* mi_stats_get_json(std::size_t buf_size, char* buf) noexcept {
  return mi_subproc_stats_get_json({ashlar::current_realm()}, buf_size, buf);
}
ASHLAR_EXPORT char* mi_heap_stats_get_json(mi_heap_t* heap, std::size_t buf_size,
                                           char* buf) noexcept {
  if (!ashlar::is_heap(heap)) {
    return nullptr;
  }
  return ashlar::deliver_json(ashlar::statistics_of_heap(ashlar::heap_of_handle(heap)), buf_size,
                              buf);
}
ASHLAR_EXPORT char* mi_subproc_stats_get_json(mi_subproc_id_t subproc_id, std::size_t buf_size,
                                              char* buf) noexcept {
  const ashlar::Realm* const realm = ashlar::realm_of_id(subproc_id);
  if (realm == nullptr) {
    return nullptr;
  }
  return ashlar::deliver_json(ashlar::statistics_of_realm(realm), buf_size, buf);
}
ASHLAR_EXPORT char* mi_stats_as_json(mi_stats_t* stats, std::size_t buf_size, char* buf) noexcept {
  if (!ashlar::is_ours(stats)) {
    return nullptr;
  }
  return ashlar::deliver_json(std::bit_cast<ashlar::Statistics>(*stats), buf_size, buf);
}
ASHLAR_EXPORT char* ashlar_stats_prometheus(std::size_t buf_size, char* buf) noexcept {
  return ashlar::deliver(ashlar::statistics_of_realm(ashlar::current_realm()),
                         ashlar::statistics_prometheus_length, ashlar::write_statistics_prometheus,
                         buf_size, buf);
}

ASHLAR_EXPORT void mi_stats_print_out(mi_output_fun* out, void* arg) noexcept {
  ashlar::print_realm("the calling thread's realm", ashlar::current_realm(), out, arg);
}
ASHLAR_EXPORT void mi_stats_print(void* out) noexcept {
  if (out == stdout || out == stderr) {
    mi_stats_print_out(ashlar::write_to_stream, out);
  } else {
    mi_stats_print_out(reinterpret_cast<mi_output_fun*>(out), nullptr);
  }
}
ASHLAR_EXPORT void mi_thread_stats_print_out(mi_output_fun* out, void* arg) noexcept {
  ashlar::Statistics statistics;
  ashlar::gather_thread(&statistics);
  ashlar::print_statistics("the calling thread", statistics, {.bins = ashlar::kShowBins}, out, arg);
}
ASHLAR_EXPORT void mi_heap_stats_print_out(mi_heap_t* heap, mi_output_fun* out,
                                           void* arg) noexcept {
  if (ashlar::is_heap(heap)) {
    ashlar::print_heap(ashlar::heap_of_handle(heap), out, arg);
  }
}
ASHLAR_EXPORT void mi_subproc_stats_print_out(mi_subproc_id_t subproc_id, mi_output_fun* out,
                                              void* arg) noexcept {
  const ashlar::Realm* const realm = ashlar::realm_of_id(subproc_id);
  if (realm != nullptr) {
    ashlar::FixedText<60> subject;
    subject->append_format("the realm at %p", subproc_id._mi_subproc_id);
    ashlar::print_realm(subject->text(), realm, out, arg);
  }
}
ASHLAR_EXPORT void mi_subproc_heap_stats_print_out(mi_subproc_id_t subproc_id, mi_output_fun* out,
                                                   void* arg) noexcept {
  if (ashlar::realm_of_id(subproc_id) != nullptr) {
    ashlar::HeapsOutput output{out, arg};
    mi_subproc_visit_heaps(subproc_id, ashlar::print_visited_heap, &output);
  }
}

}  // extern "C"
