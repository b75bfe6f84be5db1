#include "support.hpp"

#include <cmath>

namespace roughly::test {
namespace {

// --- refused cells over several releases -----------------------------------------------------------------------

TEST(RefusedCell, KeepsItsOldValueUntilABatchCanCarryIt) {
  Poll poll(1, 2, 1, {3, 512});
  poll.release(times(5, {"A"}) + times(5, {"B"}));
  EXPECT_EQ(poll.published(), (std::map<Name, std::uint32_t>{{"*", 1}, {"A", 1}, {"B", 1}}));

  poll.release(times(10, {"A"}) + times(1, {"B"})); // A or B now would show the one by subtraction
  EXPECT_EQ(poll.published(), (std::map<Name, std::uint32_t>{{"*", 2}, {"A", 1}, {"B", 1}}));
  EXPECT_EQ(poll.shown("A"), 5u);
  EXPECT_EQ(poll.shown("*"), 21u);

  poll.release(times(5, {"A"})); // nobody new in B, yet B is not current: neither is A implied
  EXPECT_EQ(poll.published(), (std::map<Name, std::uint32_t>{{"*", 3}, {"A", 1}, {"B", 1}}));
  EXPECT_EQ(poll.shown("B"), 5u);

  poll.release(times(4, {"A"}) + times(4, {"B"}));
  EXPECT_EQ(poll.published(), (std::map<Name, std::uint32_t>{{"*", 4}, {"A", 4}, {"B", 4}}));
  EXPECT_EQ(poll.shown("A"), 24u);
  EXPECT_EQ(poll.shown("B"), 10u);
}

TEST(RefusedCell, BringsNoChildBeforeItIsCurrentAgain) {
  Poll poll(2, 1, 2, {2, 512});
  poll.release(times(9, {"AC"}) + times(1, {"BC"}));
  ASSERT_EQ(poll.published(), (std::map<Name, std::uint32_t>{{"**", 1}, {"*C", 1}})); // A and B are refused
  poll.release(times(9, {"AC"}) + times(9, {"AD"}) + times(1, {"BC"}));
  for (const auto &[name, as_of] : poll.published())
    EXPECT_EQ(name[0], '*') << name;
  EXPECT_EQ(poll.published().at("*D"), 2u);
  poll.release(times(9, {"AC"}) + times(9, {"AD"}) + times(9, {"BC"}) + times(9, {"BD"}));
  EXPECT_EQ(poll.published().at("A*"), 3u);
  EXPECT_EQ(poll.published().at("AC"), 3u);
}

TEST(RefusedCell, IsMarkedWithTheReleaseItsNumbersBelongTo) {
  Dice dice(3);
  Poll poll(2, 2, 2, {3, 512});
  std::size_t stale = 0;
  for (int release = 0; release < 12; ++release) {
    poll.release(random_people(dice, 20, 2, 5, 2));
    for (Tally::CellId id = 0; id < poll.tally().size(); ++id) {
      const Tally::Cell &cell = poll.tally().cell(id);
      for (std::uint8_t choice = 0; choice < cell.published.size(); ++choice)
        EXPECT_EQ(cell.published[choice], recount(poll, poll.name(id), cell.as_of, choice));
      stale += cell.as_of != 0 && !poll.tally().current(id) ? 1 : 0;
    }
  }
  EXPECT_GT(stale, 10u);
}

TEST(UntouchedCell, StaysCurrentAndMayServeAsAParent) {
  Poll poll(1, 1, 1, {3, 512});
  poll.release(times(5, {"A"}) + times(5, {"B"}));
  poll.release(times(5, {"A"})); // everybody new is in A: total and A grow alike, B stands
  EXPECT_EQ(poll.published(), (std::map<Name, std::uint32_t>{{"*", 2}, {"A", 2}, {"B", 1}}));
}

TEST(CorruptTally, IsRefusedWhenACellLacksItsParent) {
  Tally tally(SnapshotLayout({dimension("a", {"1"}), dimension("b", {"1"})}), 1, 2);
  tally.unpack(Bytes{0x01, 1, 2, 1, 0b11, 1, 1, 0, 5}); // one cell of both dimensions, five people, and no total
  EXPECT_TRUE(throws(Errc::corrupted, [&] { release_batch(tally, {{"\2\2", {5}, 5}}, {2, 512}, 1); }));
}

TEST(CorruptTally, MayCallACellCurrentThatIsNot) {
  Tally tally(SnapshotLayout({dimension("a", {"1"})}), 1, 1);
  // More published than counted, by exactly the batch to come: nothing may be published on top of it.
  tally.unpack(Bytes{0x01, 1, 1, 2, 0b0, 1, 5, 10, 0b1, 1, 1, 5, 10});
  EXPECT_NO_THROW(release_batch(tally, {{"\1", {5}, 5}}, {2, 512}, 2));
  EXPECT_EQ(tally.cell(0).as_of, 1u);
  EXPECT_EQ(tally.cell(1).as_of, 1u);
}

// --- properties over random polls ------------------------------------------------------------------------------

TEST(ReleaseRule, PublishesNothingUnderK) {
  std::size_t published = 0, hidden = 0;
  for_each_release([&](const Poll &poll, const Proof &, const auto &, Policy policy) {
    for (Tally::CellId id = 0; id < poll.tally().size(); ++id)
      if (poll.tally().cell(id).as_of != 0) {
        ++published;
        EXPECT_GE(poll.shown(poll.name(id)), policy.k) << poll.name(id);
      } else {
        ++hidden;
      }
  });
  EXPECT_GT(published, 500u);
  EXPECT_GT(hidden, 500u);
}

TEST(ReleaseRule, UsesDisjointEligibleWitnessesAndDeterminantsOfOne) {
  for_each_release([&](const Poll &poll, const Proof &proof, const auto &, Policy policy) {
    std::vector<std::uint32_t> used(proof.profiles.size());
    for (std::uint32_t set = 0; set < policy.k; ++set) {
      std::vector<std::vector<std::int64_t>> matrix;
      for (const std::size_t profile : proof.witnesses.basis(set)) {
        ++used[profile];
        matrix.emplace_back();
        for (const Tally::CellId cell : proof.witnesses.accepted())
          matrix.back().push_back(covers(poll.name(cell), proof.profiles[profile].snapshot) ? 1 : 0);
      }
      EXPECT_EQ(std::abs(determinant(matrix)), 1);
    }
    for (std::size_t p = 0; p < used.size(); ++p) {
      const auto eligible = std::count_if(poll.batch(poll.releases()).begin(), poll.batch(poll.releases()).end(),
                                          [&](const Person &person) {
                                            return person.eligible && person.profile == proof.profiles[p].snapshot;
                                          });
      EXPECT_LE(used[p], eligible);
    }
  });
}

TEST(ReleaseRule, PublishesAcceptedAndImpliedCellsOnly) {
  std::size_t implied = 0;
  for_each_release([&](const Poll &poll, const Proof &proof, const auto &before, Policy) {
    const Tally &tally = poll.tally();
    std::set<Name> accepted;
    for (const Tally::CellId cell : proof.witnesses.accepted()) {
      accepted.insert(poll.name(cell));
      EXPECT_EQ(tally.cell(cell).as_of, poll.releases());
    }
    std::map<Name, Tally::CellId> ids;
    for (Tally::CellId id = 0; id < tally.size(); ++id)
      ids[poll.name(id)] = id;
    for (const auto &[name, as_of] : poll.published()) {
      if (as_of != poll.releases()) {
        EXPECT_EQ(before.at(name), as_of);
        continue;
      }
      if (accepted.contains(name))
        continue;
      ++implied;
      bool follows = false; // from a parent and all other parts of one split, each of them current
      for (std::size_t d = 0; d < name.size(); ++d)
        if (name[d] != '*') {
          Name parent = name;
          parent[d] = '*';
          bool all = tally.current(ids.at(parent));
          for (const auto &[other, id] : ids) {
            Name merged = other;
            merged[d] = '*';
            if (other[d] != '*' && merged == parent && other != name)
              all = all && tally.current(id);
          }
          follows = follows || all;
        }
      EXPECT_TRUE(follows) << name;
    }
  });
  EXPECT_GT(implied, 50u);
}

TEST(ReleaseRule, PublishesACellOnlyWhenItsParentsAreCurrent) {
  for_each_release([&](const Poll &poll, const Proof &, const auto &, Policy) {
    const auto published = poll.published();
    for (const auto &[name, as_of] : published)
      for (std::size_t d = 0; d < name.size() && as_of == poll.releases(); ++d) {
        Name parent = name;
        parent[d] = '*';
        EXPECT_EQ(published.at(parent), poll.releases()) << name;
      }
  });
}

TEST(ReleaseRule, AcceptsNoMoreThanMaxRankAndTheSameUpToThere) {
  Dice dice(5);
  const People people = random_people(dice, 300, 3, 4, 2);
  Poll unbounded(3, 2, 2, {3, 512});
  const std::vector<Tally::CellId> all = unbounded.release(people).witnesses.accepted();
  ASSERT_GT(all.size(), 10u);
  for (const std::uint32_t most : {0u, 1u, 2u, 5u, 10u}) {
    Poll bounded(3, 2, 2, {3, most});
    const Proof proof = bounded.release(people);
    EXPECT_EQ(proof.witnesses.accepted(), std::vector<Tally::CellId>(all.begin(), all.begin() + most));
  }
}

TEST(ReleaseRule, IsDeterministicWhateverTheOrderOfBallots) {
  Dice dice(9);
  Poll one(3, 3, 2, {3, 512}), other(3, 3, 2, {3, 512});
  for (int release = 0; release < 4; ++release) {
    People people = random_people(dice, 60, 3, 4, 3);
    one.release(people);
    dice.shuffle(people);
    other.release(people);
    EXPECT_EQ(one.published(), other.published());
    EXPECT_EQ(one.tally().pack(), other.tally().pack());
  }
}

TEST(ReleaseRule, GoesOnFromAStoredTallyAsIfNeverStored) {
  Dice dice(9);
  const SnapshotLayout layout({dimension("a", {"1"}), dimension("b", {"1"})});
  const auto batch = [&] {
    std::vector<Profile> profiles;
    for (const char a : {'0', '1', '2'})
      for (const char b : {'0', '1', '2'})
        if (const std::uint32_t people = dice.below(12); people > 0)
          profiles.push_back({{a, b}, {people, dice.below(5)}, people});
    return profiles;
  };
  Tally kept(layout, 2, 2), stored(layout, 2, 2);
  for (std::uint32_t release = 1; release <= 5; ++release) {
    const std::vector<Profile> profiles = batch();
    release_batch(kept, profiles, {3, 512}, release);
    Tally again(layout, 2, 2);
    again.unpack(stored.pack());
    stored = std::move(again);
    release_batch(stored, profiles, {3, 512}, release);
    EXPECT_EQ(kept.pack(), stored.pack());
  }
}

TEST(ReleaseRule, HidesWithoutLookingAtChoices) {
  Dice dice(11);
  for (int round = 0; round < 20; ++round) {
    Poll one(3, 4, 2, {3, 512}), other(3, 4, 2, {3, 512});
    for (int release = 0; release < 3; ++release) {
      People people = random_people(dice, 50, 3, 4, 4);
      const Proof first = one.release(people);
      std::vector<std::uint8_t> choices;
      for (const Person &person : people)
        choices.push_back(person.choice);
      dice.shuffle(choices);
      for (std::size_t i = 0; i < people.size(); ++i)
        people[i].choice = choices[i];
      const Proof second = other.release(people);
      EXPECT_EQ(one.published(), other.published());
      EXPECT_EQ(first.witnesses.accepted(), second.witnesses.accepted());
      for (std::uint32_t set = 0; set < 3; ++set)
        EXPECT_EQ(first.witnesses.basis(set), second.witnesses.basis(set));
    }
  }
}

TEST(ReleaseRule, CountsTheIneligibleButNeverLetsThemServe) {
  Poll nobody(1, 2, 1, {3, 512});
  nobody.release(times(50, {"A", 1, false}));
  EXPECT_TRUE(nobody.published().empty());
  EXPECT_EQ(nobody.tally().total(), 50u);

  Poll few(1, 2, 1, {3, 512});
  few.release(times(50, {"A", 1, false}) + times(2, {"A", 0, true}));
  EXPECT_TRUE(few.published().empty());

  Poll enough(1, 2, 1, {3, 512});
  const Proof proof = enough.release(times(50, {"A", 1, false}) + times(3, {"B", 0, true}));
  EXPECT_EQ(enough.published(), (std::map<Name, std::uint32_t>{{"*", 1}}));
  EXPECT_EQ(enough.shown("*"), 53u);
  for (std::uint32_t set = 0; set < 3; ++set)
    EXPECT_EQ(proof.profiles[proof.witnesses.basis(set).at(0)].snapshot, "B");
}

TEST(ReleaseRule, PublishesNothingForBatchesUnderK) {
  Poll poll(1, 2, 1, {10, 512});
  poll.release(times(9, {"A"}));
  EXPECT_TRUE(poll.published().empty());
  poll.release(times(9, {"A"})); // 18 people by now, but this batch could be told from the last
  EXPECT_TRUE(poll.published().empty());
  poll.release(times(10, {"A"}));
  EXPECT_EQ(poll.published().at("*"), 3u);
  EXPECT_EQ(poll.shown("*"), 28u);
}

} // namespace
} // namespace roughly::test
