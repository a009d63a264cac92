#include "tests/emulator/stream_desk.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/emulator/end_messages.h"
#include "tests/emulator/x_answers.h"

namespace braid::emulator {
namespace {

SlotKey SlotOf(const StreamRequest& request, const StreamAsk& ask) {
  std::string label;
  for (const auto& [name, value] : request.match.names) absl::StrAppend(&label, "/", value);
  return absl::StrCat(request.match.endpoint->name, label, "#", ask.partition, ask.datacenter,
                      ask.span ? " job" : "");
}

}  // namespace

const char* DisconnectReason(EndKind kind) {
  switch (kind) {
    case EndKind::kClientClosed:
    case EndKind::kNetwork:
      return "client_disconnect";
    case EndKind::kSlowClient:
      return "slow_reader";
    case EndKind::kKilled:
      return "operator_disconnect";
    case EndKind::kTooManyConnections:
      return "force_disconnect";
    default:
      return "operational_disconnect";
  }
}

void StreamDesk::Refuse(const RefusalOrder& order) {
  // The newest order for the same clients counts.
  refusals_.erase(std::remove_if(refusals_.begin(), refusals_.end(),
                                 [&](const RefusalOrder& old) {
                                   return old.tag == order.tag && old.endpoint == order.endpoint;
                                 }),
                  refusals_.end());
  refusals_.push_back(order);
}

const RefusalOrder* StreamDesk::RefusalOf(const StreamRequest& request, Moment now) const {
  for (const RefusalOrder& order : refusals_) {
    if (now.elapsed < order.until && absl::StrContains(request.tag, order.tag) &&
        (order.endpoint.empty() || order.endpoint == request.match.endpoint->name)) {
      return &order;
    }
  }
  return nullptr;
}

bool StreamDesk::ResetsAtAccept(Moment now) const {
  return std::any_of(refusals_.begin(), refusals_.end(), [&](const RefusalOrder& order) {
    return order.how == kRefuseByReset && order.tag.empty() && order.endpoint.empty() &&
           now.elapsed < order.until;
  });
}

ConnectBudget::State StreamDesk::CountConnect(const Endpoint& endpoint, Moment now) {
  int limit = sources_.settings->connect_limit;
  return budget_.Count(endpoint.name, limit > 0 ? limit : endpoint.connect_limit,
                       endpoint.connect_window, now.x_time);
}

bool StreamDesk::IsOverBudget(const ConnectBudget::State& budget) const {
  return sources_.settings->connect_limit != 0 && budget.used > budget.limit;
}

std::vector<std::string> StreamDesk::LimitHeaders(const Endpoint& endpoint,
                                                  const ConnectBudget::State& budget,
                                                  Moment now) const {
  std::vector<std::string> headers = CommonHeaders(endpoint.family, now.x_time);
  if (endpoint.family == Family::kGnip) return headers;
  headers.push_back(absl::StrCat("x-rate-limit-limit: ", budget.limit));
  headers.push_back(absl::StrCat("x-rate-limit-remaining: ", budget.remaining()));
  headers.push_back(absl::StrCat("x-rate-limit-reset: ", absl::ToUnixSeconds(budget.reset)));
  return headers;
}

DeskDecision StreamDesk::Refused(const StreamRequest& request, HttpAnswer answer,
                                 const ConnectBudget::State& budget, Moment now) const {
  DeskDecision decision;
  decision.answer = std::move(answer);
  decision.answer.extra_headers = LimitHeaders(*request.match.endpoint, budget, now);
  return decision;
}

std::string StreamDesk::WhyNot(const StreamRequest& request, const StreamAsk& ask,
                               const SlotKey& slot) const {
  const Endpoint& endpoint = *request.match.endpoint;
  const XSettings& settings = *sources_.settings;
  if (settings.needs_rules && endpoint.kind == TopicKind::kFiltered &&
      sources_.state->rules->rules().empty()) {
    return "409";
  }
  int taken = slots_.Count(slot);
  if (ask.span) return taken >= settings.job_count_max ? "429" : "";
  // Gnip lets one in and counts later.
  if (endpoint.family == Family::kGnip) return "";
  return taken >= settings.slots ? "429" : "";
}

DeskDecision StreamDesk::Decide(const StreamRequest& request, Moment now) {
  const Endpoint& endpoint = *request.match.endpoint;
  ConnectBudget::State budget = CountConnect(endpoint, now);
  DeskDecision decision;
  if (const RefusalOrder* order = RefusalOf(request, now)) {
    if (order->how == kRefuseByReset || order->how == kRefuseByBlackHole) {
      decision.kind = order->how == kRefuseByReset ? DeskDecision::Kind::kReset
                                                   : DeskDecision::Kind::kBlackHole;
      return decision;
    }
    return Refused(request, emulator::Refused(endpoint.family, order->how, now.x_time), budget,
                   now);
  }
  auto refuse = [&](absl::string_view name) {
    return Refused(request, emulator::Refused(endpoint.family, name, now.x_time), budget, now);
  };
  if (!AccountOf(sources_.settings->credentials, endpoint.family, request.http)) {
    return refuse("401");
  }
  if (IsOverBudget(budget)) return refuse("429-rate");
  auto read =
      ReadStreamRequest(endpoint, request.http, now.x_time, sources_.settings->recovery_window);
  if (auto* wrong = std::get_if<HttpAnswer>(&read)) return Refused(request, *wrong, budget, now);
  const auto& ask = std::get<StreamAsk>(read);
  SlotKey slot = SlotOf(request, ask);
  std::string why_not = WhyNot(request, ask, slot);
  if (!why_not.empty()) return refuse(why_not);
  decision.kind = DeskDecision::Kind::kStream;
  decision.plan = Plan(request, ask, slot, now);
  decision.head = Head(*decision.plan, request, ask, budget, now);
  if (endpoint.family == Family::kPowerstream) {
    decision.first_record =
        absl::StrCat("{\"type\":\"connection_metadata\",\"datacenter\":\"", ask.datacenter,
                     "\",\"timestamp\":", absl::ToUnixMillis(now.x_time), "}\r\n");
  }
  return decision;
}

Topic StreamDesk::TopicOf(const Endpoint& endpoint, const StreamAsk& ask) const {
  Topic topic;
  topic.kind = endpoint.kind;
  topic.percent = endpoint.percent;
  topic.language = endpoint.language;
  topic.partition = ask.partition;
  topic.partition_count = ask.partition == 0 ? 0 : endpoint.partition_count;
  if (endpoint.family != Family::kV2) topic.format = EventFormat::kNative;
  if (endpoint.family == Family::kGnip && sources_.settings->gnip_is_activity_streams &&
      EventKindOf(endpoint.kind) == EventKind::kPost) {
    topic.format = EventFormat::kActivityStreams;
  }
  if (ask.is_local_dc_only) topic.datacenter = ask.datacenter;
  topic.is_array =
      endpoint.family == Family::kPowerstream && sources_.settings->powerstream_is_array;
  return topic;
}

FeedParts StreamDesk::MakeJob(const Topic& topic, const Endpoint& endpoint, const TimeSpan& span,
                              Moment now) {
  const XSettings& settings = *sources_.settings;
  PastOptions options;
  options.rate = settings.job_rate;
  options.is_by_minute = true;
  if (settings.job_fault == JobFault::kFailed || settings.job_fault == JobFault::kPremature) {
    options.stop_after = 0.5;
  }
  if (settings.job_fault == JobFault::kErrors) {
    for (int i = 0; i < settings.job_failed_minutes; ++i) {
      options.failed_minutes.push_back(span.from + absl::Minutes(i));
    }
  }
  FeedParts parts;
  parts.past = std::make_unique<PastFeed>(sources_.state->history, sources_.topic_text, topic, span,
                                          options, now);
  return parts;
}

FeedParts StreamDesk::MakeFeed(const StreamRequest& request, const StreamAsk& ask,
                               const SlotKey& slot, Moment now) {
  Topic topic = TopicOf(*request.match.endpoint, ask);
  for (EventKind kind :
       {EventKind::kPost, EventKind::kLike, EventKind::kPostCompliance, EventKind::kUserCompliance,
        EventKind::kLikeCompliance, EventKind::kLabel, EventKind::kActivity}) {
    if (HasKind(topic.kind, kind)) sources_.maker->Want(kind);
  }
  if (ask.span) return MakeJob(topic, *request.match.endpoint, *ask.span, now);
  FeedParts parts;
  parts.live = sources_.topics->Open(topic);
  const XSettings& settings = *sources_.settings;
  bool is_forgotten = full_buffers_.erase({slot, request.tag}) > 0 && settings.full_buffer_forgets;
  absl::Duration reach = ask.backfill;
  if (settings.backfill == BackfillMode::kPartial) reach /= 2;
  if (reach <= absl::ZeroDuration() || settings.backfill == BackfillMode::kIgnored ||
      is_forgotten) {
    return parts;
  }
  parts.is_interleaved = settings.backfill == BackfillMode::kInterleaved;
  TimeSpan span{now.x_time - reach, absl::InfiniteFuture()};
  parts.past = std::make_unique<PastFeed>(sources_.state->history, sources_.topic_text, topic, span,
                                          PastOptions(), now);
  return parts;
}

FinalText StreamDesk::MakeFinalText(const Endpoint& endpoint, const TimeSpan& span) const {
  JobFault fault = sources_.settings->job_fault;
  if (endpoint.family != Family::kGnip || fault == JobFault::kPremature ||
      fault == JobFault::kLostFinal) {
    return nullptr;
  }
  std::string name = endpoint.is_replay ? "Replay Request " : "Recovery Request ";
  int failed_minutes = sources_.settings->job_failed_minutes;
  return [=](const PastFeed& past, Moment now) {
    std::string more = absl::StrCat(",\"activity_count\":", past.count());
    if (fault == JobFault::kNone) return GnipInfo(name + "Completed", more, now.x_time);
    if (fault == JobFault::kErrors) {
      absl::StrAppend(&more, ",\"minutes_failed\":[");
      for (int i = 0; i < failed_minutes; ++i) {
        absl::StrAppend(&more, i > 0 ? "," : "", "\"", GnipTime(span.from + absl::Minutes(i)),
                        "\"");
      }
      return GnipInfo(name + "Completed with Errors", more + "]", now.x_time);
    }
    absl::StrAppend(&more, ",\"unprocessed_range\":{\"fromDate\":\"", GnipTime(past.reached()),
                    "\",\"toDate\":\"", GnipTime(span.until), "\"}");
    return GnipInfo(name + "Failed to Complete", more, now.x_time);
  };
}

StreamPlan StreamDesk::Plan(const StreamRequest& request, const StreamAsk& ask, const SlotKey& slot,
                            Moment now) {
  const Endpoint& endpoint = *request.match.endpoint;
  const XSettings& settings = *sources_.settings;
  StreamPlan plan;
  plan.options = settings.stream;
  if (endpoint.family == Family::kGnip) plan.options.keep_alive = settings.gnip_keep_alive;
  plan.allowed_connections = settings.slots;
  plan.identity.number = ++stream_count_;
  plan.identity.tag = request.tag;
  plan.identity.address = request.address;
  plan.identity.family = endpoint.family;
  plan.identity.endpoint = endpoint.name;
  plan.identity.partition = ask.partition;
  plan.identity.slot = slot;
  plan.identity.gzip =
      endpoint.family == Family::kGnip ||
      (settings.gzip && absl::StrContains(request.http.Header("accept-encoding"), "gzip"));
  plan.feed = MakeFeed(request, ask, slot, now);
  if (ask.span) plan.final_text = MakeFinalText(endpoint, *ask.span);
  slots_.Take(slot, stream_count_, !ask.span.has_value());
  book_.Opened(stream_count_, endpoint.name, request.address, now.x_time);
  return plan;
}

std::string StreamDesk::Head(const StreamPlan& plan, const StreamRequest& request,
                             const StreamAsk& ask, const ConnectBudget::State& budget,
                             Moment now) const {
  std::string head = absl::StrCat("HTTP/1.1 200 OK\r\ndate: ", HttpDate(now.x_time),
                                  "\r\ncontent-type: application/json; charset=utf-8"
                                  "\r\ntransfer-encoding: chunked\r\n",
                                  plan.identity.gzip ? "content-encoding: gzip\r\n" : "");
  for (const std::string& header : LimitHeaders(*request.match.endpoint, budget, now)) {
    absl::StrAppend(&head, header, "\r\n");
  }
  if (plan.identity.family == Family::kPowerstream) {
    absl::StrAppend(&head, "x-powerstream-datacenter: ", ask.datacenter,
                    "\r\nx-powerstream-localdconly: ", ask.is_local_dc_only ? "true" : "false",
                    "\r\n");
  }
  return head + "\r\n";
}

void StreamDesk::Ended(const ClientStream& stream, Moment now) {
  const StreamIdentity& identity = stream.identity();
  if (stream.end_kind() == EndKind::kSlowClient)
    full_buffers_.insert({identity.slot, identity.tag});
  absl::Duration zombie = sources_.settings->zombie_slot;
  if (stream.left_unclean() && zombie > absl::ZeroDuration()) {
    return slots_.Release(identity.number, now.elapsed + zombie);
  }
  slots_.ReleaseNow(identity.number);
  book_.Closed(identity.number, DisconnectReason(stream.end_kind()), now.x_time);
}

std::vector<uint32_t> StreamDesk::Overdue(Moment now) {
  for (uint32_t stream : slots_.TakeExpired(now.elapsed)) {
    book_.Closed(stream, DisconnectReason(EndKind::kClientClosed), now.x_time);
  }
  const XSettings& settings = *sources_.settings;
  return slots_.Overdue(settings.slots, settings.gnip_grace, settings.gnip_ends_newest,
                        now.elapsed);
}

}  // namespace braid::emulator
