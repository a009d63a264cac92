#include "dedupe/access.h"

#include "absl/strings/str_cat.h"
#include "proto/recovery_terms.h"

namespace braid {
namespace {

const char* Verb(Access access) {
  switch (access) {
    case Access::kOffer:
      return "offer";
    case Access::kRead:
      return "read";
    case Access::kWork:
      return "take work";
    case Access::kOperate:
      return "change anything";
  }
  return "do that";
}

}  // namespace

Access AccessOf(v1::RuleAction::Kind kind) {
  return kind == v1::RuleAction::KIND_LIST ? Access::kRead : Access::kOperate;
}

bool MayAccess(Role role, Access access) {
  switch (role) {
    case Role::kOperator:
      return true;
    case Role::kConnector:
      return access == Access::kOffer || access == Access::kWork;
    case Role::kReader:
      return access == Access::kRead;
  }
  return false;
}

absl::Status CheckAccess(const grpc::AuthContext& auth, Access access) {
  absl::StatusOr<Role> role = PeerRole(auth);
  if (!role.ok()) return role.status();
  if (MayAccess(*role, access)) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat("a certificate of role ", RoleName(*role), " may not ", Verb(access)));
}

absl::Status CheckOfferAs(const grpc::AuthContext& auth, const std::string& source_id) {
  absl::Status access = CheckAccess(auth, Access::kOffer);
  if (!access.ok()) return access;
  std::string name = PeerName(auth);
  bool may = name == source_id || name == RecovererOf(source_id) ||
             *PeerRole(auth) == Role::kOperator;
  if (may) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat("the certificate of connector '", name, "' may not offer as '", source_id, "'"));
}

}  // namespace braid
