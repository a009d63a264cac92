#include "base/ed25519.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "absl/strings/match.h"

namespace braid {
namespace {

// RFC 8410, 10.3, and the public key that belongs to it (10.1).
constexpr char kPrivate[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
    "-----END PRIVATE KEY-----\n";
constexpr char kPublic[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
    "-----END PUBLIC KEY-----\n";

std::string Write(const std::string& name, const std::string& text) {
  std::string path = testing::TempDir() + "/" + name;
  std::ofstream(path) << text;
  return path;
}

TEST(Ed25519Test, WhatIsSignedIsVerifiedByItsPublicKeyOnly) {
  absl::StatusOr<SigningKey> key = SigningKey::Load(Write("private.pem", kPrivate));
  ASSERT_TRUE(key.ok()) << key.status();
  absl::StatusOr<std::string> from_file = LoadPublicKey(Write("public.pem", kPublic));
  ASSERT_TRUE(from_file.ok()) << from_file.status();
  EXPECT_EQ(key->PublicKey(), *from_file);
  std::string signature = key->Sign("body");
  EXPECT_EQ(signature.size(), 64);
  EXPECT_EQ(signature, key->Sign("body"));
  EXPECT_TRUE(IsSignedBy(*from_file, "body", signature));
  EXPECT_FALSE(IsSignedBy(*from_file, "bodY", signature));
  std::string other = *from_file;
  other.back() ^= 1;
  EXPECT_FALSE(IsSignedBy(other, "body", signature));
  EXPECT_FALSE(IsSignedBy("no key", "body", signature));
  EXPECT_FALSE(IsSignedBy(*from_file, "body", ""));
  signature[3] ^= 1;
  EXPECT_FALSE(IsSignedBy(*from_file, "body", signature));
}

TEST(Ed25519Test, OtherFilesAreRefusedWithoutTheirContent) {
  EXPECT_TRUE(absl::IsNotFound(SigningKey::Load(testing::TempDir() + "/none.pem").status()));
  for (const std::string& text :
       {std::string("secret text"), std::string(), std::string(kPublic), std::string(20000, 'x')}) {
    absl::Status status = SigningKey::Load(Write("wrong.pem", text)).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_FALSE(absl::StrContains(status.message(), "secret"));
  }
  EXPECT_FALSE(LoadPublicKey(Write("private.pem", kPrivate)).ok());
}

}  // namespace
}  // namespace braid
