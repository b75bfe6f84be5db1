#include "core/release.hpp"

#include <algorithm>

#include "core/core_only.hpp"

namespace roughly {
namespace {

constexpr std::uint8_t format = 0x01;

void write_names(Writer<Bytes> &out, const std::vector<std::string> &names) {
  out.varint(names.size());
  for (const std::string &name : names)
    out.text(name);
}

std::vector<std::string> read_names(Reader &in) {
  std::vector<std::string> names(in.count());
  for (std::string &name : names)
    name = in.text();
  return names;
}

Writer<Bytes> begin(const ReleaseHeader &header) {
  Writer<Bytes> out;
  out.u8(format);
  out.varint(header.k);
  out.u8(header.max_dims);
  write_names(out, header.choices);
  write_names(out, header.dimensions);
  out.real(header.epsilon.value_or(0));
  return out;
}

} // namespace

// After the header: the view's dimensions (name, categories), then per cell its fields, as_of and counts.
// A field is one byte for categories and bands, a code with its length for codes.
Bytes pack_release(const ReleaseHeader &header, const std::vector<Dimension> &dimensions, const Tally &tally, View view) {
  Writer<Bytes> out = begin(header);
  out.varint(static_cast<std::uint64_t>(__builtin_popcount(view)));
  for (std::size_t d = 0; d < dimensions.size(); ++d)
    if (contains(view, d)) {
      out.text(dimensions[d].name);
      out.u8(dimensions[d].kind == DimensionKind::codes ? 1 : 0);
      write_names(out, dimensions[d].categories);
    }
  std::vector<const Tally::Cell *> cells;
  for (Tally::CellId id = 0; id < tally.size(); ++id)
    if (tally.cell(id).view == view && tally.cell(id).as_of != 0)
      cells.push_back(&tally.cell(id));
  std::sort(cells.begin(), cells.end(), [](const auto *a, const auto *b) { return a->values < b->values; });
  out.varint(cells.size());
  for (const Tally::Cell *cell : cells) {
    ByteView rest = roughly::view(cell->values);
    for (std::size_t d = 0; d < dimensions.size(); ++d)
      if (contains(view, d)) {
        const std::string_view field = text_view(rest.first(dimensions[d].width()));
        if (dimensions[d].kind == DimensionKind::codes)
          out.text(field.substr(0, field.find('\0')));
        else
          out.raw(roughly::view(field));
        rest = rest.subspan(dimensions[d].width());
      }
    out.varint(cell->as_of);
    for (const Count count : cell->published)
      out.varint(count);
  }
  return std::move(out).take();
}

Bytes pack_empty_release(const ReleaseHeader &header) {
  Writer<Bytes> out = begin(header);
  out.varint(0); // dimensions
  out.varint(0); // cells
  return std::move(out).take();
}

PublishedView unpack_release(ByteView packed) {
  Reader in(packed);
  if (in.u8() != format)
    throw Error(Errc::corrupted, "a published view has an unknown format");
  PublishedView view;
  view.header.k = static_cast<std::uint32_t>(in.varint());
  view.header.max_dims = in.u8();
  view.header.choices = read_names(in);
  view.header.dimensions = read_names(in);
  if (const double epsilon = in.real(); epsilon != 0)
    view.header.epsilon = epsilon;

  std::vector<Dimension> dimensions(in.count());
  for (Dimension &dimension : dimensions) {
    dimension.name = in.text();
    dimension.kind = in.u8() != 0 ? DimensionKind::codes : DimensionKind::categories;
    dimension.categories = read_names(in);
    view.dimensions.push_back(dimension.name);
  }
  view.cells.resize(in.count(1 + view.header.choices.size()));
  for (PublishedCell &cell : view.cells) {
    for (const Dimension &dimension : dimensions)
      cell.categories.push_back(
          decode_category(dimension, in.raw(dimension.kind == DimensionKind::codes ? in.count() : 1)));
    cell.as_of = static_cast<std::uint32_t>(in.varint());
    for (std::size_t n = view.header.choices.size(); n > 0; --n)
      cell.counts.push_back(in.varint());
  }
  in.end();
  return view;
}

std::vector<std::string> view_name(const std::vector<Dimension> &dimensions, View view) {
  std::vector<std::string> names;
  for (std::size_t d = 0; d < dimensions.size(); ++d)
    if (contains(view, d))
      names.push_back(dimensions[d].name);
  std::sort(names.begin(), names.end());
  return names;
}

} // namespace roughly
