#include "ingest/x_error.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"

namespace braid {
namespace {

// "Please try again in a minute", says X.
constexpr absl::Duration kProvisioningDelay = absl::Minutes(1);

absl::optional<int64_t> NumberOf(const HttpHead& head, const char* name) {
  auto found = head.headers.find(name);
  int64_t number;
  if (found == head.headers.end() || !absl::SimpleAtoi(found->second, &number)) return {};
  return number;
}

// What the headers ask for, bounded.
absl::Duration DelayAskedFor(const HttpHead& head, absl::Time x_now, bool rate_limited) {
  absl::Duration delay = absl::ZeroDuration();
  if (auto seconds = NumberOf(head, "retry-after")) delay = absl::Seconds(*seconds);
  if (auto reset = NumberOf(head, "x-rate-limit-reset"); reset && rate_limited) {
    absl::Time now = DateOf(head).value_or(x_now);
    delay = std::max(delay, absl::FromUnixSeconds(*reset) - now);
  }
  return std::clamp(delay, absl::ZeroDuration(), kDelayMinMax);
}

// By connection_issue, by what people read, and as Gnip says it.
bool SaysTooManyConnections(absl::string_view body) {
  std::string text = absl::AsciiStrToLower(body);
  return absl::StrContains(text, "toomanyconnections") ||
         absl::StrContains(text, "too many connections") ||
         absl::StrContains(text, "maximum allowed connection");
}

// Three kinds of 429 that look alike.
Verdict Classify429(const HttpHead& head, absl::string_view body, absl::Time x_now) {
  if (SaysTooManyConnections(body)) {
    return {RetryClass::kTooManyConnections, Cause::kTooManyConnections};
  }
  if (absl::StrContains(body, "UsageCapExceeded") || absl::StrContains(body, "usage-capped")) {
    return {RetryClass::kTerminal, Cause::kUsageCap};
  }
  return {RetryClass::kRateLimited, Cause::kRateLimited, DelayAskedFor(head, x_now, true)};
}

// connection_issue names the trouble better than the status.
absl::optional<Verdict> ClassifyIssue(absl::string_view body) {
  if (absl::StrContains(body, "ProvisioningSubscription")) {
    return Verdict{RetryClass::kHttp, Cause::kProvisioning, kProvisioningDelay};
  }
  if (absl::StrContains(body, "RuleConfigurationIssue") ||
      absl::StrContains(body, "RulesInvalidIssue")) {
    return Verdict{RetryClass::kTerminal, Cause::kRules};
  }
  if (SaysTooManyConnections(body)) {
    return Verdict{RetryClass::kTooManyConnections, Cause::kTooManyConnections};
  }
  return {};
}

}  // namespace

Verdict ClassifyAnswer(const HttpHead& head, absl::string_view body, absl::Time x_now) {
  int status = head.status;
  if (status == 200) return {RetryClass::kOk, Cause::kConnected};
  if (status == 429) return Classify429(head, body, x_now);
  if (status >= 400 && status < 500) {
    if (auto verdict = ClassifyIssue(body)) return *verdict;
  }
  switch (status) {
    case 420:
      return {RetryClass::kRateLimited, Cause::kRateLimited, DelayAskedFor(head, x_now, true)};
    case 401:
      return {RetryClass::kTerminal, Cause::kUnauthorized};
    case 402:
      return {RetryClass::kTerminal, Cause::kPayment};
    case 403:
      return {RetryClass::kTerminal, Cause::kForbidden};
    case 404:
      return {RetryClass::kTerminal, Cause::kNotFound};
    case 400:
    case 406:
    case 413:
    case 416:
      return {RetryClass::kTerminal, Cause::kBadRequest};
    default:
      break;
  }
  if (status >= 300 && status < 400) return {RetryClass::kTerminal, Cause::kRedirect};
  Cause cause = status >= 500 ? Cause::kServerError : Cause::kUnexpectedStatus;
  return {RetryClass::kHttp, cause, DelayAskedFor(head, x_now, false)};
}

Verdict ClassifyEnd(const HttpEnd& end, bool established) {
  RetryClass dropped = established ? RetryClass::kImmediate : RetryClass::kNetwork;
  switch (end.kind) {
    case HttpEnd::Kind::kClean:
      return {dropped, Cause::kCleanEof};
    case HttpEnd::Kind::kTruncated:
      return {dropped, Cause::kTruncated};
    case HttpEnd::Kind::kReset:
      return {dropped, Cause::kReset};
    case HttpEnd::Kind::kDnsFailed:
      return {RetryClass::kDns, Cause::kDns};
    case HttpEnd::Kind::kConnectFailed:
      return {RetryClass::kNetwork, Cause::kConnect};
    case HttpEnd::Kind::kTlsFailed:
      // A certificate that is wrong now is wrong in 250 ms.
      return {RetryClass::kHttp, Cause::kTls};
    case HttpEnd::Kind::kBadEncoding:
      return {RetryClass::kHttp, Cause::kBadEncoding};
    case HttpEnd::Kind::kFailed:
      return {established ? RetryClass::kHttp : RetryClass::kNetwork, Cause::kHttpFailed};
    case HttpEnd::Kind::kClosed:
      return {dropped, Cause::kRequested};
  }
  return {RetryClass::kHttp, Cause::kHttpFailed};
}

absl::optional<Verdict> ClassifyMessage(const ScannedMessage& message) {
  struct Row {
    absl::string_view words;
    Verdict verdict;
  };
  // The first row whose words are in the message counts. disconnect_type comes
  // first in the text, then what people read.
  static const Row kRows[] = {
      {"SlowReader", {RetryClass::kImmediate, Cause::kSlowReader}},
      {"unable to keep up", {RetryClass::kImmediate, Cause::kSlowReader}},
      {"maximum allowed backup", {RetryClass::kImmediate, Cause::kFullBuffer}},
      {"TooManyConnections", {RetryClass::kTooManyConnections, Cause::kTooManyNotice}},
      {"Too many connections", {RetryClass::kTooManyConnections, Cause::kTooManyNotice}},
      {"OperationalDisconnect", {RetryClass::kImmediate, Cause::kOperationalDisconnect}},
      {"operational reasons", {RetryClass::kImmediate, Cause::kOperationalDisconnect}},
      {"UpstreamUncleanDisconnect", {RetryClass::kImmediate, Cause::kOperationalDisconnect}},
      {"InternalError", {RetryClass::kImmediate, Cause::kInternalError}},
      {"ForceDisconnect", {RetryClass::kTooManyConnections, Cause::kForceDisconnect}},
      {"Forced Disconnect", {RetryClass::kTooManyConnections, Cause::kForceDisconnect}},
      {"ClientApplicationStateDegraded", {RetryClass::kTerminal, Cause::kStateDegraded}},
      {"InvalidRules", {RetryClass::kTerminal, Cause::kInvalidRules}},
      {"Package", {RetryClass::kTerminal, Cause::kStateDegraded}},
  };
  for (const Row& row : kRows) {
    for (absl::string_view said : {message.disconnect_type, message.connection_issue}) {
      if (absl::StrContains(said, row.words)) return row.verdict;
    }
  }
  bool announces_end =
      message.control == ControlKind::kErrors || message.control == ControlKind::kError ||
      message.control == ControlKind::kProblem || message.control == ControlKind::kDisconnect;
  if (!announces_end) return {};
  // Stall, in the old table of codes.
  if (message.control == ControlKind::kDisconnect && message.code == 4) {
    return Verdict{RetryClass::kImmediate, Cause::kSlowReader};
  }
  for (const Row& row : kRows) {
    if (absl::StrContains(message.text, row.words)) return row.verdict;
  }
  return Verdict{RetryClass::kImmediate, Cause::kOtherMessage};
}

absl::optional<absl::Time> DateOf(const HttpHead& head) {
  auto found = head.headers.find("date");
  absl::Time date;
  if (found == head.headers.end() ||
      !absl::ParseTime("%a, %d %b %Y %H:%M:%S GMT", found->second, &date, nullptr)) {
    return {};
  }
  return date;
}

absl::string_view RetryWord(RetryClass retry) {
  static constexpr absl::string_view kWords[kRetryClassCount] = {
      "none", "immediate", "network", "dns", "http", "rate_limited", "slots", "terminal",
  };
  return kWords[static_cast<int>(retry)];
}

absl::string_view CauseWord(Cause cause) {
  static constexpr absl::string_view kWords[kCauseCount] = {
      "connected",
      "clean_eof",
      "truncated",
      "reset",
      "silence",
      "dns",
      "connect",
      "tls",
      "bad_encoding",
      "http_failed",
      "no_answer",
      "rate_limited",
      "too_many_connections",
      "usage_cap",
      "payment",
      "unauthorized",
      "forbidden",
      "not_found",
      "bad_request",
      "rules",
      "provisioning",
      "redirect",
      "server_error",
      "unexpected_status",
      "token",
      "operational_disconnect",
      "force_disconnect",
      "full_buffer",
      "slow_reader",
      "too_many_connections_notice",
      "invalid_rules",
      "internal_error",
      "state_degraded",
      "other_message",
      "data_silence",
      "requested",
      "drain",
  };
  return kWords[static_cast<int>(cause)];
}

}  // namespace braid
