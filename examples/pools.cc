// A service whose requests have a heap each: all that a request builds, in standard containers, is
// gone when its heap is. Shows mi_heap_destroy_stl_allocator for that, mi_heap_stl_allocator for a
// table that frees as it goes, mi_stl_allocator for what outlives requests, and over-aligned
// elements. README.md says more.
#include <mimalloc-stats.h>
#include <mimalloc.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iterator>
#include <list>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

namespace {

#define CHECK(condition) ((condition) ? (void)0 : failed(#condition, __LINE__))

[[noreturn]] void failed(const char* what, int line) {
  std::fprintf(stderr, "pools: line %d: this does not hold: %s\n", line, what);
  std::exit(1);
}

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 2654435761u + 1) {}
  std::uint64_t below(std::uint64_t n) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return (state_ >> 33) % n;
  }

 private:
  std::uint64_t state_;
};

// What a client sends: words, some of them often, some too long for a string's own bytes.
std::string make_text(std::uint64_t number, std::uint64_t seed) {
  Random random(seed ^ number);
  std::string text;
  for (std::uint64_t i = 200 + random.below(400); i > 0; --i) {
    const std::uint64_t word = random.below(1 + random.below(150));
    text += word % 7 == 0 ? "a-word-of-more-than-fifteen-letters-" : "word-";
    text += std::to_string(word);
    text += ' ';
  }
  return text;
}

// --- A request: its containers live in one heap, and never free anything by themselves ---

template <class T>
using Scratch = mi_heap_destroy_stl_allocator<T>;
using ScratchString = std::basic_string<char, std::char_traits<char>, Scratch<char>>;

struct Hash {
  std::size_t operator()(const ScratchString& text) const {
    return std::hash<std::string_view>()({text.data(), text.size()});
  }
};

using Counts = std::unordered_map<ScratchString, unsigned, Hash, std::equal_to<ScratchString>,
                                  Scratch<std::pair<const ScratchString, unsigned>>>;

// A heap that ends with its request, whatever way that ends.
class RequestHeap {
 public:
  RequestHeap() : heap_(mi_heap_new()) { CHECK(heap_ != nullptr); }
  RequestHeap(const RequestHeap&) = delete;
  RequestHeap& operator=(const RequestHeap&) = delete;
  ~RequestHeap() { mi_heap_destroy(heap_); }
  mi_heap_t* get() const { return heap_; }

 private:
  mi_heap_t* heap_;
};

// --- What outlives requests: from the library too, whatever the process uses for malloc ---

using Reply = std::basic_string<char, std::char_traits<char>, mi_stl_allocator<char>>;

// The three words that occur most often, and how often.
Reply answer(const std::string& text, std::atomic<std::size_t>* scratch_bytes) {
  const RequestHeap heap;
  const Scratch<char> allocator(heap.get());
  Counts counts(16, Hash(), std::equal_to<ScratchString>(), allocator);
  for (std::size_t start = 0, end; (end = text.find(' ', start)) != std::string::npos;
       start = end + 1)
    ++counts[ScratchString(text.data() + start, end - start, allocator)];

  using Row = std::pair<unsigned, ScratchString>;
  std::vector<Row, Scratch<Row>> rows{Scratch<Row>(allocator)};
  for (const auto& [word, count] : counts) {
    CHECK(mi_heap_contains(heap.get(), &word));  // the node, and the bytes of a long word
    CHECK(word.size() <= 15 || mi_heap_contains(heap.get(), word.data()));
    rows.emplace_back(count, word);
  }
  CHECK(mi_heap_contains(heap.get(), rows.data()));
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });

  Reply reply;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, rows.size()); ++i) {
    reply.append(rows[i].second.data(), rows[i].second.size());
    reply += '=';
    reply += std::to_string(rows[i].first).c_str();
    reply += ' ';
  }
  mi_stats_t stats;
  mi_stats_init(&stats);
  CHECK(mi_heap_stats_get(heap.get(), &stats));
  CHECK(stats.malloc_normal_count.total >= static_cast<std::int64_t>(counts.size()));
  scratch_bytes->fetch_add(static_cast<std::size_t>(stats.malloc_normal.current),
                           std::memory_order_relaxed);
  return reply;
}

