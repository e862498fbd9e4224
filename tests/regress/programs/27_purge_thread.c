/* The purge thread: it comes only to a process that has threads already, purges while the program
   sleeps, handles no signal, disturbs neither setuid nor fork, and goes when it is of no use, so
   that what only a single-threaded process may do works again. */
#define _GNU_SOURCE
#include <dirent.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "program.h"

enum { kBlocks = 512, kBlockSize = 256 * 1024, kPatienceMs = 5000 };

static void sleep_ms(int milliseconds) {
  for (int i = 0; i < milliseconds; i++) pause_briefly();
}

static int count_tasks(void) {
  DIR* const folder = opendir("/proc/self/task");
  CHECK(folder != NULL);
  int count = 0;
  for (struct dirent* entry; (entry = readdir(folder)) != NULL;) count += entry->d_name[0] != '.';
  closedir(folder);
  return count;
}

/* The number of the thread of that name; 0 where there is none. */
static int purge_task(void) {
  DIR* const folder = opendir("/proc/self/task");
  CHECK(folder != NULL);
  int found = 0;
  for (struct dirent* entry; (entry = readdir(folder)) != NULL;) {
    char path[300];
    char name[32] = "";
    snprintf(path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
    const int file = open(path, O_RDONLY);
    if (file >= 0 && read(file, name, sizeof name - 1) > 0 && strcmp(name, "ashlar-purge\n") == 0)
      found = atoi(entry->d_name);
    if (file >= 0) close(file);
  }
  closedir(folder);
  return found;
}

/* Allocates and frees, so that memory waits at slow paths of malloc; 16 MiB are in use with it. */
static void churn(void) {
  static void* blocks[kBlocks];
  for (int i = 0; i < kBlocks; i++) {
    blocks[i] = malloc(kBlockSize);
    CHECK(blocks[i] != NULL);
    memset(blocks[i], i, kBlockSize);
  }
  for (int i = 0; i < kBlocks; i++) free(blocks[i]);
  for (int i = 0; i < 1000; i++) {
    void* const block = malloc(kBlockSize);
    CHECK(block != NULL);
    memset(block, i, kBlockSize);
    free(block);
  }
}

static pthread_barrier_t barrier;

/* A thread that keeps something, until the barrier lets it go. */
static void* keep(void* arg) {
  void* const block = malloc(100);
  pthread_barrier_wait(&barrier);
  pthread_barrier_wait(&barrier);
  free(block);
  return arg;
}

static pthread_t start_keeper(void) {
  pthread_t thread;
  CHECK(pthread_barrier_init(&barrier, NULL, 2) == 0);
  CHECK(pthread_create(&thread, NULL, keep, NULL) == 0);
  pthread_barrier_wait(&barrier);
  return thread;
}

static void end_keeper(pthread_t thread) {
  pthread_barrier_wait(&barrier);
  CHECK(pthread_join(thread, NULL) == 0);
}

static int wait_for_purge_task(void) {
  int task = 0;
  for (int i = 0; i < kPatienceMs && (task = purge_task()) == 0; i++) pause_briefly();
  return task;
}

static void wait_until_single(void) {
  for (int i = 0; i < kPatienceMs && count_tasks() != 1; i++) pause_briefly();
  CHECK(count_tasks() == 1);
}

/* What the kernel allows single-threaded processes only; may be forbidden to all here. */
static int can_unshare(void) {
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) _exit(unshare(CLONE_NEWUSER) == 0 ? 0 : 3);
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  return status == 0;
}

static void expect_single(void) {
  const int allowed = can_unshare();
  CHECK(count_tasks() == 1);
  CHECK(unshare(CLONE_NEWUSER) == 0 || !allowed);
}

static void none_in_one_thread(void) {
  churn();
  sleep_ms(300);
  churn();
  CHECK(purge_task() == 0);
  expect_single();
}

static void purges_while_all_sleep(void) {
  const pthread_t keeper = start_keeper();
  const size_t before = resident_bytes();
  churn();
  CHECK(wait_for_purge_task() != 0);
  size_t held = 0;
  for (int i = 0; i < kPatienceMs; i++) {
    held = growth(before, resident_bytes());
    if (held <= kMiB) break;
    pause_briefly();
  }
  CHECK_AT_MOST(held, kMiB);
  end_keeper(keeper);
}

