// Runs each mutant of the simulator until a seed shows its planted bug. A
// mutant that lives means that a check is blind.

#ifndef BRAID_TESTS_SIM_MUTANT_HUNT_H_
#define BRAID_TESTS_SIM_MUTANT_HUNT_H_

#include <cstdint>
#include <string>

namespace braid {

// Looks for the mutants in `dir` (tests/mutants in the runfiles), prints one
// line each, and returns the number that lived; -1 when there are none at all.
int HuntMutants(const std::string& dir, uint64_t seeds, int jobs);

}  // namespace braid

#endif  // BRAID_TESTS_SIM_MUTANT_HUNT_H_
