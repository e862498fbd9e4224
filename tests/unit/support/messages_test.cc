// Messages as a program sees them: on file descriptor 2, in its output function, in its error
// handler. Cases about the first use of anything run in a process of their own.
#include "support/messages.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "mimalloc.h"
#include "os/system.h"
#include "support/options.h"

namespace ashlar {
namespace {

// An output function that gathers what it is given.
void gather(const char* message, void* arg) { static_cast<std::string*>(arg)->append(message); }

// A handler that remembers.
struct Heard {
  std::vector<int> codes;
};
void hear(int code, void* arg) { static_cast<Heard*>(arg)->codes.push_back(code); }

void ignore_error(int, void*) {}

std::size_t count_lines(const std::string& text) {
  std::size_t lines = 0;
  for (const char character : text) {
    lines += character == '\n' ? 1 : 0;
  }
  return lines;
}

class MessagesTest : public testing::Test {
 protected:
  void SetUp() override {
    option_set(Option::kShowErrors, 1);
    option_set(Option::kVerbose, 0);
    option_set(Option::kMaxErrors, -1);
    option_set(Option::kMaxWarnings, -1);
    register_output(gather, &text_);
    // A handler keeps the profiles that stop on misuse from doing so.
    register_error(ignore_error, nullptr);
  }
  void TearDown() override {
    register_output(nullptr, nullptr);
    register_error(nullptr, nullptr);
  }