static volatile sig_atomic_t handled_by;
static void note_handler(int signal) {
  (void)signal;
  handled_by = gettid();
}

static void handles_no_signal(void) {
  signal(SIGUSR1, note_handler);
  const pthread_t keeper = start_keeper();
  churn();
  const int task = wait_for_purge_task();
  CHECK(task != 0);
  sigset_t mask;
  CHECK(pthread_sigmask(SIG_SETMASK, NULL, &mask) == 0);
  CHECK(!sigismember(&mask, SIGUSR1));
  for (int i = 0; i < 50; i++) {
    handled_by = 0;
    CHECK(kill(getpid(), SIGUSR1) == 0);
    for (int j = 0; j < kPatienceMs && handled_by == 0; j++) pause_briefly();
    CHECK(handled_by != 0 && handled_by != task);
  }
  end_keeper(keeper);
}

/* libc has every thread change its ids, by a signal, and waits for all of them. */
static void lets_setuid_pass(void) {
  const pthread_t keeper = start_keeper();
  churn();
  CHECK(wait_for_purge_task() != 0);
  CHECK(setuid(getuid()) == 0);
  CHECK(setgid(getgid()) == 0);
  end_keeper(keeper);
}

static void goes_with_the_second_thread(void) {
  const pthread_t keeper = start_keeper();
  churn();
  CHECK(wait_for_purge_task() != 0);
  end_keeper(keeper);
  wait_until_single();
  expect_single();
}

static void goes_when_nothing_waits(void) {
  const pthread_t keeper = start_keeper();
  churn();
  CHECK(wait_for_purge_task() != 0);
  for (int i = 0; i < 4 && purge_task() != 0; i++) sleep_ms(1500); /* looking for it allocates */
  CHECK(purge_task() == 0);
  churn(); /* and comes again */
  CHECK(wait_for_purge_task() != 0);
  end_keeper(keeper);
}

static void starts_again_in_a_child(void) {
  const pthread_t keeper = start_keeper();
  churn();
  CHECK(wait_for_purge_task() != 0);
  const pid_t child = fork();
  if (child == 0) {
    alarm(kWatchdogSeconds);
    CHECK(count_tasks() == 1);
    churn();
    CHECK(purge_task() == 0);
    const pthread_t childs = start_keeper();
    churn();
    CHECK(wait_for_purge_task() != 0);
    end_keeper(childs);
    _exit(0);
  }
  expect_good_end(child);
  end_keeper(keeper);
}

/* At any moment of its life. */
static void forks_at_any_time(void) {
  for (int i = 0; i < 12; i++) {
    const pthread_t keeper = start_keeper();
    churn();
    sleep_ms(i * 17 % 200);
    const pid_t child = fork();
    if (child == 0) {
      alarm(kWatchdogSeconds);
      CHECK(count_tasks() == 1);
      churn();
      malloc_trim(0);
      _exit(0);
    }
    expect_good_end(child);
    end_keeper(keeper);
  }
}

static void none_where_an_option_says_so(void) {
  const pthread_t keeper = start_keeper();
  churn();
  sleep_ms(300);
  churn();
  CHECK(purge_task() == 0);
  end_keeper(keeper);
}

/* Exit with the thread at work: nobody waits for it. */
static void lets_the_process_end(void) {
  const pthread_t keeper = start_keeper();
  churn();
  CHECK(wait_for_purge_task() != 0);
  (void)keeper;
  exit(0);
}

int main(int argc, char** argv) {
  static const struct scenario scenarios[] = {
      {"none_in_one_thread", none_in_one_thread, NULL},
      {"purges_while_all_sleep", purges_while_all_sleep, NULL},
      {"handles_no_signal", handles_no_signal, NULL},
      {"lets_setuid_pass", lets_setuid_pass, NULL},
      {"goes_with_the_second_thread", goes_with_the_second_thread, NULL},
      {"goes_when_nothing_waits", goes_when_nothing_waits, NULL},
      {"starts_again_in_a_child", starts_again_in_a_child, NULL},
      {"forks_at_any_time", forks_at_any_time, NULL},
      {"none_where_an_option_says_so", none_where_an_option_says_so, "ASHLAR_PURGE_THREAD=0"},
      {"lets_the_process_end", lets_the_process_end, NULL},
      {"lets_the_process_end_destroying", lets_the_process_end, "ASHLAR_DESTROY_ON_EXIT=1"},
  };
  return run_scenarios(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
