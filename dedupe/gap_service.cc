#include "dedupe/gap_service.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/interval_set.h"
#include "dedupe/access.h"
#include "dedupe/certificate.h"
#include "dedupe/cover_book.h"
#include "dedupe/cover_keys.h"
#include "dedupe/gap_ledger.h"
#include "dedupe/grpc_calls.h"
#include "dedupe/minute_book.h"
#include "dedupe/numbered.h"
#include "dedupe/recovery_source.h"
#include "dedupe/stream_name.h"
#include "proto/proto_time.h"
#include "proto/reason.h"

namespace braid {
namespace {

using store::v1::StoredGap;

// Stands in the log and in the gap.
constexpr size_t kReasonMax = 200;
constexpr int64_t kBucketsMax = 2000;
constexpr int64_t kBucketsDefault = 120;
constexpr int64_t kSecondMicros = 1'000'000;
// How soon a watcher hears of a change.
constexpr absl::Duration kWatchInterval = absl::Milliseconds(500);
constexpr absl::Duration kWatchHeartbeat = absl::Seconds(10);

Interval RangeOf(const v1::TimeRange& range) {
  Interval interval{0, INT64_MAX};
  if (range.has_start_time()) interval.from = absl::ToUnixMicros(ToTime(range.start_time()));
  if (range.has_end_time()) interval.until = absl::ToUnixMicros(ToTime(range.end_time()));
  return interval;
}

bool Matches(const StoredGap& gap, const v1::GapFilter& filter) {
  auto is_in = [](const auto& wanted, int value) {
    return wanted.empty() || std::find(wanted.begin(), wanted.end(), value) != wanted.end();
  };
  if (!is_in(filter.states(), gap.state()) || !is_in(filter.kinds(), gap.kind())) return false;
  if (filter.partition() != 0 && gap.partition() != filter.partition()) return false;
  Interval range = RangeOf(filter.range());
  return gap.from_micros() < range.until && (gap.growing() || gap.until_micros() > range.from);
}

absl::Status CheckFilter(const v1::GapFilter& filter) {
  if (!RangeOf(filter.range()).empty()) return absl::OkStatus();
  return absl::InvalidArgumentError("filter.range ends before it starts");
}

// Gaps from `from` down, newest first, until `visit` returns false.
absl::Status ScanGaps(const Store& store, uint64_t from,
                      absl::FunctionRef<bool(const StoredGap&)> visit) {
  absl::Status bad;
  absl::Status status = store.ScanBack(
      Table::kCover, CoverGapKey(from), [&](absl::string_view key, absl::string_view value) {
        if (key[0] != kCoverGap) return false;
        StoredGap gap;
        if (!gap.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
          bad = absl::DataLossError("a gap can not be read");
          return false;
        }
        return visit(gap);
      });
  return status.ok() ? bad : status;
}

uint64_t HashArguments(const v1::ListGapsRequest& request) {
  return Hash64(absl::StrCat(request.parent(), "\n", request.filter().SerializeAsString()));
}

absl::Status NoSuchGap(const std::string& name) {
  return ReasonError(absl::StatusCode::kNotFound, absl::StrCat("there is no gap ", name),
                     {"UNKNOWN_GAP", {{"gap", name}}});
}

// The buckets of a query.
struct Buckets {
  Interval range;
  int64_t width = 0;
  std::vector<Interval> all;
};

absl::StatusOr<Buckets> BucketsOf(const v1::QueryCoverageRequest& request) {
  Buckets buckets;
  if (!request.range().has_start_time() || !request.range().has_end_time()) {
    return absl::InvalidArgumentError("range needs a start_time and an end_time");
  }
  buckets.range = RangeOf(request.range());
  if (buckets.range.empty() || buckets.range.from < 0) {
    return absl::InvalidArgumentError("range ends before it starts");
  }
  int64_t length = buckets.range.until - buckets.range.from;
  buckets.width = absl::ToInt64Microseconds(ToDuration(request.bucket()));
  if (!request.has_bucket()) {
    int64_t seconds = (length / kBucketsDefault + kSecondMicros - 1) / kSecondMicros;
    buckets.width = std::max<int64_t>(1, seconds) * kSecondMicros;
  }
  if (buckets.width < kSecondMicros) {
    return absl::InvalidArgumentError("bucket is shorter than 1 s");
  }
  if (length / buckets.width >= kBucketsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("the range has more than ", kBucketsMax,
                     " buckets of this width: ask for wider ones, or for less"));
  }
  for (int64_t at = buckets.range.from; at < buckets.range.until; at += buckets.width) {
    buckets.all.push_back({at, std::min(at + buckets.width, buckets.range.until)});
  }
  return buckets;
}

float ShareOf(const IntervalSet& spans, Interval bucket) {
  return static_cast<float>(static_cast<double>(spans.Measure(bucket)) /
                            static_cast<double>(bucket.until - bucket.from));
}

// Start of the stream's first cover; the end of time where there is none.
int64_t BaseOf(const Store& store) {
  store::v1::GapState state;
  absl::StatusOr<std::string> bytes = store.Get(Table::kCover, std::string(1, kCoverState));
  bool known = bytes.ok() && state.ParseFromString(*bytes) && state.base_micros() > 0;
  return known ? state.base_micros() : INT64_MAX;
}

// What a merged row shows: cover of any source of a partition, and its gaps.
struct Merged {
  uint32_t partition = 0;
  // Before the stream's first cover nothing is known.
  int64_t base_micros = 0;
  IntervalSet covered;
  std::vector<StoredGap> gaps;
};

void FillMerged(const Merged& merged, const Buckets& buckets, int64_t now_micros,
                v1::CoverageRow* row) {
  IntervalSet known = merged.covered;
  for (const StoredGap& gap : merged.gaps) {
    known.Add({gap.from_micros(), gap.growing() ? now_micros : gap.until_micros()});
  }
  row->set_partition(merged.partition);
  for (const Interval& bucket : buckets.all) {
    v1::CoverageBucket* out = row->add_buckets();
    out->set_covered(ShareOf(merged.covered, bucket));
    // What nobody covers and is no gap may still come, up to the present.
    Interval past{std::max(bucket.from, merged.base_micros), std::min(bucket.until, now_micros)};
    if (!past.empty()) {
      double pending = 0;
      for (const Interval& part : known.Missing(past)) {
        pending += static_cast<double>(part.until - part.from);
      }
      out->set_pending(
          static_cast<float>(pending / static_cast<double>(bucket.until - bucket.from)));
    }
    for (const StoredGap& gap : merged.gaps) {
      int64_t until = gap.growing() ? now_micros : gap.until_micros();
      if (gap.from_micros() < bucket.until && until > bucket.from) out->add_gaps(gap.number());
    }
  }
}

}  // namespace

