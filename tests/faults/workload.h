// The program that is run while OS calls fail: every way of allocating, in every regime of sizes,
// with all live blocks checked after each step. It uses no container, since those allocate, too.
#ifndef ASHLAR_TEST_FAULTS_WORKLOAD_H
#define ASHLAR_TEST_FAULTS_WORKLOAD_H

namespace faults {

enum class Demand : bool { kMayFail, kMustSucceed };

// Runs all of it and frees what it took. Returns nullptr when all is well, else what is not:
// a NULL without ENOMEM, a block that changed, an allocation that failed where none may.
const char* run_workload(Demand demand);

}  // namespace faults

#endif  // ASHLAR_TEST_FAULTS_WORKLOAD_H
