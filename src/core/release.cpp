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

std::string_view read_text(Reader &in) {
  return text_view(in.raw(in.count()));
}

PublishedView::Names read_names(Reader &in) {
  PublishedView::Names names(in.count());
  for (std::string_view &name : names)
    name = read_text(in);
  return names;
}

// How a view's dimension stands in its cells: as a code, or as the place of a category from 1.
struct Field {
  bool code = false;
  PublishedView::Names categories = {};
};

std::string_view read_category(Reader &in, const Field &field) {
  if (field.code) {
    const std::string_view code = read_text(in);
    return code.empty() ? not_stated : code;
  }
  const std::size_t place = in.u8();
  if (place > field.categories.size())
    throw Error(Errc::corrupted, "a published view names a category that its dimension does not have");
  return place == 0 ? not_stated : field.categories[place - 1];
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

PublishedView::PublishedView(ByteView packed) {
  Reader in(packed);
  if (in.u8() != format)
    throw Error(Errc::corrupted, "a published view has an unknown format");
  k = static_cast<std::uint32_t>(in.varint());
  max_dims = in.u8();
  choices = read_names(in);
  question_dimensions = read_names(in);
  if (const double real = in.real(); real != 0)
    epsilon = real;

  std::vector<Field> fields(in.count());
  for (Field &field : fields) {
    dimensions.push_back(read_text(in));
    field.code = in.u8() != 0;
    field.categories = read_names(in);
  }
  cells.resize(in.count(fields.size() + 1 + choices.size()));
  categories_.resize(cells.size() * fields.size());
  counts_.resize(cells.size() * choices.size());
  auto *category = categories_.data();
  auto *count = counts_.data();
  for (PublishedCell &cell : cells) {
    cell.categories = {category, fields.size()};
    for (const Field &field : fields)
      *category++ = read_category(in, field);
    cell.as_of = static_cast<std::uint32_t>(in.varint());
    cell.counts = {count, choices.size()};
    for (std::size_t n = choices.size(); n > 0; --n)
      *count++ = in.varint();
  }
  in.end();
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
