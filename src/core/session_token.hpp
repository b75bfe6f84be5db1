// Tokens: 16 bytes of user id and 32 random bytes, as 64 characters of base64url. The database keeps a keyed
// digest only, bound to the user and to what the token is for.
#pragma once

#include "core/key.hpp"

namespace roughly {

inline constexpr std::size_t token_secret_size = 32;
inline constexpr std::size_t token_characters = (sizeof(Uuid) + token_secret_size) / 3 * 4;
using TokenDigest = std::array<unsigned char, 32>;

struct Token {
  Uuid user;
  SecretBytes secret; // token_secret_size bytes
};

Token issue_token(const Uuid &user);
std::string encode_token(const Token &token);
// Nothing when `text` is not a token; a wrong token is no error.
std::optional<Token> parse_token(std::string_view text);
// BLAKE2b-256 keyed with the token subkey over context, user id and secret. `context`: "session" and the like.
TokenDigest token_digest(Subkey<Purpose::token> key, std::string_view context, const Token &token);

// BLAKE2b-256 of a token as it comes: to know it again in this process, without decoding it. Not to be stored.
TokenDigest text_digest(std::string_view text);

// Stands for an e-mail address where the address itself must not be kept: BLAKE2b-256, keyed. `normalized`: as in
// roughly.users.
TokenDigest email_digest(Subkey<Purpose::email> key, std::string_view normalized);

// A token that only the mailer can read: crypto_box_seal of libsodium for its public key, as base64url.
using MailerKey = std::array<unsigned char, 32>;
std::optional<MailerKey> parse_mailer_key(std::string_view file); // 64 hexadecimal digits, perhaps a line end
std::string seal_for_mailer(const MailerKey &key, std::string_view token);

} // namespace roughly
