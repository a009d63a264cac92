#include "tests/dedupe/mem_store.h"

namespace braid {
namespace {

std::string ToString(absl::string_view bytes) { return std::string(bytes.data(), bytes.size()); }

void EraseRange(MemStore::TableMap* map, const std::string& from, const std::string& until) {
  if (from >= until) return;
  map->erase(map->lower_bound(from), map->lower_bound(until));
}

}  // namespace

absl::StatusOr<std::string> MemStore::Get(Table table, absl::string_view key) const {
  const TableMap& map = this->table(table);
  auto it = map.find(ToString(key));
  if (it == map.end()) return absl::NotFoundError("no such key");
  return it->second;
}

absl::Status MemStore::Scan(Table table, absl::string_view from, absl::string_view until,
                            Visitor visitor) const {
  const TableMap& map = this->table(table);
  for (auto it = map.lower_bound(ToString(from)); it != map.end(); ++it) {
    if (!until.empty() && absl::string_view(it->first) >= until) break;
    if (!visitor(it->first, it->second)) break;
  }
  return absl::OkStatus();
}

absl::Status MemStore::ScanBack(Table table, absl::string_view from, Visitor visitor) const {
  const TableMap& map = this->table(table);
  auto it = from.empty() ? map.end() : map.upper_bound(ToString(from));
  while (it != map.begin()) {
    --it;
    if (!visitor(it->first, it->second)) break;
  }
  return absl::OkStatus();
}

void MemStore::Apply(const WriteSet& changes) {
  for (const WriteSet::Change& change : changes.changes()) {
    TableMap& map = tables_[static_cast<int>(change.table)];
    switch (change.kind) {
      case WriteSet::Change::Kind::kPut:
        map[change.key] = change.value;
        break;
      case WriteSet::Change::Kind::kDelete:
        map.erase(change.key);
        break;
      case WriteSet::Change::Kind::kDeleteRange:
        EraseRange(&map, change.key, change.value);
        break;
    }
  }
}

absl::Status MemStore::Commit(const WriteSet& changes) {
  if (failed_) return absl::InternalError("store failed before; reopen it");
  if (fault_ != CommitFault::kNone) {
    if (fault_ == CommitFault::kFailApplied) Apply(changes);
    failed_ = true;
    return absl::InternalError("injected commit failure");
  }
  Apply(changes);
  ++commits_;
  return absl::OkStatus();
}

absl::Status MemStore::DropBefore(Table table, absl::string_view key) {
  if (table == Table::kLog && keeps_log_) return absl::OkStatus();
  EraseRange(&tables_[static_cast<int>(table)], "", ToString(key));
  return absl::OkStatus();
}

}  // namespace braid
