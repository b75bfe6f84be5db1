// The witness test of the release rule (docs/privacy.md): k disjoint sets W_1..W_k of eligible respondents of a
// batch. In each, the accepted cells form a square matrix M_j = [ f(w) ], w in W_j, of determinant 1 or -1, so that
// no combination of published numbers, rational or modulo m, can miss all of W_j.
//
// Arithmetic is exact: a matrix of determinant 1 or -1 has an inverse of integers. Should one grow beyond 2^40
// the cell is refused, which is always safe and depends on profiles only.
#pragma once

#include "core/tally.hpp"

namespace roughly {

enum class Verdict { accepted, dependent, refused };

class Witnesses {
public:
  using CellId = Tally::CellId;

  // `profiles` with, for each, the ids of its cells, one per view. `cells`: how many ids there are.
  // What `profile_cells` points to must outlive this object.
  Witnesses(std::uint32_t k, const std::vector<Profile> &profiles, std::span<const std::vector<CellId>> profile_cells,
            std::size_t cells);

  // Accepted: every set took one more respondent. Dependent: on this batch the cell is a combination of accepted
  // ones. Refused: neither. All or nothing.
  Verdict consider(CellId cell);

  [[nodiscard]] std::size_t rank() const noexcept { return accepted_.size(); }
  // For audits: the accepted cells in order, and per set the profile of each witness.
  [[nodiscard]] const std::vector<CellId> &accepted() const noexcept { return accepted_; }
  [[nodiscard]] const std::vector<std::size_t> &basis(std::size_t set) const noexcept { return sets_[set].basis; }

private:
  using Number = std::int64_t;
  struct Set {
    std::vector<std::size_t> basis;           // profile of each witness
    std::vector<std::vector<Number>> inverse; // [witness][accepted cell]: the transposed inverse of M_j
    Number largest = 1;                       // bound of the inverse's entries
  };
  struct Pick {
    std::size_t profile;
    Number residual; // 1 or -1; 0: none found
    std::vector<Number> coefficients;
  };

  using Used = std::unordered_map<std::size_t, std::uint32_t>; // by the sets so far, per profile

  [[nodiscard]] bool available(std::size_t profile, const Used &used) const;
  // Finds the most numerous profile outside `cell` that can serve. True when some residual there is not 0.
  bool search_outside(CellId cell, const Used &used, Pick &pick);
  [[nodiscard]] bool covers(CellId cell, std::size_t profile) const;
  [[nodiscard]] std::vector<Number> coefficients(const Set &set, CellId cell) const;
  [[nodiscard]] Number residual(CellId cell, std::size_t profile, const std::vector<Number> &coefficients) const;
  [[nodiscard]] bool grows_too_large(const Set &set, const Pick &pick) const;
  [[nodiscard]] std::vector<Number> border(const Set &set, std::size_t profile) const;
  void extend(Set &set, const Pick &pick);

  std::span<const std::vector<CellId>> profile_cells_;
  std::vector<std::vector<std::size_t>> members_; // per cell: its profiles, in canonical order
  std::vector<std::uint32_t> free_;               // per profile: eligible respondents who are no witness yet
  std::vector<Number> outside_;                   // scratch of search_outside, per profile, 0 between calls
  std::vector<std::int32_t> place_;               // per cell: its place among the accepted, or -1
  std::vector<CellId> accepted_;
  std::vector<Set> sets_;
};

} // namespace roughly
