#include "support.hpp"

#include "core/legacy_hash.hpp"
#include "core/password_hash.hpp"

namespace roughly::test {
namespace {

struct Vector {
  std::string_view password, hash;
};

::testing::AssertionResult malformed(const std::string &hash) {
  return throws(Errc::invalid_argument, [&] { check_legacy_hash(hash); });
}

// Published: crypt_blowfish 1.3 (wrapper.c), pyca/bcrypt (tests), Wikipedia "bcrypt" (abc123xyz, with its prefix made $2b$).
constexpr Vector bcrypt[] = {
    {"U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"},
    {"U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"},
    {"U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"},
    {"", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"},
    {"\xa3", "$2y$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq"},
    {"\xa3", "$2a$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq"},
    {"Kk4DQuMMfZL9o", "$2b$04$cVWp4XaNU8a4v1uMRum2SO026BWLIoQMD/TXg5uZV.0P.uO8m3YEm"},
    {"abc123xyz", "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW"},
};

// The first is passlib's documentation; the others are hashlib.pbkdf2_hmac() of Python in passlib's form.
constexpr Vector pbkdf2[] = {
    {"password", "$pbkdf2-sha256$8000$XAuBMIYQQogxRg$tRRlz8hYn63B9LYiCd6PRo6FMiunY9ozmMMI3srxeRE"},
    {"password", "$pbkdf2-sha512$1000$c2FsdFNBTFRzYWx0U0FMVA$"
                 "L.vjhfY5mqKiCpkm0YIuL0mdqnbOXhYw/v74SUJEEwd4SPdh7srb8v5uXaGkjMc/LwzXWI4VCj9tRfIFZqlllw"},
    {"p\u00e4ssw\u00f6rd", "$pbkdf2-sha256$2$....BgADBAU$u2q8gcioE.o2Nt/UhfQpKIv0fHG.WCQ0XlGjO7WeplY"},
    {"password", "$pbkdf2-sha512$1$c2FsdFNBTFQ$hkxll5yHB4QfIIu37L4ci.rcgQgK7PUafQeSQCOoA8E"}, // 32 bytes of 64
    {"password", "$pbkdf2-sha256$1$c2FsdFNBTFQ$"
                 "mofSXjdAj9cvQj0ihccIbTpkKibmX7egKAO1mbKTNyiXM5Sj6AKjHt9cHliR/EyP0ZgSbX5L84fR6Mlb9DsD8w"}, // two blocks
    {"", "$pbkdf2-sha256$1$c2FsdFNBTFQ$YWBYxHfImwWFCKk8gt.FBGklog8FDpfjF9wAYR07g94"},
};

void expect_only(const Vector &vector) {
  const std::string hash(vector.hash);
  EXPECT_TRUE(is_legacy_hash(hash)) << hash;
  EXPECT_NO_THROW(check_legacy_hash(hash)) << hash;
  EXPECT_TRUE(verify_legacy_hash(view(vector.password), hash)) << hash;
  EXPECT_FALSE(verify_legacy_hash(view(std::string(vector.password) + "x"), hash)) << hash;
  EXPECT_FALSE(verify_legacy_hash(view("nobody's password"), hash)) << hash;
  std::string other = hash;
  char &last = other[other.size() - 4];
  last = last == 'A' ? 'B' : 'A';
  EXPECT_FALSE(verify_legacy_hash(view(vector.password), other)) << other;
}

TEST(Bcrypt, VerifiesPublishedVectorsAndNothingElse) {
  for (const Vector &vector : bcrypt)
    expect_only(vector);
}

TEST(Bcrypt, SeesTheFirst72Bytes) {
  const std::string hash = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"; // crypt_blowfish, wrapper.c
  const std::string password = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  ASSERT_EQ(password.size(), 72u);
  EXPECT_TRUE(verify_legacy_hash(view(password), hash));
  EXPECT_TRUE(verify_legacy_hash(view(password + "chars after 72 are ignored"), hash));
  EXPECT_FALSE(verify_legacy_hash(view(password.substr(0, 71)), hash));
}

TEST(Bcrypt, RefusesWhatIsMalformedOrTooCostly) {
  const std::string good(bcrypt[0].hash), salt_and_hash = good.substr(7);
  for (const std::string cost : {"04", "10", "14"})
    EXPECT_NO_THROW(check_legacy_hash("$2b$" + cost + "$" + salt_and_hash)) << cost;
  for (const std::string cost : {"15", "31", "99", "00", "03", "-4", "+4", " 4", "4 ", "4$", "0x", "a5"})
    EXPECT_TRUE(malformed("$2b$" + cost + "$" + salt_and_hash)) << cost;
  EXPECT_TRUE(malformed("$2b$5$" + salt_and_hash + "A"));
  EXPECT_TRUE(malformed(good.substr(0, 59)));
  EXPECT_TRUE(malformed(good + "A"));
  EXPECT_TRUE(malformed(good + std::string(1, '\0')));
  EXPECT_TRUE(malformed("$2a$"));
  EXPECT_TRUE(malformed("$2a$05." + salt_and_hash));
  for (const char wrong : {'+', '=', '$', ' ', ':', '*', '\0', '\x80'}) {
    std::string hash = good;
    hash[40] = wrong;
    EXPECT_TRUE(malformed(hash)) << wrong;
  }
}

TEST(Pbkdf2, VerifiesVectorsOfPasslibAndPythonAndNothingElse) {
  for (const Vector &vector : pbkdf2)
    expect_only(vector);
}

TEST(Pbkdf2, RefusesWhatIsMalformedOrTooCostly) {
  const std::string tail = "$c2FsdFNBTFQ$YWBYxHfImwWFCKk8gt.FBGklog8FDpfjF9wAYR07g94";
  for (const std::string kind : {"$pbkdf2-sha256$", "$pbkdf2-sha512$"}) {
    for (const std::string rounds : {"1", "600000", "2000000"})
      EXPECT_NO_THROW(check_legacy_hash(kind + rounds + tail)) << rounds;
    for (const std::string rounds : {"2000001", "2147483648", "4294967297", "99999999999999999999", "0", "-1", "+1", "", " 1", "1 ", "1e3", "0x1"})
      EXPECT_TRUE(malformed(kind + rounds + tail)) << rounds;
    for (const std::string rest : {"", "1", "1$", "1$c2FsdFNBTFQ", "1$c2FsdFNBTFQ$", "1$$YWBYxHfImwWFCKk8gt.FBGklog8FDpfjF9wAYR07g94"})
      EXPECT_TRUE(malformed(kind + rest)) << rest;
    EXPECT_TRUE(malformed(kind + "1" + tail + "="));
    EXPECT_TRUE(malformed(kind + "1" + tail + "$"));
    EXPECT_TRUE(malformed(kind + "1" + tail + std::string(1, '\0')));
    for (const char wrong : {'*', '-', '_', '=', ' ', '\0', '\x80', '\xff'})
      EXPECT_TRUE(malformed(kind + "1$c2FsdFNBTF" + wrong + "$YWBYxHfImwWFCKk8gt.FBGklog8FDpfjF9wAYR07g94")) << wrong;
    EXPECT_TRUE(malformed(kind + "1$c2FsdFNBTFQ$" + std::string(20, 'A'))); // 15 bytes
    EXPECT_NO_THROW(check_legacy_hash(kind + "1$c2FsdFNBTFQ$" + std::string(22, 'A'))); // 16
    EXPECT_NO_THROW(check_legacy_hash(kind + "1$c2FsdFNBTFQ$" + std::string(86, 'A'))); // 64
    EXPECT_TRUE(malformed(kind + "1$c2FsdFNBTFQ$" + std::string(87, 'A'))); // 65
    EXPECT_TRUE(malformed(kind + "1$" + std::string(600, 'A') + "$" + std::string(43, 'A')));
  }
}

TEST(LegacyHash, IsToldByItsPrefix) {
  for (const std::string hash : {"", "$2b", "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "$2$05$", "$1$salt$hash",
                                 "$6$salt$hash", "$pbkdf2$1$c2FsdFNBTFQ$YWBYxHfImwWFCKk8gt", "$pbkdf2-sha1$1$a$b", "$argon2id$v=19$",
                                 " $2b$05$", "2b$05$", "$PBKDF2-SHA256$1$"}) {
    EXPECT_FALSE(is_legacy_hash(hash)) << hash;
    EXPECT_TRUE(malformed(hash)) << hash;
    EXPECT_TRUE(throws(Errc::invalid_argument, [&] { check_password_hash(hash); })) << hash;
  }
}

TEST(LegacyHash, VerifiesThroughTheSameDoorAsArgon2idAndIsAlwaysRenewed) {
  EXPECT_TRUE(verify_password(view("U*U"), bcrypt[0].hash));
  EXPECT_FALSE(verify_password(view("U*V"), bcrypt[0].hash));
  EXPECT_TRUE(verify_password(view("password"), pbkdf2[0].hash));
  EXPECT_TRUE(needs_rehash(bcrypt[0].hash, {64, 1}));
  EXPECT_TRUE(needs_rehash(pbkdf2[0].hash, {64, 1}));
  EXPECT_TRUE(throws(Errc::invalid_argument, [] { verify_password(view("x"), "$2b$15$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"); }));
}

} // namespace
} // namespace roughly::test
