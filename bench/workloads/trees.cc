// Builds and drops complete binary trees of many depths beside one that lives throughout, with
// plain new and delete of one small node size. The shape of parsers, ordered maps and scene graphs:
// deep recursion, whole structures that die at once.
#include "workload.h"

namespace {

struct Node {
  Node* left;
  Node* right;
  std::uint64_t value;
};

Node* build(unsigned depth, std::uint64_t value) {
  auto* node = new Node{nullptr, nullptr, value};
  workload::keep(node);
  if (depth > 0) {
    node->left = build(depth - 1, value * 2);
    node->right = build(depth - 1, value * 2 + 1);
  }
  return node;
}

std::uint64_t drop(Node* node) {
  std::uint64_t sum = node->value;
  if (node->left != nullptr) sum += drop(node->left) + drop(node->right);
  delete node;
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = workload::parse(argc, argv, {18, 1, 1});
  const auto deepest = static_cast<unsigned>(arguments.size);
  if (deepest < 4 || deepest > 26) workload::fail("the size is the greatest depth, 4 to 26");
  std::uint64_t checksum = 0;
  Node* lasting = build(deepest, arguments.seed);
  for (unsigned depth = 4; depth <= deepest; depth += 2) {
    const unsigned count = 1U << (deepest - depth + 2);
    for (unsigned i = 0; i < count; i++) checksum += drop(build(depth, i));
  }
  checksum += drop(lasting);
  return workload::finish(checksum);
}
