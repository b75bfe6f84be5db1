// The cumulative counts of a question, cell by cell, and what of them has been published.
#pragma once

#include "core/ballot.hpp"
#include "core/snapshot.hpp"

#include <unordered_map>

namespace roughly {

using Count = std::uint64_t;
using Counts = std::vector<Count, WipingAllocator<Count>>; // one per choice

// Everybody of a batch who has one snapshot.
struct Profile {
  std::string snapshot;
  Counts counts;
  std::uint32_t eligible = 0;
};

// The distinct profiles of a batch, in the canonical order of snapshots. Errc::corrupted when a ballot names a
// choice the question does not have.
std::vector<Profile> count_profiles(const BallotBox &box, std::size_t choices);

class Tally {
public:
  struct Cell {
    View view;
    std::string values;         // the fields of the view's dimensions
    Counts counts;              // everybody counted so far; never shown as such
    std::uint32_t as_of = 0;    // release that published `published`; 0: never
    Counts published;           // empty while as_of is 0
  };
  using CellId = std::uint32_t;

  Tally(SnapshotLayout layout, std::size_t choices, std::size_t max_dims);

  // Counts a profile into its cells; their ids, one for each of views(), till the next call.
  const std::vector<CellId> &add(const Profile &profile);
  // What the cell counts now is published as of `release`.
  void publish(CellId cell, std::uint32_t release);

  [[nodiscard]] const Cell &cell(CellId id) const noexcept { return cells_[id]; }
  [[nodiscard]] std::size_t size() const noexcept { return cells_.size(); }
  [[nodiscard]] std::optional<CellId> find(View view, std::string_view values) const;
  [[nodiscard]] Count respondents(CellId id) const noexcept;
  [[nodiscard]] bool current(CellId id) const noexcept; // what is published equals what is counted
  [[nodiscard]] Count total() const;                    // respondents counted so far
  [[nodiscard]] bool counts_equal(const Tally &other) const;

  [[nodiscard]] const SnapshotLayout &layout() const noexcept { return layout_; }
  [[nodiscard]] const std::vector<View> &views() const noexcept { return views_; }
  [[nodiscard]] std::size_t choices() const noexcept { return choices_; }

  // Sealed and bound to the question and the release it belongs to: an older tally put back does not open.
  [[nodiscard]] Bytes seal(Subkey<Purpose::tally> key, const Uuid &question, std::uint32_t release) const;
  // Replaces the cells of an empty tally by those of a sealed one.
  void open(Subkey<Purpose::tally> key, const Uuid &question, std::uint32_t release, ByteView sealed);

  // The plain form inside the seal; `unpack` checks everything (it is fuzzed).
  [[nodiscard]] SecretBytes pack() const;
  void unpack(ByteView packed);

private:
  static std::string key(View view, std::string_view values);
  CellId insert(Cell cell);

  SnapshotLayout layout_;
  std::size_t choices_;
  std::vector<View> views_;
  std::vector<Cell> cells_;
  std::unordered_map<std::string, CellId> index_;
  std::vector<CellId> last_; // per view: the cell of the last profile, and often of the next
};

} // namespace roughly
