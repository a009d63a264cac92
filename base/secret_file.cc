#include "base/secret_file.h"

#include <algorithm>
#include <cerrno>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace braid {
namespace {

// X's tokens have about 110 bytes; a certificate chain would still fit.
constexpr size_t kSecretMaxBytes = 16 << 10;

}  // namespace

absl::StatusOr<std::string> ReadSecretFile(const std::string& path) {
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return absl::ErrnoToStatus(errno, absl::StrCat("can not read secret ", path));
  std::string bytes(kSecretMaxBytes + 1, '\0');
  errno = 0;
  stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<size_t>(stream.gcount()));
  if (stream.bad() || errno != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("can not read secret ", path));
  }
  const auto wrong = [&](absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat("secret ", path, " ", what));
  };
  if (bytes.size() > kSecretMaxBytes) return wrong("is longer than 16 KiB");
  std::string secret(absl::StripAsciiWhitespace(bytes));
  if (secret.empty()) return wrong("is empty");
  if (std::any_of(secret.begin(), secret.end(), absl::ascii_iscntrl)) {
    return wrong("holds control characters; it is to be one line");
  }
  return secret;
}

}  // namespace braid
