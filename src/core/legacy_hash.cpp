#include "core/legacy_hash.hpp"

#include <charconv>
#include <memory>

#include <crypt.h>
#include <openssl/evp.h>

#include "core/core_only.hpp"

namespace roughly {
namespace {

struct Pbkdf2 {
  const EVP_MD *digest;
  int rounds;
  SecretBytes salt, hash;
};

[[noreturn]] void malformed() {
  throw Error(Errc::invalid_argument, "this is not a password hash that can be imported",
              "Accepted are argon2id PHC strings, bcrypt up to cost 14 and PBKDF2-SHA-2 up to 2000000 rounds.");
}

bool is_bcrypt(std::string_view hash) noexcept {
  return hash.starts_with("$2a$") || hash.starts_with("$2b$") || hash.starts_with("$2y$");
}

void check_bcrypt(std::string_view hash) {
  constexpr std::string_view alphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  constexpr int most = 14;
  int cost = 0;
  if (hash.size() != 60 || hash[6] != '$' || hash.substr(7).find_first_not_of(alphabet) != std::string_view::npos)
    malformed();
  const auto [end, error] = std::from_chars(hash.data() + 4, hash.data() + 6, cost);
  if (error != std::errc{} || end != hash.data() + 6 || cost < 4 || cost > most)
    malformed();
}

// passlib's base64: '.' for '+', no padding.
SecretBytes adapted_base64(std::string_view text) {
  std::string url(text);
  for (char &c : url)
    c = c == '.' || c == '+' ? '-' : c == '/' ? '_' : c;
  const std::optional<SecretBytes> bytes = from_base64url(url);
  if (!bytes || text.find_first_of("-_") != std::string_view::npos)
    malformed();
  return *bytes;
}

Pbkdf2 parse_pbkdf2(std::string_view hash) {
  constexpr int most_rounds = 2'000'000;
  constexpr std::size_t longest = 512;
  Pbkdf2 parsed{hash.starts_with("$pbkdf2-sha512$") ? EVP_sha512() : EVP_sha256(), 0, {}, {}};
  if (hash.size() > longest)
    malformed();
  hash.remove_prefix(std::string_view("$pbkdf2-sha512$").size());
  const std::size_t salt = hash.find('$'), end = salt == std::string_view::npos ? salt : hash.find('$', salt + 1);
  if (end == std::string_view::npos)
    malformed();
  const auto [stop, error] = std::from_chars(hash.data(), hash.data() + salt, parsed.rounds);
  if (error != std::errc{} || stop != hash.data() + salt || parsed.rounds < 1 || parsed.rounds > most_rounds)
    malformed();
  parsed.salt = adapted_base64(hash.substr(salt + 1, end - salt - 1));
  parsed.hash = adapted_base64(hash.substr(end + 1));
  if (parsed.salt.empty() || parsed.hash.size() < 16 || parsed.hash.size() > 64)
    malformed();
  return parsed;
}

} // namespace

bool is_legacy_hash(std::string_view hash) noexcept {
  return is_bcrypt(hash) || hash.starts_with("$pbkdf2-sha256$") || hash.starts_with("$pbkdf2-sha512$");
}

void check_legacy_hash(std::string_view hash) {
  if (is_bcrypt(hash))
    check_bcrypt(hash);
  else if (is_legacy_hash(hash))
    static_cast<void>(parse_pbkdf2(hash));
  else
    malformed();
}

bool verify_legacy_hash(ByteView password, std::string_view hash) {
  check_legacy_hash(hash);
  if (is_bcrypt(hash)) {
    const auto wipe = [](crypt_data *data) {
      sodium_memzero(data, sizeof *data);
      delete data;
    };
    const std::unique_ptr<crypt_data, decltype(wipe)> data(new crypt_data{}, wipe);
    SecretBytes text(password.begin(), password.end());
    text.push_back('\0');
    const std::string setting(hash);
    const char *computed = crypt_r(reinterpret_cast<const char *>(text.data()), setting.c_str(), data.get());
    return computed != nullptr && std::string_view(computed).size() == hash.size() &&
           sodium_memcmp(computed, hash.data(), hash.size()) == 0;
  }
  const Pbkdf2 parsed = parse_pbkdf2(hash);
  SecretBytes computed(parsed.hash.size());
  return PKCS5_PBKDF2_HMAC(reinterpret_cast<const char *>(password.data()), static_cast<int>(password.size()), parsed.salt.data(),
                           static_cast<int>(parsed.salt.size()), parsed.rounds, parsed.digest, static_cast<int>(computed.size()),
                           computed.data()) == 1 &&
         sodium_memcmp(computed.data(), parsed.hash.data(), computed.size()) == 0;
}

} // namespace roughly
