// A C++ program that allocates in every way the language has, from several threads, checks what it
// got and prints sums that do not depend on addresses or on timing.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <future>
#include <list>
#include <map>
#include <memory>
#include <memory_resource>
#include <new>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace {

struct alignas(64) Line {
  std::uint64_t words[8] = {};
};
struct alignas(4096) Sheet {
  char bytes[4096];
};

std::vector<std::string>& early() {
  static std::vector<std::string> strings(100, std::string(200, 'e'));
  return strings;
}
// Allocates before main, and frees after it.
const std::size_t kEarly = early().size();

void check(bool good, const char* what) {
  if (good) return;
  std::printf("wrong: %s\n", what);
  std::exit(1);
}

bool aligned(const void* p, std::size_t alignment) {
  return reinterpret_cast<std::uintptr_t>(p) % alignment == 0;
}

void every_new() {
  for (std::size_t n = 1; n < 70000; n = n * 3 / 2 + 1) {
    char* const plain = new char[n];
    char* const quiet = new (std::nothrow) char[n];
    void* const raw = ::operator new(n);
    void* const wide = ::operator new(n, std::align_val_t{128});
    void* const wide_quiet = ::operator new[](n, std::align_val_t{2048}, std::nothrow);
    check(aligned(wide, 128) && aligned(wide_quiet, 2048), "aligned new");
    std::memset(plain, 1, n);
    std::memset(quiet, 2, n);
    std::memset(raw, 3, n);
    std::memset(wide, 4, n);
    std::memset(wide_quiet, 5, n);
    check(plain[n - 1] == 1 && quiet[0] == 2, "blocks overlap");
    delete[] plain;
    delete[] quiet;
    ::operator delete(raw, n);
    ::operator delete(wide, n, std::align_val_t{128});
    ::operator delete[](wide_quiet, std::align_val_t{2048}, std::nothrow);
  }
  for (int i = 0; i < 50; i++) {
    const auto line = std::make_unique<Line>();
    const auto lines = std::make_unique<Line[]>(17);
    const auto sheet = std::make_unique<Sheet>();
    check(aligned(line.get(), 64) && aligned(lines.get(), 64) && aligned(sheet.get(), 4096),
          "over-aligned types");
  }
  delete static_cast<int*>(nullptr);
  ::operator delete(nullptr, std::size_t{100});
}

int handler_calls = 0;
void give_up() {
  if (++handler_calls == 3) std::set_new_handler(nullptr);
}

void failing_new() {
  const std::size_t too_much = SIZE_MAX / 2 + 2;
  volatile std::size_t size = too_much;
  try {
    void* const p = ::operator new(size);
    check(p == nullptr, "a block larger than any");
  } catch (const std::bad_alloc&) {
    std::puts("bad_alloc");
  }
  std::set_new_handler(give_up);
  try {
    void* const p = ::operator new(size, std::align_val_t{256});
    check(p == nullptr, "an aligned block larger than any");
  } catch (const std::bad_alloc&) {
    std::printf("bad_alloc after %d calls of the handler\n", handler_calls);
  }
  std::set_new_handler([] { throw std::bad_alloc(); });
  check(::operator new(size, std::nothrow) == nullptr, "nothrow with a handler that throws");
  std::set_new_handler(nullptr);
  try {
    volatile std::ptrdiff_t count = -1;
    int* const p = new int[static_cast<std::size_t>(count)];
    check(p == nullptr, "an array of negative length");
  } catch (const std::bad_alloc&) {
    std::puts("bad_array_new_length");
  }
}

std::uint64_t containers(unsigned seed) {
  std::uint64_t state = seed;
  const auto next = [&] {
    return (state = state * 6364136223846793005u + 1442695040888963407u) >> 33;
  };
  std::map<std::string, std::vector<int>> tree;
  std::unordered_map<std::uint64_t, std::list<std::string>> hash;
  for (int i = 0; i < 20000; i++) {
    tree[std::to_string(next() % 3000)].push_back(i);
    hash[next() % 1000].push_back(std::string(next() % 100, 'h'));
    if (next() % 4 == 0 && !tree.empty()) tree.erase(tree.begin());
    if (next() % 8 == 0) hash.erase(next() % 1000);
  }
  std::uint64_t sum = 0;
  for (const auto& [key, values] : tree) sum += key.size() * values.size();
  for (const auto& [key, values] : hash)
    for (const auto& text : values) sum += key + text.size();
  std::pmr::monotonic_buffer_resource pool;
  std::pmr::vector<std::pmr::string> pooled(&pool);
  for (int i = 0; i < 2000; i++)
    pooled.emplace_back(std::string(static_cast<std::size_t>(i % 50), 'p'));
  for (const auto& text : pooled) sum += text.size();
  return sum;
}

int thrown(int depth) {
  const std::string ballast(static_cast<std::size_t>(depth) * 10, 't');
  if (depth == 0) throw std::runtime_error("deep " + std::string(300, '!'));
  return thrown(depth - 1) + static_cast<int>(ballast.size());
}

}  // namespace

int main() {
  every_new();
  failing_new();

  std::vector<std::future<std::uint64_t>> answers;
  for (unsigned i = 0; i < 6; i++) answers.push_back(std::async(std::launch::async, containers, i));
  for (auto& answer : answers)
    std::printf("containers %llu\n", static_cast<unsigned long long>(answer.get()));

  std::atomic<int> caught{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; i++) {
    threads.emplace_back([&caught] {
      for (int j = 0; j < 200; j++) {
        try {
          thrown(j % 30);
        } catch (const std::exception& error) {
          caught += std::strlen(error.what()) > 300 ? 1 : 0;
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  std::printf("caught %d\n", caught.load());

  // Made by one thread, freed by another.
  std::vector<std::shared_ptr<std::string>> shared;
  for (int i = 0; i < 5000; i++)
    shared.push_back(std::make_shared<std::string>(static_cast<std::size_t>(i % 500), 's'));
  std::thread last([moved = std::move(shared)]() mutable { moved.clear(); });
  last.join();

  std::ostringstream text;
  for (int i = 0; i < 20000; i++) text << i << ' ';
  std::printf("text %zu, early %zu\n", text.str().size(), kEarly);
}
