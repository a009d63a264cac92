#include "tests/emulator/connection_book.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"

namespace braid::emulator {
namespace {

constexpr size_t kEndedMax = 1000;

// The same number and time give the same UUID, so that runs can be compared.
std::string MakeUuid(uint32_t number, absl::Time now) {
  std::string hex =
      absl::BytesToHexString(Hash128(absl::StrCat(number, "-", absl::ToUnixMicros(now))));
  return absl::StrCat(hex.substr(0, 8), "-", hex.substr(8, 4), "-4", hex.substr(13, 3), "-a",
                      hex.substr(17, 3), "-", hex.substr(20, 12));
}

}  // namespace

void ConnectionBook::Opened(uint32_t number, absl::string_view endpoint_name,
                            absl::string_view address, absl::Time now) {
  ConnectionRecord& record = records_[number];
  record.number = number;
  record.id = MakeUuid(number, now);
  record.endpoint_name = std::string(endpoint_name);
  record.client_ip = std::string(address.substr(0, address.rfind(':')));
  record.connected_at = now;
  ForgetOld();
}

void ConnectionBook::Closed(uint32_t number, absl::string_view reason, absl::Time now) {
  auto found = records_.find(number);
  if (found == records_.end() || !found->second.is_active()) return;
  found->second.disconnected_at = now;
  found->second.disconnect_reason = std::string(reason);
}

std::vector<ConnectionRecord> ConnectionBook::records() const {
  std::vector<ConnectionRecord> out;
  for (const auto& [number, record] : records_) out.push_back(record);
  return out;
}

uint32_t ConnectionBook::NumberOf(const std::string& id) const {
  for (const auto& [number, record] : records_) {
    if (record.id == id && record.is_active()) return number;
  }
  return 0;
}

void ConnectionBook::ForgetOld() {
  for (auto it = records_.begin(); it != records_.end() && records_.size() > kEndedMax;) {
    it = it->second.is_active() ? std::next(it) : records_.erase(it);
  }
}

}  // namespace braid::emulator
