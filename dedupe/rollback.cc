#include "dedupe/rollback.h"

#include <tuple>
#include <utility>

#include "dedupe/keys.h"

namespace braid {
namespace {

using store::v1::Identity;

// Who still holds a position of an older one is told that its log is another.
constexpr int kAncestorsMax = 16;

bool IsAncestor(const Identity& identity, const std::string& log_id) {
  for (const Identity::Ancestor& one : identity.ancestors()) {
    if (one.log_id() == log_id) return true;
  }
  return false;
}

// Whether the log, where it has come as far as the mark, came there by the
// same records. True also where retention took what would tell.
absl::StatusOr<bool> PassedThrough(const Store& store, const store::v1::CoreState& core,
                                   const store::v1::LogMark& mark) {
  if (core.next_sequence() == mark.sequence() && core.next_ordinal() == mark.ordinal()) {
    return core.chain() == mark.chain();
  }
  const std::string end = EncodeLogKey({mark.sequence(), mark.ordinal()});
  bool same = true;
  absl::Status scanned =
      store.ScanBack(Table::kLog, end, [&](absl::string_view key, absl::string_view value) {
        if (key == end) return true;
        absl::StatusOr<LogValue> entry = DecodeLogValue(key, value);
        // A damaged one is found by who reads it.
        same = !entry.ok() || entry->chain == absl::string_view(mark.chain());
        return false;
      });
  if (!scanned.ok() && !absl::IsDataLoss(scanned)) return scanned;
  return same;
}

Identity::Ancestor Lost(const std::string& log_id, uint64_t kept_until,
                        const store::v1::CoreState& core, uint64_t lost_until,
                        int64_t lost_until_micros) {
  Identity::Ancestor lost;
  lost.set_log_id(log_id);
  lost.set_kept_until_sequence(kept_until);
  lost.set_lost_until_sequence(lost_until);
  lost.set_lost_from_micros(core.now_micros());
  lost.set_lost_until_micros(lost_until_micros);
  return lost;
}

}  // namespace

absl::StatusOr<absl::optional<Identity::Ancestor>> FindRollback(const Store& store,
                                                               const Identity& identity,
                                                               const store::v1::CoreState& core,
                                                               const store::v1::LogMark& mark) {
  absl::optional<Identity::Ancestor> none;
  // The process ended between the new id and its first mark.
  if (IsAncestor(identity, mark.log_id())) return none;
  auto lost = [&](uint64_t kept_until) {
    return Lost(mark.log_id(), kept_until, core, mark.sequence(), mark.now_micros());
  };
  // A log that this database never heard of stood here: it is older than that
  // one's beginning, or another's.
  if (mark.log_id() != identity.log_id()) return absl::make_optional(lost(1));
  if (std::make_tuple(core.next_sequence(), core.next_ordinal()) <
      std::make_tuple(mark.sequence(), mark.ordinal())) {
    return absl::make_optional(lost(core.next_sequence()));
  }
  absl::StatusOr<bool> same = PassedThrough(store, core, mark);
  if (!same.ok()) return same.status();
  return *same ? none : absl::make_optional(lost(1));
}

absl::StatusOr<absl::optional<Identity::Ancestor>> MendRollback(
    Store& store, const store::v1::CoreState& core,
    const absl::optional<store::v1::LogMark>& mark, const std::string& new_log_id,
    Identity* identity) {
  absl::optional<Identity::Ancestor> none;
  if (!mark.has_value()) return none;
  auto lost = FindRollback(store, *identity, core, *mark);
  if (!lost.ok() || !lost->has_value()) return lost;
  Identity renewed = *identity;
  if (mark->log_id() != identity->log_id()) {
    // How far this one had come when it ended, nobody knows any more.
    *renewed.add_ancestors() = Lost(identity->log_id(), core.next_sequence(), core,
                                    core.next_sequence(), core.now_micros());
  }
  *renewed.add_ancestors() = **lost;
  int excess = renewed.ancestors_size() - kAncestorsMax;
  if (excess > 0) renewed.mutable_ancestors()->DeleteSubrange(0, excess);
  renewed.set_log_id(new_log_id);
  WriteSet changes;
  changes.Put(Table::kMeta, kMetaIdentity, renewed.SerializeAsString());
  absl::Status committed = store.Commit(changes);
  if (!committed.ok()) return committed;
  *identity = std::move(renewed);
  return lost;
}

}  // namespace braid
