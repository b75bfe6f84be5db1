#include "core/release_rule.hpp"

#include <algorithm>
#include <tuple>

#include "core/core_only.hpp"

namespace roughly {
namespace {

using CellId = Tally::CellId;

// How many cells of each split (a parent cut along one dimension) are not current. A cell is implied by its parent
// when it is the only one.
class Splits {
public:
  explicit Splits(const Tally &tally) : tally_(tally) {
    for (CellId id = 0; id < tally.size(); ++id)
      if (!tally.current(id))
        for_each(id, [this](const std::string &split, CellId) { ++open_[split]; });
  }

  [[nodiscard]] bool parents_current(CellId id) const {
    bool all = true;
    for_each(id, [&](const std::string &, CellId parent) { all = all && tally_.current(parent); });
    return all;
  }

  [[nodiscard]] bool implied(CellId id) const {
    bool found = false;
    for_each(id, [&](const std::string &split, CellId parent) {
      found = found || (tally_.current(parent) && open_.at(split) == 1);
    });
    return found;
  }

  void close(CellId id) {
    for_each(id, [this](const std::string &split, CellId) { --open_[split]; });
  }

private:
  template <class F> void for_each(CellId id, F visit) const {
    const Tally::Cell &cell = tally_.cell(id);
    for (std::size_t d = 0; d < tally_.layout().dimensions(); ++d)
      if (contains(cell.view, d)) {
        const auto view = static_cast<View>(cell.view & ~(1u << d));
        const std::string values = tally_.layout().without(cell.view, cell.values, d);
        const std::string split = std::string{static_cast<char>(cell.view), static_cast<char>(d)} + values;
        const std::optional<CellId> parent = tally_.find(view, values);
        if (!parent) // a parent is counted whenever its parts are
          throw Error(Errc::corrupted, "a tally lacks the parent of a cell");
        visit(split, *parent);
      }
  }

  const Tally &tally_;
  std::unordered_map<std::string, std::size_t> open_;
};

// Cells with at least k respondents and somebody new: coarse before fine, large before small, then by name.
std::vector<CellId> candidates(const Tally &tally, const std::vector<CellId> &profile_cells, std::uint32_t k) {
  std::vector<std::size_t> order(1u << tally.layout().dimensions());
  for (std::size_t i = 0; i < tally.views().size(); ++i)
    order[tally.views()[i]] = i;

  std::vector<bool> seen(tally.size());
  std::vector<CellId> found;
  for (const CellId id : profile_cells)
    if (!seen[id]) {
      seen[id] = true;
      if (tally.respondents(id) >= k)
        found.push_back(id);
    }
  const auto rank = [&](CellId id) {
    const Tally::Cell &cell = tally.cell(id);
    return std::tuple(__builtin_popcount(cell.view), ~tally.respondents(id), order[cell.view], std::string_view(cell.values));
  };
  std::sort(found.begin(), found.end(), [&](CellId a, CellId b) { return rank(a) < rank(b); });
  return found;
}

} // namespace

Proof release_batch(Tally &tally, std::vector<Profile> batch, Policy policy, std::uint32_t release) {
  std::vector<CellId> profile_cells; // of each profile in turn
  profile_cells.reserve(batch.size() * tally.views().size());
  for (const Profile &profile : batch) {
    const std::vector<CellId> &cells = tally.add(profile);
    profile_cells.insert(profile_cells.end(), cells.begin(), cells.end());
  }
  const std::vector<CellId> order = candidates(tally, profile_cells, policy.k);

  Witnesses witnesses(policy.k, tally.views(), batch, std::move(profile_cells), tally.size(), policy.max_coordinate);
  Splits splits(tally);
  for (const CellId cell : order) {
    if (tally.current(cell) || !splits.parents_current(cell))
      continue;
    const Verdict verdict = witnesses.rank() < policy.max_rank ? witnesses.consider(cell) : Verdict::refused;
    if (verdict == Verdict::accepted || (verdict == Verdict::dependent && splits.implied(cell))) {
      tally.publish(cell, release);
      splits.close(cell);
    }
  }
  return {std::move(batch), std::move(witnesses)};
}

} // namespace roughly
