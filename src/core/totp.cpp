#include "core/totp.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/core_only.hpp"

namespace roughly {

SecretBytes new_totp_secret() {
  SecretBytes secret(totp_secret_size);
  randombytes_buf(secret.data(), secret.size());
  return secret;
}

std::string to_base32(ByteView bytes) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::string text;
  unsigned buffer = 0;
  int bits = 0;
  for (const unsigned char byte : bytes) {
    buffer = buffer << 8 | byte;
    for (bits += 8; bits >= 5; bits -= 5)
      text += alphabet[buffer >> (bits - 5) & 31];
  }
  if (bits > 0)
    text += alphabet[buffer << (5 - bits) & 31];
  return text;
}

std::string totp_uri(ByteView secret, std::string_view issuer, std::string_view account) {
  const auto escape = [](std::string_view text) {
    constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    std::string escaped;
    for (const char c : text)
      escaped += plain.find(c) != std::string_view::npos ? std::string(1, c) : "%" + to_hex(view(std::string_view(&c, 1)));
    return escaped;
  };
  return "otpauth://totp/" + escape(issuer) + ":" + escape(account) + "?secret=" + to_base32(secret) + "&issuer=" + escape(issuer);
}

std::string totp_code(ByteView secret, std::int64_t step) {
  std::array<unsigned char, 8> counter;
  for (std::size_t i = 0; i < counter.size(); ++i)
    counter[i] = static_cast<unsigned char>(static_cast<std::uint64_t>(step) >> (56 - 8 * i));
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  if (HMAC(EVP_sha1(), secret.data(), static_cast<int>(secret.size()), counter.data(), counter.size(), digest.data(), &size) == nullptr)
    throw Error(Errc::internal, "HMAC-SHA-1 is not available");
  const std::size_t offset = digest[size - 1] & 15; // dynamic truncation, RFC 4226 section 5.3
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i)
    number = number << 8 | digest[offset + i];
  std::string code = std::to_string((number & 0x7fffffff) % 1'000'000);
  return std::string(6 - code.size(), '0') + code;
}

std::optional<std::int64_t> match_totp(ByteView secret, std::string_view code, std::int64_t now, std::int64_t last_step) {
  std::optional<std::int64_t> found;
  for (std::int64_t step = now / 30 - 1; step <= now / 30 + 1; ++step) {
    const std::string right = totp_code(secret, step);
    if (code.size() == right.size() && sodium_memcmp(code.data(), right.data(), right.size()) == 0 && step > last_step)
      found = step;
  }
  return found;
}

} // namespace roughly
