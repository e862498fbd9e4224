// A server under load: threads hold tables of long-lived blocks and replace random ones; after a
// while a thread ends and a new one takes its table over, so that blocks outlive the threads that
// made them and are freed by others (the pattern of Larson and Krishnan, 1998).
#include <thread>
#include <vector>

#include "workload.h"

namespace {

constexpr std::size_t kBlocks = 4000;
constexpr std::uint64_t kReplacements = 40000;  // by one thread, before its successor takes over

struct Table {
  struct Entry {
    void* block = nullptr;
    std::size_t size = 0;
  };
  Entry entries[kBlocks];
  workload::Random random{0};
  std::uint64_t checksum = 0;

  void replace(Entry& entry) {
    if (entry.block != nullptr) {
      checksum += workload::stamp_of(entry.block, entry.size);
      std::free(entry.block);
    }
    entry.size = static_cast<std::size_t>(random.between(10, 500));
    entry.block = workload::allocate(entry.size);
    workload::stamp(entry.block, entry.size, random.next());
  }
};

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = workload::parse(argc, argv, {100, 1, 4});
  std::vector<Table> tables(arguments.threads);
  std::vector<std::thread> chains;
  for (unsigned i = 0; i < arguments.threads; i++)
    tables[i].random = workload::Random(arguments.seed + i);
  for (Table& table : tables) {
    chains.emplace_back([&table, generations = arguments.size] {
      for (std::uint64_t generation = 0; generation < generations; generation++) {
        std::thread worker([&table] {
          for (auto& entry : table.entries) {
            if (entry.block == nullptr) table.replace(entry);
          }
          for (std::uint64_t i = 0; i < kReplacements; i++) {
            table.replace(table.entries[table.random.below(kBlocks)]);
          }
        });
        worker.join();
      }
    });
  }
  for (auto& chain : chains) chain.join();
  std::uint64_t checksum = 0;
  for (Table& table : tables) {
    for (auto& entry : table.entries) {
      if (entry.block == nullptr) continue;
      table.checksum += workload::stamp_of(entry.block, entry.size);
      std::free(entry.block);
    }
    checksum += table.checksum;
  }
  return workload::finish(checksum);
}
