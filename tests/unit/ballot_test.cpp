#include "support.hpp"

namespace roughly::test {
namespace {

const Uuid question = uuid(100);

// Through a box, as publishing does.
Ballot open_ballot(Subkey<Purpose::ballot> key, const Uuid &poll, const Uuid &ballot, ByteView sealed, std::size_t snapshot_size) {
  BallotBox box(snapshot_size);
  BallotOpener(poll, box).add(key, ballot, sealed);
  const ByteView snapshot = box.snapshot(0);
  return {box.choice(0), box.eligible(0), SecretBytes(snapshot.begin(), snapshot.end())};
}

Uuid numbered(std::uint32_t number) {
  Uuid id = uuid(0);
  for (std::size_t i = 0; i < 4; ++i)
    id[12 + i] = static_cast<unsigned char>(number >> (24 - 8 * i));
  return id;
}

BallotBox box_of(std::uint32_t count, std::size_t snapshot_size = 2) {
  BallotBox box(snapshot_size);
  for (std::uint32_t i = 0; i < count; ++i)
    box.add(numbered(i), {static_cast<std::uint8_t>(i % 5), i % 3 == 0,
                          SecretBytes(snapshot_size, static_cast<unsigned char>(i % 7))});
  return box;
}

using Record = std::tuple<Bytes, std::uint8_t, bool, Bytes>;
std::vector<Record> records(const BallotBox &box) {
  std::vector<Record> all;
  for (std::size_t i = 0; i < box.size(); ++i)
    all.emplace_back(Bytes(box.id(i).begin(), box.id(i).end()), box.choice(i), box.eligible(i),
                     Bytes(box.snapshot(i).begin(), box.snapshot(i).end()));
  return all;
}

TEST(Ballot, OpensToWhatWasCast) {
  const auto subkey = some_key().subkey<Purpose::ballot>();
  for (const bool eligible : {false, true}) {
    const Bytes sealed = seal_ballot(subkey, question, uuid(1), {7, eligible, secret("abc")});
    const Ballot ballot = open_ballot(subkey, question, uuid(1), sealed, 3);
    EXPECT_EQ(ballot.choice, 7);
    EXPECT_EQ(ballot.eligible, eligible);
    EXPECT_EQ(ballot.snapshot, secret("abc"));
  }
}

TEST(Ballot, HasOneLengthWhateverTheChoiceAndTheProfile) {
  const std::vector<Dimension> dimensions{dimension("region", {"north", "south"}), bands("age", {18, 65}),
                                          codes("town")};
  std::set<std::size_t> sizes;
  for (unsigned choice = 0; choice < 256; ++choice)
    for (const bool eligible : {false, true})
      for (const std::optional<std::string> &town : {std::optional<std::string>(), {"x"}, {"sixteen bytes ok"}}) {
        const std::string snapshot = encode_category(dimensions[0], "south") + encode_category(dimensions[1], "30") +
                                     encode_category(dimensions[2], town);
        sizes.insert(seal_ballot(some_key().subkey<Purpose::ballot>(), question, uuid(1),
                                 {static_cast<std::uint8_t>(choice), eligible, secret(snapshot)})
                         .size());
      }
  EXPECT_EQ(sizes.size(), 1u);
}

TEST(Ballot, RefusesEveryChangeCutAndMove) {
  const auto subkey = some_key().subkey<Purpose::ballot>();
  const Bytes sealed = seal_ballot(subkey, question, uuid(1), {1, true, secret("abc")});
  for_each_bit_flip(sealed, [&](const Bytes &changed, std::size_t bit) {
    EXPECT_TRUE(throws(Errc::corrupted, [&] { open_ballot(subkey, question, uuid(1), changed, 3); })) << bit;
  });
  expect_no_prefix_reads(sealed, [&](ByteView cut) { open_ballot(subkey, question, uuid(1), cut, 3); });
  EXPECT_TRUE(throws(Errc::corrupted, [&] { open_ballot(subkey, question, uuid(2), sealed, 3); }));
  EXPECT_TRUE(throws(Errc::corrupted, [&] { open_ballot(subkey, uuid(101), uuid(1), sealed, 3); }));
  EXPECT_TRUE(throws(Errc::corrupted, [&] { open_ballot(subkey, uuid(1), question, sealed, 3); }));
}

TEST(Ballot, OpensAsVersionsBefore1Point2SealedIt) {
  const Key another = key(2, 0xbb);
  const auto subkey = some_key().subkey<Purpose::ballot>(), other = another.subkey<Purpose::ballot>();
  const Bytes old = seal(subkey, Bytes{0x01, 7, 1, 'a', 'b', 'c'}, Binding("ballot").with(question).with(uuid(1)));
  EXPECT_EQ(old[0], 0x01);
  BallotBox box(3);
  BallotOpener opener(question, box); // and one beside the other
  opener.add(subkey, uuid(1), old);
  opener.add(subkey, uuid(2), seal_ballot(subkey, question, uuid(2), {7, true, secret("abc")}));
  opener.add(other, uuid(3), seal_ballot(other, question, uuid(3), {7, true, secret("abc")}));
  opener.add(subkey, uuid(4), seal_ballot(subkey, question, uuid(4), {7, true, secret("abc")}));
  ASSERT_EQ(box.size(), 4u);
  for (std::size_t i = 0; i < box.size(); ++i) {
    EXPECT_EQ(box.choice(i), 7);
    EXPECT_TRUE(box.eligible(i));
    EXPECT_EQ(text_view(box.snapshot(i)), "abc");
  }
  EXPECT_TRUE(throws(Errc::corrupted, [&] { opener.add(subkey, uuid(2), old); }));
  EXPECT_EQ(box.size(), 4u);
}

TEST(Ballot, RefusesASnapshotOfAnotherLength) {
  const auto subkey = some_key().subkey<Purpose::ballot>();
  const Bytes sealed = seal_ballot(subkey, question, uuid(1), {1, true, secret("abc")});
  EXPECT_TRUE(throws(Errc::corrupted, [&] { open_ballot(subkey, question, uuid(1), sealed, 2); }));
  EXPECT_TRUE(throws(Errc::corrupted, [&] { open_ballot(subkey, question, uuid(1), sealed, 4); }));
}

TEST(Ballot, RefusesAPlainFormOfAnotherFormat) {
  const auto subkey = some_key().subkey<Purpose::ballot>();
  for (const Bytes &sealed : {seal(subkey, Bytes{0x02, 1, 1}, Binding("ballot").with(question).with(uuid(1))),
                              seal(subkey, Bytes{0x02, 1, 1}, Binding("ballot").with(question).named(uuid(1)))})
    EXPECT_TRUE(throws(Errc::corrupted, [&] { open_ballot(subkey, question, uuid(1), sealed, 0); }));
}

TEST(BallotBox, KeepsWhatIsAdded) {
  BallotBox box(3);
  EXPECT_EQ(box.size(), 0u);
  box.add(uuid(1), {7, true, secret("abc")});
  box.add(uuid(2), {255, false, secret("xyz")});
  const Uuid first = uuid(1), second = uuid(2);
  const std::vector<Record> expected{{Bytes(first.begin(), first.end()), 7, true, Bytes{'a', 'b', 'c'}},
                                     {Bytes(second.begin(), second.end()), 255, false, Bytes{'x', 'y', 'z'}}};
  EXPECT_EQ(records(box), expected);
}

TEST(BallotBox, RefusesASnapshotOfAnotherLength) {
  BallotBox box(3);
  EXPECT_TRUE(throws(Errc::corrupted, [&] { box.add(uuid(1), {0, true, secret("ab")}); }));
  EXPECT_TRUE(throws(Errc::corrupted, [&] { box.add(uuid(1), {0, true, secret("abcd")}); }));
  EXPECT_EQ(box.size(), 0u);
}

TEST(BallotBox, ShufflesToAPermutation) {
  BallotBox box = box_of(1000);
  const std::vector<Record> before = records(box);
  box.shuffle();
  std::vector<Record> after = records(box);
  EXPECT_NE(after, before);
  std::sort(after.begin(), after.end());
  EXPECT_EQ(after, before); // box_of adds in ascending order of ids
}

TEST(BallotBox, ShufflesToEveryOrderAboutEquallyOften) {
  std::map<std::string, int> seen;
  for (int i = 0; i < 6000; ++i) {
    BallotBox box(0);
    for (unsigned char id = 0; id < 3; ++id)
      box.add(uuid(id), {id, true, {}});
    box.shuffle();
    std::string order;
    for (std::size_t place = 0; place < 3; ++place)
      order += static_cast<char>('0' + box.choice(place));
    ++seen[order];
  }
  EXPECT_EQ(seen.size(), 6u);
  for (const auto &[order, times_seen] : seen)
    EXPECT_NEAR(times_seen, 1000, 200) << order; // seven standard deviations
}

TEST(BallotBox, ShufflesNothingAndOne) {
  BallotBox none(0), one = box_of(1);
  EXPECT_NO_THROW(none.shuffle());
  one.shuffle();
  EXPECT_EQ(records(one), records(box_of(1)));
}

class Blocks : public ::testing::Test {
protected:
  static constexpr std::size_t snapshot_size = 12; // 30 bytes a record, 2184 records a block
  static constexpr std::uint32_t count = 5000;
  BallotBox box_ = box_of(count, snapshot_size);
  Subkey<Purpose::batch> subkey_ = some_key().subkey<Purpose::batch>();

