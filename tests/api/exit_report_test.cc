// What a process says of itself at its end, and that it says nothing unless it is asked to.
#include <gtest/gtest.h>
#include <mimalloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

namespace {

std::string& kept() {
  static std::string text;
  return text;
}

void keep(const char* text, void*) { kept() += text; }

// What a child of this process prints when it ends; `prepare` runs in it first.
std::string printed_at_end(void (*prepare)()) {
  int ends[2];
  if (pipe(ends) != 0) {
    return "no pipe";
  }
  const pid_t child = fork();
  if (child == 0) {
    kept().reserve(100'000);
    mi_register_output(keep, nullptr);
    kept().clear();
    prepare();
    mi_process_done();
    mi_process_done();
    const std::string text = kept();
    const ssize_t written = write(ends[1], text.data(), text.size());
    _exit(written == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  close(ends[1]);
  std::string text;
  char part[4096];
  for (ssize_t got = 0; (got = read(ends[0], part, sizeof part)) > 0;) {
    text.append(part, static_cast<std::size_t>(got));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  return text;
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) {
    ++found;
  }
  return found;
}

TEST(ExitReport, IsPrintedOnceIfItIsAskedFor) {
  const std::string text = printed_at_end([] { mi_option_enable(mi_option_show_stats); });
  EXPECT_EQ(count(text, "statistics of the main realm"), 1u) << text;
  EXPECT_EQ(count(text, "malloc_normal"), 1u) << text;
  EXPECT_EQ(count(text, "s elapsed"), 1u) << text;
}

TEST(ExitReport, IsPartOfBeingVerbose) {
  const std::string text = printed_at_end([] { mi_option_set(mi_option_verbose, 1); });
  EXPECT_EQ(count(text, "statistics of the main realm"), 1u) << text;
}

TEST(ExitReport, HasATableForEachRealm) {
  const std::string text = printed_at_end([] {
    static_cast<void>(mi_subproc_new());
    mi_option_enable(mi_option_show_stats);
  });
  EXPECT_EQ(count(text, "statistics of realm 1"), 1u) << text;
}

TEST(ExitReport, IsNotPrintedByItself) {
  EXPECT_EQ(printed_at_end([] { mi_free(mi_malloc(100)); }), "");
}

}  // namespace
