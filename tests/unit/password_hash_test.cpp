#include "support.hpp"

#include "core/password_hash.hpp"

#include <sys/resource.h>

namespace roughly::test {
namespace {

constexpr Argon2Cost cheap{64, 1};
const std::string salt_and_hash = "$c2FsdHNhbHRzYWx0$RKV1wDWZAqeB+OPU7FjEyJhaygoxF0zckwuENhofGsw";

std::string phc(const std::string &parameters) {
  return "$argon2id$v=19$" + parameters + salt_and_hash;
}

::testing::AssertionResult malformed(const std::string &text) {
  return throws(Errc::invalid_argument, [&] { parse_phc(text); });
}

TEST(Password, VerifiesItselfAndNothingElse) {
  const std::string hash = hash_password(view("correct horse"), cheap);
  EXPECT_TRUE(verify_password(view("correct horse"), hash));
  EXPECT_FALSE(verify_password(view("correct horsf"), hash));
  EXPECT_FALSE(verify_password(view("correct horse "), hash));
  EXPECT_FALSE(verify_password(view(""), hash));
  EXPECT_FALSE(verify_password(ByteView(), hash)); // a null pointer, which libsodium must not get
  EXPECT_FALSE(verify_password(Bytes(max_password_size + 1, 'x'), hash));
}

TEST(Password, MayHoldAnyByte) {
  const std::string hash = hash_password(view(std::string_view("a\0b", 3)), cheap);
  EXPECT_TRUE(verify_password(view(std::string_view("a\0b", 3)), hash));
  EXPECT_FALSE(verify_password(view(std::string_view("a\0c", 3)), hash));
  EXPECT_FALSE(verify_password(view("a"), hash));
}

TEST(Password, IsSaltedAndOfTheGivenCost) {
  const std::string hash = hash_password(view("same"), {128, 3});
  EXPECT_TRUE(hash.starts_with("$argon2id$v=19$m=128,t=3,p=1$")) << hash;
  EXPECT_NE(hash, hash_password(view("same"), {128, 3}));
  EXPECT_EQ(hash.find('\0'), std::string::npos);
}

TEST(Password, IsRefusedWhenEmptyOrTooLong) {
  EXPECT_TRUE(throws(Errc::invalid_argument, [] { hash_password({}, cheap); }));
  EXPECT_NO_THROW(hash_password(Bytes(max_password_size, 'x'), cheap));
  EXPECT_TRUE(throws(Errc::value_too_long, [] { hash_password(Bytes(max_password_size + 1, 'x'), cheap); }));
}

// Made by the reference implementation: echo -n "correct horse" | argon2 saltsaltsalt -id -t 1 -m 6 -p 2 -l 32 -e
TEST(Password, VerifiesHashesOfOtherSoftwareAndOfTwoLanes) {
  const std::string two_lanes = phc("m=64,t=1,p=2");
  EXPECT_EQ(parse_phc(two_lanes).memory_kib, 64u);
  EXPECT_TRUE(verify_password(view("correct horse"), two_lanes));
  EXPECT_FALSE(verify_password(view("wrong horse"), two_lanes));
  EXPECT_FALSE(verify_password(view("correct horse"), phc("m=64,t=1,p=1")));
  const std::string one_lane =
      "$argon2id$v=19$m=256,t=2,p=1$c2FsdHNhbHRzYWx0$pwZ7sGME81TL89Hs/ia4qXIxzecJdXvdtALit/lGF0w";
  EXPECT_TRUE(verify_password(view("correct horse"), one_lane));
}

TEST(Phc, GivesTheCostUpToTheLimits) {
  const Argon2Cost cost = parse_phc(phc("m=262144,t=10,p=16"));
  EXPECT_EQ(cost.memory_kib, 262144u);
  EXPECT_EQ(cost.passes, 10u);
}

TEST(Phc, RefusesHugeParameters) {
  for (const std::string parameters : {"m=262145,t=1,p=1", "m=64,t=11,p=1", "m=262144,t=1,p=17", "m=4294967295,t=1,p=1",
                                       "m=64,t=4294967295,p=1", "m=262144,t=1,p=4294967295"}) {
    const Error error = error_of([&] { parse_phc(phc(parameters)); });
    EXPECT_EQ(error.code(), Errc::invalid_argument);
    EXPECT_TRUE(has(error.hint(), "m=262144, t=10, p=16")) << parameters;
  }
}

TEST(Phc, RefusesHugeParametersBeforeMemoryIsTaken) {
  const auto peak = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  };
  const long before = peak();
  EXPECT_TRUE(throws(Errc::invalid_argument, [] { verify_password(view("x"), phc("m=1048576,t=1,p=1")); }));
  EXPECT_LT(peak() - before, 64 * 1024); // KiB; a gigabyte was asked for
}

TEST(Phc, RefusesWhatIsNoArgon2idHash) {
  for (const std::string &text :
       {std::string(), std::string("secret"), std::string("$argon2id$"), "$argon2i$v=19$m=64,t=1,p=1" + salt_and_hash,
        "$argon2id$v=16$m=64,t=1,p=1" + salt_and_hash, "argon2id$v=19$m=64,t=1,p=1" + salt_and_hash,
        std::string("$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW")})
    EXPECT_TRUE(malformed(text)) << text;
  for (const std::string parameters :
       {"", "m=64", "m=64,t=1", "m=64,t=1,p=", "m=,t=1,p=1", "t=1,m=64,p=1", "m=64,t=0,p=1", "m=64,t=1,p=0",
        "m=0,t=1,p=1", "m=064,t=1,p=1", "m=+64,t=1,p=1", "m=-1,t=1,p=1", "m= 64,t=1,p=1", "m=64.t=1,p=1",
        "m=64,t=1,p=1,x=1", "m=4294967296,t=1,p=1", "m=0x40,t=1,p=1", "m=7,t=1,p=1", "m=127,t=1,p=16"})
    EXPECT_TRUE(malformed(phc(parameters))) << parameters;
}

TEST(Phc, RefusesSaltsAndHashesOfWrongLengthOrAlphabet) {
  const std::string start = "$argon2id$v=19$m=64,t=1,p=1$";
  const std::string salt = "c2FsdHNhbHRzYWx0", hash = "RKV1wDWZAqeB+OPU7FjEyJhaygoxF0zckwuENhofGsw";
  EXPECT_NO_THROW(parse_phc(start + salt + "$" + hash));
  EXPECT_TRUE(malformed(start + salt));
  EXPECT_TRUE(malformed(start + salt + "$"));
  EXPECT_TRUE(malformed(start + "$" + hash));
  EXPECT_TRUE(malformed(start + salt.substr(0, 10) + "$" + hash));
  EXPECT_TRUE(malformed(start + salt + "$" + hash.substr(0, 21)));
  EXPECT_TRUE(malformed(start + salt + "$" + hash + "="));
  EXPECT_TRUE(malformed(start + salt + "$" + hash + "$"));
  EXPECT_TRUE(malformed(start + salt + "$_" + hash));
  EXPECT_TRUE(malformed(start + salt + "$" + hash + std::string(1, '\0')));
  EXPECT_TRUE(malformed(start + std::string(40, 'A') + "$" + std::string(70, 'A'))); // 128 bytes and more
}

TEST(Phc, CutAnywhereNeverVerifies) {
  const std::string hash = hash_password(view("correct horse"), cheap);
  for (std::size_t size = 0; size < hash.size(); ++size)
    try {
      EXPECT_FALSE(verify_password(view("correct horse"), hash.substr(0, size))) << size;
    } catch (const Error &error) {
      EXPECT_EQ(error.code(), Errc::invalid_argument);
    }
}

TEST(Rehash, OnlyRaises) {
  const std::string hash = phc("m=64,t=2,p=1");
  EXPECT_FALSE(needs_rehash(hash, {64, 2}));
  EXPECT_TRUE(needs_rehash(hash, {65, 2}));
  EXPECT_TRUE(needs_rehash(hash, {64, 3}));
  EXPECT_TRUE(needs_rehash(hash, {65, 1}));
  EXPECT_FALSE(needs_rehash(hash, {63, 1}));
  EXPECT_FALSE(needs_rehash(phc("m=262144,t=10,p=16"), {}));
  EXPECT_TRUE(throws(Errc::invalid_argument, [] { needs_rehash("secret", {}); }));
}

} // namespace
} // namespace roughly::test