  const BallotBox::Block place_{question, 4, 1, 3};

  [[nodiscard]] ::testing::AssertionResult refuses(const BallotBox::Block &place, ByteView sealed) const {
    BallotBox other(snapshot_size);
    const auto result = throws(Errc::corrupted, [&] { other.add_block(subkey_, place, sealed); });
    return other.size() == 0 ? result : ::testing::AssertionFailure() << "ballots were added";
  }
};

TEST_F(Blocks, RoundTrip) {
  ASSERT_EQ(box_.blocks(), 3u);
  BallotBox back(snapshot_size);
  for (std::uint32_t number = 0; number < box_.blocks(); ++number) {
    const BallotBox::Block place{question, 4, number, box_.blocks()};
    const Bytes sealed = box_.seal_block(subkey_, place);
    EXPECT_LE(sealed.size(), 64 * 1024 + 1 + seal_overhead);
    back.add_block(subkey_, place, sealed);
  }
  EXPECT_EQ(records(back), records(box_));
}

TEST_F(Blocks, AreAsManyAsNeeded) {
  EXPECT_EQ(BallotBox(snapshot_size).blocks(), 0u);
  EXPECT_EQ(box_of(1, snapshot_size).blocks(), 1u);
  EXPECT_EQ(box_of(2184, snapshot_size).blocks(), 1u);
  EXPECT_EQ(box_of(2185, snapshot_size).blocks(), 2u);
}

TEST_F(Blocks, RefuseToOpenInAnotherPlace) {
  const Bytes sealed = box_.seal_block(subkey_, place_);
  EXPECT_FALSE(refuses(place_, sealed));
  EXPECT_TRUE(refuses({question, 4, 0, 3}, sealed)); // exchanged with another block
  EXPECT_TRUE(refuses({question, 4, 2, 3}, sealed));
  EXPECT_TRUE(refuses({question, 4, 1, 2}, sealed)); // a block was lost
  EXPECT_TRUE(refuses({question, 5, 1, 3}, sealed));
  EXPECT_TRUE(refuses({question, 1, 4, 3}, sealed));
  EXPECT_TRUE(refuses({uuid(101), 4, 1, 3}, sealed));
}

TEST_F(Blocks, RefuseEveryFlippedBitAndEveryCut) {
  const Bytes sealed = box_of(3, snapshot_size).seal_block(subkey_, {question, 4, 0, 1});
  EXPECT_FALSE(refuses({question, 4, 0, 1}, sealed));
  for_each_bit_flip(sealed, [&](const Bytes &changed, std::size_t bit) {
    EXPECT_TRUE(refuses({question, 4, 0, 1}, changed)) << bit;
  });
  for (std::size_t size = 0; size < sealed.size(); ++size)
    EXPECT_TRUE(refuses({question, 4, 0, 1}, ByteView(sealed).first(size))) << size;
}

TEST_F(Blocks, RefuseAPlainFormOfAnotherFormat) {
  const auto sealed = [&](const Bytes &plain) {
    return seal(subkey_, plain, Binding("batch").with(question).with(4u).with(1u).with(3u));
  };
  Bytes plain(1 + 30, 0);
  plain[0] = 0x01;
  EXPECT_FALSE(refuses(place_, sealed(plain)));
  plain[0] = 0x02;
  EXPECT_TRUE(refuses(place_, sealed(plain)));
  plain[0] = 0x01;
  plain.push_back(0);
  EXPECT_TRUE(refuses(place_, sealed(plain)));
  EXPECT_TRUE(refuses(place_, sealed({0x01})));
  EXPECT_TRUE(refuses(place_, sealed({})));
}

} // namespace
} // namespace roughly::test
