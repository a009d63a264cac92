// Ed25519 signatures, by OpenSSL: keys as `openssl genpkey -algorithm ed25519`
// makes them. No key is part of any error.
//
// Threads: any; a key is constant. Bounds: 16 KiB of key file.

#ifndef BRAID_BASE_ED25519_H_
#define BRAID_BASE_ED25519_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace braid {

class SigningKey {
 public:
  // PEM (PKCS #8), without a passphrase.
  static absl::StatusOr<SigningKey> Load(const std::string& file);

  std::string Sign(absl::string_view bytes) const;
  // DER, SubjectPublicKeyInfo.
  std::string PublicKey() const;

 private:
  explicit SigningKey(std::shared_ptr<void> key) : key_(std::move(key)) {}

  // EVP_PKEY.
  std::shared_ptr<void> key_;
};

// DER of a public key in a PEM file.
absl::StatusOr<std::string> LoadPublicKey(const std::string& file);

// False also for what is no such key.
bool IsSignedBy(absl::string_view public_key_der, absl::string_view bytes,
                absl::string_view signature);

}  // namespace braid

#endif  // BRAID_BASE_ED25519_H_
