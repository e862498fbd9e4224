// Row 25: messages while somebody else holds stdio's lock, and an output function that itself
// allocates, frees and makes further messages. The same with fd 2 closed is in programs/.
#include "regress_support.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include <unistd.h>

namespace {

volatile std::size_t too_much = static_cast<std::size_t>(PTRDIFF_MAX) + 1;

// Makes the library say something: no block of that size can be.
void provoke() { EXPECT_EQ(mi_malloc(too_much), nullptr); }

class WithMessages : public ::testing::Test {
 protected:
  void SetUp() override {
    show_ = mi_option_get(mi_option_show_errors);
    max_ = mi_option_get(mi_option_max_errors);
    mi_option_set(mi_option_show_errors, 1);
    mi_option_set(mi_option_max_errors, -1);
  }
  void TearDown() override {
    mi_register_output(nullptr, nullptr);
    mi_option_set(mi_option_show_errors, show_);
    mi_option_set(mi_option_max_errors, max_);
  }

 private:
  long show_ = 0;
  long max_ = 0;
};

using regress_25_messages = WithMessages;

struct Heard {
  char text[8192] = {};
  std::size_t length = 0;
  int depth = 0;
  int deepest = 0;
  int calls = 0;
  bool allocates = false;
  bool provokes = false;
};

void listen(const char* text, void* argument) {
  auto& heard = *static_cast<Heard*>(argument);
  heard.depth++;
  if (heard.depth > heard.deepest) heard.deepest = heard.depth;
  heard.calls++;
  const std::size_t length = std::strlen(text);
  if (heard.length + length < sizeof heard.text) {
    std::memcpy(heard.text + heard.length, text, length + 1);
    heard.length += length;
  }
  if (heard.allocates) {
    void* blocks[20] = {};
    for (std::size_t i = 0; i < 20; i++) {
      blocks[i] = i % 2 == 0 ? mi_malloc(i * 500 + 1) : mi_calloc(i, 3000);
      EXPECT_NE(blocks[i], nullptr);
    }
    blocks[0] = mi_realloc(blocks[0], 100000);
    for (void* const block : blocks) mi_free(block);
  }
  if (heard.provokes && heard.depth < 50) provoke();
  heard.depth--;
}

TEST_F(regress_25_messages, reach_the_output_function) {
  Heard heard;
  mi_register_output(listen, &heard);
  heard = Heard();  // earlier output was handed over
  provoke();
  mi_register_output(nullptr, nullptr);
  EXPECT_GT(heard.calls, 0);
  EXPECT_NE(std::strstr(heard.text, "ashlar"), nullptr) << heard.text;
}

TEST_F(regress_25_messages, output_function_that_allocates_and_frees) {
  Heard heard;
  heard.allocates = true;
  mi_register_output(listen, &heard);
  for (int i = 0; i < 20; i++) provoke();
  mi_register_output(nullptr, nullptr);
  EXPECT_GE(heard.calls, 20);
}

TEST_F(regress_25_messages, output_function_that_makes_messages_does_not_recurse_without_bound) {
  Heard heard;
  heard.allocates = true;
  heard.provokes = true;
  mi_register_output(listen, &heard);
  provoke();
  mi_register_output(nullptr, nullptr);
  EXPECT_GT(heard.calls, 0);
  EXPECT_LT(heard.deepest, 10);
}

TEST_F(regress_25_messages, with_stdio_locked_by_another_thread) {
  std::mutex mutex;
  std::condition_variable changed;
  bool locked = false;
  bool done = false;
  // The message goes to a pipe in place of fd 2, so that it can be read, and stderr stays clean.
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const int saved = dup(STDERR_FILENO);
  ASSERT_EQ(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
  std::thread holder([&] {
    flockfile(stderr);
    flockfile(stdout);
    std::unique_lock<std::mutex> lock(mutex);
    locked = true;
    changed.notify_all();
    changed.wait(lock, [&] { return done; });
    funlockfile(stdout);
    funlockfile(stderr);
  });
  {
    std::unique_lock<std::mutex> lock(mutex);
    changed.wait(lock, [&] { return locked; });
  }
  mi_register_output(nullptr, nullptr);
  // Not by EXPECT: that would print, and wait for the lock, when it fails.
  const bool refused = mi_malloc(too_much) == nullptr;
  {
    const std::lock_guard<std::mutex> guard(mutex);
    done = true;
    changed.notify_all();
  }
  holder.join();
  dup2(saved, STDERR_FILENO);
  close(saved);
  close(ends[1]);
  std::string text(4096, '\0');
  const ssize_t length = read(ends[0], text.data(), text.size());
  close(ends[0]);
  EXPECT_TRUE(refused);
  ASSERT_GT(length, 0) << "no message came";
  text.resize(static_cast<std::size_t>(length));
  EXPECT_NE(text.find("ashlar"), std::string::npos) << text;
}

TEST_F(regress_25_messages, from_several_threads_at_once) {
  static std::atomic<int> lines{0};
  lines.store(0, std::memory_order_relaxed);  // relaxed: a counter.
  mi_register_output(
      [](const char*, void*) {
        lines.fetch_add(1, std::memory_order_relaxed);  // relaxed: a counter.
        mi_free(mi_malloc(100));
      },
      nullptr);
  std::thread threads[4];
  for (auto& thread : threads) {
    thread = std::thread([] {
      for (int i = 0; i < 50; i++) {
        provoke();
        mi_free(mi_malloc(static_cast<std::size_t>(i) * 100));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  mi_register_output(nullptr, nullptr);
  EXPECT_GE(lines.load(std::memory_order_relaxed), 200);  // relaxed: the threads were joined.
}

}  // namespace
