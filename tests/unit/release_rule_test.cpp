#include "support.hpp"

#include <array>
#include <cmath>

namespace roughly::test {
namespace {

// What an attacker works with: respondents fall into groups of one profile, batch and eligibility, and a published
// number is a function that is 1 on some groups and 0 on the others.
struct Groups {
  std::vector<std::tuple<std::string, std::uint32_t, bool>> names;
  std::vector<std::uint32_t> people;
};

Groups groups_of(const Poll &poll) {
  std::map<std::tuple<std::string, std::uint32_t, bool>, std::uint32_t> sizes;
  for (std::uint32_t batch = 1; batch <= poll.releases(); ++batch)
    for (const Person &person : poll.batch(batch))
      ++sizes[{person.profile, batch, person.eligible}];
  Groups groups;
  for (const auto &[name, people] : sizes) {
    groups.names.push_back(name);
    groups.people.push_back(people);
  }
  return groups;
}

using Function = std::vector<std::uint32_t>;

Function function(const Groups &groups, const Name &cell, std::uint32_t as_of) {
  Function values;
  for (const auto &[profile, batch, eligible] : groups.names)
    values.push_back(batch <= as_of && covers(cell, profile) ? 1 : 0);
  return values;
}

// Linearly independent modulo the prime, spanning the same combinations.
std::vector<Function> independent(std::vector<Function> functions, std::uint32_t prime) {
  std::vector<Function> basis;
  for (Function &next : functions) {
    for (const Function &other : basis) {
      const auto lead = static_cast<std::size_t>(
          std::find_if(other.begin(), other.end(), [](std::uint32_t v) { return v != 0; }) - other.begin());
      while (next[lead] != 0)
        for (std::size_t i = 0; i < next.size(); ++i)
          next[i] = (next[i] + other[i]) % prime;
    }
    if (std::any_of(next.begin(), next.end(), [](std::uint32_t v) { return v != 0; }))
      basis.push_back(next);
  }
  return basis;
}

// The fewest eligible people a combination modulo the prime touches without missing all, by trying every one.
std::uint32_t smallest_touched(const Groups &groups, const std::vector<Function> &functions, std::uint32_t prime) {
  const std::vector<Function> basis = independent(functions, prime);
  std::uint32_t smallest = ~0u;
  std::vector<std::uint32_t> digits(basis.size());
  Function sum(groups.names.size());
  for (;;) {
    std::size_t place = 0; // count up in base `prime`, keeping the sum
    for (; place < digits.size(); ++place) {
      for (std::size_t i = 0; i < sum.size(); ++i)
        sum[i] = (sum[i] + basis[place][i]) % prime;
      digits[place] = (digits[place] + 1) % prime;
      if (digits[place] != 0)
        break;
    }
    if (place == digits.size())
      return smallest;
    std::uint32_t touched = 0;
    for (std::size_t i = 0; i < sum.size(); ++i)
      if (sum[i] != 0 && std::get<2>(groups.names[i]))
        touched += groups.people[i];
    smallest = std::min(smallest, touched);
  }
}

// Everything ever published, followed through the releases.
class History {
public:
  void record(const Poll &poll) {
    for (const auto &[name, as_of] : poll.published())
      if (as_of == poll.releases())
        all_.emplace_back(name, as_of);
  }
  [[nodiscard]] std::vector<Function> functions(const Groups &groups) const {
    std::vector<Function> values;
    for (const auto &[name, as_of] : all_)
      values.push_back(function(groups, name, as_of));
    return values;
  }

private:
  std::vector<std::pair<Name, std::uint32_t>> all_;
};

Count recount(const Poll &poll, const Name &cell, std::uint32_t as_of, std::uint8_t choice) {
  Count count = 0;
  for (std::uint32_t batch = 1; batch <= as_of; ++batch)
    for (const Person &person : poll.batch(batch))
      count += covers(cell, person.profile) && person.choice == choice ? 1 : 0;
  return count;
}

// --- the parity case -------------------------------------------------------------------------------------------

constexpr std::uint32_t k = 5;

People parity_people(std::uint8_t lone_choice) {
  People people = {{"222", lone_choice}};
  Dice dice(7);
  for (const std::string profile : {"111", "221", "212", "122"})
    for (std::uint32_t i = 0; i < k; ++i)
      people.push_back({profile, static_cast<std::uint8_t>(dice.below(2))});
  return people;
}

const std::vector<Name> parity_attack{"2**", "*2*", "**2"};

// The witness test with a bound on the determinants it accepts; the rule's bound is 1. Cells in the order given.
std::vector<Name> accepted_with_determinants_up_to(std::int64_t most, const People &people,
                                                   const std::vector<Name> &cells) {
  std::map<std::string, std::uint32_t> free;
  for (const Person &person : people)
    ++free[person.profile];
  std::vector<Name> accepted;
  std::vector<std::vector<std::string>> sets(k);
  for (const Name &cell : cells) {
    std::vector<Name> wanted = accepted;
    wanted.push_back(cell);
    auto left = free;
    std::vector<std::string> picks;
    for (const std::vector<std::string> &set : sets) {
      std::vector<std::string> ordered;
      for (const auto &[profile, count] : left)
        ordered.push_back(profile);
      std::stable_sort(ordered.begin(), ordered.end(), [&](const std::string &a, const std::string &b) {
        return std::pair(covers(cell, a), free[a]) > std::pair(covers(cell, b), free[b]);
      });
      const auto serves = [&](const std::string &profile) {
        std::vector<std::string> witnesses = set;
        witnesses.push_back(profile);
        std::vector<std::vector<std::int64_t>> matrix;
        for (const std::string &witness : witnesses) {
          matrix.emplace_back();
          for (const Name &name : wanted)
            matrix.back().push_back(covers(name, witness) ? 1 : 0);
        }
        const std::int64_t value = std::abs(determinant(matrix));
        return left[profile] > 0 && value >= 1 && value <= most;
      };
      const auto pick = std::find_if(ordered.begin(), ordered.end(), serves);
      if (pick == ordered.end())
        break;
      --left[*pick];
      picks.push_back(*pick);
    }
    if (picks.size() < sets.size())
      continue;
    for (std::size_t j = 0; j < sets.size(); ++j)
      sets[j].push_back(picks[j]);
    free = left;
    accepted = wanted;
  }
  return accepted;
}

TEST(ParityCase, IsRefusedWhereItWouldShowTheOne) {
  Poll poll(3, 2, 1, {k, 512});
  poll.release(parity_people(1));
  const auto published = poll.published();
  EXPECT_EQ(published, (std::map<Name, std::uint32_t>{
                           {"***", 1}, {"1**", 1}, {"2**", 1}, {"*1*", 1}, {"*2*", 1}})); // c is not shown at all
}

TEST(ParityCase, NoCombinationOfWhatIsPublishedTouchesFewerThanK) {
  for (const std::size_t max_dims : {1u, 2u, 3u}) {
    Poll poll(3, 2, max_dims, {k, 512});
    History history;
    poll.release(parity_people(1));
    history.record(poll);
    const Groups groups = groups_of(poll);
    for (const std::uint32_t prime : {2u, 3u, 5u})
      EXPECT_GE(smallest_touched(groups, history.functions(groups), prime), k) << max_dims << " " << prime;
  }
}

TEST(ParityCase, WouldShowTheOneIfDeterminantsOfTwoWereAccepted) {
  const std::vector<Name> order{"***", "2**", "*2*", "**2"}; // the rule's own: large before small
  for (const std::uint8_t lone_choice : std::initializer_list<std::uint8_t>{0, 1}) {
    const People people = parity_people(lone_choice);
    const std::vector<Name> rule = accepted_with_determinants_up_to(1, people, order);
    EXPECT_EQ(rule, (std::vector<Name>{"***", "2**", "*2*"}));
    Poll poll(3, 2, 1, {k, 512});
    const Proof proof = poll.release(people);
    std::vector<Name> real;
    for (const Tally::CellId cell : proof.witnesses.accepted())
      real.push_back(poll.name(cell));
    EXPECT_EQ(real, rule); // the copy above decides as the rule does

    const std::vector<Name> mutated = accepted_with_determinants_up_to(2, people, order);
    ASSERT_EQ(mutated, order);
    const Groups groups = groups_of(poll);
    std::vector<Function> functions;
    for (const Name &cell : mutated)
      functions.push_back(function(groups, cell, 1));
    EXPECT_EQ(smallest_touched(groups, functions, 2), 1u);

    Count votes_for_1 = 0;
    for (const Name &cell : parity_attack)
      votes_for_1 += recount(poll, cell, 1, 1);
    EXPECT_EQ(votes_for_1 % 2, lone_choice); // read off three published numbers
  }
}

// --- dominance --------------------------------------------------------------------------------------------------

// Eight yes/no dimensions ('2' is yes). Weighting the eight cells of "yes" so makes each of the first nine profiles
// weigh nothing, but the second 1, and the last -21.
constexpr std::array<std::int64_t, 8> lone_weights{1, -1, 1, -2, 3, -5, 8, -13};
const std::vector<std::string> lone_profiles{"11111111", "21111111", "22111111", "12211111", "21221111",
                                             "12122111", "21212211", "12121221", "21212122"};

People lone_people(std::uint8_t lone_choice) {
  People people = {{"12121212", lone_choice}};
  Dice dice(8);
  for (const std::string &profile : lone_profiles)
    for (int i = 0; i < (profile == lone_profiles[0] ? 30 : 10); ++i)
      people.push_back({profile, static_cast<std::uint8_t>(dice.below(2))});
  return people;
}

Name yes(std::size_t dimension) {
  Name name = "********";
  name[dimension] = '2';
  return name;
}

TEST(LonePerson, WouldShowByMagnitudeWithoutTheBound) {
  for (const std::uint8_t lone_choice : std::initializer_list<std::uint8_t>{0, 1}) {
    Poll poll(8, 2, 1, {10, 512, 0});
    poll.release(lone_people(lone_choice));
    std::int64_t votes_for_1 = 0;
    for (std::size_t d = 0; d < 8; ++d) {
      ASSERT_TRUE(poll.published().contains(yes(d)));
      votes_for_1 += lone_weights[d] * static_cast<std::int64_t>(recount(poll, yes(d), 1, 1));
    }
    EXPECT_EQ(votes_for_1 < 0, lone_choice == 1); // 21 of one against 10 of all others
  }
}

TEST(LonePerson, OutweighsNobodyWithTheBound) {
  Poll poll(8, 2, 1, {10, 512});
  poll.release(lone_people(1));
  std::size_t shown = 0;
  for (std::size_t d = 0; d < 8; ++d)
    shown += poll.published().contains(yes(d)) ? 1 : 0;
  EXPECT_GE(shown, 5u);
  EXPECT_LT(shown, 8u);
}

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

struct Round {
  std::size_t dimensions, max_dims, releases, batch;
  std::uint32_t categories;
  Policy policy;
};
const Round rounds[] = {
    {1, 1, 5, 25, 6, {3, 512}}, {2, 1, 4, 30, 4, {4, 512}}, {2, 2, 4, 40, 4, {2, 512}},
    {3, 2, 3, 60, 3, {3, 512}}, {3, 3, 3, 90, 2, {5, 512}}, {4, 2, 3, 120, 4, {3, 10}},
};

// Runs every kind of poll with several seeds; `visit(poll, proof, before)` after each release.
template <class Visit> void for_each_release(Visit visit) {
  for (const Round &round : rounds)
    for (std::uint32_t seed = 0; seed < 8; ++seed) {
      Dice dice(seed);
      Poll poll(round.dimensions, 3, round.max_dims, round.policy);
      for (std::size_t release = 0; release < round.releases; ++release) {
        const auto before = poll.published();
        const Proof proof = poll.release(random_people(dice, round.batch, round.dimensions, round.categories, 3));
        visit(poll, proof, before, round.policy);
      }
    }
}

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

// Part (c) of the theorem, where it is tightest: on combinations that miss all witnesses of a set but one. How often
// somebody of the last batch weighs more than bound / (k - 1) times the eligible others, and how often more than 1.
std::pair<std::size_t, std::size_t> outweighing(const Poll &poll, const Proof &proof, std::uint32_t sets,
                                                std::uint32_t bound) {
  std::map<std::string, std::int64_t> eligible;
  for (const Person &person : poll.batch(poll.releases()))
    eligible[person.profile] += person.eligible ? 1 : 0;
  std::size_t wrong = 0, heavy = 0;
  for (std::uint32_t set = 0; set < sets; ++set)
    for (std::size_t i = 0; i < proof.witnesses.rank(); ++i) {
      std::vector<std::pair<std::int64_t, std::int64_t>> weights; // of one, of those eligible with the profile
      std::int64_t all = 0;
      for (std::size_t p = 0; p < proof.profiles.size(); ++p) {
        const std::int64_t one = std::abs(proof.witnesses.coordinates(set, p)[i]);
        weights.emplace_back(one, one * eligible[proof.profiles[p].snapshot]);
        all += weights.back().second;
      }
      for (const auto &[one, equals] : weights) {
        const std::int64_t others = all - (equals > 0 ? one : 0);
        wrong += (sets - 1) * one > bound * others ? 1 : 0;
        heavy += one > 1 ? 1 : 0;
      }
    }
  return {wrong, heavy};
}

TEST(Theorem, NobodyOfTheLastBatchOutweighsTheOthers) {
  std::size_t all_heavy = 0;
  for_each_release([&](const Poll &poll, const Proof &proof, const auto &, Policy policy) {
    const auto [wrong, heavy] = outweighing(poll, proof, policy.k, policy.max_coordinate);
    EXPECT_EQ(wrong, 0u);
    all_heavy += heavy;
  });
  EXPECT_GT(all_heavy, 100u);

  for (const std::uint32_t bound : {1u, 2u, 4u, 9u}) {
    Poll poll(8, 2, 1, {10, 512, bound}), unbounded(8, 2, 1, {10, 512, 0});
    const Proof proof = poll.release(lone_people(0)), other = unbounded.release(lone_people(0));
    EXPECT_EQ(outweighing(poll, proof, 10, bound).first, 0u);
    EXPECT_GT(outweighing(unbounded, other, 10, bound).first, 0u);
  }
}

// The theorem itself on small polls: every combination modulo 2, 3 and 5 of everything ever published.
TEST(Theorem, NoModularCombinationTouchesFewerThanKEligiblePeople) {
  std::size_t checked = 0;
  for (std::uint32_t seed = 0; seed < 150; ++seed) {
    Dice dice(seed);
    const std::uint32_t least = 2 + dice.below(3);
    Poll poll(2 + seed % 2, 2, 2, {least, 512});
    History history;
    for (int release = 0; release < 2; ++release) {
      poll.release(random_people(dice, 12 + dice.below(25), 2 + seed % 2, 2, 2));
      history.record(poll);
    }
    const Groups groups = groups_of(poll);
    const std::vector<Function> functions = history.functions(groups);
    for (const std::uint32_t prime : {2u, 3u, 5u})
      if (std::pow(prime, independent(functions, prime).size()) < 20000) {
        ++checked;
        EXPECT_GE(smallest_touched(groups, functions, prime), least) << "seed " << seed << ", modulo " << prime;
      }
  }
  EXPECT_GT(checked, 300u);
}

} // namespace
} // namespace roughly::test
