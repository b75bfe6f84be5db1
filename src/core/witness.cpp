#include "core/witness.hpp"

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "core/core_only.hpp"

namespace roughly {
namespace {

// Room for every sum: a residual adds up to 2^8 coefficients, each of at most max_rank = 2^9 such numbers.
constexpr std::int64_t largest_number = std::int64_t{1} << 45;

std::int64_t largest_of(const std::vector<std::int64_t> &numbers) {
  std::int64_t largest = 0;
  for (const std::int64_t number : numbers)
    largest = std::max(largest, std::abs(number));
  return largest;
}

} // namespace

Witnesses::Witnesses(std::uint32_t k, const std::vector<Profile> &profiles,
                     std::span<const std::vector<CellId>> profile_cells, std::size_t cells)
    : profile_cells_(profile_cells), members_(cells), place_(cells, -1), sets_(k) {
  for (std::size_t p = 0; p < profiles.size(); ++p) {
    free_.push_back(profiles[p].eligible);
    for (const CellId cell : profile_cells[p])
      members_[cell].push_back(p);
  }
}

bool Witnesses::covers(CellId cell, std::size_t profile) const {
  const std::vector<CellId> &cells = profile_cells_[profile];
  return std::find(cells.begin(), cells.end(), cell) != cells.end();
}

// Which combination of accepted cells agrees with `cell` on the set's witnesses.
std::vector<Witnesses::Number> Witnesses::coefficients(const Set &set, CellId cell) const {
  std::vector<Number> sum(rank());
  for (std::size_t i = 0; i < rank(); ++i)
    if (covers(cell, set.basis[i]))
      std::transform(sum.begin(), sum.end(), set.inverse[i].begin(), sum.begin(), std::plus<>());
  return sum;
}

// How far that combination is from `cell` on another profile: the Schur complement of the bordered matrix.
Witnesses::Number Witnesses::residual(CellId cell, std::size_t profile, const std::vector<Number> &coefficients) const {
  Number value = 0;
  for (const CellId other : profile_cells_[profile]) {
    value += other == cell ? 1 : 0;
    if (place_[other] >= 0)
      value -= coefficients[static_cast<std::size_t>(place_[other])];
  }
  return value;
}

Verdict Witnesses::consider(CellId cell) {
  const auto most_numerous_first = [this](std::size_t a, std::size_t b) {
    return free_[a] != free_[b] ? free_[a] > free_[b] : a < b;
  };
  std::vector<std::size_t> inside = members_[cell];
  std::sort(inside.begin(), inside.end(), most_numerous_first);
  std::vector<std::size_t> outside; // rarely needed, so built late

  std::unordered_map<std::size_t, std::uint32_t> used;
  std::vector<Pick> picks;
  picks.reserve(sets_.size());
  for (const Set &set : sets_) {
    std::vector<Number> combination = coefficients(set, cell);
    bool independent = false;
    const auto serves = [&](std::size_t profile) {
      const Number rest = residual(cell, profile, combination);
      independent = independent || rest != 0;
      if (std::abs(rest) != 1)
        return false;
      const auto taken = used.find(profile);
      if (free_[profile] <= (taken == used.end() ? 0 : taken->second))
        return false;
      picks.push_back({profile, rest, {}});
      return true;
    };
    if (!std::any_of(inside.begin(), inside.end(), serves)) {
      if (outside.empty()) {
        for (std::size_t p = 0; p < free_.size(); ++p)
          if (!covers(cell, p))
            outside.push_back(p);
        std::sort(outside.begin(), outside.end(), most_numerous_first);
      }
      if (!std::any_of(outside.begin(), outside.end(), serves))
        return independent || !picks.empty() ? Verdict::refused : Verdict::dependent;
    }
    picks.back().coefficients = std::move(combination);
    if (grows_too_large(set, picks.back()))
      return Verdict::refused;
    ++used[picks.back().profile];
  }

  for (std::size_t j = 0; j < sets_.size(); ++j)
    extend(sets_[j], picks[j]);
  for (const auto &[profile, taken] : used)
    free_[profile] -= taken;
  place_[cell] = static_cast<std::int32_t>(rank());
  accepted_.push_back(cell);
  return Verdict::accepted;
}

// The new respondent's row of M, times the inverse.
std::vector<Witnesses::Number> Witnesses::border(const Set &set, std::size_t profile) const {
  std::vector<Number> row(rank());
  for (std::size_t i = 0; i < rank(); ++i)
    for (const CellId cell : profile_cells_[profile])
      if (place_[cell] >= 0)
        row[i] += set.inverse[i][static_cast<std::size_t>(place_[cell])];
  return row;
}

bool Witnesses::grows_too_large(const Set &set, const Pick &pick) const {
  const Number left = largest_of(border(set, pick.profile)), right = largest_of(pick.coefficients);
  return left > largest_number || right > largest_number ||
         (left != 0 && right > (largest_number - set.largest) / left);
}

// The inverse of the bordered matrix (Banachiewicz); the residual is its own inverse.
void Witnesses::extend(Set &set, const Pick &pick) {
  const std::vector<Number> left = border(set, pick.profile);
  for (std::size_t i = 0; i < rank(); ++i) {
    std::vector<Number> &column = set.inverse[i];
    const Number factor = pick.residual * left[i];
    if (factor != 0)
      for (std::size_t l = 0; l < rank(); ++l)
        column[l] += factor * pick.coefficients[l];
    column.push_back(-factor);
    set.largest = std::max(set.largest, largest_of(column));
  }
  std::vector<Number> last;
  for (const Number number : pick.coefficients)
    last.push_back(-pick.residual * number);
  last.push_back(pick.residual);
  set.largest = std::max(set.largest, largest_of(last));
  set.inverse.push_back(std::move(last));
  set.basis.push_back(pick.profile);
}

} // namespace roughly
