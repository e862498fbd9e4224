// A columnar store: tables of columns whose buffers are aligned to 64 bytes and come from a memory
// pool. Shows aligned allocation and growth, sized free, buffers made by one thread and dropped by
// another, memory given back on request, and the figures of the process. README.md says more.
#include <mimalloc-stats.h>
#include <mimalloc.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

#define CHECK(condition) ((condition) ? (void)0 : failed(#condition, __LINE__))

[[noreturn]] void failed(const char* what, int line) {
  std::fprintf(stderr, "columnar: line %d: this does not hold: %s\n", line, what);
  std::exit(1);
}

constexpr std::size_t kAlignment = 64;  // of a cache line, and of the widest vector register

// What all memory of columns comes from; programs may bring their own.
class MemoryPool {
 public:
  virtual ~MemoryPool() = default;
  // False, and nothing changed, where there is no memory.
  virtual bool allocate(std::size_t size, std::uint8_t** data) = 0;
  virtual bool reallocate(std::size_t old_size, std::size_t size, std::uint8_t** data) = 0;
  virtual void free(std::uint8_t* data, std::size_t size) = 0;
  // Gives memory that no buffer needs back to the system.
  virtual void release_unused() = 0;
  // The allocator's own account, a line an entry.
  virtual std::vector<std::string> statistics() const = 0;

  std::size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  std::size_t most_bytes() const { return most_bytes_.load(std::memory_order_relaxed); }
  std::size_t allocations() const { return allocations_.load(std::memory_order_relaxed); }

 protected:
  void count(std::size_t before, std::size_t after) {
    const std::size_t bytes =
        bytes_.fetch_add(after - before, std::memory_order_relaxed) + (after - before);
    std::size_t most = most_bytes();
    while (bytes > most &&
           !most_bytes_.compare_exchange_weak(most, bytes, std::memory_order_relaxed)) {
    }
    if (before == 0) allocations_.fetch_add(1, std::memory_order_relaxed);
  }

 private:
  std::atomic<std::size_t> bytes_{0}, most_bytes_{0}, allocations_{0};
};

class MiMemoryPool final : public MemoryPool {
 public:
  bool allocate(std::size_t size, std::uint8_t** data) override {
    void* const block = size == 0 ? nothing : mi_malloc_aligned(size, kAlignment);
    return block != nullptr && adopt(block, 0, size, data);
  }
  bool reallocate(std::size_t old_size, std::size_t size, std::uint8_t** data) override {
    if (old_size == 0) return allocate(size, data);
    if (size == 0) {
      free(*data, old_size);
      *data = nothing;
      return true;
    }
    void* const block = mi_realloc_aligned(*data, size, kAlignment);
    return block != nullptr && adopt(block, old_size, size, data);
  }
  void free(std::uint8_t* data, std::size_t size) override {
    if (size == 0) return;
    mi_free_size_aligned(data, size, kAlignment);
    count(size, 0);
  }
  void release_unused() override { mi_collect(true); }
  std::vector<std::string> statistics() const override {
    std::vector<std::string> lines;
    mi_stats_print_out(
        [](const char* line, void* arg) {
          static_cast<std::vector<std::string>*>(arg)->emplace_back(line);
        },
        &lines);
    return lines;
  }

 private:
  alignas(kAlignment) static inline std::uint8_t nothing[1];  // of which empty buffers are made

  bool adopt(void* block, std::size_t old_size, std::size_t size, std::uint8_t** data) {
    *data = static_cast<std::uint8_t*>(block);
    CHECK(reinterpret_cast<std::uintptr_t>(block) % kAlignment == 0);
    CHECK(size == 0 || mi_usable_size(block) >= size);
    if (size != 0) count(old_size, size);
    return true;
  }
};

// Memory of a pool that grows, and ends with its owner.
class Buffer {
 public:
  explicit Buffer(MemoryPool* pool) : pool_(pool) { CHECK(pool_->allocate(0, &data_)); }
  Buffer(Buffer&& other) noexcept : pool_(other.pool_), data_(other.data_) {
    size_ = std::exchange(other.size_, 0);
    room_ = std::exchange(other.room_, 0);
  }
  Buffer& operator=(Buffer&&) = delete;
  ~Buffer() { pool_->free(data_, room_); }

  std::size_t size() const { return size_; }
  std::size_t room() const { return room_; }
  const std::uint8_t* data() const { return data_; }