absl::StatusOr<v1::Gap> GetGap(const GapStreams& streams, const v1::GetGapRequest& request) {
  absl::StatusOr<NumberedName> name = ParseNumberedName(request.name(), "gaps");
  if (!name.ok()) return name.status();
  auto stream = FindByStreamName(streams, name->stream);
  if (!stream.ok()) return stream.status();
  absl::StatusOr<std::string> bytes =
      (*stream)->store->Get(Table::kCover, CoverGapKey(name->number));
  if (absl::IsNotFound(bytes.status())) return NoSuchGap(request.name());
  if (!bytes.ok()) return bytes.status();
  StoredGap gap;
  if (!gap.ParseFromString(*bytes)) return absl::DataLossError("the gap can not be read");
  return ViewOfGap(gap, (*stream)->routes, name->stream + "/");
}

absl::StatusOr<v1::ListGapsResponse> ListGaps(const GapStreams& streams,
                                              const v1::ListGapsRequest& request) {
  auto stream = FindByStreamName(streams, request.parent());
  if (!stream.ok()) return stream.status();
  absl::StatusOr<int> size = PageSizeOf(request.page_size());
  if (!size.ok()) return size.status();
  absl::Status filter = CheckFilter(request.filter());
  if (!filter.ok()) return filter;
  absl::StatusOr<uint64_t> start = NumberPageStart(request.page_token(), HashArguments(request));
  if (!start.ok()) return start.status();
  v1::ListGapsResponse page;
  absl::Status status = ScanGaps(*(*stream)->store, *start, [&](const StoredGap& gap) {
    if (!Matches(gap, request.filter())) return true;
    if (page.gaps_size() == *size) {
      page.set_next_page_token(NumberPageToken(gap.number(), HashArguments(request)));
      return false;
    }
    *page.add_gaps() = ViewOfGap(gap, (*stream)->routes, request.parent() + "/");
    return true;
  });
  if (!status.ok()) return status;
  return page;
}

absl::StatusOr<std::vector<v1::Gap>> ChangedGaps(const GapStreams& streams,
                                                 const v1::WatchGapsRequest& request,
                                                 std::map<std::string, std::string>* told) {
  auto stream = FindByStreamName(streams, request.parent());
  if (!stream.ok()) return stream.status();
  absl::Status filter = CheckFilter(request.filter());
  if (!filter.ok()) return filter;
  std::vector<v1::Gap> changed;
  absl::Status status = ScanGaps(*(*stream)->store, UINT64_MAX, [&](const StoredGap& gap) {
    v1::Gap view = ViewOfGap(gap, (*stream)->routes, request.parent() + "/");
    auto known = told->find(view.name());
    // One that was told and no longer matches has changed, too.
    if (known == told->end() && !Matches(gap, request.filter())) return true;
    std::string bytes = view.SerializeAsString();
    if (known != told->end() && known->second == bytes) return true;
    (*told)[view.name()] = std::move(bytes);
    changed.push_back(std::move(view));
    return true;
  });
  if (!status.ok()) return status;
  std::reverse(changed.begin(), changed.end());
  return changed;
}

