// GET /2/usage/tweets and Gnip's metrics/usage: what was consumed.
//
// Pure over the ledger. Threads: the emulator's loop.

#ifndef BRAID_TESTS_EMULATOR_REST_USAGE_H_
#define BRAID_TESTS_EMULATOR_REST_USAGE_H_

#include "tests/emulator/http_text.h"
#include "tests/emulator/route_table.h"
#include "tests/emulator/usage_ledger.h"

namespace braid::emulator {

HttpAnswer V2Usage(const RouteRequest& request, const UsageLedger& ledger, uint64_t project_cap);
HttpAnswer GnipUsage(const RouteRequest& request, const UsageLedger& ledger);

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_REST_USAGE_H_
