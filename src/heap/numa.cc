// Counting NUMA nodes once, and choosing one for a claim.
#include "heap/numa.h"

#include "heap/realm.h"
#include "os/system.h"
#include "support/options.h"

namespace ashlar {

constinit RelaxedNumber<int> known_numa_nodes;

int numa_node_count() {
  int count = known_numa_nodes.get();
  if (count == 0) {
    const unsigned there_are = System::numa_node_count();
    count = static_cast<int>(there_are);
    const long limit = option_get(Option::kUseNumaNodes);
    if (limit > 0 && limit < count) {
      count = static_cast<int>(limit);
    }
    known_numa_nodes.set(count);
  }
  return count;
}

int wrap_numa_node(int node) { return node < 0 ? -1 : node % numa_node_count(); }

int preferred_numa_node(const Heap* heap) {
  // Most processes have no arena of any node: nothing is asked for then.
  if (!heap->realm->arenas.tells_nodes_apart()) {
    return -1;
  }
  const int nodes = numa_node_count();
  if (nodes == 1) {
    return -1;
  }
  const int node = heap->numa_node.get();
  return node >= 0 ? node % nodes : static_cast<int>(System::numa_node()) % nodes;
}

}  // namespace ashlar
