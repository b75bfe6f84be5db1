#include "core/witness.hpp"

#include <algorithm>
#include <cstdlib>
#include <tuple>

#include "core/core_only.hpp"

namespace roughly {
namespace {

// Room for every sum: a residual adds up to 2^8 coefficients, each of at most max_rank <= 2^12 such numbers.
constexpr std::int64_t largest_number = std::int64_t{1} << 40;
constexpr std::uint32_t largest_bound = 1u << 20; // times largest_number, and more room

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
                     std::span<const std::vector<CellId>> profile_cells, std::size_t cells, std::uint32_t max_coordinate)
    : profile_cells_(profile_cells), members_(cells), scratch_(profiles.size()), place_(cells, -1), sets_(k),
      max_coordinate_(std::min(max_coordinate, largest_bound)) {
  for (Set &set : sets_)
    set.weight.resize(profiles.size());
  for (std::size_t p = 0; p < profiles.size(); ++p) {
    const Number equals = std::max<Number>(profiles[p].eligible, 1) - 1; // who weigh as much, and are not the one
    guarded_.push_back(max_coordinate_ != 0 && equals * max_coordinate_ < Number{k} - 1);
    free_.push_back(profiles[p].eligible);
    for (const CellId cell : profile_cells[p])
      members_[cell].push_back(p);
  }
}

bool Witnesses::covers(CellId cell, std::size_t profile) const {
  const std::vector<CellId> &cells = profile_cells_[profile];
  return std::find(cells.begin(), cells.end(), cell) != cells.end();
}

bool Witnesses::available(std::size_t profile, const Used &used) const {
  const auto taken = used.find(profile);
  return free_[profile] > (taken == used.end() ? 0 : taken->second);
}

// Which combination of accepted cells agrees with `cell` on the set's witnesses.
std::vector<Witnesses::Number> Witnesses::coefficients(const Set &set, CellId cell) const {
  std::vector<bool> inside;
  for (const std::size_t profile : set.basis)
    inside.push_back(covers(cell, profile));
  std::vector<Number> sum(rank());
  for (std::size_t l = 0; l < rank(); ++l)
    for (const auto &[witness, number] : set.inverse[l])
      sum[l] += inside[witness] ? number : 0;
  return sum;
}

// The profile's row of accepted cells, times the inverse.
std::vector<Witnesses::Number> Witnesses::coordinates(const Set &set, std::size_t profile) const {
  std::vector<Number> sum(set.basis.size());
  for (const CellId cell : profile_cells_[profile])
    if (place_[cell] >= 0)
      for (const auto &[witness, number] : set.inverse[static_cast<std::size_t>(place_[cell])])
        sum[witness] += number;
  return sum;
}

// How far that combination is from `cell` on every profile (for a new witness: the Schur complement of the bordered
// matrix), where it is not 0.
std::vector<Witnesses::Residual> Witnesses::residuals(CellId cell, const std::vector<Number> &coefficients) {
  std::vector<std::size_t> touched;
  const auto add = [&](CellId to, Number value) {
    for (const std::size_t profile : members_[to]) {
      if (scratch_[profile] == 0)
        touched.push_back(profile);
      scratch_[profile] += value;
    }
  };
  add(cell, 1);
  for (std::size_t l = 0; l < rank(); ++l)
    if (coefficients[l] != 0)
      add(accepted_[l], -coefficients[l]);
  std::vector<Residual> found;
  for (const std::size_t profile : touched)
    if (const Number value = std::exchange(scratch_[profile], 0); value != 0)
      found.push_back({profile, value});
  return found;
}

Verdict Witnesses::consider(CellId cell) {
  Used used;
  std::vector<Pick> picks;
  picks.reserve(sets_.size());
  for (const Set &set : sets_) {
    Pick pick;
    pick.coefficients = coefficients(set, cell);
    pick.residuals = residuals(cell, pick.coefficients);
    if (pick.residuals.empty() && picks.empty())
      return Verdict::dependent;
    if (!find(set, used, pick))
      return Verdict::refused;
    ++used[pick.residual.profile];
    picks.push_back(std::move(pick));
  }

  for (std::size_t j = 0; j < sets_.size(); ++j)
    extend(sets_[j], picks[j]);
  for (const auto &[profile, taken] : used)
    free_[profile] -= taken;
  place_[cell] = static_cast<std::int32_t>(rank());
  accepted_.push_back(cell);
  return Verdict::accepted;
}

// Light profiles serve best: they keep the inverse small, and so residuals at 1 and -1. Then numerous ones, then in
// canonical order.
bool Witnesses::find(const Set &set, const Used &used, Pick &pick) const {
  std::vector<std::tuple<Number, std::uint32_t, std::size_t, Number>> able;
  for (const auto &[profile, value] : pick.residuals) {
    if (guarded_[profile] && std::abs(value) > max_coordinate_)
      return false;
    if (std::abs(value) == 1 && available(profile, used))
      able.emplace_back(set.weight[profile], ~free_[profile], profile, value);
  }
  const auto tried = able.begin() + static_cast<std::ptrdiff_t>(std::min(able.size(), max_tries));
  std::partial_sort(able.begin(), tried, able.end());

  const Number right = largest_of(pick.coefficients);
  if (right > largest_number)
    return false;
  return std::any_of(able.begin(), tried, [&](const auto &one) {
    pick.residual = {std::get<2>(one), std::get<3>(one)};
    pick.coordinates = coordinates(set, pick.residual.profile);
    const Number left = largest_of(pick.coordinates);
    const bool small = left == 0 || (left <= largest_number && right <= (largest_number - set.largest) / left);
    return small && within_bound(set, pick);
  });
}

// In the larger matrix a profile with residual r loses r/s times the coordinates of the new witness, whose residual s
// is 1 or -1, and gets r/s for its coordinate there. Visits the wanted, with those coordinates of theirs, before and
// after, till a visit returns false.
template <class Wanted, class Visit>
bool Witnesses::for_each_change(const Set &set, const Pick &pick, Wanted wanted, Visit visit) const {
  std::vector<Number> lost; // by a residual of 1
  std::vector<std::size_t> changing(rank(), rank());
  for (std::size_t i = 0; i < rank(); ++i)
    if (pick.coordinates[i] != 0) {
      changing[i] = lost.size();
      lost.push_back(pick.residual.value * pick.coordinates[i]);
    }
  std::vector<std::vector<Entry>> columns(rank()); // what the accepted cells add to those
  for (std::size_t l = 0; l < rank(); ++l)
    for (const auto &[witness, number] : set.inverse[l])
      if (changing[witness] < rank())
        columns[l].push_back({changing[witness], number});

  std::vector<Number> before(lost.size()), after(lost.size());
  for (const auto &[profile, value] : pick.residuals) {
    if (!wanted(profile, value))
      continue;
    std::fill(before.begin(), before.end(), 0);
    for (const CellId cell : profile_cells_[profile])
      if (place_[cell] >= 0)
        for (const auto &[place, number] : columns[static_cast<std::size_t>(place_[cell])])
          before[place] += number;
    for (std::size_t i = 0; i < lost.size(); ++i)
      after[i] = before[i] - value * lost[i];
    if (!visit(profile, value, before, after))
      return false;
  }
  return true;
}

bool Witnesses::within_bound(const Set &set, const Pick &pick) const {
  const Number lost = largest_of(pick.coordinates);
  const auto at_risk = [&](std::size_t profile, Number value) {
    return guarded_[profile] && set.weight[profile] + std::abs(value) * lost > max_coordinate_;
  };
  return for_each_change(set, pick, at_risk, [&](std::size_t, Number, const auto &, const auto &after) {
    return largest_of(after) <= max_coordinate_;
  });
}

// The inverse of the bordered matrix (Banachiewicz); the residual is its own inverse.
void Witnesses::extend(Set &set, const Pick &pick) {
  const auto everybody = [](std::size_t, Number) { return true; };
  for_each_change(set, pick, everybody, [&](std::size_t profile, Number value, const auto &before, const auto &after) {
    set.weight[profile] += weight_of(after) - weight_of(before) + std::abs(value);
    return true;
  });

  std::vector<Entry> last; // the new cell's
  for (std::size_t i = 0; i < rank(); ++i)
    if (pick.coordinates[i] != 0)
      last.push_back({i, -pick.residual.value * pick.coordinates[i]});
  last.push_back({rank(), pick.residual.value});
  for (std::size_t l = 0; l < rank(); ++l)
    if (pick.coefficients[l] != 0)
      set.inverse[l] = sum_of(set.inverse[l], -pick.coefficients[l], last);
  set.inverse.push_back(std::move(last));
  for (const std::vector<Entry> &of_cell : set.inverse)
    for (const Entry &entry : of_cell)
      set.largest = std::max(set.largest, std::abs(entry.number));
  set.basis.push_back(pick.residual.profile);
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
      sum.push_back({witness, value});
  }
  sum.insert(sum.end(), next, left.end());
  return sum;
}

} // namespace roughly
