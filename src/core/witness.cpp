#include "core/witness.hpp"

#include <algorithm>
#include <cstdlib>
#include <tuple>

#include "core/core_only.hpp"

namespace roughly {
namespace {

// Room for every sum in 32 bits: a coefficient adds up to max_rank <= 2^12 entries of an inverse, a residual or a
// coordinate up to 2^8 numbers of at most this.
constexpr std::int64_t largest_number = std::int64_t{1} << 18;
constexpr std::uint32_t largest_bound = 1u << 20;

// How many witnesses a set tries before it gives a cell up. Measured: more gain nothing.
constexpr std::size_t max_tries = 16;

std::int64_t largest_of(const std::vector<std::int64_t> &numbers) {
  std::int64_t largest = 0;
  for (const std::int64_t number : numbers)
    largest = std::max(largest, std::abs(number));
  return largest;
}

std::int64_t weight_of(const std::vector<std::int64_t> &numbers) {
  std::int64_t sum = 0;
  for (const std::int64_t number : numbers)
    sum += std::abs(number);
  return sum;
}

} // namespace

Witnesses::Witnesses(std::uint32_t k, const std::vector<Profile> &profiles,
                     std::span<const std::vector<CellId>> profile_cells, std::size_t cells,
                     std::uint32_t max_coordinate)
    : members_(cells), taken_(profiles.size()), scratch_(profiles.size()), place_(cells, -1),
      max_coordinate_(std::min(max_coordinate, largest_bound)) {
  const std::vector<Number> nothing(profiles.size());
  matrices_.push_back({k, {}, {}, 1, nothing, nothing});
  cells_begin_.push_back(0);
  for (std::size_t p = 0; p < profiles.size(); ++p) {
    const Number equals = std::max<Number>(profiles[p].eligible, 1) - 1; // who weigh as much, and are not the one
    guarded_.push_back(max_coordinate_ != 0 && equals * max_coordinate_ < Number{k} - 1);
    free_.push_back(profiles[p].eligible);
    cells_.insert(cells_.end(), profile_cells[p].begin(), profile_cells[p].end());
    cells_begin_.push_back(cells_.size());
    for (const CellId cell : profile_cells[p])
      members_[cell].push_back(static_cast<std::uint32_t>(p));
  }
  const auto large = std::count_if(free_.begin(), free_.end(), [k](std::uint32_t people) { return people >= k; });
  if (2 * static_cast<std::size_t>(large) >= free_.size())
    enough_ = k;
}

const Witnesses::Matrix &Witnesses::matrix(std::size_t set) const noexcept {
  auto one = matrices_.begin();
  for (; set >= one->sets; ++one)
    set -= one->sets;
  return *one;
}

// Which combination of accepted cells agrees with `cell` on the witnesses.
std::vector<Witnesses::Number> Witnesses::coefficients(const Matrix &matrix, CellId cell) const {
  std::vector<Number> inside;
  for (const std::size_t profile : matrix.basis) {
    const std::span<const CellId> cells = cells_of(profile);
    inside.push_back(std::find(cells.begin(), cells.end(), cell) != cells.end() ? 1 : 0);
  }
  std::vector<Number> sum(rank());
  for (std::size_t l = 0; l < rank(); ++l)
    for (const auto &[witness, number] : matrix.inverse[l])
      sum[l] += inside[witness] * number;
  return sum;
}

// The profile's row of accepted cells, times the inverse.
std::vector<Witnesses::Number> Witnesses::coordinates(const Matrix &matrix, std::size_t profile) const {
  std::vector<Number> sum(rank());
  for (const CellId cell : cells_of(profile))
    if (place_[cell] >= 0)
      for (const auto &[witness, number] : matrix.inverse[static_cast<std::size_t>(place_[cell])])
        sum[witness] += number;
  return sum;
}

// How far that combination is from `cell` on every profile (for a new witness: the Schur complement of the bordered
// matrix), where it is not 0.
std::vector<Witnesses::Residual> Witnesses::residuals(CellId cell, const std::vector<Number> &coefficients) {
  std::vector<std::uint32_t> touched;
  const auto add = [&](CellId to, Small value) {
    for (const std::uint32_t profile : members_[to]) {
      if (scratch_[profile] == 0)
        touched.push_back(profile);
      scratch_[profile] += value;
    }
  };
  add(cell, 1);
  for (std::size_t l = 0; l < rank(); ++l)
    if (coefficients[l] != 0)
      add(accepted_[l], static_cast<Small>(-coefficients[l]));
  std::vector<Residual> found;
  for (const std::uint32_t profile : touched)
    if (const Small value = std::exchange(scratch_[profile], 0); value != 0)
      found.push_back({profile, value});
  return found;
}

Verdict Witnesses::consider(CellId cell) {
  std::vector<Column> columns;
  std::vector<Pick> picks;
  const Verdict verdict = pick_witnesses(cell, columns, picks);
  for (const Pick &pick : picks)
    taken_[pick.witness.profile] = 0;
  if (verdict != Verdict::accepted)
    return verdict;

  std::vector<Matrix> extended;
  for (auto pick = picks.begin(); pick != picks.end(); ++pick) {
    Matrix &matrix = matrices_[pick->matrix];
    const bool last = pick + 1 == picks.end() || pick[1].matrix != pick->matrix;
    extended.push_back(last ? std::move(matrix) : matrix);
    extended.back().sets = pick->sets;
    extend(extended.back(), columns[pick->matrix], *pick);
    free_[pick->witness.profile] -= pick->sets;
  }
  matrices_ = std::move(extended);
  place_[cell] = static_cast<std::int32_t>(rank());
  accepted_.push_back(cell);
  return Verdict::accepted;
}

// One more witness for every set, so that as many sets as possible have theirs from one profile.
Verdict Witnesses::pick_witnesses(CellId cell, std::vector<Column> &columns, std::vector<Pick> &picks) {
  for (std::size_t m = 0; m < matrices_.size(); ++m) {
    Column &column = columns.emplace_back();
    column.coefficients = coefficients(matrices_[m], cell);
    if (largest_of(column.coefficients) > largest_number)
      return Verdict::refused;
    column.residuals = residuals(cell, column.coefficients);
    if (column.residuals.empty())
      return Verdict::dependent;
    for (std::uint32_t left = matrices_[m].sets; left > 0;) {
      Pick pick{m, 0, {}, {}};
      if (!find(matrices_[m], column, pick))
        return Verdict::refused;
      const std::uint32_t profile = pick.witness.profile;
      pick.sets = std::min(left, free_[profile] - taken_[profile]);
      taken_[profile] += pick.sets;
      left -= pick.sets;
      picks.push_back(std::move(pick));
    }
  }
  return Verdict::accepted;
}

// Light profiles serve best: they keep the inverse small, and so residuals at 1 and -1. Then numerous ones, then in
// canonical order: witnesses that differ in few fields keep residuals few.
bool Witnesses::find(const Matrix &matrix, const Column &column, Pick &pick) const {
  using Able = std::tuple<Number, std::uint32_t, std::uint32_t, Small>;
  std::vector<Able> best; // a heap, the worst first, then in order
  for (const auto &[profile, value] : column.residuals) {
    if (guarded_[profile] && std::abs(value) > max_coordinate_)
      return false;
    if (std::abs(value) != 1 || free_[profile] == taken_[profile])
      continue;
    const Able one{matrix.weight[profile], enough_ - std::min(enough_, free_[profile]), profile, value};
    if (best.size() == max_tries) {
      if (best.front() < one)
        continue;
      std::pop_heap(best.begin(), best.end());
      best.pop_back();
    }
    best.push_back(one);
    std::push_heap(best.begin(), best.end());
  }
  std::sort_heap(best.begin(), best.end());

  const Number right = largest_of(column.coefficients);
  return std::any_of(best.begin(), best.end(), [&](const Able &one) {
    pick.witness = {std::get<2>(one), std::get<3>(one)};
    pick.coordinates = coordinates(matrix, pick.witness.profile);
    const Number left = largest_of(pick.coordinates);
    const bool small = left == 0 || (left <= largest_number && right <= (largest_number - matrix.largest) / left);
    return small && within_bound(matrix, column, pick);
  });
}

// In the larger matrix a profile with residual r loses r/s times the
// coordinates of the new witness, whose residual s is 1 or -1, and gets r/s for
// its coordinate there. Visits the wanted, with those coordinates of theirs,
// before and after, till a visit returns false.
template <class Wanted, class Visit>
bool Witnesses::for_each_change(const Matrix &matrix, const Column &column, const Pick &pick, Wanted wanted,
                                Visit visit) const {
  std::vector<Number> lost; // by a residual of 1
  std::vector<std::size_t> changing(rank(), rank());
  for (std::size_t i = 0; i < rank(); ++i)
    if (pick.coordinates[i] != 0) {
      changing[i] = lost.size();
      lost.push_back(pick.witness.value * pick.coordinates[i]);
    }
  std::vector<Entry> entries; // what the accepted cells add to those
  std::vector<std::pair<std::uint32_t, std::uint32_t>> of_cell(place_.size());
  for (std::size_t l = 0; l < rank(); ++l) {
    const auto begin = static_cast<std::uint32_t>(entries.size());
    for (const auto &[witness, number] : matrix.inverse[l])
      if (changing[witness] < rank())
        entries.push_back({static_cast<std::uint32_t>(changing[witness]), number});
    of_cell[accepted_[l]] = {begin, static_cast<std::uint32_t>(entries.size())};
  }

  std::vector<Number> before(lost.size()), after(lost.size());
  for (const auto &[profile, value] : column.residuals) {
    if (!wanted(profile, value))
      continue;
    std::fill(before.begin(), before.end(), 0);
    for (const CellId cell : cells_of(profile))
      for (auto [entry, end] = of_cell[cell]; entry < end; ++entry)
        before[entries[entry].witness] += entries[entry].number;
    for (std::size_t i = 0; i < lost.size(); ++i)
      after[i] = before[i] - value * lost[i];
    if (!visit(profile, value, before, after))
      return false;
  }
  return true;
}

bool Witnesses::within_bound(const Matrix &matrix, const Column &column, const Pick &pick) const {
  const Number lost = largest_of(pick.coordinates);
  const auto at_risk = [&](std::uint32_t profile, Small value) {
    return guarded_[profile] && matrix.heaviest[profile] + std::abs(value) * lost > max_coordinate_;
  };
  return for_each_change(matrix, column, pick, at_risk, [&](std::uint32_t, Small, const auto &, const auto &after) {
    return largest_of(after) <= max_coordinate_;
  });
}

// The inverse of the bordered matrix (Banachiewicz); the residual is its own
// inverse.
void Witnesses::extend(Matrix &matrix, const Column &column, const Pick &pick) {
  const auto everybody = [](std::uint32_t, Small) { return true; };
  for_each_change(
      matrix, column, pick, everybody, [&](std::uint32_t profile, Small value, const auto &before, const auto &after) {
        matrix.weight[profile] += weight_of(after) - weight_of(before) + std::abs(value);
        matrix.heaviest[profile] = std::max<Number>({matrix.heaviest[profile], largest_of(after), std::abs(value)});
        return true;
      });

  std::vector<Entry> last; // the new cell's
  for (std::uint32_t i = 0; i < rank(); ++i)
    if (pick.coordinates[i] != 0)
      last.push_back({i, static_cast<Small>(-pick.witness.value * pick.coordinates[i])});
  last.push_back({static_cast<std::uint32_t>(rank()), pick.witness.value});
  for (std::size_t l = 0; l < rank(); ++l)
    if (column.coefficients[l] != 0)
      matrix.inverse[l] = sum_of(matrix.inverse[l], -column.coefficients[l], last);
  matrix.inverse.push_back(std::move(last));
  for (const std::vector<Entry> &of_cell : matrix.inverse)
    for (const Entry &entry : of_cell)
      matrix.largest = std::max<Number>(matrix.largest, std::abs(entry.number));
  matrix.basis.push_back(pick.witness.profile);
}

// left + factor * right
std::vector<Witnesses::Entry> Witnesses::sum_of(const std::vector<Entry> &left, Number factor,
                                                const std::vector<Entry> &right) {
  std::vector<Entry> sum;
  auto next = left.begin();
  for (const auto &[witness, number] : right) {
    for (; next != left.end() && next->witness < witness; ++next)
      sum.push_back(*next);
    Number value = factor * number;
    if (next != left.end() && next->witness == witness)
      value += (next++)->number;
    if (value != 0)
      sum.push_back({witness, static_cast<Small>(value)});
  }
  sum.insert(sum.end(), next, left.end());
  return sum;
}

} // namespace roughly
