#include "support.hpp"

namespace roughly::test {
namespace {

constexpr std::size_t choices = 3;
constexpr std::size_t max_dims = 2;

SnapshotLayout layout() {
  return SnapshotLayout({dimension("a", {"1"}), codes("b"), dimension("c", {"1"})});
}
Tally empty_tally() {
  return {layout(), choices, max_dims};
}
std::string snapshot(char a, const std::string &b, char c) {
  return a + encode_category(codes("b"), b) + c;
}
Counts counts(std::initializer_list<Count> numbers) {
  return numbers;
}

// Two profiles counted, everything published, then a third on top of them.
Tally some_tally() {
  Tally tally = empty_tally();
  tally.add({snapshot('x', "one", 'z'), counts({1, 2, 300}), 0});
  tally.add({snapshot('y', "two", 'z'), counts({4, 0, 0}), 0});
  for (Tally::CellId id = 0; id < tally.size(); ++id)
    tally.publish(id, 7);
  tally.add({snapshot('x', "three", 'w'), counts({0, 0, 1}), 0});
  return tally;
}

void expect_equal(const Tally &a, const Tally &b) {
  ASSERT_EQ(a.size(), b.size());
  for (Tally::CellId id = 0; id < a.size(); ++id) {
    EXPECT_EQ(a.cell(id).view, b.cell(id).view);
    EXPECT_EQ(a.cell(id).values, b.cell(id).values);
    EXPECT_EQ(a.cell(id).counts, b.cell(id).counts);
    EXPECT_EQ(a.cell(id).as_of, b.cell(id).as_of);
    EXPECT_EQ(a.cell(id).published, b.cell(id).published);
    EXPECT_EQ(b.find(a.cell(id).view, a.cell(id).values), id);
  }
}

// Views of one dimension share their values when nothing is stated: a cell must not be taken for another view's.
TEST(Tally, WhatIsNotStatedIsCountedInEachView) {
  Tally tally(SnapshotLayout({dimension("a", {"1"}), dimension("c", {"1"})}), choices, max_dims);
  const std::string nothing = encode_category(dimension("a", {"1"}), std::nullopt) + encode_category(dimension("c", {"1"}), std::nullopt);
  for (const Count votes : {Count{3}, Count{4}})
    tally.add({nothing, counts({votes, 0, 0}), 0});
  std::set<View> seen;
  for (Tally::CellId id = 0; id < tally.size(); ++id) {
    seen.insert(tally.cell(id).view);
    EXPECT_EQ(tally.cell(id).counts, counts({7, 0, 0}));
  }
  EXPECT_EQ(seen.size(), tally.views().size());
}

TEST(Profiles, AreCountedInCanonicalOrder) {
  BallotBox box(1);
  for (const char profile : {'c', 'a', 'c', 'b', 'c'})
    box.add(uuid(1), {static_cast<std::uint8_t>(profile - 'a'), profile != 'b', secret(std::string(1, profile))});
  box.add(uuid(1), {0, false, secret("c")});
  const std::vector<Profile> profiles = count_profiles(box, 3);
  ASSERT_EQ(profiles.size(), 3u);
  EXPECT_EQ(profiles[0].snapshot, "a");
  EXPECT_EQ(profiles[1].snapshot, "b");
  EXPECT_EQ(profiles[2].snapshot, "c");
  EXPECT_EQ(profiles[2].counts, counts({1, 0, 3}));
  EXPECT_EQ(profiles[0].eligible, 1u);
  EXPECT_EQ(profiles[1].eligible, 0u);
  EXPECT_EQ(profiles[2].eligible, 3u);
}

TEST(Profiles, OrderSnapshotsAsUnsignedBytes) {
  BallotBox box(1);
  box.add(uuid(1), {0, true, secret("\x80")});
  box.add(uuid(2), {0, true, secret("\x7f")});
  EXPECT_EQ(count_profiles(box, 1)[0].snapshot, "\x7f");
}

TEST(Profiles, RefuseAChoiceTheQuestionDoesNotHave) {
  BallotBox box(1);
  box.add(uuid(1), {3, true, secret("a")});
  EXPECT_TRUE(throws(Errc::corrupted, [&] { count_profiles(box, 3); }));
  EXPECT_NO_THROW(count_profiles(box, 4));
}

TEST(Tally, CountsAProfileIntoOneCellOfEachView) {
  Tally tally = empty_tally();
  EXPECT_EQ(tally.total(), 0u);
  const std::vector<Tally::CellId> first = tally.add({snapshot('x', "one", 'z'), counts({1, 2, 3}), 0});
  const std::vector<Tally::CellId> second = tally.add({snapshot('x', "two", 'z'), counts({0, 0, 4}), 0});
  ASSERT_EQ(first.size(), tally.views().size());
  EXPECT_EQ(tally.size(), 7u + 3); // b, ab and bc differ
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(tally.cell(first[i]).view, tally.views()[i]);
    EXPECT_EQ(first[i] == second[i], !contains(tally.views()[i], 1));
  }
  EXPECT_EQ(tally.total(), 10u);
  const auto cell = tally.find(0b101, "xz");
  ASSERT_TRUE(cell);
  EXPECT_EQ(tally.cell(*cell).counts, counts({1, 2, 7}));
  EXPECT_EQ(tally.respondents(*cell), 10u);
  EXPECT_FALSE(tally.find(0b101, "xy"));
  EXPECT_FALSE(tally.find(0b111, snapshot('x', "one", 'z')));
}

TEST(Tally, IsCurrentOnlyWhileWhatIsPublishedIsWhatIsCounted) {
  Tally tally = empty_tally();
  const Profile profile{snapshot('x', "one", 'z'), counts({1, 2, 3}), 0};
  const Tally::CellId total = tally.add(profile)[0];
  EXPECT_FALSE(tally.current(total));
  tally.publish(total, 1);
  EXPECT_TRUE(tally.current(total));
  tally.add(profile);
  EXPECT_FALSE(tally.current(total));
  EXPECT_EQ(tally.cell(total).as_of, 1u);
  EXPECT_EQ(tally.cell(total).published, counts({1, 2, 3}));
  EXPECT_EQ(tally.cell(total).counts, counts({2, 4, 6}));
  tally.publish(total, 3);
  EXPECT_TRUE(tally.current(total));
  EXPECT_EQ(tally.cell(total).as_of, 3u);
}

TEST(PackedTally, RoundTrips) {
  const Tally tally = some_tally();
  Tally back = empty_tally();
  back.unpack(tally.pack());
  expect_equal(tally, back);
  EXPECT_EQ(back.pack(), tally.pack());
  Tally nothing = empty_tally();
  EXPECT_NO_THROW(nothing.unpack(empty_tally().pack()));
  EXPECT_EQ(nothing.size(), 0u);
}

TEST(PackedTally, KeepsTheLargestCounts) {
  Tally tally = empty_tally();
  tally.add({snapshot('x', "one", 'z'), counts({~Count{0}, 0, 0}), 0});
  tally.publish(0, ~std::uint32_t{0});
  Tally back = empty_tally();
  back.unpack(tally.pack());
  expect_equal(tally, back);
}

TEST(PackedTally, RefusesEveryCutAndEveryTail) {
  SecretBytes packed = some_tally().pack();
  expect_no_prefix_reads(packed, [](ByteView cut) { empty_tally().unpack(cut); });
  packed.push_back(0);
  EXPECT_TRUE(throws(Errc::corrupted, [&] { empty_tally().unpack(packed); }));
}

TEST(PackedTally, RefusesToServeAnotherQuestion) {
  const SecretBytes packed = some_tally().pack();
  EXPECT_TRUE(throws(Errc::corrupted, [&] { Tally(layout(), choices + 1, max_dims).unpack(packed); }));
  EXPECT_TRUE(throws(Errc::corrupted, [&] { Tally(layout(), choices, max_dims - 1).unpack(packed); }));
  Tally narrower(SnapshotLayout({dimension("a", {"1"}), codes("b")}), choices, max_dims);
  EXPECT_TRUE(throws(Errc::corrupted, [&] { narrower.unpack(packed); }));
  EXPECT_TRUE(throws(Errc::corrupted, [&] { narrower.unpack(empty_tally().pack()); }));
  SecretBytes other_format = packed;
  other_format[0] = 0x02;
  EXPECT_TRUE(throws(Errc::corrupted, [&] { empty_tally().unpack(other_format); }));
}

TEST(PackedTally, RefusesACellTwice) {
  Writer<Bytes> out;
  out.raw(Bytes{1, 3, 18, 2}); // format, choices, snapshot size, cells
  for (int i = 0; i < 2; ++i)
    out.raw(Bytes{0, 0, 1, 2, 3}); // the total: view, as_of, counts
  const Bytes packed = std::move(out).take();
  EXPECT_TRUE(throws(Errc::corrupted, [&] { empty_tally().unpack(packed); }));
  Bytes once(packed.begin(), packed.end() - 5);
  once[3] = 1;
  EXPECT_NO_THROW(empty_tally().unpack(once));
}

TEST(Tally, EqualsAnotherInCountsWhateverIsPublishedOrInWhichOrderItCounted) {
  const Profile one{snapshot('x', "one", 'z'), counts({1, 2, 3}), 0};
  const Profile two{snapshot('y', "two", 'z'), counts({4, 5, 6}), 0};
  Tally a = empty_tally(), b = empty_tally();
  a.add(one);
  EXPECT_FALSE(a.counts_equal(b));
  b.add(two);
  EXPECT_FALSE(a.counts_equal(b));
  a.add(two);
  EXPECT_FALSE(b.counts_equal(a));
  b.add(one);
  a.publish(0, 1);
  EXPECT_TRUE(a.counts_equal(b));
  a.add({snapshot('x', "one", 'z'), counts({0, 0, 1}), 0});
  EXPECT_FALSE(a.counts_equal(b));
}

TEST(SealedTally, OpensForItsQuestionAndReleaseOnly) {
  const auto subkey = some_key().subkey<Purpose::tally>();
  const Tally tally = some_tally();
  const Bytes sealed = tally.seal(subkey, uuid(1), 7);
  Tally back = empty_tally();
  back.open(subkey, uuid(1), 7, sealed);
  expect_equal(tally, back);
  EXPECT_TRUE(throws(Errc::corrupted, [&] { empty_tally().open(subkey, uuid(1), 6, sealed); }));
  EXPECT_TRUE(throws(Errc::corrupted, [&] { empty_tally().open(subkey, uuid(1), 8, sealed); }));
  EXPECT_TRUE(throws(Errc::corrupted, [&] { empty_tally().open(subkey, uuid(2), 7, sealed); }));
  Bytes changed = sealed;
  changed.back() ^= 1;
  EXPECT_TRUE(throws(Errc::corrupted, [&] { empty_tally().open(subkey, uuid(1), 7, changed); }));
}

} // namespace
} // namespace roughly::test