absl::StatusOr<v1::QueryCoverageResponse> QueryCoverage(const GapStreams& streams,
                                                        const v1::QueryCoverageRequest& request) {
  auto found = FindByStreamName(streams, request.parent());
  if (!found.ok()) return found.status();
  const GapStream& stream = **found;
  absl::StatusOr<Buckets> buckets = BucketsOf(request);
  if (!buckets.ok()) return buckets.status();
  absl::StatusOr<CoverBook::Spans> spans = ReadCover(*stream.store, buckets->range);
  if (!spans.ok()) return spans.status();
  std::map<std::string, IntervalSet> by_source;
  for (const auto& [who, intervals] : *spans) by_source[who.first].Add(intervals);
  v1::QueryCoverageResponse response;
  *response.mutable_range() = request.range();
  SetDuration(absl::Microseconds(buckets->width), response.mutable_bucket());
  std::map<uint32_t, Merged> merged;
  for (const auto& [id, partition] : stream.connections) {
    const IntervalSet& covered = by_source[id];
    v1::CoverageRow* row = response.add_rows();
    row->set_connection_id(id);
    row->set_partition(partition);
    for (const Interval& bucket : buckets->all) {
      row->add_buckets()->set_covered(ShareOf(covered, bucket));
    }
    merged[partition].partition = partition;
    merged[partition].covered.Add(covered);
  }
  absl::Status status = ScanGaps(*stream.store, UINT64_MAX, [&](const StoredGap& gap) {
    v1::GapFilter filter;
    *filter.mutable_range() = request.range();
    auto of = merged.find(gap.partition());
    bool wanted = of != merged.end() && IsOfCover(gap) && gap.state() != v1::Gap::STATE_MERGED;
    if (wanted && Matches(gap, filter)) of->second.gaps.push_back(gap);
    return true;
  });
  if (!status.ok()) return status;
  absl::StatusOr<std::map<int64_t, MinuteTally>> minutes =
      ReadMinutes(*stream.store, buckets->range);
  if (!minutes.ok()) return minutes.status();
  bool whole_minutes =
      buckets->range.from % kMinuteMicros == 0 && buckets->width % kMinuteMicros == 0;
  int64_t base = BaseOf(*stream.store);
  for (auto& [partition, facts] : merged) {
    facts.base_micros = base;
    facts.covered.Add(by_source[RecoveryVoucher(partition)]);
    v1::CoverageRow* row = response.add_rows();
    FillMerged(facts, *buckets, absl::ToUnixMicros(stream.now()), row);
    // Minutes are the stream's.
    if (!whole_minutes || merged.size() != 1) continue;
    for (size_t i = 0; i < buckets->all.size(); ++i) {
      uint64_t events = 0;
      for (int64_t at = buckets->all[i].from; at < buckets->all[i].until; at += kMinuteMicros) {
        auto minute = minutes->find(at / kMinuteMicros);
        if (minute != minutes->end()) events += minute->second.events;
      }
      row->mutable_buckets(static_cast<int>(i))->set_events(events);
    }
  }
  return response;
}

absl::StatusOr<v1::Certificate> GetCertificate(const GapStreams& streams, const SigningKey* key,
                                               const v1::GetCertificateRequest& request) {
  auto found = FindByStreamName(streams, request.parent());
  if (!found.ok()) return found.status();
  const GapStream& stream = **found;
  absl::Time now = stream.now();
  absl::StatusOr<Interval> range = CertificateRange(request.range(), now);
  if (!range.ok()) return range.status();
  absl::StatusOr<CertificateFacts> facts =
      ReadCertificateFacts(*stream.store, *range, stream.connections, now);
  if (!facts.ok()) return facts.status();
  v1::Certificate::Body body = CertificateOf(*facts);
  body.set_stream(request.parent());
  body.set_log_id(stream.log_id);
  SetTime(now, body.mutable_issue_time());
  v1::Certificate certificate;
  certificate.set_body(body.SerializeAsString());
  if (key == nullptr) return certificate;
  certificate.set_signature(key->Sign(ToAbsl(certificate.body())));
  certificate.set_public_key(key->PublicKey());
  return certificate;
}

