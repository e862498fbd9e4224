// What the embedding interface costs: attaching and detaching, a walk of many small blocks against
// a plain array scan, and memory held under churn. One process, linked with the library; prints a
// row a figure. Instructions of its fast paths are tools/fastpath's.
//
//   embed [BLOCKS]      of the walk; 10,000,000 unless told otherwise
#include <ashlar/embed.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

double nanoseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::nano>(Clock::now() - start).count();
}

double resident_mib() {
  long pages = 0;
  long resident = 0;
  if (std::FILE* const file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%ld %ld", &pages, &resident) != 2) {
      resident = 0;
    }
    std::fclose(file);
  }
  return static_cast<double>(resident * sysconf(_SC_PAGESIZE)) / (1 << 20);
}

// Goals are reached `kLag` later ones on: as if readers came to rest that seldom.
constexpr std::uint64_t kLag = 256;

ashlar_rt_answer_t page_empty(void* user, void*, const void*, std::size_t, std::uint64_t* goal) {
  *goal = ++*static_cast<std::atomic<std::uint64_t>*>(user);
  return ASHLAR_RT_HOLD;
}
bool goal_reached(void* user, void*, std::uint64_t goal, bool) {
  return goal + kLag <= *static_cast<std::atomic<std::uint64_t>*>(user);
}

constexpr ashlar_rt_heap_spec_t kSpecs[] = {
    {0, 0, false}, {1, 24, true}, {2, 24, true}, {3, 24, true}};

struct Thread {
  explicit Thread(ashlar_rt_realm_t* realm) {
    if (!ashlar_rt_thread_attach(&storage, realm, ashlar_rt_thread_id(), nullptr, kSpecs, 4)) {
      std::abort();
    }
  }
  ~Thread() { ashlar_rt_thread_detach(&storage); }
  ashlar_rt_heap_t* heap(unsigned tag) { return ashlar_rt_thread_heap(&storage, tag); }
  ashlar_rt_thread_t storage{};
};

void attach_and_detach(ashlar_rt_realm_t* realm) {
  constexpr int kRounds = 20'000;
  double least[3] = {1e18, 1e18, 1e18};
  for (int series = 0; series < 5; ++series) {
    const Clock::time_point start = Clock::now();
    for (int i = 0; i < kRounds; ++i) {
      const Thread thread(realm);
    }
    least[0] = std::min(least[0], nanoseconds_since(start) / kRounds);
    double abandoning = 0;
    for (int i = 0; i < kRounds / 10; ++i) {
      Thread thread(realm);
      for (unsigned tag = 0; tag < 4; ++tag) {
        ashlar_rt_free(ashlar_rt_malloc(thread.heap(tag), 64));
      }
      const Clock::time_point before = Clock::now();
      ashlar_rt_thread_abandon(&thread.storage);
      abandoning += nanoseconds_since(before);
    }
    least[1] = std::min(least[1], abandoning / (kRounds / 10));
  }
  std::printf("attach and detach, four heaps        %8.2f us\n", least[0] / 1000);
  std::printf("abandon, a page in each              %8.2f us\n", least[1] / 1000);
  std::printf("storage                              %8d bytes\n", ASHLAR_RT_THREAD_SIZE);
}

struct Sum {
  std::uint64_t blocks;
  std::uint64_t words;
};

void walk(ashlar_rt_realm_t* realm, std::size_t count) {
  Thread thread(realm);
  std::vector<std::uint64_t*> blocks(count);
  for (std::size_t i = 0; i < count; ++i) {
    blocks[i] = static_cast<std::uint64_t*>(ashlar_rt_malloc(thread.heap(1), 32));
    blocks[i][1] = i;
  }
  double scanned = 1e18;
  double walked = 1e18;
  double walked_looking = 1e18;
  std::uint64_t words = 0;
  for (int series = 0; series < 5; ++series) {
    Clock::time_point start = Clock::now();
    for (const std::uint64_t* const block : blocks) {
      words += block[1];
    }
    scanned = std::min(scanned, nanoseconds_since(start));
    Sum sum{};
    start = Clock::now();
    ashlar_rt_visit(
        &thread.storage, 1u << 1, true,
        [](const ashlar_rt_area_t*, void* block, void* arg) {
          static_cast<Sum*>(arg)->blocks += block != nullptr ? 1 : 0;
          return true;
        },
        &sum);
    walked = std::min(walked, nanoseconds_since(start));
    if (sum.blocks != count) {
      std::abort();
    }
    start = Clock::now();
    ashlar_rt_visit(
        &thread.storage, 1u << 1, true,
        [](const ashlar_rt_area_t*, void* block, void* arg) {
          if (block != nullptr) {
            static_cast<Sum*>(arg)->words += static_cast<std::uint64_t*>(block)[1];
          }
          return true;
        },
        &sum);
    walked_looking = std::min(walked_looking, nanoseconds_since(start));
    words += sum.words;
  }
  const auto blocks_of = static_cast<double>(count);
  std::printf("scan of an array of pointers         %8.2f ns a block (of %zu; sum %llu)\n",
              scanned / blocks_of, count, static_cast<unsigned long long>(words));
  std::printf("visit, which counts                  %8.2f ns a block\n", walked / blocks_of);
  std::printf("visit, which reads a word of each    %8.2f ns a block\n",
              walked_looking / blocks_of);
  for (std::uint64_t* const block : blocks) {
    ashlar_rt_free(block);
  }
}

