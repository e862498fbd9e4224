/* Row 20: the system refuses calls that a process meets seldom: munmap and mprotect and mremap for
   want of another mapping, madvise for whatever reason; it ignores hints for addresses; it never
   overcommits. Nothing of that may cost more than a NULL with ENOMEM, or addresses, and the
   physical memory comes back. */
#define _GNU_SOURCE 1
#include <pthread.h>
#include <sys/resource.h>

#include "random_life.h"
#include "system_calls.h"

enum { kThreads = 2, kSteps = 150, kLeft = 24 * kMiB };
/* Of arenas; with lost mappings it would be more. */
static const size_t kAddresses = (size_t)8 << 30;

static int may_be_refused;

static void* live(void* argument) {
  struct life* const life = (struct life*)argument;
  for (int i = 0; i < kSteps; i++) live_once(life, may_be_refused);
  return NULL;
}

static size_t live_in_threads(void) {
  static struct life lives[kThreads];
  pthread_t threads[kThreads];
  int started[kThreads];
  const uint64_t seed = run_seed();
  for (size_t i = 0; i < kThreads; i++) {
    lives[i] = (struct life){.chance = {seed + i}};
    started[i] = pthread_create(&threads[i], NULL, live, &lives[i]) == 0;
    CHECK(started[i] || may_be_refused);
    if (!started[i]) live(&lives[i]);
  }
  for (size_t i = 0; i < kThreads; i++) CHECK(!started[i] || pthread_join(threads[i], NULL) == 0);
  for (size_t i = 0; i < kThreads; i++) end_life(&lives[i]);
  return lives[0].refusals + lives[1].refusals;
}

/* While kinds of calls are refused, and once they no longer are. Physical memory comes back: where
   addresses can't be given back, what lies there can, or both later. */
static void refused(unsigned kinds, unsigned one_in, int refusals_allowed) {
  const size_t before = resident_bytes();
  const size_t addresses = address_bytes();
  may_be_refused = refusals_allowed;
  atomic_store(&refused_one_in, one_in);
  atomic_store(&refused_kinds, kinds);
  atomic_store(&calls_refused, 0);
  live_in_threads();
  atomic_store(&refused_kinds, 0);
  CHECK(atomic_load(&calls_refused) > 0);
  if ((kinds & kMadvise) == 0) CHECK_AT_MOST(growth(before, resident_bytes()), kLeft);
  may_be_refused = 0;
  live_in_threads();
  /* What could not be purged may stay until it is used again; what is unmapped later does not. */
  if ((kinds & kMadvise) == 0) CHECK_AT_MOST(growth(before, resident_bytes()), kLeft);
  CHECK_AT_MOST(growth(addresses, address_bytes()), kAddresses);
}

static void munmap_fails(void) { refused(kMunmap, 1, 0); }
static void madvise_fails(void) { refused(kMadvise, 1, 0); }
static void mremap_fails(void) { refused(kMremap, 1, 0); }
static void munmap_and_madvise_fail(void) { refused(kMunmap | kMadvise, 1, 0); }
static void mmap_fails_at_times(void) { refused(kMmap, 3, 1); }
static void all_fail_at_times(void) {
  refused(kMunmap | kMadvise | kMprotect | kMremap | kMmap, 2, 1);
}
static void all_fail_always(void) {
  refused(kMunmap | kMadvise | kMprotect | kMremap | kMmap, 1, 1);
}

/* Committed piece by piece: then mprotect is called, and little is writable that is not in use. */
static void commits_piecewise(void) {
  free(malloc(1));
  CHECK_AT_MOST(proc_field("/proc/self/status", "VmData:"), 64 * kMiB);
  CHECK(atomic_load(&protect_calls) > 0);
}
static void never_overcommits(void) {
  commits_piecewise();
  live_in_threads();
}
/* Arenas are of no use then, and mappings have to do. */
static void mprotect_fails(void) {
  commits_piecewise();
  refused(kMprotect, 1, 0);
}
static void mprotect_fails_at_times(void) {
  commits_piecewise();
  refused(kMprotect, 2, 0);
}
static void all_fail_at_times_without_overcommit(void) {
  commits_piecewise();
  all_fail_at_times();
}

/* A limit on writable memory is what the kernel checks where nothing is overcommitted: it counts
   what is committed, touched or not. */
static void writable_memory_runs_out(void) {
  commits_piecewise();
  struct rlimit limit;
  CHECK(getrlimit(RLIMIT_DATA, &limit) == 0);
  const size_t now = proc_field("/proc/self/status", "VmData:");
  const struct rlimit low = {now + 256 * kMiB, limit.rlim_max};
  CHECK(setrlimit(RLIMIT_DATA, &low) == 0);
  may_be_refused = 1;
  const size_t refusals = live_in_threads();
  CHECK(refusals > 0);
  CHECK_AT_MOST(proc_field("/proc/self/status", "VmData:"), now + 256 * kMiB);
  CHECK(setrlimit(RLIMIT_DATA, &limit) == 0);
  may_be_refused = 0;
  live_in_threads();
}

/* Every arena and mapping lies where the kernel likes, from the first on. */
static void hints_ignored(void) {
  free(malloc(1));
  CHECK(atomic_load(&calls_refused) > 0);
  live_in_threads();
}

int main(int argc, char** argv) {
  static const struct scenario kScenarios[] = {
      {"munmap_fails", munmap_fails, FROM_32_MIB_MAPPED},
      {"madvise_fails", madvise_fails, NULL},
      {"mremap_fails", mremap_fails, FROM_32_MIB_MAPPED},
      {"munmap_and_madvise_fail", munmap_and_madvise_fail, FROM_32_MIB_MAPPED},
      {"mmap_fails_at_times", mmap_fails_at_times, NULL},
      {"all_fail_at_times", all_fail_at_times, FROM_32_MIB_MAPPED},
      {"all_fail_always", all_fail_always, NULL},
      {"never_overcommits", never_overcommits, NEVER_OVERCOMMIT},
      {"mprotect_fails", mprotect_fails, NEVER_OVERCOMMIT},
      {"mprotect_fails_at_times", mprotect_fails_at_times, NEVER_OVERCOMMIT},
      {"all_fail_without_overcommit", all_fail_at_times_without_overcommit, NEVER_OVERCOMMIT},
      {"writable_memory_runs_out", writable_memory_runs_out, NEVER_OVERCOMMIT},
      {"hints_ignored", hints_ignored, IGNORE_HINTS},
  };
  return RUN_SCENARIOS(argc, argv, kScenarios);
}
