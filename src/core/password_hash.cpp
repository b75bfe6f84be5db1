#include "core/password_hash.hpp"

#include "core/legacy_hash.hpp"

#include <charconv>

#include "core/core_only.hpp"

namespace roughly {
namespace {

[[noreturn]] void malformed() {
  throw Error(Errc::invalid_argument, "this is not an argon2id password hash",
              "Expected is $argon2id$v=19$m=...,t=...,p=...$salt$hash.");
}

// Reads "m=19456" and the like off the front, up to `end`.
std::uint32_t parameter(std::string_view &text, std::string_view name, char end) {
  if (!text.starts_with(name))
    malformed();
  text.remove_prefix(name.size());
  std::uint32_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || stop == text.data() + text.size() || *stop != end || text[0] == '0')
    malformed();
  text.remove_prefix(static_cast<std::size_t>(stop - text.data()) + 1);
  return value;
}

bool is_base64(std::string_view text, std::size_t least, std::size_t most) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  return text.size() >= least && text.size() <= most && text.find_first_not_of(alphabet) == std::string_view::npos;
}

} // namespace

Argon2Cost parse_phc(std::string_view phc) {
  constexpr std::string_view prefix = "$argon2id$v=19$";
  constexpr std::uint32_t most_lanes = 16;
  if (phc.size() >= crypto_pwhash_STRBYTES || !phc.starts_with(prefix))
    malformed();
  phc.remove_prefix(prefix.size());
  Argon2Cost cost;
  cost.memory_kib = parameter(phc, "m=", ',');
  cost.passes = parameter(phc, "t=", ',');
  const std::uint32_t lanes = parameter(phc, "p=", '$');
  const std::size_t middle = phc.find('$');
  if (middle == std::string_view::npos || !is_base64(phc.substr(0, middle), 11, 64) ||
      !is_base64(phc.substr(middle + 1), 22, 86))
    malformed();
  if (cost.memory_kib > argon2_limit.memory_kib || cost.passes > argon2_limit.passes || lanes > most_lanes)
    throw Error(Errc::invalid_argument, "this password hash asks for more memory or time than is allowed",
                "At most m=262144, t=10, p=16.");
  if (cost.memory_kib < 8 * lanes)
    malformed();
  return cost;
}

std::string hash_password(ByteView password, Argon2Cost cost) {
  if (password.empty())
    throw Error(Errc::invalid_argument, "the password is empty");
  if (password.size() > max_password_size)
    throw Error(Errc::value_too_long, "the password is longer than 1024 bytes");
  std::string phc(crypto_pwhash_STRBYTES, '\0');
  if (crypto_pwhash_str_alg(phc.data(), reinterpret_cast<const char *>(password.data()), password.size(), cost.passes,
                            std::size_t{cost.memory_kib} * 1024, crypto_pwhash_ALG_ARGON2ID13) != 0)
    throw std::bad_alloc();
  phc.resize(phc.find('\0'));
  return phc;
}

void check_password_hash(std::string_view hash) {
  if (is_legacy_hash(hash))
    check_legacy_hash(hash);
  else
    static_cast<void>(parse_phc(hash));
}

bool verify_password(ByteView password, std::string_view phc) {
  check_password_hash(phc);
  if (password.size() > max_password_size)
    return false;
  if (is_legacy_hash(phc))
    return verify_legacy_hash(password, phc);
  const std::string text(phc); // NUL-terminated
  const char *typed = password.empty() ? "" : reinterpret_cast<const char *>(password.data()); // null would be undefined
  return crypto_pwhash_str_verify(text.c_str(), typed, password.size()) == 0;
}

bool needs_rehash(std::string_view phc, Argon2Cost cost) {
  if (is_legacy_hash(phc))
    return true;
  const Argon2Cost made = parse_phc(phc);
  return made.memory_kib < cost.memory_kib || made.passes < cost.passes;
}

} // namespace roughly