// One thread allocates, another frees, sizes change from round to round.
void churn(ashlar_rt_realm_t* realm, std::atomic<std::uint64_t>* goals) {
  Thread thread(realm);
  constexpr std::size_t kBlocks = 100'000;
  std::vector<void*> blocks(kBlocks);
  std::size_t most_held = 0;
  std::size_t most_reserved = 0;
  double most_resident = 0;
  const double before = resident_mib();
  for (std::size_t round = 0; round < 200; ++round) {
    const std::size_t size = std::size_t{32} << (round % 5);
    for (void*& block : blocks) {
      block = ashlar_rt_malloc(thread.heap(2), size);
    }
    std::thread([&] {
      for (void* const block : blocks) {
        ashlar_rt_free(block);
      }
    }).join();
    ashlar_rt_collect(&thread.storage, 0);
    ashlar_rt_stats_t stats{};
    stats.size = sizeof stats;
    ashlar_rt_stats(realm, ASHLAR_RT_ALL_TAGS, &stats);
    most_held = std::max(most_held, stats.held_bytes);
    most_reserved = std::max(most_reserved, stats.reserved);
    most_resident = std::max(most_resident, resident_mib() - before);
  }
  std::printf("churn: live at most                  %8.1f MiB\n", kBlocks * 512 / double{1 << 20});
  std::printf(
      "churn: held after a round, at most   %8.1f MiB (goals lag by %llu pages: %.1f MiB)\n",
      static_cast<double>(most_held) / (1 << 20), static_cast<unsigned long long>(kLag),
      static_cast<double>(kLag) / 16);
  std::printf("churn: resident, at most             %8.1f MiB\n", most_resident);
  *goals += 2 * kLag;
  ashlar_rt_collect(&thread.storage, ASHLAR_RT_COLLECT_ORPHANS | ASHLAR_RT_COLLECT_PURGE);
  std::printf("churn: resident after the last goal  %8.1f MiB\n", resident_mib() - before);
}

// Pairs in a loop, so that slow paths count: on a heap of the interface, and by raw allocation.
void pairs(ashlar_rt_realm_t* realm) {
  Thread thread(realm);
  constexpr int kPairs = 20'000'000;
  double least[2] = {1e18, 1e18};
  for (int series = 0; series < 5; ++series) {
    ashlar_rt_heap_t* const heap = thread.heap(1);
    void* const stays = ashlar_rt_malloc(heap, 48);
    Clock::time_point start = Clock::now();
    for (int i = 0; i < kPairs; ++i) {
      void* volatile block = ashlar_rt_malloc(heap, 48);
      ashlar_rt_free(block);
    }
    least[0] = std::min(least[0], nanoseconds_since(start) / kPairs);
    ashlar_rt_free(stays);
    void* const raw = ashlar_rt_raw_malloc(48);
    start = Clock::now();
    for (int i = 0; i < kPairs; ++i) {
      void* volatile block = ashlar_rt_raw_malloc(48);
      ashlar_rt_raw_free(block);
    }
    least[1] = std::min(least[1], nanoseconds_since(start) / kPairs);
    ashlar_rt_raw_free(raw);
  }
  std::printf("malloc and free on a held heap       %8.2f ns\n", least[0]);
  std::printf("raw malloc and free                  %8.2f ns\n", least[1]);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t count = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 10'000'000;
  std::atomic<std::uint64_t> goals{kLag};
  ashlar_rt_ops_t ops{};
  ops.size = sizeof ops;
  ops.page_empty = page_empty;
  ops.goal_reached = goal_reached;
  ashlar_rt_realm_t* const realm = ashlar_rt_realm_new(&ops, &goals);
  attach_and_detach(realm);
  pairs(realm);
  churn(realm, &goals);
  walk(realm, count);
  ashlar_rt_realm_destroy(realm, nullptr);
  return 0;
}
