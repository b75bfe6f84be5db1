#include "core/witness.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <tuple>

#include "core/core_only.hpp"

namespace roughly {
namespace {

// How many profiles ahead of its use memory is fetched.
constexpr std::ptrdiff_t ahead = 8;

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

void add_to(std::int32_t &sum, std::int32_t value) {
  sum += value;
}
template <std::size_t n> void add_to(std::array<std::int32_t, n> &sum, const std::array<std::int32_t, n> &values) {
  for (std::size_t i = 0; i < n; ++i)
    sum[i] += values[i];
}

} // namespace

Witnesses::Witnesses(std::uint32_t k, std::vector<View> views, const std::vector<Profile> &profiles,
                     std::vector<CellId> profile_cells, std::size_t cells, std::uint32_t max_coordinate)
    : views_(std::move(views)), cells_(std::move(profile_cells)), members_begin_(cells + 1), members_(cells_.size()),
      view_(cells), view_cells_(views_.size()), taken_(profiles.size()), weights_(cells), scratch_(profiles.size()),
      parts_(cells), place_(cells, -1), max_coordinate_(std::min(max_coordinate, largest_bound)) {
  matrices_.push_back({k, {}, {}, 1, std::vector<Load>(profiles.size())});
  for (const Profile &profile : profiles) {
    const Number equals = std::max<Number>(profile.eligible, 1) - 1; // who weigh as much, and are not the one
    guarded_.push_back(max_coordinate_ != 0 && equals * max_coordinate_ < Number{k} - 1);
    free_.push_back(profile.eligible);
  }
  for (const CellId cell : cells_)
    ++members_begin_[cell + 1];
  std::partial_sum(members_begin_.begin(), members_begin_.end(), members_begin_.begin());
  std::vector<std::size_t> next = members_begin_;
  for (std::uint32_t p = 0; p < profiles.size(); ++p)
    for (std::uint32_t view = 0; const CellId cell : cells_of(p)) {
      if (next[cell] == members_begin_[cell]) {
        view_[cell] = view;
        view_cells_[view].push_back(cell);
      }
      members_[next[cell]++] = p;
      ++view;
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
  for (const std::size_t profile : matrix.basis)
    inside.push_back(cells_of(profile)[view_[cell]] == cell ? 1 : 0);
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
  std::vector<Residual> found;
  const auto inside = members(cell);
  if (std::all_of(coefficients.begin(), coefficients.end(), [](Number number) { return number == 0; })) {
    found.reserve(inside.size());
    for (const std::uint32_t profile : inside)
      found.push_back({profile, 1});
    return found;
  }
  std::vector<bool> in_use(views_.size());
  const auto weigh = [&](CellId of, Number weight) {
    weights_[of] += static_cast<Small>(weight);
    in_use[view_[of]] = true;
  };
  weigh(cell, 1);
  for (std::size_t l = 0; l < rank(); ++l)
    if (coefficients[l] != 0)
      weigh(accepted_[l], -coefficients[l]);

  std::size_t count = 0;
  const auto add = [&](CellId to, Small value) {
    const auto of_cell = members(to);
    if (touched_.size() < count + of_cell.size())
      touched_.resize(2 * (count + of_cell.size()));
    for (const std::uint32_t profile : of_cell) {
      touched_[count] = profile;
      count += scratch_[profile] == 0 ? 1 : 0;
      scratch_[profile] += value;
    }
  };
  for (const std::uint32_t view : fold(weights_, in_use, view_[cell]))
    for (const CellId of : view_cells_[view])
      if (const Small weight = std::exchange(weights_[of], 0); weight != 0)
        add(of, weight);
  for (const std::uint32_t profile : std::span(touched_).first(count))
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
bool Witnesses::find(const Matrix &matrix, const Column &column, Pick &pick) {
  using Able = std::tuple<Number, std::uint32_t, std::uint32_t, Small>;
  std::vector<Able> best; // a heap, the worst first, then in order
  Number heaviest = std::numeric_limits<Number>::max(); // that can still be among the best
  for (const auto &[profile, value] : column.residuals) {
    if (std::abs(value) != 1) {
      if (std::abs(value) > max_coordinate_ && guarded_[profile])
        return false;
      continue;
    }
    const Number weight = matrix.loads[profile].sum;
    if (weight > heaviest || free_[profile] == taken_[profile])
      continue;
    const Able one{weight, enough_ - std::min(enough_, free_[profile]), profile, value};
    if (best.size() == max_tries) {
      if (best.front() < one)
        continue;
      std::pop_heap(best.begin(), best.end());
      best.pop_back();
    }
    best.push_back(one);
    std::push_heap(best.begin(), best.end());
    if (best.size() == max_tries)
      heaviest = std::get<0>(best.front());
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

// What is given to a cell may as well be given to each of the finer cells that it consists of: much cancels out, and
// fewer views are left to look at. Returns those, where there were `in_use`; `first` of the finer ones is tried first.
template <class T>
std::vector<std::uint32_t> Witnesses::fold(std::vector<T> &of_cells, std::vector<bool> in_use,
                                           std::uint32_t first) const {
  std::vector<std::uint32_t> left;
  for (std::uint32_t coarse = 0; coarse < views_.size(); ++coarse) {
    if (!in_use[coarse])
      continue;
    const auto into = [&](std::uint32_t fine) {
      return in_use[fine] && views_[fine] != views_[coarse] && (views_[coarse] & ~views_[fine]) == 0;
    };
    std::uint32_t fine = first;
    if (!into(fine))
      for (fine = 0; fine < views_.size() && !into(fine);)
        ++fine;
    if (fine == views_.size()) {
      left.push_back(coarse);
      continue;
    }
    for (const CellId cell : view_cells_[fine])
      add_to(of_cells[cell], of_cells[cells_of(members(cell).front())[coarse]]);
    for (const CellId cell : view_cells_[coarse])
      of_cells[cell] = {};
    in_use[coarse] = false;
  }
  return left;
}

// In the larger matrix a profile with residual r loses r/s times the coordinates of the new witness, whose residual s
// is 1 or -1, and gets r/s for its coordinate there. Visits each with those coordinates of its, some at a time, before
// and after, till a visit returns false. All of them fit 32 bits, once find() has checked the witness.
template <class Visit>
bool Witnesses::for_each_change(const Matrix &matrix, const std::vector<Residual> &residuals, const Pick &pick,
                                Visit visit) {
  std::vector<std::size_t> changing, lane_of(rank(), ~std::size_t{0});
  for (std::size_t i = 0; i < rank(); ++i)
    if (pick.coordinates[i] != 0) {
      lane_of[i] = changing.size();
      changing.push_back(i);
    }

  bool go_on = true;
  for (std::size_t first = 0; go_on && first < changing.size(); first += lanes) {
    const std::span some = std::span(changing).subspan(first, std::min(lanes, changing.size() - first));
    Lanes lost{}; // by a residual of 1
    for (std::size_t lane = 0; lane < some.size(); ++lane)
      lost[lane] = static_cast<Small>(pick.witness.value * pick.coordinates[some[lane]]);

    std::vector<bool> has_part(views_.size()); // in those coordinates
    for (std::size_t l = 0; l < rank(); ++l)
      for (const auto &[witness, number] : matrix.inverse[l])
        if (const std::size_t lane = lane_of[witness] - first; lane < lanes) {
          parts_[accepted_[l]][lane] = number;
          has_part[view_[accepted_[l]]] = true;
        }
    const std::vector<std::uint32_t> views = fold(parts_, has_part, 0);

    for (auto one = residuals.begin(); go_on && one != residuals.end(); ++one) {
      if (residuals.end() - one > ahead) { // profiles are many: without it, their cells are what is waited for
        const std::uint32_t next = one[ahead].profile;
        __builtin_prefetch(cells_.data() + next * views_.size());
        __builtin_prefetch(cells_.data() + (next + 1) * views_.size() - 1);
        __builtin_prefetch(&matrix.loads[next]);
      }
      const CellId *const of_profile = cells_.data() + one->profile * views_.size();
      Lanes before{}, after;
      for (const std::uint32_t view : views)
        for (std::size_t lane = 0; lane < lanes; ++lane)
          before[lane] += parts_[of_profile[view]][lane];
      for (std::size_t lane = 0; lane < lanes; ++lane)
        after[lane] = static_cast<Small>(before[lane] - Number{one->value} * lost[lane]);
      go_on = visit(one->profile, before, after);
    }
    for (const std::uint32_t view : views)
      for (const CellId cell : view_cells_[view])
        parts_[cell] = {};
  }
  return go_on;
}

bool Witnesses::within_bound(const Matrix &matrix, const Column &column, const Pick &pick) {
  const Number lost = largest_of(pick.coordinates);
  std::vector<Residual> at_risk;
  for (const Residual &one : column.residuals)
    if (matrix.loads[one.profile].largest + std::abs(one.value) * lost > max_coordinate_ && guarded_[one.profile])
      at_risk.push_back(one);
  return at_risk.empty() || for_each_change(matrix, at_risk, pick, [&](std::uint32_t, const Lanes &, const Lanes &after) {
           return std::all_of(after.begin(), after.end(), [&](Small number) { return std::abs(number) <= max_coordinate_; });
         });
}

// The inverse of the bordered matrix (Banachiewicz); the residual is its own
// inverse.
void Witnesses::extend(Matrix &matrix, const Column &column, const Pick &pick) {
  for_each_change(matrix, column.residuals, pick, [&](std::uint32_t profile, const Lanes &before, const Lanes &after) {
    Load &load = matrix.loads[profile];
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      load.sum += std::abs(after[lane]) - std::abs(before[lane]);
      load.largest = std::max(load.largest, std::abs(after[lane]));
    }
    return true;
  });
  for (const auto &[profile, value] : column.residuals) {
    Load &load = matrix.loads[profile];
    load.sum += std::abs(value);
    load.largest = std::max(load.largest, std::abs(value));
  }

  std::vector<Entry> last; // the new cell's
  for (std::uint32_t i = 0; i < rank(); ++i)
    if (pick.coordinates[i] != 0)
      last.push_back({i, static_cast<Small>(-pick.witness.value * pick.coordinates[i])});
  last.push_back({static_cast<std::uint32_t>(rank()), pick.witness.value});
  const auto note_largest = [&matrix](const std::vector<Entry> &of_cell) {
    for (const Entry &entry : of_cell)
      matrix.largest = std::max<Number>(matrix.largest, std::abs(entry.number));
  };
  note_largest(last);
  for (std::size_t l = 0; l < rank(); ++l)
    if (column.coefficients[l] != 0) {
      matrix.inverse[l] = sum_of(matrix.inverse[l], -column.coefficients[l], last);
      note_largest(matrix.inverse[l]);
    }
  matrix.inverse.push_back(std::move(last));
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
