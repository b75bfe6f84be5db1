#include "support.hpp"

#include "core/session_token.hpp"

namespace roughly::test {
namespace {

TEST(Token, RoundTripsAs64CharactersOfBase64Url) {
  const Token token = issue_token(uuid(1));
  EXPECT_EQ(token.user, uuid(1));
  EXPECT_EQ(token.secret.size(), token_secret_size);
  const std::string text = encode_token(token);
  EXPECT_EQ(text.size(), 64u);
  EXPECT_EQ(text.find_first_of("+/="), std::string::npos);
  const std::optional<Token> back = parse_token(text);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->user, token.user);
  EXPECT_EQ(back->secret, token.secret);
}

TEST(Token, IsNeverIssuedTwice) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i)
    seen.insert(encode_token(issue_token(uuid(1))));
  EXPECT_EQ(seen.size(), 1000u);
}

TEST(Token, IsNothingAtAnyOtherLength) {
  const std::string text = encode_token(issue_token(uuid(1)));
  std::string other;
  for (std::size_t size = 0; size < 200; ++size, other += text[size % text.size()])
    EXPECT_EQ(parse_token(other).has_value(), size == text.size()) << size;
}

TEST(Token, IsNothingWithOtherCharacters) {
  const std::string text = encode_token(issue_token(uuid(1)));
  for (std::size_t place = 0; place < text.size(); ++place)
    for (const char wrong : {'+', '/', '=', ' ', '.', '\n', '\0', '\x80'}) {
      std::string changed = text;
      changed[place] = wrong;
      EXPECT_FALSE(parse_token(changed)) << "byte " << static_cast<unsigned char>(wrong) << " at " << place;
    }
}

TEST(TokenDigest, DependsOnKeyContextUserAndSecret) {
  const Key one = key(1, 1), two = key(1, 2);
  const Token token{uuid(1), secret(std::string(32, 's'))};
  const TokenDigest digest = token_digest(one.subkey<Purpose::token>(), "session", token);
  EXPECT_EQ(digest, token_digest(one.subkey<Purpose::token>(), "session", token));
  const std::set<TokenDigest> all{
      digest,
      token_digest(two.subkey<Purpose::token>(), "session", token),
      token_digest(one.subkey<Purpose::token>(), "reset", token),
      token_digest(one.subkey<Purpose::token>(), "session", {uuid(2), token.secret}),
      token_digest(one.subkey<Purpose::token>(), "session", {uuid(1), secret(std::string(32, 't'))})};
  EXPECT_EQ(all.size(), 5u);
}

TEST(TokenDigest, IsBlake2bOverContextUserAndSecret) {
  const Key one = key(1, 1);
  const Token token{uuid(1), secret(std::string(32, 's'))};
  Writer<Bytes> message;
  message.text("session");
  message.raw(token.user);
  message.raw(token.secret);
  const Bytes bytes = std::move(message).take();
  TokenDigest expected;
  crypto_generichash(expected.data(), expected.size(), bytes.data(), bytes.size(),
                     one.subkey<Purpose::token>().bytes.data(), key_size);
  EXPECT_EQ(token_digest(one.subkey<Purpose::token>(), "session", token), expected);
}

} // namespace
} // namespace roughly::test
