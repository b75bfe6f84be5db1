#include "support.hpp"

#include "core/receipt.hpp"

#include <limits>

namespace roughly::test {
namespace {

VoteSecret vote_secret(char filling) {
  return VoteSecret(secret(std::string(32, filling)));
}

TEST(VoteSecret, Has32RandomBytes) {
  EXPECT_EQ(VoteSecret::generate().size(), 32u);
  EXPECT_NE(VoteSecret::generate(), VoteSecret::generate());
  for (const std::size_t size : {0u, 16u, 31u, 33u})
    EXPECT_TRUE(throws(Errc::corrupted, [&] { VoteSecret(SecretBytes(size)); })) << size;
}

TEST(Tag, IsAVersion8Uuid) {
  for (unsigned char i = 0; i < 100; ++i) {
    const Uuid tag = vote_secret('a').tag(uuid(i));
    EXPECT_EQ(tag[6] >> 4, 8);
    EXPECT_EQ(tag[8] >> 6, 2);
  }
}

TEST(Tag, IsOneForOnePersonAndQuestion) {
  EXPECT_EQ(vote_secret('a').tag(uuid(1)), vote_secret('a').tag(uuid(1)));
  std::set<Uuid> tags;
  for (const char person : {'a', 'b', 'c'})
    for (unsigned char question = 0; question < 100; ++question)
      tags.insert(vote_secret(person).tag(uuid(question)));
  EXPECT_EQ(tags.size(), 300u);
}

TEST(Receipt, OpensForItsOwner) {
  const VoteSecret owner = vote_secret('a');
  for (const std::int32_t day : {0, 1, -1, 9999, std::numeric_limits<std::int32_t>::min(),
                                 std::numeric_limits<std::int32_t>::max()})
    for (const std::uint8_t choice : std::initializer_list<std::uint8_t>{0, 1, 255}) {
      const Receipt back = owner.open_receipt(uuid(1), owner.tag(uuid(1)), owner.seal_receipt(uuid(1), owner.tag(uuid(1)), {choice, day}));
      EXPECT_EQ(back.choice, choice);
      EXPECT_EQ(back.day, day);
    }
}

TEST(Receipt, HasOneLengthWhateverTheChoice) {
  std::set<std::size_t> sizes;
  for (unsigned choice = 0; choice < 256; ++choice)
    for (const std::int32_t day : {0, -1, 1'000'000'000})
      sizes.insert(vote_secret('a').seal_receipt(uuid(1), vote_secret('a').tag(uuid(1)), {static_cast<std::uint8_t>(choice), day}).size());
  EXPECT_EQ(sizes.size(), 1u);
}

TEST(Receipt, NeedsNoKeyOfTheKeyring) {
  EXPECT_EQ(sealing_key(vote_secret('a').seal_receipt(uuid(1), vote_secret('a').tag(uuid(1)), {1, 1})), 0);
}

TEST(Receipt, OpensForNobodyElseAndNowhereElse) {
  const Bytes sealed = vote_secret('a').seal_receipt(uuid(1), vote_secret('a').tag(uuid(1)), {1, 1});
  EXPECT_TRUE(throws(Errc::corrupted, [&] { return vote_secret('b').open_receipt(uuid(1), vote_secret('b').tag(uuid(1)), sealed); }));
  EXPECT_TRUE(throws(Errc::corrupted, [&] { return vote_secret('a').open_receipt(uuid(2), vote_secret('a').tag(uuid(2)), sealed); }));
}

TEST(Receipt, RefusesEveryFlippedBitAndEveryCut) {
  const VoteSecret owner = vote_secret('a');
  const Bytes sealed = owner.seal_receipt(uuid(1), owner.tag(uuid(1)), {1, 1});
  for_each_bit_flip(sealed, [&](const Bytes &changed, std::size_t bit) {
    EXPECT_TRUE(throws(Errc::corrupted, [&] { return owner.open_receipt(uuid(1), owner.tag(uuid(1)), changed); })) << bit;
  });
  expect_no_prefix_reads(sealed, [&](ByteView cut) { return owner.open_receipt(uuid(1), owner.tag(uuid(1)), cut); });
}

} // namespace
} // namespace roughly::test
