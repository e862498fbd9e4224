// Messages and errors as a program sees them: what is kept for a late listener, limits, who speaks,
// the code of each kind of error, and that telling of all that allocates nothing. Cases about what
// was said before any output function was registered run in a fresh process.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "api_test_support.h"

namespace {

using namespace api_test;

constexpr const char* kMode = "ASHLAR_API_TEST_MESSAGES";

// A message of about 140 bytes in every profile: no block of that size can be.
void say_something() {
  if (opaque(mi_malloc(opaque(kMaxDifference + 1))) != nullptr) _exit(9);
}

void print_call(const char* text, void*) {
  std::printf("call of %zu bytes:%s", std::strlen(text), text);
}

// In a process that said_by_child() started.
const bool kIsMessagesChild = [] {
  const char* const mode = getenv(kMode);
  if (mode == nullptr) return false;
  if (std::strcmp(mode, "null") == 0) mi_register_output(nullptr, nullptr);
  const int count = std::strcmp(mode, "many") == 0 ? 1000 : 3;
  for (int i = 0; i < count; ++i) say_something();
  mi_register_output(print_call, nullptr);
  std::printf("end of the first call\n");
  mi_register_output(print_call, nullptr);
  std::fflush(stdout);
  _exit(0);
}();

// What such a process printed to one of its standard files.
std::string said_by_child(const char* mode, int file) {
  int ends[2];
  if (kIsMessagesChild || pipe(ends) != 0) return "no pipe";
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], file);
    close(ends[0]);
    close(ends[1]);
    const int nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, file == STDERR_FILENO ? STDOUT_FILENO : STDERR_FILENO);
    setenv(kMode, mode, 1);
    setenv("ASHLAR_SHOW_ERRORS", "1", 1);
    setenv("ASHLAR_MAX_ERRORS", "-1", 1);
    execl("/proc/self/exe", "api_tests", static_cast<char*>(nullptr));
    _exit(127);
  }
  close(ends[1]);
  std::string text;
  char part[4096];
  for (ssize_t length = 0; (length = read(ends[0], part, sizeof part)) > 0;) {
    text.append(part, static_cast<std::size_t>(length));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  return text;
}

std::ptrdiff_t lines_in(const std::string& text) {
  return std::count(text.begin(), text.end(), '\n');
}

TEST(EarlyMessages, AreHandedOverInOneCallAndOnce) {
  const std::string said = said_by_child("few", STDOUT_FILENO);
  EXPECT_EQ(said.find("call of "), 0u) << said;
  EXPECT_EQ(said.rfind("call of "), 0u) << "more than one call: " << said;
  EXPECT_EQ(lines_in(said), 4) << said;
  EXPECT_EQ(said.rfind("end of the first call\n"), said.size() - 22) << said;
}

TEST(EarlyMessages, AreKeptUpTo32KiB) {
  const std::string said = said_by_child("many", STDOUT_FILENO);
  std::size_t bytes = 0;
  ASSERT_EQ(std::sscanf(said.c_str(), "call of %zu bytes", &bytes), 1) << said.substr(0, 100);
  EXPECT_LE(bytes, 32 * kKiB);
  EXPECT_GT(bytes, 32 * kKiB - 512) << "a message has no more";
  EXPECT_EQ(said.rfind("call of "), 0u) << "more than one call";
}

TEST(EarlyMessages, AreShownOnStderrMeanwhile) {
  EXPECT_EQ(lines_in(said_by_child("many", STDERR_FILENO)), 1000);
}

TEST(EarlyMessages, AreNotKeptAfterStderrWasAskedFor) {
  EXPECT_EQ(said_by_child("null", STDOUT_FILENO), "end of the first call\n");
  EXPECT_EQ(lines_in(said_by_child("null", STDERR_FILENO)), 3);
}

// Sets options for as long as it lives.
class MessageOptions {
 public:
  MessageOptions(long show, long verbose, long errors, long warnings) {
    const long values[] = {show, verbose, errors, warnings};
    for (int i = 0; i < 4; ++i) {
      before_[i] = mi_option_get(kOptions[i]);
      mi_option_set(kOptions[i], values[i]);
    }
  }
  ~MessageOptions() {
    for (int i = 0; i < 4; ++i) mi_option_set(kOptions[i], before_[i]);
  }
  MessageOptions(const MessageOptions&) = delete;
  MessageOptions& operator=(const MessageOptions&) = delete;

 private:
  static constexpr mi_option_t kOptions[] = {mi_option_show_errors, mi_option_verbose,
                                             mi_option_max_errors, mi_option_max_warnings};
  long before_[4] = {};
};

void warn() { EXPECT_EQ(opaque(mi_malloc_aligned(10, opaque(std::size_t{3}))), nullptr); }

std::size_t lines_of(int count, void (*say)()) {
  return lines_sent_by([=] {
           for (int i = 0; i < count; ++i) say();
         })
      .size();
}

// What was printed before counts, too: a limit that is surely used up, and none at all.
TEST(MessageLimits, AreForErrorsAndWarningsApart) {
  {
    const MessageOptions options(1, 0, 0, -1);
    EXPECT_EQ(lines_of(50, say_something), 0u);
    EXPECT_EQ(lines_of(50, warn), 50u);
  }
  {
    const MessageOptions options(1, 0, -1, 0);
    EXPECT_EQ(lines_of(50, say_something), 50u);
    EXPECT_EQ(lines_of(50, warn), 0u);
  }
  const MessageOptions options(1, 0, 100'000, 100'000);
  EXPECT_EQ(lines_of(50, say_something), 50u);
}

