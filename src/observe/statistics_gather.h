// Filling the statistics from what the rooms below count.
#pragma once

#include "heap/heap.h"
#include "heap/realm.h"
#include "observe/statistics.h"

namespace ashlar {

// kExclusive: what is counted of the realm itself, and of heaps that are gone; kAll: with the heaps
// that there are.
enum class StatisticsScope : bool { kAll, kExclusive };

// All of them may be called while other threads go on; each page's numbers are of one moment, sums
// mix moments of the call (observe/block_census.h). Linear in the slices of the realm's arenas.
void gather_realm(const Realm* realm, StatisticsScope scope, Statistics* into);
void gather_heap(const Heap* heap, Statistics* into);
void gather_thread(Statistics* into);

// From now on nothing has happened yet: totals are 0, peaks are what there is now.
void reset_statistics(Realm* realm);

// Moves what a heap has counted to its realm, and lets it begin anew.
void merge_heap_statistics(Heap* heap);

}  // namespace ashlar
