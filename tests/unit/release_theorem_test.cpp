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

// --- the theorem -----------------------------------------------------------------------------------------------

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
