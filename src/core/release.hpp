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
  std::vector<std::string> categories; // one per dimension of the view
  std::uint32_t as_of = 0;             // the release that published these counts
  std::vector<Count> counts;           // one per choice
};

struct PublishedView {
  ReleaseHeader header;
  std::vector<std::string> dimensions; // of this view, in the order of the cells' categories
  std::vector<PublishedCell> cells;
};

// Packs the published cells of one view of a tally, in canonical order.
Bytes pack_release(const ReleaseHeader &header, const std::vector<Dimension> &dimensions, const Tally &tally, View view);
// The row a question starts with: its total, not published yet.
Bytes pack_empty_release(const ReleaseHeader &header);
PublishedView unpack_release(ByteView packed);

// Names of a view's dimensions in the order in which they key roughly.releases: bytewise.
std::vector<std::string> view_name(const std::vector<Dimension> &dimensions, View view);

} // namespace roughly