// The same, by the shortest way.
std::string expected_answer(const std::string& text) {
  std::map<std::string, unsigned> counts;
  for (std::size_t start = 0, end; (end = text.find(' ', start)) != std::string::npos;
       start = end + 1)
    ++counts[text.substr(start, end - start)];
  std::set<std::pair<std::int64_t, std::string>> rows;  // by falling count
  for (const auto& [word, count] : counts) rows.emplace(-std::int64_t{count}, word);
  std::string reply;
  for (auto row = rows.begin(); row != rows.end() && std::distance(rows.begin(), row) < 3; ++row)
    reply += row->second + '=' + std::to_string(-row->first) + ' ';
  return reply;
}

// The last replies. Its heap is its own and ends with it; whatever falls out is freed at once.
class Cache {
 public:
  explicit Cache(std::size_t most) : most_(most) {}
  bool find(std::uint64_t key, Reply* reply) {
    const std::lock_guard<std::mutex> guard(lock_);
    for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
      if (entry->first != key) continue;
      entries_.splice(entries_.begin(), entries_, entry);
      *reply = entry->second;
      return true;
    }
    return false;
  }
  void add(std::uint64_t key, const Reply& reply) {
    const std::lock_guard<std::mutex> guard(lock_);
    entries_.emplace_front(key, reply);
    CHECK(mi_heap_contains(entries_.get_allocator().heap(), &entries_.front()));
    if (entries_.size() > most_) entries_.pop_back();
  }

 private:
  using Entry = std::pair<std::uint64_t, Reply>;
  const std::size_t most_;
  std::mutex lock_;
  std::list<Entry, mi_heap_stl_allocator<Entry>> entries_;
};

// Counters of one worker each: a cache line of their own, so that workers do not slow each other.
struct alignas(64) Counters {
  std::size_t answered = 0, from_cache = 0;
};

std::int64_t heaps_now() {
  mi_stats_t stats;
  mi_stats_init(&stats);
  CHECK(mi_stats_get(&stats));
  return stats.heaps.current;
}

void serve(std::uint64_t seed) {
  constexpr std::size_t kWorkers = 3;
  constexpr std::size_t kRequests = 500;  // of each worker
  Cache cache(64);
  std::atomic<std::size_t> scratch_bytes{0};
  std::vector<Counters, mi_stl_allocator<Counters>> counters(kWorkers);
  std::vector<std::thread> workers;
  for (std::size_t w = 0; w < kWorkers; ++w) {
    CHECK(reinterpret_cast<std::uintptr_t>(&counters[w]) % 64 == 0);
    workers.emplace_back([&, w] {
      Random random(seed + w);
      for (std::size_t i = 0; i < kRequests; ++i) {
        const std::uint64_t number = random.below(200);
        const std::string text = make_text(number, seed);
        Reply reply;
        if (cache.find(number, &reply)) {
          ++counters[w].from_cache;
        } else {
          reply = answer(text, &scratch_bytes);
          cache.add(number, reply);
        }
        CHECK(expected_answer(text) == reply.c_str());
        ++counters[w].answered;
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  Counters sum;
  for (const Counters& one : counters) {
    CHECK(one.answered == kRequests);
    sum.answered += one.answered;
    sum.from_cache += one.from_cache;
  }
  CHECK(sum.from_cache > 0 && sum.from_cache < sum.answered);
  std::printf("pools: %zu requests, %zu of them from the cache, %zu KiB of scratch memory each\n",
              sum.answered, sum.from_cache,
              scratch_bytes.load() / (sum.answered - sum.from_cache) >> 10);
}

}  // namespace

int main(int argc, char** argv) {
  const bool seeded = argc == 3 && std::strcmp(argv[1], "--seed") == 0;
  if (argc != 1 && !seeded) {
    std::fprintf(stderr, "usage: pools [--seed N]\n");
    return 2;
  }
  const std::uint64_t seed = seeded ? std::strtoull(argv[2], nullptr, 0) : 1;
  std::printf("pools: seed %llu\n", static_cast<unsigned long long>(seed));
  const std::int64_t heaps = heaps_now();
  serve(seed);
  std::printf("pools: heaps before %lld, after %lld\n", static_cast<long long>(heaps),
              static_cast<long long>(heaps_now()));
  CHECK(heaps_now() == heaps);
  return 0;
}
