#include "support.hpp"

#include "core/witness.hpp"

#include <functional>
#include <map>

namespace roughly::test {
namespace {

using CellId = Tally::CellId;
using Cells = std::vector<std::vector<CellId>>;

// Profiles with one eligible person each unless said otherwise; their cells are given, not taken from views.
struct Batch {
  Cells cells;
  std::vector<std::uint32_t> eligible;
  std::size_t cell_count;
  std::vector<Profile> profiles;

  Batch(Cells cells_of_profiles, std::vector<std::uint32_t> eligible_people)
      : cells(std::move(cells_of_profiles)), eligible(std::move(eligible_people)), cell_count(0) {
    for (const std::vector<CellId> &of_profile : cells)
      for (const CellId cell : of_profile)
        cell_count = std::max<std::size_t>(cell_count, cell + 1);
    for (const std::uint32_t people : eligible)
      profiles.push_back({{}, {}, people});
  }
  [[nodiscard]] Witnesses witnesses(std::uint32_t k, std::uint32_t max_coordinate = 0) const {
    std::vector<CellId> rows; // cell c is of view c, and who is not in it is in one that nobody considers
    for (std::size_t profile = 0; profile < cells.size(); ++profile)
      for (CellId cell = 0; cell < cell_count; ++cell)
        rows.push_back(covers(cell, profile) ? cell : static_cast<CellId>(cell_count + cell));
    return {k, std::vector<View>(cell_count), profiles, std::move(rows), 2 * cell_count, max_coordinate};
  }
  [[nodiscard]] std::vector<std::int64_t> row(const Witnesses &witnesses, std::size_t profile) const {
    std::vector<std::int64_t> row;
    for (const CellId cell : witnesses.accepted())
      row.push_back(covers(cell, profile) ? 1 : 0);
    return row;
  }
  [[nodiscard]] bool covers(CellId cell, std::size_t profile) const {
    return std::find(cells[profile].begin(), cells[profile].end(), cell) != cells[profile].end();
  }
};

// Determinant modulo a prime: enough to tell 1 and -1 from nearly everything else, at any size.
std::uint64_t determinant_modulo(std::uint64_t prime, std::vector<std::vector<std::uint64_t>> m) {
  const auto power = [&](std::uint64_t base, std::uint64_t exponent) {
    std::uint64_t result = 1;
    for (; exponent > 0; exponent >>= 1, base = base * base % prime)
      if (exponent & 1)
        result = result * base % prime;
    return result;
  };
  std::uint64_t result = 1;
  for (std::size_t step = 0; step < m.size(); ++step) {
    std::size_t pivot = step;
    while (pivot < m.size() && m[pivot][step] == 0)
      ++pivot;
    if (pivot == m.size())
      return 0;
    if (pivot != step) {
      std::swap(m[pivot], m[step]);
      result = (prime - result) % prime;
    }
    result = result * m[step][step] % prime;
    const std::uint64_t inverse = power(m[step][step], prime - 2);
    for (std::size_t i = step + 1; i < m.size(); ++i) {
      const std::uint64_t factor = m[i][step] * inverse % prime;
      if (factor != 0)
        for (std::size_t j = step; j < m.size(); ++j)
          m[i][j] = (m[i][j] + (prime - factor) * m[step][j]) % prime;
    }
  }
  return result;
}

// What the theorem needs of every state: k square matrices of determinant 1 or -1, over disjoint eligible people.
void expect_sound(const Witnesses &witnesses, const Batch &batch, std::uint32_t k) {
  std::vector<std::uint32_t> used(batch.profiles.size());
  for (std::uint32_t set = 0; set < k; ++set) {
    const std::vector<std::size_t> &basis = witnesses.basis(set);
    ASSERT_EQ(basis.size(), witnesses.rank());
    std::vector<std::vector<std::uint64_t>> matrix;
    for (const std::size_t profile : basis) {
      ++used[profile];
      matrix.emplace_back();
      for (const CellId cell : witnesses.accepted())
        matrix.back().push_back(batch.covers(cell, profile) ? 1 : 0);
    }
    for (const std::uint64_t prime : {2147483647ull, 2147483629ull}) {
      const std::uint64_t value = determinant_modulo(prime, matrix);
      EXPECT_TRUE(value == 1 || value == prime - 1) << "set " << set << ": " << value;
    }
  }
  for (std::size_t p = 0; p < used.size(); ++p)
    EXPECT_LE(used[p], batch.eligible[p]) << "profile " << p;
}

TEST(Witnesses, NeedOnePersonForEachSet) {
  const Batch batch({{0}}, {4});
  Witnesses four = batch.witnesses(4), five = batch.witnesses(5);
  EXPECT_EQ(four.consider(0), Verdict::accepted);
  EXPECT_EQ(four.rank(), 1u);
  EXPECT_EQ(five.consider(0), Verdict::refused);
  EXPECT_EQ(five.rank(), 0u);
}

TEST(Witnesses, ServeOnce) {
  const Batch batch({{0, 1}, {0}}, {3, 3});
  Witnesses witnesses = batch.witnesses(3);
  EXPECT_EQ(witnesses.consider(0), Verdict::accepted);
  EXPECT_EQ(witnesses.consider(1), Verdict::accepted);
  EXPECT_EQ(witnesses.accepted(), (std::vector<CellId>{0, 1}));
  expect_sound(witnesses, batch, 3);

  const Batch scarce({{0, 1}, {0}}, {3, 2});
  Witnesses short_of_one = scarce.witnesses(3);
  EXPECT_EQ(short_of_one.consider(0), Verdict::accepted);
  EXPECT_EQ(short_of_one.consider(1), Verdict::refused);
}

TEST(Witnesses, TellDependentFromRefused) {
  const Batch batch({{0, 1}, {0, 2}}, {5, 5});
  Witnesses witnesses = batch.witnesses(2);
  EXPECT_EQ(witnesses.consider(0), Verdict::accepted);
  EXPECT_EQ(witnesses.consider(1), Verdict::accepted);
  EXPECT_EQ(witnesses.consider(2), Verdict::dependent); // 0 minus 1

  const Batch scarce({{0, 1}, {0, 2}}, {9, 1});
  Witnesses few = scarce.witnesses(2);
  EXPECT_EQ(few.consider(0), Verdict::accepted);
  EXPECT_EQ(few.consider(1), Verdict::refused);
  EXPECT_EQ(few.consider(2), Verdict::refused);
}

TEST(Witnesses, AreNeverIneligible) {
  const Batch batch({{0, 1}, {0, 2}}, {5, 0});
  Witnesses witnesses = batch.witnesses(2);
  EXPECT_EQ(witnesses.consider(0), Verdict::accepted);
  EXPECT_EQ(witnesses.consider(1), Verdict::refused); // independent, but only people who may not serve show it
  expect_sound(witnesses, batch, 2);
}

TEST(Witnesses, RefuseADeterminantOfTwo) {
  // Each pair of the first three profiles shares a cell: their matrix has determinant 2.
  const Batch batch({{1, 2}, {1, 3}, {2, 3}}, {9, 9, 9});
  Witnesses witnesses = batch.witnesses(3);
  EXPECT_EQ(witnesses.consider(1), Verdict::accepted);
  EXPECT_EQ(witnesses.consider(2), Verdict::accepted);
  EXPECT_EQ(witnesses.consider(3), Verdict::refused);
  EXPECT_EQ(std::abs(determinant({{1, 1, 0}, {1, 0, 1}, {0, 1, 1}})), 2);

  const Batch lone({{1, 2}, {1, 3}, {2, 3}, {3}}, {9, 9, 9, 3});
  Witnesses served = lone.witnesses(3);
  for (const CellId cell : {1u, 2u, 3u})
    EXPECT_EQ(served.consider(cell), Verdict::accepted);
  expect_sound(served, lone, 3);
}

TEST(Witnesses, AreTheSameWhereCoarseCellsAreLookedAtAsTheFinerOnesTheyConsistOf) {
  const std::vector<View> views{0, 1, 2, 4, 3, 5, 6, 7}; // three dimensions
  const std::size_t values = 4, profiles = values * values * values;
  std::vector<CellId> rows;
  std::map<std::pair<View, std::size_t>, CellId> ids;
  for (std::size_t profile = 0; profile < profiles; ++profile)
    for (const View view : views) {
      std::size_t of_view = 0;
      for (std::size_t d = 0, rest = profile; d < 3; ++d, rest /= values)
        of_view = of_view * (values + 1) + (contains(view, d) ? 1 + rest % values : 0);
      rows.push_back(ids.try_emplace({view, of_view}, static_cast<CellId>(ids.size())).first->second);
    }
  for (const std::uint32_t max_coordinate : {0u, 2u, 9u}) {
    std::vector<Profile> people;
    for (std::size_t profile = 0; profile < profiles; ++profile)
      people.push_back({{}, {}, static_cast<std::uint32_t>(profile * profile % 7)});
    Witnesses folded(3, views, people, rows, ids.size(), max_coordinate);
    Witnesses apart(3, std::vector<View>(views.size()), people, rows, ids.size(), max_coordinate); // as if of no relation
    for (CellId cell = 0; cell < ids.size(); ++cell)
      EXPECT_EQ(folded.consider(cell), apart.consider(cell)) << cell;
    EXPECT_GT(folded.rank(), 20u);
    ASSERT_EQ(folded.accepted(), apart.accepted());
    for (std::size_t set = 0; set < 3; ++set) {
      EXPECT_EQ(folded.basis(set), apart.basis(set));
      for (std::size_t profile = 0; profile < profiles; ++profile)
        EXPECT_EQ(folded.coordinates(set, profile), apart.coordinates(set, profile));
    }
  }
}

TEST(Witnesses, AreAllOrNothing) {
  // Cell 1 finds a witness outside for the first set only; afterwards the batch must serve as if never asked.
  const Batch batch({{0, 1, 3}, {0, 1, 2}, {0}}, {4, 4, 1});
  Witnesses asked = batch.witnesses(2), fresh = batch.witnesses(2);
  EXPECT_EQ(asked.consider(0), Verdict::accepted);
  EXPECT_EQ(asked.consider(1), Verdict::refused);
  EXPECT_EQ(asked.rank(), 1u);
  EXPECT_EQ(fresh.consider(0), Verdict::accepted);
  for (const CellId cell : {2u, 3u})
    EXPECT_EQ(asked.consider(cell), fresh.consider(cell));
  EXPECT_EQ(asked.accepted(), fresh.accepted());
  for (const std::size_t set : {0u, 1u})
    EXPECT_EQ(asked.basis(set), fresh.basis(set));
  expect_sound(asked, batch, 2);
}

TEST(Witnesses, AreTakenFromLightProfilesThenNumerousOnesThenTheFirst) {
  // Coordinates of profiles 1, 2 and 3 are 1 in the set of the first witness; those of 4 and 5 are 0.
  const Batch batch({{0, 2}, {0, 1}, {0, 1}, {0, 1}, {1, 2}, {2}}, {9, 2, 5, 5, 3, 3});
  Witnesses witnesses = batch.witnesses(1);
  EXPECT_EQ(witnesses.consider(0), Verdict::accepted);
  EXPECT_EQ(witnesses.consider(1), Verdict::accepted);
  EXPECT_EQ(witnesses.basis(0), (std::vector<std::size_t>{0, 4}));
  // Where half of the profiles have k people, k are enough: the first that has them serves as well as the largest.
  Cells equal{{0}, {0, 1}, {0, 1}, {0, 1}};
  std::vector<std::uint32_t> people{9, 3, 5, 5};
  const auto second_witness = [&] {
    const Batch numerous(equal, people);
    Witnesses three = numerous.witnesses(3);
    EXPECT_EQ(three.consider(0), Verdict::accepted);
    EXPECT_EQ(three.consider(1), Verdict::accepted);
    return three.basis(0).at(1);
  };
  EXPECT_EQ(second_witness(), 1u);
  people[1] = 2;
  EXPECT_EQ(second_witness(), 2u);
  people[1] = 3;
  equal.insert(equal.end(), 4, {0});
  people.insert(people.end(), 4, 1);
  EXPECT_EQ(second_witness(), 1u); // four of eight
  equal.push_back({0});
  people.push_back(1);
  EXPECT_EQ(second_witness(), 2u);
}

Batch random_batch(Dice &dice, std::uint32_t cell_count) {
  Cells cells(2 + dice.below(20));
  for (std::vector<CellId> &of_profile : cells)
    for (CellId cell = 0; cell < cell_count; ++cell)
      if (dice.below(3) == 0)
        of_profile.push_back(cell);
  cells[0].push_back(cell_count); // so that every cell below has an id
  std::vector<std::uint32_t> eligible(cells.size());
  for (std::uint32_t &people : eligible)
    people = dice.below(8);
  return {cells, eligible};
}

TEST(Witnesses, StaySoundOnRandomBatches) {
  Dice dice(1);
  std::size_t accepted = 0, refused = 0, dependent = 0;
  for (int round = 0; round < 300; ++round) {
    const std::uint32_t cell_count = 2 + dice.below(12), k = 1 + dice.below(4);
    const Batch batch = random_batch(dice, cell_count);
    Witnesses witnesses = batch.witnesses(k, dice.below(4));
    for (CellId cell = 0; cell < cell_count; ++cell)
      switch (witnesses.consider(cell)) {
      case Verdict::accepted: ++accepted; break;
      case Verdict::refused: ++refused; break;
      case Verdict::dependent: ++dependent; break;
      }
    expect_sound(witnesses, batch, k);
  }
  EXPECT_GT(accepted, 300u);
  EXPECT_GT(refused, 300u);
  EXPECT_GT(dependent, 10u);
}

// --- dominance -------------------------------------------------------------------------------------------------

// Cramer's rule: the coordinate of a witness is what the determinant becomes when the profile's row replaces its own.
std::vector<std::int64_t> exact_coordinates(const Witnesses &witnesses, const Batch &batch, std::uint32_t set,
                                            std::size_t profile) {
  std::vector<std::vector<std::int64_t>> matrix;
  for (const std::size_t witness : witnesses.basis(set))
    matrix.push_back(batch.row(witnesses, witness));
  const std::int64_t whole = determinant(matrix);
  std::vector<std::int64_t> coordinates;
  for (std::vector<std::int64_t> &row : matrix) {
    std::vector<std::int64_t> other = batch.row(witnesses, profile);
    row.swap(other);
    coordinates.push_back(determinant(matrix) / whole);
    row.swap(other);
  }
  return coordinates;
}

TEST(Coordinates, EqualExactInversesAndKeepToTheBound) {
  Dice dice(2);
  std::size_t beyond = 0, exempt = 0, bounded_less = 0;
  for (int round = 0; round < 400; ++round) {
    const std::uint32_t cell_count = 4 + dice.below(9), k = 1 + dice.below(6);
    const Batch batch = random_batch(dice, cell_count);
    std::size_t unbounded = 0;
    for (const std::uint32_t bound : {0u, 1u, 2u, 3u}) {
      Witnesses witnesses = batch.witnesses(k, bound);
      for (CellId cell = 0; cell < cell_count; ++cell) {
        witnesses.consider(cell);
        if (dice.below(4) != 0 && cell + 1 < cell_count)
          continue;
        for (std::uint32_t set = 0; set < k; ++set)
          for (std::size_t profile = 0; profile < batch.profiles.size(); ++profile) {
            const std::vector<std::int64_t> exact = exact_coordinates(witnesses, batch, set, profile);
            ASSERT_EQ(witnesses.coordinates(set, profile), exact);
            std::int64_t largest = 0;
            for (const std::int64_t number : exact)
              largest = std::max(largest, std::abs(number));
            // The bound, or as many equals as make up for it.
            const std::int64_t equals = std::max<std::int64_t>(batch.eligible[profile], 1) - 1;
            if (bound != 0 && equals * bound < k - 1)
              ASSERT_LE(largest, bound);
            else if (bound == 0)
              beyond += largest > 3 ? 1 : 0;
            else
              exempt += largest > bound ? 1 : 0;
          }
      }
      if (bound == 0)
        unbounded = witnesses.rank();
      bounded_less += bound != 0 && witnesses.rank() < unbounded ? 1 : 0;
    }
  }
  EXPECT_GT(beyond, 10u);
  EXPECT_GT(exempt, 10u);
  EXPECT_GT(bounded_less, 10u);
}

// The last profile is the sum of the three before it less twice the first.
const Cells star{{0}, {0, 1}, {0, 2}, {0, 3}, {0, 1, 2, 3}};

TEST(Coordinates, BeyondTheBoundRefuseACellUnlessThePersonHasEquals) {
  const auto last_verdict = [](std::uint32_t people, std::uint32_t bound) {
    const Batch batch(star, {9, 9, 9, 9, people});
    Witnesses witnesses = batch.witnesses(3, bound);
    for (const CellId cell : {0u, 1u, 2u})
      EXPECT_EQ(witnesses.consider(cell), Verdict::accepted);
    return witnesses.consider(3);
  };
  for (const std::uint32_t people : {0u, 1u, 2u}) {
    EXPECT_EQ(last_verdict(people, 1), Verdict::refused) << people;
    EXPECT_EQ(last_verdict(people, 2), Verdict::accepted) << people;
    EXPECT_EQ(last_verdict(people, 0), Verdict::accepted) << people;
  }
  EXPECT_EQ(last_verdict(3, 1), Verdict::accepted); // each has two equals: as much as two sets
}

TEST(Coordinates, BeyondTheBoundLetASetTryAnotherWitness) {
  Cells cells = star;
  cells.push_back({0, 1, 3}); // beside it the lone profile has 1 and -1 only
  const Batch batch(cells, {9, 9, 9, 9, 0, 2});
  Witnesses free = batch.witnesses(2), bound = batch.witnesses(2, 1);
  for (const CellId cell : {0u, 1u, 2u, 3u}) {
    EXPECT_EQ(free.consider(cell), Verdict::accepted);
    EXPECT_EQ(bound.consider(cell), Verdict::accepted);
  }
  for (const std::size_t set : {0u, 1u}) {
    EXPECT_EQ(free.basis(set), (std::vector<std::size_t>{0, 1, 2, 3}));
    EXPECT_EQ(bound.basis(set), (std::vector<std::size_t>{0, 1, 2, 5}));
  }
}

// Triangular matrices of 0 and 1 whose inverse grows as 1.47^n: the cell that would overflow is refused.
void expect_bounded(const std::function<std::size_t(std::size_t, std::size_t)> &neighbour) {
  constexpr std::size_t size = 300;
  Cells cells(size);
  for (std::size_t p = 0; p < size; ++p)
    for (const std::size_t distance : {0u, 1u, 3u})
      if (const std::size_t cell = neighbour(p, distance); cell < size)
        cells[p].push_back(static_cast<CellId>(cell));
  const Batch batch(cells, std::vector<std::uint32_t>(size, 1));
  Witnesses witnesses = batch.witnesses(1);
  std::size_t refused = 0;
  for (CellId cell = 0; cell < size; ++cell)
    refused += witnesses.consider(cell) == Verdict::refused ? 1 : 0;
  EXPECT_GT(witnesses.rank(), 80u);
  EXPECT_GT(refused, 0u);
  for (std::size_t p = 0; p < size; ++p) // each adds up to three rows of the inverse
    for (const std::int64_t number : witnesses.coordinates(0, p))
      ASSERT_LE(std::abs(number), 3 << 18);
  expect_sound(witnesses, batch, 1);
}

TEST(Witnesses, RefuseInversesThatGrowTooLargeInTheNewColumn) {
  expect_bounded([](std::size_t p, std::size_t distance) { return p - distance; }); // below 0 wraps around
}

TEST(Witnesses, RefuseInversesThatGrowTooLargeInTheNewRow) {
  expect_bounded([](std::size_t p, std::size_t distance) { return p + distance; });
}

} // namespace
} // namespace roughly::test
