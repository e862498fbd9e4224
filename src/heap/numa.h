// NUMA nodes: how many are told apart, and whose memory a heap's next page should come from.
#pragma once

#include "base/relaxed.h"
#include "heap/heap.h"

namespace ashlar {

// How many nodes are told apart: those of the system, at most use_numa_nodes; at least 1. The
// system is asked once.
int numa_node_count();

// The count if it is known already, else 0. Tests may say that there are more than there are.
ASHLAR_HIDDEN extern constinit RelaxedNumber<int> known_numa_nodes;

// The number of a node as the program gives it: any number is one of the nodes there are, those
// below 0 are -1, which is any.
int wrap_numa_node(int node);

// Whose memory the heap's next page should come from, if it is claimed by this thread: its own
// node, if it has one, else the thread's. -1: any, above all where there is only one node.
int preferred_numa_node(const Heap* heap);

}  // namespace ashlar
