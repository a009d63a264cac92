#include "dedupe/access.h"

#include "absl/strings/str_cat.h"

namespace braid {

bool MayAccess(Role role, Access access) {
  switch (role) {
    case Role::kOperator:
      return true;
    case Role::kConnector:
      return access == Access::kOffer;
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
      absl::StrCat("a certificate of role ", RoleName(*role), " may not ",
                   access == Access::kOffer  ? "offer"
                   : access == Access::kRead ? "read"
                                             : "operate"));
}

bool MayOfferAs(const grpc::AuthContext& auth, const std::string& source_id) {
  absl::StatusOr<Role> role = PeerRole(auth);
  if (!role.ok()) return false;
  return *role == Role::kOperator || (*role == Role::kConnector && PeerName(auth) == source_id);
}

}  // namespace braid
