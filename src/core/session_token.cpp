#include "core/session_token.hpp"

#include <algorithm>

#include "core/core_only.hpp"

namespace roughly {

Token issue_token(const Uuid &user) {
  Token token{user, SecretBytes(token_secret_size)};
  randombytes_buf(token.secret.data(), token.secret.size());
  return token;
}

std::string encode_token(const Token &token) {
  SecretBytes bytes(token.user.begin(), token.user.end());
  bytes.insert(bytes.end(), token.secret.begin(), token.secret.end());
  return to_base64url(bytes);
}

std::optional<Token> parse_token(std::string_view text) {
  if (text.size() != token_characters)
    return std::nullopt;
  const std::optional<SecretBytes> bytes = from_base64url(text);
  if (!bytes)
    return std::nullopt;
  Token token{{}, SecretBytes(bytes->begin() + sizeof(Uuid), bytes->end())};
  std::copy_n(bytes->begin(), sizeof(Uuid), token.user.begin());
  return token;
}

TokenDigest token_digest(Subkey<Purpose::token> key, std::string_view context, const Token &token) {
  Writer<SecretBytes> message;
  message.reserve(1 + context.size() + token.user.size() + token.secret.size());
  message.text(context);
  message.raw(token.user);
  message.raw(token.secret);
  const SecretBytes bytes = std::move(message).take();
  TokenDigest digest;
  crypto_generichash(digest.data(), digest.size(), bytes.data(), bytes.size(), key.bytes.data(), key.bytes.size());
  return digest;
}

TokenDigest text_digest(std::string_view text) {
  TokenDigest digest;
  crypto_generichash(digest.data(), digest.size(), view(text).data(), text.size(), nullptr, 0);
  return digest;
}

TokenDigest email_digest(Subkey<Purpose::email> key, std::string_view normalized) {
  TokenDigest digest;
  const ByteView text = view(normalized);
  crypto_generichash(digest.data(), digest.size(), text.data(), text.size(), key.bytes.data(), key.bytes.size());
  return digest;
}

std::optional<MailerKey> parse_mailer_key(std::string_view file) {
  MailerKey key;
  static_assert(crypto_box_PUBLICKEYBYTES == std::tuple_size_v<MailerKey>);
  if (file.ends_with('\n'))
    file.remove_suffix(1);
  const std::optional<SecretBytes> bytes = from_hex(file);
  if (!bytes || bytes->size() != key.size())
    return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), key.begin());
  return key;
}

std::string seal_for_mailer(const MailerKey &key, std::string_view token) {
  Bytes box(token.size() + crypto_box_SEALBYTES);
  if (crypto_box_seal(box.data(), view(token).data(), token.size(), key.data()) != 0)
    throw Error(Errc::key_file_unusable, "the mailer's public key cannot be used");
  return to_base64url(box);
}

} // namespace roughly
