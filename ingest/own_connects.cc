#include "ingest/own_connects.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace braid {
namespace {

// Where no id is known.
constexpr absl::string_view kNoId = "-";

bool BeganWith(const XConnection& entry, const OwnConnect& connect) {
  return entry.connected_at >= connect.from - kConnectSlack &&
         entry.connected_at <= connect.until + kConnectSlack;
}

}  // namespace

void OwnConnects::OnAccepted(absl::Time from, absl::Time until) {
  OnClosed();
  if (connects_.size() == kConnectsMax) connects_.erase(connects_.begin());
  connects_.push_back({from, until, "", true});
}

void OwnConnects::OnClosed() {
  if (has_open()) connects_.back().is_open = false;
}

OwnConnects::Learned OwnConnects::Learn(const std::vector<XConnection>& listed) {
  OwnConnect& open = connects_.back();
  const XConnection* ours = nullptr;
  for (const XConnection& entry : listed) {
    if (!entry.is_active() || !BeganWith(entry, open)) continue;
    if (ours != nullptr) return Learned::kAmbiguous;
    ours = &entry;
  }
  if (ours == nullptr) return Learned::kAbsent;
  open.id = ours->id;
  return Learned::kId;
}

void OwnConnects::Forget(absl::string_view id) {
  connects_.erase(std::remove_if(connects_.begin(), connects_.end(),
                                 [&](const OwnConnect& connect) { return connect.id == id; }),
                  connects_.end());
}

std::string OwnConnects::Encode() const {
  std::string bytes;
  for (const OwnConnect& connect : connects_) {
    absl::StrAppend(&bytes, absl::ToUnixMicros(connect.from), " ",
                    absl::ToUnixMicros(connect.until), " ",
                    connect.id.empty() ? std::string(kNoId) : connect.id, "\n");
  }
  return bytes;
}

OwnConnects OwnConnects::Decode(absl::string_view bytes) {
  OwnConnects own;
  for (absl::string_view line : absl::StrSplit(bytes, '\n')) {
    std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
    int64_t from = 0, until = 0;
    if (words.size() != 3 || !absl::SimpleAtoi(words[0], &from) ||
        !absl::SimpleAtoi(words[1], &until) || until < from) {
      continue;
    }
    own.OnAccepted(absl::FromUnixMicros(from), absl::FromUnixMicros(until));
    own.OnClosed();
    if (words[2] != kNoId) own.connects_.back().id = std::string(words[2]);
  }
  return own;
}

StaleDecision StaleConnections(const std::vector<XConnection>& listed, const OwnConnects& own) {
  StaleDecision decision;
  for (const XConnection& entry : listed) {
    if (!entry.is_active()) continue;
    bool is_ours = false, is_open = false, may_be_ours = false;
    for (const OwnConnect& connect : own.connects()) {
      if (!BeganWith(entry, connect)) continue;
      // What may be the open one's is never touched.
      is_open = is_open || connect.is_open;
      is_ours = is_ours || (!connect.is_open && connect.id == entry.id);
      may_be_ours = may_be_ours || connect.id.empty();
    }
    if (is_ours && !is_open) {
      decision.stale.push_back(entry.id);
    } else if (may_be_ours && !is_open) {
      decision.ambiguous.push_back(entry.id);
    }
  }
  return decision;
}

}  // namespace braid