  void append(const void* bytes, std::size_t count) {
    if (size_ + count > room_) resize(std::max({size_ + count, 2 * room_, kAlignment}));
    std::memcpy(data_ + size_, bytes, count);
    size_ += count;
  }
  void shrink_to_fit() { resize(size_); }

 private:
  void resize(std::size_t room) {
    if (!pool_->reallocate(room_, room, &data_)) throw std::bad_alloc();
    room_ = room;
  }

  MemoryPool* pool_;
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0, room_ = 0;
};

template <class T>
class Column {
 public:
  explicit Column(MemoryPool* pool) : values_(pool) {}
  void append(T value) { values_.append(&value, sizeof value); }
  void finish() { values_.shrink_to_fit(); }
  std::size_t size() const { return values_.size() / sizeof(T); }
  T operator[](std::size_t row) const { return reinterpret_cast<const T*>(values_.data())[row]; }
  std::size_t bytes() const { return values_.room(); }

 private:
  Buffer values_;
};

// All texts one behind the other, and where each ends.
class TextColumn {
 public:
  explicit TextColumn(MemoryPool* pool) : ends_(pool), bytes_(pool) {}
  void append(const char* text, std::size_t length) {
    bytes_.append(text, length);
    ends_.append(static_cast<std::uint32_t>(bytes_.size()));
  }
  void finish() {
    ends_.finish();
    bytes_.shrink_to_fit();
  }
  std::string operator[](std::size_t row) const {
    const std::uint32_t start = row == 0 ? 0 : ends_[row - 1];
    return {reinterpret_cast<const char*>(bytes_.data()) + start, ends_[row] - start};
  }
  std::size_t bytes() const { return ends_.bytes() + bytes_.room(); }

 private:
  Column<std::uint32_t> ends_;
  Buffer bytes_;
};

struct Trip {
  std::string city;
  double distance;
  std::int32_t passengers;
};

struct Batch {
  explicit Batch(MemoryPool* pool) : city(pool), distance(pool), passengers(pool) {}
  void append(const Trip& trip) {
    city.append(trip.city.data(), trip.city.size());
    distance.append(trip.distance);
    passengers.append(trip.passengers);
  }
  void finish() {
    city.finish();
    distance.finish();
    passengers.finish();
  }
  std::size_t rows() const { return distance.size(); }
  std::size_t bytes() const { return city.bytes() + distance.bytes() + passengers.bytes(); }

  TextColumn city;
  Column<double> distance;
  Column<std::int32_t> passengers;
};

// A source of trips; the same seed gives the same trips.
class Trips {
 public:
  explicit Trips(std::uint64_t seed) : state_(seed * 2654435761u + 1) {}
  Trip next() {
    static const char* const cities[] = {"Oslo", "Lima", "Reykjavik", "Nairobi", "Ulaanbaatar"};
    return {cities[random() % 5], static_cast<double>(random() % 4000) / 8,
            static_cast<std::int32_t>(random() % 6)};
  }

 private:
  std::uint64_t random() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return state_ >> 33;
  }
  std::uint64_t state_;
};

struct Total {
  std::size_t trips = 0;
  double distance = 0;
  bool operator==(const Total& other) const {
    return trips == other.trips && distance == other.distance;
  }
};
using Totals = std::map<std::string, Total>;

constexpr std::int32_t kGroup = 3;

// SELECT city, distance WHERE passengers >= kGroup: first which rows, then a batch of them.
Batch filter(const Batch& batch, MemoryPool* pool) {
  Column<std::uint32_t> chosen(pool);
  for (std::uint32_t row = 0; row < batch.rows(); ++row)
    if (batch.passengers[row] >= kGroup) chosen.append(row);
  Batch result(pool);
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const std::uint32_t row = chosen[i];
    result.append({batch.city[row], batch.distance[row], batch.passengers[row]});
  }
  result.finish();
  return result;
}

// GROUP BY city. Distances are multiples of 1/8, so that sums are exact in any order.
void aggregate(const Batch& batch, Totals* totals) {
  for (std::size_t row = 0; row < batch.rows(); ++row) {
    Total& total = (*totals)[batch.city[row]];
    ++total.trips;
    total.distance += batch.distance[row];
  }
}

std::size_t resident() {
  std::size_t rss = 0;
  mi_process_info(nullptr, nullptr, nullptr, &rss, nullptr, nullptr, nullptr, nullptr);
  return rss;
}

constexpr double kMiB = 1 << 20;

