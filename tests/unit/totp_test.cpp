#include "support.hpp"

#include "core/totp.hpp"

namespace roughly::test {
namespace {

const std::string_view rfc_secret = "12345678901234567890"; // RFC 6238, appendix B

TEST(Totp, GivesTheCodesOfTheRfc) {
  const std::pair<std::int64_t, std::string> vectors[] = {
      // the last 6 digits of the 8 given there for SHA-1
      {59, "287082"},         {1111111109, "081804"}, {1111111111, "050471"},
      {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"},
  };
  for (const auto &[time, code] : vectors) {
    EXPECT_EQ(totp_code(view(rfc_secret), time / 30), code);
    EXPECT_EQ(match_totp(view(rfc_secret), code, time, 0), time / 30);
  }
}

TEST(Totp, GivesTheCodesOfRfc4226) { // HOTP, appendix D
  const std::string codes[] = {"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"};
  for (std::int64_t counter = 0; const std::string &code : codes)
    EXPECT_EQ(totp_code(view(rfc_secret), counter++), code);
}

TEST(Totp, AcceptsOneStepBeforeAndAfter) {
  constexpr std::int64_t step = 41152263; // of 1234567890
  const std::string code = totp_code(view(rfc_secret), step);
  for (std::int64_t around = -3; around <= 3; ++around) {
    ASSERT_TRUE(around == 0 || totp_code(view(rfc_secret), step + around) != code);
    const std::optional<std::int64_t> found = match_totp(view(rfc_secret), code, 30 * (step + around), 0);
    EXPECT_EQ(found.has_value(), around >= -1 && around <= 1) << around;
    EXPECT_EQ(found.value_or(step), step);
  }
  // To the second: from the first of the step before to the last of the step after.
  EXPECT_FALSE(match_totp(view(rfc_secret), code, 30 * (step - 1) - 1, 0));
  EXPECT_TRUE(match_totp(view(rfc_secret), code, 30 * (step - 1), 0));
  EXPECT_TRUE(match_totp(view(rfc_secret), code, 30 * (step + 2) - 1, 0));
  EXPECT_FALSE(match_totp(view(rfc_secret), code, 30 * (step + 2), 0));
}

TEST(Totp, ServesOnce) {
  constexpr std::int64_t step = 41152263;
  const auto code = [](std::int64_t of) { return totp_code(view(rfc_secret), of); };
  EXPECT_EQ(match_totp(view(rfc_secret), code(step), 30 * step, step - 1), step);
  for (std::int64_t now = step - 1; now <= step + 1; ++now) // never again, whenever it is tried
    EXPECT_FALSE(match_totp(view(rfc_secret), code(step), 30 * now, step));
  EXPECT_FALSE(match_totp(view(rfc_secret), code(step - 1), 30 * step, step)); // nor one of before
  EXPECT_EQ(match_totp(view(rfc_secret), code(step + 1), 30 * step, step), step + 1);
}

TEST(Totp, MatchesNothingElse) {
  constexpr std::int64_t time = 1234567890;
  const std::string code = "005924";
  for (const std::string other : {"", "005925", "05924", "5924", "0059240", " 005924", "005924 ", "89005924", "00592a"})
    EXPECT_FALSE(match_totp(view(rfc_secret), other, time, 0)) << other;
  EXPECT_FALSE(match_totp(view(rfc_secret), std::string("005924\0", 7), time, 0));
  EXPECT_FALSE(match_totp(view("12345678901234567891"), code, time, 0));
  EXPECT_TRUE(match_totp(view(rfc_secret), code, time, 0));
}

TEST(Totp, SecretsAreLongAndDiffer) {
  const SecretBytes one = new_totp_secret(), other = new_totp_secret();
  EXPECT_EQ(one.size(), 20u);
  EXPECT_EQ(other.size(), 20u);
  EXPECT_NE(one, other);
}

TEST(Base32, IsThatOfTheRfcWithoutPadding) { // RFC 4648, section 10
  const std::pair<std::string_view, std::string> vectors[] = {{"", ""},           {"f", "MY"},           {"fo", "MZXQ"},         {"foo", "MZXW6"},
                                                              {"foob", "MZXW6YQ"}, {"fooba", "MZXW6YTB"}, {"foobar", "MZXW6YTBOI"}};
  for (const auto &[bytes, text] : vectors)
    EXPECT_EQ(to_base32(view(bytes)), text);
  EXPECT_EQ(to_base32(view(rfc_secret)), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
  EXPECT_EQ(to_base32(Bytes(5, 0xff)), "77777777");
}

TEST(TotpUri, EscapesWhatPeopleType) {
  EXPECT_EQ(totp_uri(view("foobar"), "Roughly", "a@example.org"), "otpauth://totp/Roughly:a%40example.org?secret=MZXW6YTBOI&issuer=Roughly");
  const std::string hostile = totp_uri(view("foobar"), "A&B", "x&secret=AAAA?#/ \"%\u00fc@y");
  EXPECT_EQ(std::count(hostile.begin(), hostile.end(), '&'), 1);
  EXPECT_EQ(std::count(hostile.begin(), hostile.end(), '?'), 1);
  EXPECT_EQ(hostile.find_first_of("# \""), std::string::npos);
  EXPECT_TRUE(has(hostile, "A%26B:x%26secret%3dAAAA%3f%23%2f%20%22%25%c3%bc%40y?secret=MZXW6YTBOI&issuer=A%26B")) << hostile;
}

} // namespace
} // namespace roughly::test
