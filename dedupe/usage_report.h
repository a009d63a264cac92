// What AdminService.GetUsage answers: read from the store, so that no merger
// thread waits for it. Any thread.

#ifndef BRAID_DEDUPE_USAGE_REPORT_H_
#define BRAID_DEDUPE_USAGE_REPORT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "braid/v1/admin_service.pb.h"
#include "dedupe/store.h"
#include "dedupe/usage_limits.h"

namespace braid {

struct UsageFacts {
  // Short name.
  std::string stream;
  // X time.
  absl::Time now;
  std::vector<UsageLimit> limits;
  int reset_day = 1;
  // Since 1970: of days before nothing is known.
  int32_t first_day = 0;
};

// InvalidArgument for a number of days out of range.
absl::StatusOr<v1::Usage> ReportUsage(const Store& store, const UsageFacts& facts,
                                      const v1::GetUsageRequest& request);

}  // namespace braid

#endif  // BRAID_DEDUPE_USAGE_REPORT_H_
