// The part of RecoveryJobs that says what is to be planned: for a gap, for what
// somebody asked, for what a job still lacks.

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/utc_text.h"
#include "dedupe/cover_keys.h"
#include "dedupe/recovery_jobs.h"
#include "dedupe/recovery_step_parts.h"
#include "proto/snowflake.h"
#include "proto/time_range.h"

namespace braid {

using store::v1::RecoveryInput;
using store::v1::StoredGap;
using v1::RecoveryJob;

PlanRequest RecoveryJobs::RequestOf(const StoredGap& gap, Interval span) const {
  PlanRequest request;
  request.from = absl::FromUnixMicros(span.from);
  request.until = absl::FromUnixMicros(span.until);
  request.growing = gap.growing() && span.until == gap.until_micros();
  request.kind = gap.kind();
  request.usual_rate = gap.usual_rate();
  if (gap.spool_until_micros() > 0) {
    request.spool_until = absl::FromUnixMicros(gap.spool_until_micros());
  }
  return request;
}

absl::StatusOr<PlanRequest> RecoveryJobs::RequestOf(const RecoveryInput::Create& create,
                                                    uint32_t* partition) const {
  PlanRequest request;
  Interval span{create.from_micros(), create.until_micros()};
  *partition = create.partition();
  if (create.gap() > 0) {
    StoredGap gap;
    auto known = gaps_->ledger().gaps().find(create.gap());
    if (known != gaps_->ledger().gaps().end()) {
      gap = known->second;
    } else {
      absl::StatusOr<std::string> bytes = store_.Get(Table::kCover, CoverGapKey(create.gap()));
      if (!bytes.ok() || !gap.ParseFromString(*bytes)) {
        return absl::NotFoundError(absl::StrCat("there is no gap ", create.gap()));
      }
    }
    *partition = gap.partition();
    request = RequestOf(gap, {gap.from_micros(), gap.until_micros()});
  } else if (create.post_ids_size() > 0) {
    const auto [first, last] =
        std::minmax_element(create.post_ids().begin(), create.post_ids().end());
    request.from = SnowflakeTime(*first);
    request.until = SnowflakeTime(*last) + absl::Milliseconds(1);
    request.post_ids.assign(create.post_ids().begin(), create.post_ids().end());
    // A post is looked up anywhere.
    if (*partition == 0 && !gaps_->lives().partitions().empty()) {
      *partition = gaps_->lives().partitions().front();
    }
  } else {
    request.from = absl::FromUnixMicros(span.from);
    request.until = absl::FromUnixMicros(span.until);
    request.usual_rate = gaps_->usual_rate();
    request.kind = KindWithin(*partition, span);
  }
  std::vector<uint32_t> partitions = gaps_->lives().partitions();
  if (std::count(partitions.begin(), partitions.end(), *partition) == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("the stream has no partition ", *partition,
                     partitions.size() > 1 ? ": name the one that lacks it" : ""));
  }
  request.by_hand = true;
  request.method = request.post_ids.empty() ? create.method() : RecoveryJob::METHOD_LOOKUP;
  if (create.margin_micros() >= 0) request.margin = absl::Microseconds(create.margin_micros());
  return request;
}

PlanRequest RecoveryJobs::RequestFor(const Job& job, Interval span) const {
  PlanRequest request;
  request.from = absl::FromUnixMicros(span.from);
  request.until = absl::FromUnixMicros(span.until);
  request.by_hand = !IsAutomatic(job.job());
  request.method = job.job().method();
  request.post_ids.assign(job.job().post_ids().begin(), job.job().post_ids().end());
  request.usual_rate = gaps_->usual_rate();
  if (request.by_hand && job.margin_micros() >= 0) {
    request.margin = absl::Microseconds(job.margin_micros());
  }
  for (int method : job.spent()) request.spent.push_back(static_cast<RecoveryMethod>(method));
  for (const auto& [number, gap] : gaps_->ledger().gaps()) {
    bool holds = gap.partition() == job.job().partition() && gap.from_micros() <= span.from &&
                 span.from < gap.until_micros() && IsOfCover(gap);
    if (holds) request.kind = gap.kind();
  }
  return request;
}

// Of what somebody asks for: where a part of it is known to come by no backfill.
v1::Gap::Kind RecoveryJobs::KindWithin(uint32_t partition, Interval span) const {
  v1::Gap::Kind kind = v1::Gap::KIND_UNSPECIFIED;
  for (const auto& [number, gap] : gaps_->ledger().gaps()) {
    Interval touched = Intersection(span, {gap.from_micros(), gap.until_micros()});
    if (gap.partition() != partition || !IsOpen(gap) || touched.empty()) continue;
    if (gap.kind() == v1::Gap::KIND_BUFFER_DISCARDED) return gap.kind();
    if (gap.kind() == v1::Gap::KIND_PAUSED) kind = gap.kind();
  }
  return kind;
}

// Each of them, so that what does not come is what X has no more.
absl::Status RecoveryJobs::CheckPostTimes(const PlanRequest& request, const Facts& facts) const {
  std::vector<uint64_t> future, old;
  for (uint64_t id : request.post_ids) {
    const absl::Time created = SnowflakeTime(id);
    if (created > facts.now + options_.clock_error_max) future.push_back(id);
    // Whole seconds are asked for.
    if (created < Lowest(facts) + absl::Seconds(1)) old.push_back(id);
  }
  if (!future.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "no post has such an id yet, by the time that it holds: ", absl::StrJoin(future, ", ")));
  }
  if (!old.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "created before ", UtcText(Lowest(facts)),
        ", below the log's floor, and could stand twice; leave out: ", absl::StrJoin(old, ", ")));
  }
  return absl::OkStatus();
}

absl::Time RecoveryJobs::Lowest(const Facts& facts) const {
  return facts.floor + options_.floor_margin;
}

}  // namespace braid
