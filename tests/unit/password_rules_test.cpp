#include "support.hpp"

#include "core/password_hash.hpp"
#include "core/password_rules.hpp"

namespace roughly::test {
namespace {

using Faults = std::vector<std::string>;

Faults faults(std::string_view password, std::string_view email = "someone@example.org", std::size_t least = 15) {
  return password_faults(view(password), email, least);
}

TEST(PasswordRules, CountLengthAndNotComposition) {
  EXPECT_EQ(faults("kxqwvzjmbphtdgn"), Faults{});
  EXPECT_EQ(faults("aaaaaaaaaaaaaaa"), Faults{});
  EXPECT_EQ(faults("               "), Faults{});
  EXPECT_EQ(faults("kxqwvzjmbphtdg"), Faults{"too_short"});
  EXPECT_EQ(faults("Xq7$kxqwvz"), Faults{"too_short"});
  EXPECT_EQ(faults(""), Faults{"too_short"});
  EXPECT_EQ(faults("kxqwvzjm", "someone@example.org", 8), Faults{});
  EXPECT_EQ(faults("kxqwvzj", "someone@example.org", 8), Faults{"too_short"});
}

TEST(PasswordRules, CountCodePointsNotBytes) {
  const auto repeated = [](std::string_view letter, int times) {
    std::string text;
    for (int i = 0; i < times; ++i)
      text += letter;
    return text;
  };
  for (const std::string_view letter : {"\u00e9", "\u20ac", "\U0001f600"}) {
    EXPECT_EQ(faults(repeated(letter, 15)), Faults{}) << letter;
    EXPECT_EQ(faults(repeated(letter, 14)), Faults{"too_short"}) << letter;
  }
}

TEST(PasswordRules, AllowUpTo1024Bytes) {
  EXPECT_EQ(max_password_size, 1024u);
  EXPECT_EQ(faults(std::string(1024, 'k')), Faults{});
  EXPECT_EQ(faults(std::string(1025, 'k')), Faults{"too_long"});
}

TEST(PasswordRules, WantEightCodePointsBesidesTheContext) {
  const std::string email = "Anna.Schmidt@pollsters.example";
  for (const std::string password : {"anna.schmidt1234567", "ANNA.SCHMIDT1234567", "1234anna.schmidt567", "anna.schmidt@pollsters.example",
                                     "xanna.schmidt@pollsters.examplexxxxxx", "pollsterspollsterspollsters", "pollsters.example12345", "roughlyroughly1234567",
                                     "RoughlyPollsters2026", "anna.schmidtanna.schmidt"})
    EXPECT_EQ(faults(password, email), Faults{"too_obvious"}) << password;
  EXPECT_EQ(faults("anna.schmidt12345678", email), Faults{});
  EXPECT_EQ(faults("anna.schmidt\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc", email), Faults{});
  EXPECT_EQ(faults("anna.schmidt\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc\u00fc", email), Faults{"too_obvious"}); // 14 bytes are no 8 letters
  EXPECT_EQ(faults("roughly", email), (Faults{"too_short", "too_obvious"}));
  EXPECT_EQ(faults("anna-schmidt-1234567", email), Faults{});
  EXPECT_EQ(faults("ropollstersughlyropollstersughly", email), Faults{"too_obvious"}); // one word hidden in another
}

TEST(PasswordRules, TakeNoNoticeOfShortWordsAndOddAddresses) {
  EXPECT_EQ(faults("ab7ab7ab7ab7ab7", "ab@cd.ef"), Faults{});
  EXPECT_EQ(faults("cdcdcdcdcdcdcdc", "ab@cd.ef"), Faults{});
  EXPECT_EQ(faults("cd.efcd.efcd.ef", "ab@cd.ef"), Faults{"too_obvious"});
  for (const std::string email : {"", "@", "a@", "@b", "no address", "a@b@c"})
    EXPECT_EQ(faults("kxqwvzjmbphtdgn", email), Faults{}) << email;
}

TEST(PasswordRules, NameEveryFault) {
  EXPECT_EQ(faults("Someone"), (Faults{"too_short", "too_obvious"}));
  EXPECT_EQ(faults("someone@example.org" + std::string(1010, ' ')), Faults{"too_long"});
}

TEST(Blocklist, IgnoresTheCaseOfAsciiLettersOnly) {
  const auto digest = [](std::string_view text) { return blocklist_digest(view(text)); };
  EXPECT_EQ(digest("PassWord1234567"), digest("password1234567"));
  EXPECT_EQ(digest("AZ"), digest("az"));
  EXPECT_NE(digest("password1234567"), digest("password1234568"));
  EXPECT_NE(digest("password1234567"), digest("password1234567 "));
  EXPECT_NE(digest("\u00c4"), digest("\u00e4"));
  EXPECT_NE(digest("@"), digest("`")); // the neighbours of A and a
  EXPECT_NE(digest("["), digest("{")); // of Z and z
}

TEST(Blocklist, KeepsBlake2b128) { // hashlib.blake2b(b"password1234567", digest_size=16)
  EXPECT_EQ(to_hex(blocklist_digest(view("Password1234567"))), "f293140aa79c70b04b09638417f19aa0");
}

} // namespace
} // namespace roughly::test