  std::string text_;
};

TEST_F(MessagesTest, KindsAreTold) {
  report_error(EINVAL, "free: invalid pointer %p", reinterpret_cast<void*>(0x1234));
  EXPECT_EQ(text_, "ashlar: error: free: invalid pointer 0x1234\n");
  text_.clear();
  report_warning("%s is %d", "answer", 42);
  EXPECT_EQ(text_, "ashlar: warning: answer is 42\n");
  text_.clear();
  option_set(Option::kVerbose, 1);
  report_verbose("arena %u added", 3u);
  EXPECT_EQ(text_, "ashlar: arena 3 added\n");
}

TEST_F(MessagesTest, NothingIsPrintedUnlessAskedFor) {
  option_set(Option::kShowErrors, 0);
  report_error(ENOMEM, "no memory");
  report_warning("odd");
  report_verbose("busy");
  EXPECT_EQ(text_, "");
  report_warning_always("very odd");
  EXPECT_EQ(text_, "ashlar: warning: very odd\n");
}

TEST_F(MessagesTest, VerboseShowsErrorsAndWarningsToo) {
  option_set(Option::kShowErrors, 0);
  option_set(Option::kVerbose, 1);
  report_error(ENOMEM, "one");
  report_warning("two");
  EXPECT_EQ(text_, "ashlar: error: one\nashlar: warning: two\n");
}

TEST_F(MessagesTest, ShowErrorsDoesNotShowVerboseText) {
  report_verbose("busy");
  EXPECT_EQ(text_, "");
}

TEST_F(MessagesTest, OtherThreadsSayWhoTheyAre) {
  std::uint64_t number = 0;
  std::thread([&number] {
    number = System::thread_number();
    report_error(ENOMEM, "no memory");
  }).join();
  EXPECT_EQ(text_, "ashlar: [thread " + std::to_string(number) + "] error: no memory\n");
}

TEST_F(MessagesTest, ALongMessageIsCutButEndsItsLine) {
  report_warning("%s", std::string(5000, 'x').c_str());
  EXPECT_EQ(text_.find("ashlar: warning: xxxx"), 0u);
  EXPECT_LT(text_.size(), 1000u);
  EXPECT_EQ(text_.find('\n'), text_.size() - 1);
}

TEST_F(MessagesTest, ErrnoStays) {
  Heard heard;
  register_output([](const char*, void*) { errno = 1; }, nullptr);
  register_error([](int, void*) { errno = 2; }, nullptr);
  option_set(Option::kVerbose, 1);
  errno = 4242;
  report_error(ENOMEM, "x");
  report_warning("x");
  report_warning_always("x");
  report_verbose("x");
  write_output("x");
  register_output(gather, &text_);
  EXPECT_EQ(errno, 4242);
}

TEST_F(MessagesTest, TextOfReportsGoesOutAsItIs) {
  option_set(Option::kShowErrors, 0);
  const std::string report(3000, 'r');
  write_output(report.c_str());
  EXPECT_EQ(text_, report);
}

TEST_F(MessagesTest, TheHandlerHearsEveryErrorPrintedOrNot) {
  Heard heard;
  register_error(hear, &heard);
  report_error(ENOMEM, "a");
  option_set(Option::kShowErrors, 0);
  report_error(EOVERFLOW, "b");
  report_error(EFAULT, "c");
  report_error(EAGAIN, "d");
  report_error(EINVAL, "e");
  EXPECT_EQ(heard.codes, (std::vector<int>{ENOMEM, EOVERFLOW, EFAULT, EAGAIN, EINVAL}));
  EXPECT_EQ(text_, "ashlar: error: a\n");
  report_warning("not an error");
  EXPECT_EQ(heard.codes.size(), 5u);
  register_error(ignore_error, nullptr);
  report_error(ENOMEM, "f");
  EXPECT_EQ(heard.codes.size(), 5u);
}

TEST_F(MessagesTest, TheCInterfaceRegistersBoth) {
  std::string text;
  Heard heard;
  mi_register_output(gather, &text);
  mi_register_error(hear, &heard);
  report_error(EOVERFLOW, "too large");
  EXPECT_EQ(text, "ashlar: error: too large\n");
  EXPECT_EQ(heard.codes, (std::vector<int>{EOVERFLOW}));
}

struct Recursion {
  int calls = 0;
  int errors = 0;
};

TEST_F(MessagesTest, AMessageFromTheOutputFunctionIsDropped) {
  Recursion recursion;
  register_error([](int, void* arg) { ++static_cast<Recursion*>(arg)->errors; }, &recursion);
  register_output(
      [](const char*, void* arg) {
        ++static_cast<Recursion*>(arg)->calls;
        report_error(ENOMEM, "again");
        report_warning("and again");
        write_output("and again\n");
      },
      &recursion);
  report_warning("first");
  EXPECT_EQ(recursion.calls, 1);
  EXPECT_EQ(recursion.errors, 1) << "the handler hears of what is not printed";
  report_warning("second");
  EXPECT_EQ(recursion.calls, 2) << "and later messages are printed again";
}

TEST_F(MessagesTest, AnErrorFromTheHandlerDoesNotCallItAgain) {
  Recursion recursion;
  register_error(
      [](int, void* arg) {
        ++static_cast<Recursion*>(arg)->errors;
        report_error(ENOMEM, "in the handler");
      },
      &recursion);
  report_error(ENOMEM, "first");
  EXPECT_EQ(recursion.errors, 1);
  EXPECT_EQ(text_, "ashlar: error: first\nashlar: error: in the handler\n");
  report_error(ENOMEM, "second");
  EXPECT_EQ(recursion.errors, 2);
}

TEST_F(MessagesTest, FunctionsMayRegisterOthers) {
  register_output(
      [](const char*, void* arg) {
        register_output(gather, arg);
        register_error(ignore_error, nullptr);
      },
      &text_);
  report_warning("first");
  report_warning("second");
  EXPECT_EQ(text_, "ashlar: warning: second\n");
}

TEST_F(MessagesTest, AnOutputFunctionThatSleepsKeepsNobodyWaiting) {
  struct Meeting {
    std::latch inside{1};
    std::latch may_go{1};
  } meeting;
  register_output(
      [](const char* message, void* arg) {
        auto* met = static_cast<Meeting*>(arg);
        if (std::string(message).find("slow") != std::string::npos) {
          met->inside.count_down();
          met->may_go.wait();
        }
      },
      &meeting);
  std::thread sleeper([] { report_warning("slow"); });
  meeting.inside.wait();
  report_warning("fast");  // would wait for ever if a lock were held
  Heard heard;
  register_error(hear, &heard);
  report_error(ENOMEM, "fast");
  meeting.may_go.count_down();
  sleeper.join();
  EXPECT_EQ(heard.codes.size(), 1u);
}

thread_local std::string own_text;

TEST_F(MessagesTest, MessagesOfManyThreadsStayWhole) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 50;
  register_output([](const char* message, void*) { own_text.append(message); }, nullptr);
  std::vector<std::size_t> lines(kThreads);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([i, &lines] {
      for (int round = 0; round < kRounds; ++round) {
        report_warning("thread %zu round %d", i, round);
      }
      lines[i] = count_lines(own_text);
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(lines, std::vector<std::size_t>(kThreads, kRounds));
}

class MessagesDeathTest : public testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(MessagesDeathTest, WithoutAFunctionTextGoesToFileDescriptorTwo) {
  EXPECT_EXIT(
      {
        option_set(Option::kShowErrors, 1);
        report_warning("one");
        std::string text;
        register_output(gather, &text);
        report_warning("two");
        register_output(nullptr, nullptr);
        report_warning("three");
        _exit(text == "ashlar: warning: one\nashlar: warning: two\n" ? 0 : 1);
      },
      testing::ExitedWithCode(0), "^ashlar: warning: one\nashlar: warning: three\n$");
}

TEST_F(MessagesDeathTest, EarlyTextIsHandedOverOnceAndInOrder) {
  EXPECT_EXIT(
      {
        option_set(Option::kShowErrors, 1);
        report_warning("one");
        write_output("two\n");
        std::string first;
        register_output(gather, &first);
        register_output(nullptr, nullptr);
        write_output("three\n");
        std::string second;
        register_output(gather, &second);
        _exit(first == "ashlar: warning: one\ntwo\n" && second.empty() ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

TEST_F(MessagesDeathTest, EarlyTextIsBoundedAndEndsWithAWholeMessage) {
  EXPECT_EXIT(
      {
        const std::string message = std::string(999, 'm') + "\n";
        for (int i = 0; i < 100; ++i) {
          write_output(message.c_str());
        }
        write_output("would fit, but not in its place\n");
        std::string text;
        register_output(gather, &text);
        _exit(text.size() == 32000 && text.back() == '\n' && count_lines(text) == 32 ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

TEST_F(MessagesDeathTest, LimitsCountErrorsAndWarningsApart) {
  EXPECT_EXIT(
      {
        std::string text;
        Heard heard;
        register_output(gather, &text);
        register_error(hear, &heard);
        option_set(Option::kShowErrors, 1);
        option_set(Option::kMaxErrors, 3);
        option_set(Option::kMaxWarnings, 2);
        for (int i = 0; i < 10; ++i) {
          report_error(ENOMEM, "e");
          report_warning("w");
        }
        const bool limited = count_lines(text) == 5 && heard.codes.size() == 10;
        option_set(Option::kVerbose, 1);
        report_error(ENOMEM, "e");
        report_warning("w");
        const bool lifted = count_lines(text) == 7;
        option_set(Option::kVerbose, 0);
        report_error(ENOMEM, "e");
        const bool limited_again = count_lines(text) == 7;
        option_set(Option::kMaxErrors, -1);
        report_error(ENOMEM, "e");
        _exit(limited && lifted && limited_again && count_lines(text) == 8 ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

TEST_F(MessagesDeathTest, SixteenErrorsAreTheDefault) {
  EXPECT_EXIT(
      {
        std::string text;
        register_output(gather, &text);
        register_error(ignore_error, nullptr);
        option_set(Option::kShowErrors, 1);
        for (int i = 0; i < 40; ++i) {
          report_error(ENOMEM, "e");
        }
        _exit(count_lines(text) == 16 ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

TEST_F(MessagesDeathTest, AClosedFileDescriptorTwoIsSurvived) {
  EXPECT_EXIT(
      {
        close(STDERR_FILENO);
        option_set(Option::kShowErrors, 1);
        Heard heard;
        register_error(hear, &heard);
        report_error(ENOMEM, "nobody sees this");
        std::string text;
        register_output(gather, &text);
        _exit(heard.codes.size() == 1 && text == "ashlar: error: nobody sees this\n" ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

TEST_F(MessagesDeathTest, StdioMayBeLocked) {
  EXPECT_EXIT(
      {
        option_set(Option::kShowErrors, 1);
        flockfile(stderr);
        std::thread([] { report_warning("from a thread"); }).join();
        funlockfile(stderr);
        _exit(0);
      },
      testing::ExitedWithCode(0), "warning: from a thread");
}

TEST_F(MessagesDeathTest, MisuseStopsTheProfilesThatSaySo) {
  for (const int code : {EAGAIN, EFAULT, EINVAL}) {
    if constexpr (kActive.stop_on_misuse) {
      EXPECT_EXIT(
          {
            option_set(Option::kShowErrors, 0);
            report_error(code, "free: no such block");
          },
          testing::KilledBySignal(SIGABRT), "^ashlar: error: free: no such block\n");
    } else {
      EXPECT_EXIT(
          {
            option_set(Option::kShowErrors, 0);
            report_error(code, "free: no such block");
            _exit(3);
          },
          testing::ExitedWithCode(3), "^$");
    }
  }
}

TEST_F(MessagesDeathTest, LastWordsAreNotDropped) {
  if constexpr (kActive.stop_on_misuse) {
    EXPECT_EXIT(
        {
          register_output([](const char*, void*) { report_error(EFAULT, "corrupted"); }, nullptr);
          report_warning_always("first");
        },
        testing::KilledBySignal(SIGABRT), "ashlar: error: corrupted");
  } else {
    EXPECT_EXIT(
        {
          register_output([](const char*, void*) { report_error(EFAULT, "corrupted"); }, nullptr);
          report_warning_always("first");
          _exit(3);
        },
        testing::ExitedWithCode(3), "^$");
  }
}

TEST_F(MessagesDeathTest, WithAHandlerOrForLackOfMemoryNoProfileStops) {
  EXPECT_EXIT(
      {
        option_set(Option::kShowErrors, 0);
        report_error(ENOMEM, "a");
        report_error(EOVERFLOW, "b");
        Heard heard;
        register_error(hear, &heard);
        report_error(EFAULT, "c");
        _exit(heard.codes == std::vector<int>{EFAULT} ? 3 : 4);
      },
      testing::ExitedWithCode(3), "^$");
}

TEST_F(MessagesDeathTest, AForkedChildCanPrint) {
  EXPECT_EXIT(
      {
        option_set(Option::kShowErrors, 1);
        report_warning("parent");
        const pid_t child = fork();
        if (child == 0) {
          report_warning("child");
          _exit(0);
        }
        int status = -1;
        _exit(waitpid(child, &status, 0) == child ? status : 1);
      },
      testing::ExitedWithCode(0), "parent\nashlar: warning: child\n$");
}

}  // namespace
}  // namespace ashlar
