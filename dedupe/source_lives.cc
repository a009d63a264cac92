#include "dedupe/source_lives.h"

#include <algorithm>
#include <limits>
#include <set>

#include "absl/strings/str_cat.h"
#include "base/utc_text.h"
#include "proto/proto_time.h"

namespace braid {

void SourceLives::Load(const store::v1::GapState& state) {
  for (const Source& source : state.sources()) sources_[source.source_id()] = source;
}

void SourceLives::Store(store::v1::GapState* state) const {
  state->clear_sources();
  for (const auto& [source_id, source] : sources_) *state->add_sources() = source;
}

void SourceLives::Configure(const std::vector<std::string>& sources,
                            const std::vector<uint32_t>& partitions, int64_t clock_micros) {
  for (auto& [source_id, source] : sources_) source.set_configured(false);
  for (size_t i = 0; i < sources.size(); ++i) {
    Source& source = sources_[sources[i]];
    source.set_source_id(sources[i]);
    source.set_partition(i < partitions.size() ? partitions[i] : 0);
    source.set_configured(true);
  }
  for (auto& [source_id, source] : sources_) {
    // Until it calls.
    source.set_attached(false);
    source.set_receiving(false);
    source.set_drained(false);
    if (source.away_clock_micros() > 0) continue;
    source.set_away_clock_micros(std::max<int64_t>(1, clock_micros));
  }
}

std::vector<uint32_t> SourceLives::partitions() const {
  std::set<uint32_t> partitions;
  for (const auto& [source_id, source] : sources_) {
    if (source.configured()) partitions.insert(source.partition());
  }
  return {partitions.begin(), partitions.end()};
}

std::vector<std::string> SourceLives::SourcesOf(uint32_t partition) const {
  std::vector<std::string> of;
  for (const auto& [source_id, source] : sources_) {
    if (source.partition() == partition) of.push_back(source_id);
  }
  return of;
}

std::vector<std::string> SourceLives::ConfiguredOf(uint32_t partition) const {
  std::vector<std::string> of;
  for (const auto& [source_id, source] : sources_) {
    if (source.configured() && source.partition() == partition) of.push_back(source_id);
  }
  return of;
}

void SourceLives::OnPassed(const std::string& source_id, int64_t until_micros,
                           int64_t clock_micros) {
  auto it = sources_.find(source_id);
  if (it == sources_.end() || until_micros <= it->second.passed_micros()) return;
  it->second.set_passed_micros(until_micros);
  it->second.set_passed_clock_micros(clock_micros);
}

void SourceLives::OnVouched(const std::string& source_id, int64_t from_micros,
                            int64_t until_micros) {
  auto it = sources_.find(source_id);
  if (it == sources_.end() || it->second.end_cause().empty()) return;
  Source& source = it->second;
  bool is_again = until_micros > source.end_micros() && source.vouched_again_micros() == 0;
  if (is_again) source.set_vouched_again_micros(std::max(from_micros, source.end_micros()));
}

void SourceLives::OnConnectionEvent(const std::string& source_id,
                                    const v1::ConnectionEvent& event) {
  auto it = sources_.find(source_id);
  if (it == sources_.end() || event.state() == v1::ConnectionReport::STATE_RECEIVING) return;
  if (event.cause().empty()) return;
  // An attempt that failed after it ended: what it does not vouch for began then.
  bool is_later = !it->second.end_cause().empty() &&
                  it->second.end_micros() > it->second.passed_micros();
  if (is_later) return;
  it->second.set_end_cause(event.cause());
  it->second.set_end_micros(absl::ToUnixMicros(ToTime(event.event_time())));
  it->second.set_vouched_again_micros(0);
}

void SourceLives::OnTick(const store::v1::Tick& tick, int64_t clock_micros) {
  std::map<std::string, const store::v1::Tick::Attention*> attached;
  for (const auto& attention : tick.attention()) attached[attention.source_id()] = &attention;
  for (auto& [source_id, source] : sources_) {
    auto it = attached.find(source_id);
    if (it == attached.end()) {
      source.set_attached(false);
      source.set_receiving(false);
      source.set_drained(false);
      if (source.away_clock_micros() == 0) source.set_away_clock_micros(clock_micros);
      continue;
    }
    // It has as long as any to bring its first cover.
    bool begins = !source.attached() || (it->second->receiving() && !source.receiving());
    if (begins) source.set_passed_clock_micros(clock_micros);
    source.set_attached(true);
    source.set_receiving(it->second->receiving());
    source.set_drained(it->second->drained());
    source.set_away_clock_micros(0);
    source.set_idle(source.drained() && !source.receiving());
  }
}

bool SourceLives::MayBring(const Source& source, absl::Duration silence,
                           int64_t clock_micros) const {
  // One that never vouched for anything is not waited for.
  if (source.idle() || source.passed_micros() == 0) return false;
  if (!source.attached()) {
    return absl::Microseconds(clock_micros - source.away_clock_micros()) < options_.patience;
  }
  absl::Duration stands = absl::Microseconds(clock_micros - source.passed_clock_micros());
  return stands < std::max(options_.patience, silence);
}

int64_t SourceLives::PendingFrom(uint32_t partition, absl::Duration silence,
                                 int64_t clock_micros) const {
  int64_t from = std::numeric_limits<int64_t>::max();
  for (const std::string& source_id : SourcesOf(partition)) {
    const Source& source = sources_.at(source_id);
    if (MayBring(source, silence, clock_micros)) {
      from = std::min(from, source.passed_micros());
    }
  }
  return from;
}

bool SourceLives::MayHaveSpooled(const std::string& source_id) const {
  const Source* source = Find(source_id);
  return source != nullptr && !source->attached() && !source->idle() &&
         source->passed_micros() > 0;
}

int SourceLives::Fresh(uint32_t partition, absl::Duration silence, int64_t now_micros) const {
  int fresh = 0;
  for (const std::string& source_id : SourcesOf(partition)) {
    fresh += IsFresh(source_id, silence, now_micros);
  }
  return fresh;
}

bool SourceLives::IsFresh(const std::string& source_id, absl::Duration silence,
                          int64_t now_micros) const {
  const Source& source = sources_.at(source_id);
  absl::Duration behind = absl::Microseconds(now_micros - source.passed_micros());
  return source.attached() && source.receiving() && behind <= options_.fresh_max + silence;
}

int64_t SourceLives::ReceivedUntil(uint32_t partition) const {
  int64_t until = 0;
  for (const std::string& source_id : SourcesOf(partition)) {
    const Source& source = sources_.at(source_id);
    if (source.attached() && source.receiving()) until = std::max(until, source.passed_micros());
  }
  return until;
}

int64_t SourceLives::PassedUntil(const std::string& source_id) const {
  const Source* source = Find(source_id);
  return source == nullptr ? 0 : source->passed_micros();
}

const SourceLives::Source* SourceLives::Find(const std::string& source_id) const {
  auto it = sources_.find(source_id);
  return it == sources_.end() ? nullptr : &it->second;
}

int64_t SourceLives::EndedAt(const std::string& source_id) const {
  const Source* source = Find(source_id);
  return source == nullptr || source->end_cause().empty() ? 0 : source->end_micros();
}

bool SourceLives::VouchedSinceItsEnd(const std::string& source_id, int64_t micros) const {
  const Source* source = Find(source_id);
  return source != nullptr && source->vouched_again_micros() > 0 &&
         source->vouched_again_micros() < micros;
}

std::string SourceLives::Describe(const std::string& source_id, bool ended_before) const {
  const Source* source = Find(source_id);
  if (source == nullptr) return "is not configured any more";
  auto text_of = [](int64_t micros) {
    return UtcText(absl::FromUnixMillis(absl::ToUnixMillis(absl::FromUnixMicros(micros))));
  };
  std::string text;
  if (!source->end_cause().empty() && !ended_before) {
    text = absl::StrCat("its connection ended by ", source->end_cause(), " at ",
                        text_of(source->end_micros()), "; ");
  } else if (source->passed_micros() > 0) {
    text = "how its connection ended is not known; ";
  }
  absl::StrAppend(&text, source->receiving()  ? "receives"
                         : source->attached() ? "receives nothing from X"
                                              : "is away");
  if (source->passed_micros() == 0) return absl::StrCat(text, "; has vouched for nothing yet");
  return absl::StrCat(text, "; has vouched for nothing after ", text_of(source->passed_micros()));
}

}  // namespace braid
