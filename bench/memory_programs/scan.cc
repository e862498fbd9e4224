// Memory full of small nodes in a ring of random order, walked node by node, then in the order of
// allocation: what huge pages gain, and what they hold. Arguments: MIB, rounds of the ring.
#include "probe.h"

namespace {

struct Node {
  Node* next;
  Node* beside;
  std::uint64_t words[6];
};

}  // namespace

int main(int argc, char** argv) {
  const std::size_t count = (probe::argument(argc, argv, 1) << 20) / sizeof(Node);
  const std::uint64_t turns = probe::argument(argc, argv, 2);
  const probe::Memory start = probe::start();
  Node** nodes = probe::table<Node*>(count);
  for (std::size_t i = 0; i < count; i++) {
    nodes[i] = static_cast<Node*>(probe::filled(sizeof(Node)));
    if (i != 0) nodes[i]->beside = nodes[i - 1];
  }
  nodes[0]->beside = nullptr;
  Node* last = nodes[count - 1];
  workload::Random random(1);
  for (std::size_t i = count - 1; i > 0; i--) {
    const std::size_t other = random.below(i + 1);
    Node* node = nodes[i];
    nodes[i] = nodes[other];
    nodes[other] = node;
  }
  for (std::size_t i = 0; i < count; i++) nodes[i]->next = nodes[(i + 1) % count];
  Node* node = nodes[0];
  probe::drop_table(nodes, count);

  const std::int64_t begin = probe::microseconds();
  for (std::uint64_t i = 0; i < turns * count; i++) node = node->next;
  workload::keep(node);
  const std::int64_t walked = probe::microseconds();
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < 4 * turns; i++) {
    for (node = last; node != nullptr; node = node->beside) sum += node->words[3];
  }
  workload::keep(&sum);
  const std::int64_t end = probe::microseconds();
  const probe::Memory memory = probe::memory();
  probe::tell("walk_us", walked - begin);
  probe::tell("scan_us", end - walked);
  probe::tell("resident_kib", memory.resident_kib - start.resident_kib);
  probe::tell("huge_kib", memory.huge_kib);
  return 0;
}
