#include "base/ed25519.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cerrno>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace braid {
namespace {

// A PEM key has some 120 bytes.
constexpr size_t kKeyMaxBytes = 16 << 10;

using Key = std::shared_ptr<EVP_PKEY>;

absl::StatusOr<std::string> ReadKeyFile(const std::string& file) {
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return absl::ErrnoToStatus(errno, absl::StrCat("can not read key ", file));
  std::string bytes(kKeyMaxBytes + 1, '\0');
  errno = 0;
  stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<size_t>(stream.gcount()));
  if (stream.bad() || errno != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("can not read key ", file));
  }
  if (bytes.size() <= kKeyMaxBytes) return bytes;
  return absl::InvalidArgumentError(absl::StrCat(file, " is longer than 16 KiB"));
}

// Never asks a terminal.
int NoPassphrase(char*, int, int, void*) { return -1; }

using Reader = EVP_PKEY* (*)(BIO*, EVP_PKEY**, pem_password_cb*, void*);

absl::StatusOr<Key> ReadPem(const std::string& file, Reader reader, absl::string_view what) {
  absl::StatusOr<std::string> pem = ReadKeyFile(file);
  if (!pem.ok()) return pem.status();
  std::unique_ptr<BIO, int (*)(BIO*)> bio(
      BIO_new_mem_buf(pem->data(), static_cast<int>(pem->size())), BIO_free);
  Key key(reader(bio.get(), nullptr, NoPassphrase, nullptr), EVP_PKEY_free);
  if (key != nullptr && EVP_PKEY_id(key.get()) == EVP_PKEY_ED25519) return key;
  return absl::InvalidArgumentError(absl::StrCat(file, " holds no Ed25519 ", what, " in PEM"));
}

std::string PublicDer(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  int length = i2d_PUBKEY(key, &der);
  BRAID_CHECK(length > 0);
  std::string bytes(reinterpret_cast<char*>(der), static_cast<size_t>(length));
  OPENSSL_free(der);
  return bytes;
}

const unsigned char* Bytes(absl::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

using DigestContext = std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)>;

}  // namespace

absl::StatusOr<SigningKey> SigningKey::Load(const std::string& file) {
  absl::StatusOr<Key> key = ReadPem(file, PEM_read_bio_PrivateKey, "private key");
  if (!key.ok()) return key.status();
  return SigningKey(*std::move(key));
}

std::string SigningKey::Sign(absl::string_view bytes) const {
  DigestContext context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  std::string signature(64, '\0');
  size_t length = signature.size();
  // It fails for want of memory only.
  bool signed_it = EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr,
                                      static_cast<EVP_PKEY*>(key_.get())) == 1 &&
                   EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()),
                                  &length, Bytes(bytes), bytes.size()) == 1;
  BRAID_CHECK(signed_it && length == signature.size());
  return signature;
}

std::string SigningKey::PublicKey() const { return PublicDer(static_cast<EVP_PKEY*>(key_.get())); }

absl::StatusOr<std::string> LoadPublicKey(const std::string& file) {
  absl::StatusOr<Key> key = ReadPem(file, PEM_read_bio_PUBKEY, "public key");
  if (!key.ok()) return key.status();
  return PublicDer(key->get());
}

bool IsSignedBy(absl::string_view public_key_der, absl::string_view bytes,
                absl::string_view signature) {
  const unsigned char* at = Bytes(public_key_der);
  Key key(d2i_PUBKEY(nullptr, &at, static_cast<long>(public_key_der.size())), EVP_PKEY_free);
  if (key == nullptr || EVP_PKEY_id(key.get()) != EVP_PKEY_ED25519) return false;
  DigestContext context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(bytes),
                          bytes.size()) == 1;
}

}  // namespace braid
