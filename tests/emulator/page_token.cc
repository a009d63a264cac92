#include "tests/emulator/page_token.h"

#include "absl/strings/match.h"

namespace braid::emulator {
namespace {

// As X's tokens begin.
constexpr char kPrefix[] = "b26v89c19zqg8o3f";
constexpr char kDigits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
// 36^13 is more than 2^64, 36^7 more than 2^32.
constexpr int kPositionDigits = 13;
constexpr int kMarkDigits = 7;

std::string Base36(uint64_t value, int digits) {
  std::string out(static_cast<size_t>(digits), '0');
  for (size_t i = out.size(); i-- > 0; value /= 36) out[i] = kDigits[value % 36];
  return out;
}

// FNV-1a: the same in every run.
uint32_t Mark(absl::string_view request) {
  uint32_t hash = 2166136261u;
  for (char c : request) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash;
}

}  // namespace

std::string PageToken(uint64_t position, absl::string_view request) {
  return kPrefix + Base36(position, kPositionDigits) + Base36(Mark(request), kMarkDigits);
}

std::optional<uint64_t> ReadPageToken(absl::string_view token, absl::string_view request) {
  size_t prefix = sizeof(kPrefix) - 1;
  if (!absl::StartsWith(token, kPrefix) || token.size() != prefix + kPositionDigits + kMarkDigits) {
    return std::nullopt;
  }
  uint64_t position = 0;
  for (char c : token.substr(prefix, kPositionDigits)) {
    size_t digit = absl::string_view(kDigits).find(c);
    if (digit == absl::string_view::npos) return std::nullopt;
    position = position * 36 + digit;
  }
  if (PageToken(position, request) != token) return std::nullopt;
  return position;
}

}  // namespace braid::emulator