TEST(MessageLimits, AreLiftedByVerbose) {
  const MessageOptions options(0, 1, 0, 0);
  EXPECT_EQ(lines_of(50, say_something), 50u);
  EXPECT_EQ(lines_of(50, warn), 50u);
}

TEST(Messages, SayWhichThreadIsSpeaking) {
  const MessageOptions options(1, 0, -1, -1);
  const std::vector<std::string> main_lines = lines_sent_by(say_something);
  ASSERT_EQ(main_lines.size(), 1u);
  EXPECT_EQ(main_lines[0].find("ashlar: error: "), 0u) << main_lines[0];
  std::string expected;
  const std::vector<std::string> lines = lines_sent_by([&] {
    std::thread([&] {
      expected = "ashlar: [thread " + std::to_string(syscall(SYS_gettid)) + "] error: ";
      say_something();
    }).join();
  });
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].find(expected), 0u) << lines[0];
}

// A program that allocates one block at a time reaches a slow path now and then, and with it the
// deferred free function, whatever the size; one that never allocates does not.
TEST(Messages, AllocateNothing) {
  const MessageOptions options(1, 1, -1, -1);
  static int slow_paths = 0;
  static int lines = 0;
  mi_free(opaque(mi_malloc(100)));
  int on_stack = 0;
  ErrorRecorder errors;
  mi_register_output([](const char*, void*) { ++lines; }, nullptr);
  slow_paths = 0;
  lines = 0;
  mi_register_deferred_free([](bool, unsigned long long, void*) { ++slow_paths; }, nullptr);
  for (int i = 0; i < 10'000; ++i) {
    say_something();
    mi_free(opaque<void*>(&on_stack));
    static_cast<void>(opaque(mi_malloc_aligned(10, opaque(std::size_t{3}))));
  }
  for (int i = 0; i < 200; ++i) {
    mi_options_print();
    mi_process_info_print();
    mi_arenas_print();
  }
  const int while_printing = slow_paths;
  for (int i = 0; i < 20'000; ++i) mi_free(opaque(mi_malloc(8)));
  const int while_allocating = slow_paths;
  mi_register_deferred_free(nullptr, nullptr);
  mi_register_output(nullptr, nullptr);
  EXPECT_GT(lines, 30'000);
  EXPECT_EQ(while_printing, 0);
  EXPECT_GT(while_allocating, 0) << "or the line above proves nothing";
}

TEST(ErrorCodes, EachKindOfErrorHasItsOwn) {
  ErrorRecorder errors;
  const auto heard = [&](int code) {
    const std::vector<int> codes = errors.take();
    return codes.size() == 1 && codes[0] == code;
  };
  say_something();
  EXPECT_TRUE(heard(EOVERFLOW));
  EXPECT_EQ(opaque(mi_calloc(opaque(kMaxSize), 2)), nullptr);
  EXPECT_TRUE(heard(EOVERFLOW));
  EXPECT_EQ(opaque(mi_malloc(opaque(kMoreThanThereIs))), nullptr);
  EXPECT_TRUE(heard(ENOMEM));
  int on_stack = 0;
  mi_free(opaque<void*>(&on_stack));
  EXPECT_TRUE(heard(EINVAL));
  EXPECT_EQ(mi_usable_size(opaque<void*>(&on_stack)), 0u);
  EXPECT_TRUE(heard(EINVAL));
  warn();
  EXPECT_TRUE(errors.take().empty()) << "what is refused without harm is a warning";
}

// In every profile: where the second free goes unnoticed, the owner sees that other threads freed
// more blocks than there are.
TEST(ErrorCodes, AListThatIsTooLongIsCorrupted) {
  ErrorRecorder errors;
  mi_heap_t* const heap = mi_heap_new();
  void* const p = opaque(mi_heap_malloc(heap, 100));
  std::thread([p] {
    mi_free(opaque(p));
    mi_free(opaque(p));
  }).join();
  mi_heap_collect(heap, false);
  EXPECT_EQ(errors.take(), std::vector<int>{ashlar::kActive.check_blocks ? EAGAIN : EFAULT});
  EXPECT_TRUE(Block(mi_heap_malloc(heap, 100)));
  mi_heap_destroy(heap);
}

#if defined(ASHLAR_PROFILE_SECURE) || defined(ASHLAR_PROFILE_DEBUG)
// Elsewhere the thread's own double frees are not looked for.
TEST(ErrorCodes, ADoubleFreeIsFound) {
  ErrorRecorder errors;
  const Block keeps_the_page(mi_malloc(100));
  void* const p = opaque(mi_malloc(100));
  mi_free(p);
  mi_free(opaque(p));
  EXPECT_EQ(errors.take(), std::vector<int>{EAGAIN});
}
#endif

TEST(ErrorFunction, IsNotCalledFromInsideItself) {
  static int calls = 0;
  calls = 0;
  mi_register_error(
      [](int, void*) {
        ++calls;
        say_something();
      },
      nullptr);
  say_something();
  mi_register_error(nullptr, nullptr);
  EXPECT_EQ(calls, 1);
}

}  // namespace
