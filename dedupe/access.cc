#include "dedupe/access.h"

#include "absl/strings/str_cat.h"

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

bool MayOfferAs(const grpc::AuthContext& auth, const std::string& source_id) {
  absl::StatusOr<Role> role = PeerRole(auth);
  if (!role.ok()) return false;
  return *role == Role::kOperator || (*role == Role::kConnector && PeerName(auth) == source_id);
}

}  // namespace braid
