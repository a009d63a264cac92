#include "dedupe/session_directory.h"

#include <utility>

#include "proto/recovery_terms.h"

namespace braid {

bool IsContested(const SourceSnapshot& source, absl::Time now) {
  return source.takeover_times.size() >= kContestTakeovers &&
         now - source.takeover_times.front() <= kContestSpan;
}

std::vector<std::string> ListeningSources(const std::vector<SourceSnapshot>& sources,
                                          absl::Time now) {
  // Reports come once a second; the watch allows two for them.
  constexpr absl::Duration kFresh = absl::Seconds(2);
  std::vector<std::string> listening;
  for (const SourceSnapshot& source : sources) {
    bool receives = source.connected &&
                    source.report.state() == v1::ConnectionReport::STATE_RECEIVING &&
                    source.report.spooled_bytes() == 0 && now - source.report_time <= kFresh;
    if (receives) listening.push_back(source.source_id);
  }
  return listening;
}

std::vector<store::v1::Tick::Attention> AttentionOf(const std::vector<SourceSnapshot>& sources,
                                                    absl::Time now) {
  // Reports come once a second; what is older may have changed.
  constexpr absl::Duration kFresh = absl::Seconds(5);
  std::vector<store::v1::Tick::Attention> attached;
  for (const SourceSnapshot& source : sources) {
    if (!source.connected) continue;
    store::v1::Tick::Attention& attention = attached.emplace_back();
    attention.set_source_id(source.source_id);
    bool fresh = now - source.report_time <= kFresh && source.report_time >= source.connect_time;
    attention.set_receiving(fresh &&
                            source.report.state() == v1::ConnectionReport::STATE_RECEIVING);
    attention.set_drained(fresh && source.report.spooled_bytes() == 0);
  }
  return attached;
}

SessionDirectory::SessionDirectory(const std::vector<std::string>& connections) {
  MutexLock lock(&mu_);
  for (const std::string& name : connections) sources_[name].source_id = name;
}

OfferSession* SessionDirectory::Open(OfferSession* session, const v1::OfferRequest::Hello& hello,
                                     absl::Time now) {
  OpenCall replaced =
      std::exchange(open_[hello.source_id()], OpenCall{session, hello.session_id()});
  if (IsRecoverySource(hello.source_id())) return replaced.session;
  MutexLock lock(&mu_);
  SourceSnapshot& source = sources_[hello.source_id()];
  source.source_id = hello.source_id();
  source.network = hello.network();
  source.version = hello.version();
  source.session_epoch = hello.session_epoch();
  source.connected = true;
  source.connect_time = now;
  source.receiving_since = absl::InfiniteFuture();
  source.partitions.assign(hello.partitions().begin(), hello.partitions().end());
  source.all_partitions = hello.all_partitions() || hello.partitions().empty();
  ++source.calls;
  // The same session again is its own reconnect.
  if (replaced.session != nullptr && replaced.session_id != hello.session_id()) {
    ++source.takeovers;
    source.takeover_times.push_back(now);
    if (source.takeover_times.size() > kContestTakeovers) source.takeover_times.pop_front();
  }
  return replaced.session;
}

void SessionDirectory::Close(const OfferSession* session, const std::string& source_id,
                             absl::Time now) {
  auto it = open_.find(source_id);
  if (it == open_.end() || it->second.session != session) return;
  open_.erase(it);
  if (IsRecoverySource(source_id)) return;
  MutexLock lock(&mu_);
  sources_[source_id].connected = false;
  sources_[source_id].close_time = now;
}

void SessionDirectory::OnReport(const std::string& source_id, const v1::ConnectionReport& report,
                                absl::Time now) {
  if (IsRecoverySource(source_id)) return;
  MutexLock lock(&mu_);
  SourceSnapshot& source = sources_[source_id];
  bool receives = report.state() == v1::ConnectionReport::STATE_RECEIVING;
  if (!receives) {
    source.receiving_since = absl::InfiniteFuture();
  } else if (source.receiving_since == absl::InfiniteFuture() ||
             report.connects() != source.report.connects()) {
    source.receiving_since = now;
  }
  source.has_received |= receives;
  source.report = report;
  source.report_time = now;
}

void SessionDirectory::OnApplied(const std::string& source_id, uint64_t events,
                                 uint64_t new_events) {
  if (IsRecoverySource(source_id)) return;
  MutexLock lock(&mu_);
  SourceSnapshot& source = sources_[source_id];
  source.events += events;
  source.new_events += new_events;
}

void SessionDirectory::OnNack(const std::string& source_id) {
  if (IsRecoverySource(source_id)) return;
  MutexLock lock(&mu_);
  ++sources_[source_id].nacks;
}

OfferSession* SessionDirectory::SessionOf(const std::string& source_id) const {
  auto it = open_.find(source_id);
  return it == open_.end() ? nullptr : it->second.session;
}

std::vector<SourceSnapshot> SessionDirectory::Snapshot() const {
  MutexLock lock(&mu_);
  std::vector<SourceSnapshot> all;
  for (const auto& [name, source] : sources_) all.push_back(source);
  return all;
}

}  // namespace braid
