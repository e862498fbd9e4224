/* Row 3: allocation and freeing in the destructors of C++ thread-locals and statics, in atexit
   handlers, and in all of them for blocks that came from each other's time. */
#include <pthread.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "program.h"

namespace {

/* The destructor uses every kind of call, and checks what lived as long as the object. */
class Held {
 public:
  explicit Held(unsigned seed) : seed_(seed) {
    for (unsigned i = 0; i < 30; i++) {
      const std::size_t size = i == 29 ? 400000 : i * 41 + 1;
      blocks_.emplace_back(::operator new(size), size);
      pattern_fill(blocks_.back().first, size, seed_ + i);
    }
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() {
    void* const last = std::malloc(2000);
    CHECK(last != nullptr);
    pattern_fill(last, 2000, seed_);
    for (unsigned i = 0; i < blocks_.size(); i++) {
      CHECK(pattern_holds(blocks_[i].first, blocks_[i].second, seed_ + i));
      ::operator delete(blocks_[i].first);
    }
    std::string text(1, 'a');
    while (text.size() < 10000) text += text;
    CHECK(pattern_holds(last, 2000, seed_));
    std::free(std::realloc(last, 9000));
  }

 private:
  unsigned seed_;
  std::vector<std::pair<void*, std::size_t>> blocks_;
};

thread_local std::unique_ptr<Held> first_local;
thread_local std::unique_ptr<Held> second_local;
pthread_key_t key;

void destruct_key(void* held) { delete static_cast<Held*>(held); }

void* live(void* argument) {
  const unsigned seed = *static_cast<unsigned*>(argument);
  first_local = std::make_unique<Held>(seed);
  CHECK(pthread_setspecific(key, new Held(seed + 1000)) == 0);
  second_local = std::make_unique<Held>(seed + 2000);
  return nullptr;
}

/* Its thread-locals are made, and destroyed, with the thread's very first calls inside. */
thread_local struct Quiet {
  bool used = false;
  ~Quiet() {
    for (std::size_t size = 1; size < 100000; size *= 3) {
      void* const block = std::malloc(size);
      CHECK(block != nullptr);
      std::memset(block, 1, size);
      std::free(block);
    }
  }
} quiet;

void* live_quietly(void*) {
  quiet.used = true;
  return nullptr;
}

void thread_locals() {
  CHECK(pthread_key_create(&key, destruct_key) == 0);
  std::size_t before = 0;
  for (unsigned i = 0; i < 1050; i++) {
    if (i == 50) before = resident_bytes();
    pthread_t thread;
    CHECK(pthread_create(&thread, nullptr, i % 2 == 0 ? live : live_quietly, &i) == 0);
    CHECK(pthread_join(thread, nullptr) == 0);
  }
  CHECK_AT_MOST(growth(before, resident_bytes()), 3 * kMiB);
}

/* Statics are destroyed and atexit handlers run in turn, latest first; blocks go from one to the
   next. A thread that still runs then goes on as well. */
std::vector<std::pair<void*, std::size_t>>* passed_on = nullptr;
int ends = 0;

void pass_on() {
  auto* const fresh = new std::vector<std::pair<void*, std::size_t>>;
  if (passed_on != nullptr) {
    unsigned i = 0;
    for (const auto& [block, size] : *passed_on) {
      CHECK(pattern_holds(block, size, i++));
      std::free(block);
    }
    delete passed_on;
  }
  for (unsigned i = 0; i < 200; i++) {
    const std::size_t size = i * 37 % 5000 + 1;
    void* const block = std::calloc(1, size);
    CHECK(block != nullptr);
    pattern_fill(block, size, i);
    fresh->emplace_back(block, size);
  }
  passed_on = fresh;
  ends++;
}

struct AtEnd {
  ~AtEnd() { pass_on(); }
};
AtEnd outer_static;
/* Destroyed after the statics of main, before outer_static: the order of construction, reversed. */
Held held_static(77);

void* never_end(void*) {
  struct chance chance = {5};
  for (;;) {
    const std::size_t size = chance_next(&chance) % 3000 + 1;
    void* const block = std::malloc(size);
    CHECK(block != nullptr);
    pattern_fill(block, size, size);
    CHECK(pattern_holds(block, size, size));
    std::free(block);
  }
}

void* exit_here(void*) { std::exit(0); }

void prepare_for_exit() {
  static AtEnd inner_static;
  static Held inner_held(88);
  CHECK(std::atexit(pass_on) == 0);
  CHECK(std::at_quick_exit(pass_on) == 0);
  first_local = std::make_unique<Held>(99);
}

void exit_from_main() {
  prepare_for_exit();
  std::exit(0);
}

void exit_with_a_busy_thread() {
  prepare_for_exit();
  pthread_t thread;
  CHECK(pthread_create(&thread, nullptr, never_end, nullptr) == 0);
  pause_briefly();
  std::exit(0);
}

void exit_from_a_thread() {
  prepare_for_exit();
  pthread_t thread;
  CHECK(pthread_create(&thread, nullptr, exit_here, nullptr) == 0);
  for (;;) pause();
}

void exit_as_last_thread() {
  prepare_for_exit();
  pthread_exit(nullptr);
}

void quick_exit_from_main() {
  prepare_for_exit();
  std::quick_exit(0);
}

}  // namespace

int main(int argc, char** argv) {
  static const scenario kScenarios[] = {
      {"thread_locals", thread_locals, nullptr},
      {"exit_from_main", exit_from_main, nullptr},
      {"exit_with_a_busy_thread", exit_with_a_busy_thread, nullptr},
      {"exit_from_a_thread", exit_from_a_thread, nullptr},
      {"exit_as_last_thread", exit_as_last_thread, nullptr},
      {"quick_exit_from_main", quick_exit_from_main, nullptr},
      {"destroyed_exit_from_main", exit_from_main, "ASHLAR_DESTROY_ON_EXIT=1"},
      {"destroyed_exit_with_a_busy_thread", exit_with_a_busy_thread, "ASHLAR_DESTROY_ON_EXIT=1"},
      {"destroyed_exit_from_a_thread", exit_from_a_thread, "ASHLAR_DESTROY_ON_EXIT=1"},
      {"destroyed_exit_as_last_thread", exit_as_last_thread, "ASHLAR_DESTROY_ON_EXIT=1"},
  };
  return RUN_SCENARIOS(argc, argv, kScenarios);
}
