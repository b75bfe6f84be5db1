// The witness test of the release rule (docs/privacy.md): k disjoint sets W_1..W_k of eligible respondents of a
// batch. In each, the accepted cells form a square matrix M_j = [ f(w) ], w in W_j, of determinant 1 or -1, so that
// no combination of published numbers, rational or modulo m, can miss all of W_j.
//
// The dominance bound: y = r M_j^-1, r the row of anybody's profile, are whole numbers, the profile's coordinates in
// W_j. No combination weighs that person more than max |y| times all of W_j together. Coordinates beyond the bound are
// left to profiles with so many people that each has equals enough.
//
// Arithmetic is exact: a matrix of determinant 1 or -1 has an inverse of integers. Should one grow beyond 2^18
// the cell is refused, which is always safe and depends on profiles only.
#pragma once

#include "core/tally.hpp"

namespace roughly {

enum class Verdict { accepted, dependent, refused };

class Witnesses {
public:
  using CellId = Tally::CellId;

  // `views`, coarse before fine, and `profiles` with, for each in turn, the ids of its cells, one per view. `cells`:
  // how many ids there are. `max_coordinate`: the dominance bound, at most 2^20; 0: none.
  Witnesses(std::uint32_t k, std::vector<View> views, const std::vector<Profile> &profiles,
            std::vector<CellId> profile_cells, std::size_t cells, std::uint32_t max_coordinate = 0);

  // Accepted: every set took one more respondent. Dependent: on this batch the cell is a combination of accepted
  // ones. Refused: neither. All or nothing.
  Verdict consider(CellId cell);

  [[nodiscard]] std::size_t rank() const noexcept { return accepted_.size(); }
  // For audits: the accepted cells in order, and per set the profile of each
  // witness.
  [[nodiscard]] const std::vector<CellId> &accepted() const noexcept { return accepted_; }
  [[nodiscard]] const std::vector<std::size_t> &basis(std::size_t set) const noexcept { return matrix(set).basis; }
  // A profile's row in whole multiples of the rows of the set's witnesses.
  [[nodiscard]] std::vector<std::int64_t> coordinates(std::size_t set, std::size_t profile) const {
    return coordinates(matrix(set), profile);
  }

private:
  using Number = std::int64_t;
  using Small = std::int32_t; // where there are many
  struct Entry {
    std::uint32_t witness;
    Small number; // not 0
  };
  // Of a profile's |coordinates|.
  struct Load {
    Number sum = 0;
    Small largest = 0;
  };
  // Sets that took their witnesses from the same profiles have one matrix.
  struct Matrix {
    std::uint32_t sets;                      // how many: the first matrix is that of the first sets
    std::vector<std::size_t> basis;          // profile of each witness
    std::vector<std::vector<Entry>> inverse; // per accepted cell, in the order of witnesses
    Number largest = 1;                      // bound of the inverse's entries
    std::vector<Load> loads;                 // per profile
  };
  struct Residual {
    std::uint32_t profile;
    Small value; // not 0
  };
  // What a cell is beside the accepted ones of a matrix.
  struct Column {
    std::vector<Number> coefficients;
    std::vector<Residual> residuals; // of everybody
  };
  // A few coordinates, changed together.
  static constexpr std::size_t lanes = 4;
  using Lanes = std::array<Small, lanes>;
  struct Pick {
    std::size_t matrix;
    std::uint32_t sets; // which take it
    Residual witness;   // 1 or -1
    std::vector<Number> coordinates;
  };

  [[nodiscard]] const Matrix &matrix(std::size_t set) const noexcept;
  [[nodiscard]] std::span<const CellId> cells_of(std::size_t profile) const noexcept {
    return std::span(cells_).subspan(profile * views_.size(), views_.size());
  }
  [[nodiscard]] std::span<const std::uint32_t> members(CellId cell) const noexcept {
    return std::span(members_).subspan(members_begin_[cell], members_begin_[cell + 1] - members_begin_[cell]);
  }
  [[nodiscard]] std::vector<Number> coefficients(const Matrix &matrix, CellId cell) const;
  [[nodiscard]] std::vector<Number> coordinates(const Matrix &matrix, std::size_t profile) const;
  std::vector<Residual> residuals(CellId cell, const std::vector<Number> &coefficients);
  Verdict pick_witnesses(CellId cell, std::vector<Column> &columns, std::vector<Pick> &picks);
  bool find(const Matrix &matrix, const Column &column, Pick &pick);
  [[nodiscard]] bool within_bound(const Matrix &matrix, const Column &column, const Pick &pick);
  template <class Visit>
  bool for_each_change(const Matrix &matrix, const std::vector<Residual> &residuals, const Pick &pick, Visit visit);
  void extend(Matrix &matrix, const Column &column, const Pick &pick);
  template <class T>
  std::vector<std::uint32_t> fold(std::vector<T> &of_cells, std::vector<bool> in_use, std::uint32_t first) const;
  static std::vector<Entry> sum_of(const std::vector<Entry> &left, Number factor, const std::vector<Entry> &right);

  std::vector<View> views_;
  std::vector<CellId> cells_;                       // per profile: as many as there are views
  std::vector<std::size_t> members_begin_;          // per cell: where its members begin
  std::vector<std::uint32_t> members_;              // per cell: its profiles, in canonical order
  std::vector<std::uint32_t> view_;                 // per cell: its place among a profile's cells
  std::vector<std::vector<CellId>> view_cells_;     // per view: its cells
  std::vector<std::uint32_t> free_;                 // per profile: eligible respondents who are no witness yet
  std::vector<std::uint32_t> taken_;                // per profile: by consider(), 0 between calls
  std::vector<bool> guarded_;                       // per profile: its coordinates are bounded
  std::vector<Small> weights_;                      // of residuals(), per cell, 0 between calls
  std::vector<Small> scratch_;                      // of residuals(), per profile, 0 between calls
  std::vector<std::uint32_t> touched_;              // of residuals()
  std::vector<Lanes> parts_;                        // of for_each_change(), per cell, 0 between calls
  std::vector<std::int32_t> place_;                 // per cell: its place among the accepted, or -1
  std::vector<CellId> accepted_;
  std::vector<Matrix> matrices_;
  // No profile is better for having more people than that: k, where half of the profiles have as many.
  std::uint32_t enough_ = ~0u;
  Number max_coordinate_;
};

} // namespace roughly