grpc::ServerUnaryReactor* GapServiceImpl::GetGap(grpc::CallbackServerContext* context,
                                                 const v1::GetGapRequest* request,
                                                 v1::Gap* response) {
  return AnswerOnPool(context, pool_, Access::kRead, request, response,
                      [this](const v1::GetGapRequest& r) { return braid::GetGap(streams_, r); });
}

grpc::ServerUnaryReactor* GapServiceImpl::ListGaps(grpc::CallbackServerContext* context,
                                                   const v1::ListGapsRequest* request,
                                                   v1::ListGapsResponse* response) {
  return AnswerOnPool(
      context, pool_, Access::kRead, request, response,
      [this](const v1::ListGapsRequest& r) { return braid::ListGaps(streams_, r); });
}

grpc::ServerUnaryReactor* GapServiceImpl::QueryCoverage(grpc::CallbackServerContext* context,
                                                        const v1::QueryCoverageRequest* request,
                                                        v1::QueryCoverageResponse* response) {
  return AnswerOnPool(
      context, pool_, Access::kRead, request, response,
      [this](const v1::QueryCoverageRequest& r) { return braid::QueryCoverage(streams_, r); });
}

grpc::ServerUnaryReactor* GapServiceImpl::GetCertificate(grpc::CallbackServerContext* context,
                                                         const v1::GetCertificateRequest* request,
                                                         v1::Certificate* response) {
  const SigningKey* key = key_ ? &*key_ : nullptr;
  return AnswerOnPool(context, pool_, Access::kRead, request, response,
                      [this, key](const v1::GetCertificateRequest& r) {
                        return braid::GetCertificate(streams_, key, r);
                      });
}

grpc::ServerWriteReactor<v1::WatchGapsResponse>* GapServiceImpl::WatchGaps(
    grpc::CallbackServerContext* context, const v1::WatchGapsRequest* request) {
  absl::Status access = CheckAccess(*context->auth_context(), Access::kRead);
  if (!access.ok()) return RefuseWrites<v1::WatchGapsResponse>(access);
  using Call = PolledWrites<v1::WatchGapsResponse>;
  auto told = std::make_shared<std::map<std::string, std::string>>();
  auto look = [this, told, request = *request]() -> absl::StatusOr<Call::Found> {
    absl::StatusOr<std::vector<v1::Gap>> changed = ChangedGaps(streams_, request, told.get());
    if (!changed.ok()) return changed.status();
    Call::Found found;
    for (v1::Gap& gap : *changed) {
      *found.responses.emplace_back().mutable_gap() = std::move(gap);
    }
    return found;
  };
  return Call::Start(
      pool_, {kWatchInterval, kWatchHeartbeat}, [this] { return draining(); }, std::move(look));
}

grpc::ServerUnaryReactor* GapServiceImpl::WaiveGap(grpc::CallbackServerContext* context,
                                                   const v1::WaiveGapRequest* request,
                                                   v1::Gap* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  auto refuse = [reactor](const absl::Status& status) {
    reactor->Finish(ToGrpcStatus(status));
    return reactor;
  };
  absl::Status access = CheckAccess(*context->auth_context(), Access::kOperate);
  if (!access.ok()) return refuse(access);
  absl::StatusOr<NumberedName> name = ParseNumberedName(request->name(), "gaps");
  if (!name.ok()) return refuse(name.status());
  auto stream = FindByStreamName(streams_, name->stream);
  if (!stream.ok()) return refuse(stream.status());
  if (request->reason().empty() || request->reason().size() > kReasonMax) {
    return refuse(
        absl::InvalidArgumentError(absl::StrCat("reason needs 1 to ", kReasonMax, " bytes")));
  }
  v1::GetGapRequest get;
  get.set_name(request->name());
  absl::StatusOr<v1::Gap> gap = braid::GetGap(streams_, get);
  if (!gap.ok()) return refuse(gap.status());
  store::v1::Command command;
  command.set_action(store::v1::Command::ACTION_WAIVE_GAP);
  command.set_gap(name->number);
  command.set_reason(request->reason());
  (*stream)->waive(std::move(command), [this, get, reactor, response](bool waived) {
    pool_.Post([this, get, reactor, response, waived] {
      absl::StatusOr<v1::Gap> after = braid::GetGap(streams_, get);
      absl::Status result = after.status();
      if (result.ok() && !waived) {
        result = ReasonError(absl::StatusCode::kFailedPrecondition,
                             absl::StrCat(get.name(), " is closed already"),
                             {"GAP_CLOSED", {{"gap", get.name()}}});
      }
      if (result.ok()) *response = *std::move(after);
      reactor->Finish(ToGrpcStatus(result));
    });
  });
  return reactor;
}

}  // namespace braid
