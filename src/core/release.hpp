// A published view as stored in roughly.releases: everything a reader needs, and nothing that is not public.
#pragma once

#include "core/tally.hpp"

namespace roughly {

// What every packed view of a question repeats, so that reading one needs no other row.
struct ReleaseHeader {
  std::uint32_t k = 0;
  std::uint8_t max_dims = 0;
  std::vector<std::string> choices;
  std::vector<std::string> dimensions; // names, in the question's order
  std::optional<double> epsilon;       // of randomised response
};

struct PublishedCell {
  std::span<const std::string_view> categories; // one per dimension of the view
  std::uint32_t as_of = 0;                      // the release that published these counts
  std::span<const Count> counts;                // one per choice
};

// A packed view as its readers see it. All texts lie in the packed bytes, which must outlive it.
class PublishedView {
public:
  using Names = std::vector<std::string_view>;

  explicit PublishedView(ByteView packed); // Errc::corrupted
  PublishedView(PublishedView &&) = default;
  PublishedView(const PublishedView &) = delete; // the cells lie in the vectors below

  std::uint32_t k;
  std::uint8_t max_dims;
  Names choices;
  Names question_dimensions; // in the question's order
  std::optional<double> epsilon;
  Names dimensions; // of this view, in the order of the cells' categories
  std::vector<PublishedCell> cells;

private:
  std::vector<std::string_view> categories_;
  std::vector<Count> counts_;
};

// Packs the published cells of one view of a tally, in canonical order.
Bytes pack_release(const ReleaseHeader &header, const std::vector<Dimension> &dimensions, const Tally &tally, View view);
// The row a question starts with: its total, not published yet.
Bytes pack_empty_release(const ReleaseHeader &header);

// Names of a view's dimensions in the order in which they key roughly.releases: bytewise.
std::vector<std::string> view_name(const std::vector<Dimension> &dimensions, View view);

} // namespace roughly