// What the library says of all blocks of the process is no less than what the pool says of its own.
void check_statistics(const MemoryPool& pool) {
  mi_stats_t stats;
  mi_stats_init(&stats);
  CHECK(mi_stats_get(&stats));
  CHECK(stats.malloc_normal.current + stats.malloc_huge.current >=
        static_cast<std::int64_t>(pool.bytes()));
  CHECK(stats.malloc_normal_count.total + stats.malloc_huge_count.total >=
        static_cast<std::int64_t>(pool.allocations()));
}

// Loads a table by several threads, asks it, drops it, and looks at what is left.
void run(std::uint64_t seed, MemoryPool* pool) {
  constexpr std::size_t kBatches = 4;
  constexpr std::size_t kRows = 400000;
  std::vector<std::unique_ptr<Batch>> table(kBatches);
  std::vector<std::thread> loaders;
  for (std::size_t i = 0; i < kBatches; ++i) {
    loaders.emplace_back([&table, pool, seed, i] {
      Trips trips(seed + i);
      table[i] = std::make_unique<Batch>(pool);
      for (std::size_t row = 0; row < kRows; ++row) table[i]->append(trips.next());
      table[i]->finish();
    });
  }
  for (std::thread& loader : loaders) loader.join();

  Totals expected;
  std::size_t group_trips = 0;
  for (std::size_t i = 0; i < kBatches; ++i) {
    Trips trips(seed + i);
    for (std::size_t row = 0; row < kRows; ++row) {
      const Trip trip = trips.next();
      if (trip.passengers < kGroup) continue;
      ++group_trips;
      ++expected[trip.city].trips;
      expected[trip.city].distance += trip.distance;
    }
  }

  Totals totals;
  std::vector<Batch> groups;
  groups.reserve(kBatches);
  std::size_t table_bytes = 0;
  std::size_t group_bytes = 0;
  std::size_t rows = 0;
  for (const auto& batch : table) {
    groups.push_back(filter(*batch, pool));
    aggregate(groups.back(), &totals);
    table_bytes += batch->bytes();
    group_bytes += groups.back().bytes();
    rows += groups.back().rows();
  }
  CHECK(totals == expected && rows == group_trips);
  CHECK(pool->bytes() == table_bytes + group_bytes && pool->most_bytes() >= pool->bytes());
  check_statistics(*pool);
  for (const auto& [city, total] : totals)
    std::printf("  %-12s %7zu trips of groups, %10.1f km\n", city.c_str(), total.trips,
                total.distance);

  // The query's own scraps go first, so that what then goes is the table.
  pool->release_unused();
  const std::size_t before = resident();
  table.clear();
  pool->release_unused();
  const std::size_t after = resident();
  std::printf("  table of %.1f MiB dropped: %.1f MiB resident, then %.1f; result %.1f MiB\n",
              static_cast<double>(table_bytes) / kMiB, static_cast<double>(before) / kMiB,
              static_cast<double>(after) / kMiB, static_cast<double>(group_bytes) / kMiB);
  // Every byte of the table had been written, so all of it was resident. An eighth may stay: pages
  // at the ends of buffers, and memory that others of the process's threads and libraries took.
  CHECK(before >= after && before - after >= table_bytes - table_bytes / 8);
  CHECK(pool->bytes() == group_bytes);

  Totals again;
  for (const Batch& group : groups) aggregate(group, &again);
  CHECK(again == expected);
}

}  // namespace

int main(int argc, char** argv) {
  const bool seeded = argc == 3 && std::strcmp(argv[1], "--seed") == 0;
  if (argc != 1 && !seeded) {
    std::fprintf(stderr, "usage: columnar [--seed N]\n");
    return 2;
  }
  const std::uint64_t seed = seeded ? std::strtoull(argv[2], nullptr, 0) : 1;
  std::printf("columnar: seed %llu\n", static_cast<unsigned long long>(seed));
  MiMemoryPool pool;
  for (std::uint64_t round = 0; round < 2; ++round) run(seed + round, &pool);
  CHECK(pool.bytes() == 0);
  std::printf("  %zu buffers, at most %.1f MiB at once\n", pool.allocations(),
              static_cast<double>(pool.most_bytes()) / kMiB);
  std::size_t shown = 0;
  for (const std::string& line : pool.statistics()) {
    CHECK(!line.empty() && line.find('\n') >= line.size() - 1);
    if (line.find("malloc_huge ") == std::string::npos &&
        line.find("resident") == std::string::npos)
      continue;
    std::printf("  %s", line.c_str());
    ++shown;
  }
  CHECK(shown == 2);
  return 0;
}
