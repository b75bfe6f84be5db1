#include "core/witness.hpp"

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "core/core_only.hpp"

namespace roughly {
namespace {

// Room for every sum: a residual adds up to 2^8 coefficients, each of at most max_rank <= 2^12 such numbers.
constexpr std::int64_t largest_number = std::int64_t{1} << 40;

// Items in order, sorted only as far as they are looked at.
template <class Before> class Ranking {
public:
  Ranking(std::vector<std::size_t> items, Before before) : items_(std::move(items)), before_(before) {
    std::make_heap(items_.begin(), items_.end(), after());
  }
  [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
  std::size_t operator[](std::size_t place) {
    for (; sorted_ <= place; ++sorted_)
      std::pop_heap(items_.begin(), items_.end() - static_cast<std::ptrdiff_t>(sorted_), after());
    return items_[items_.size() - 1 - place];
  }

private:
  auto after() const {
    return [this](std::size_t a, std::size_t b) { return before_(b, a); };
  }
  std::vector<std::size_t> items_; // a heap, then what has left it, the first item last
  std::size_t sorted_ = 0;
  Before before_;
};

std::int64_t largest_of(const std::vector<std::int64_t> &numbers) {
  std::int64_t largest = 0;
  for (const std::int64_t number : numbers)
    largest = std::max(largest, std::abs(number));
  return largest;
}

} // namespace

Witnesses::Witnesses(std::uint32_t k, const std::vector<Profile> &profiles,
                     std::span<const std::vector<CellId>> profile_cells, std::size_t cells)
    : profile_cells_(profile_cells), members_(cells), outside_(profiles.size()), place_(cells, -1), sets_(k) {
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
  const auto before = [this](std::size_t a, std::size_t b) { return free_[a] != free_[b] ? free_[a] > free_[b] : a < b; };
  Ranking inside(members_[cell], before);
  Used used;
  std::vector<Pick> picks;
  picks.reserve(sets_.size());
  for (const Set &set : sets_) {
    Pick pick{0, 0, coefficients(set, cell)};
    bool independent = false;
    for (std::size_t i = 0; i < inside.size() && pick.residual == 0; ++i) {
      const Number rest = residual(cell, inside[i], pick.coefficients);
      independent = independent || rest != 0;
      if (std::abs(rest) == 1 && available(inside[i], used)) {
        pick.profile = inside[i];
        pick.residual = rest;
      }
    }
    if (pick.residual == 0)
      independent = search_outside(cell, used, pick) || independent;
    if (pick.residual == 0)
      return independent || !picks.empty() ? Verdict::refused : Verdict::dependent;
    if (grows_too_large(set, pick))
      return Verdict::refused;
    ++used[pick.profile];
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

bool Witnesses::available(std::size_t profile, const Used &used) const {
  const auto taken = used.find(profile);
  return free_[profile] > (taken == used.end() ? 0 : taken->second);
}

// Only members of the combined cells can have a residual outside `cell`, so that those are all that need a look.
bool Witnesses::search_outside(CellId cell, const Used &used, Pick &pick) {
  std::vector<std::size_t> touched;
  for (std::size_t l = 0; l < rank(); ++l)
    if (pick.coefficients[l] != 0)
      for (const std::size_t profile : members_[accepted_[l]]) {
        if (outside_[profile] == 0)
          touched.push_back(profile);
        outside_[profile] -= pick.coefficients[l];
      }
  bool independent = false;
  for (const std::size_t profile : touched) {
    const Number rest = std::exchange(outside_[profile], 0);
    if (rest == 0 || covers(cell, profile))
      continue;
    independent = true;
    if (std::abs(rest) != 1 || !available(profile, used))
      continue;
    const bool better = pick.residual == 0 || (free_[profile] != free_[pick.profile] ? free_[profile] > free_[pick.profile]
                                                                                     : profile < pick.profile);
    if (better) {
      pick.profile = profile;
      pick.residual = rest;
    }
  }
  return independent;
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
