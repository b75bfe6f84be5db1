#include "core/snapshot.hpp"

#include <algorithm>
#include <charconv>

#include "core/core_only.hpp"

namespace roughly {
namespace {

constexpr std::uint8_t format = 0x01;
constexpr std::size_t max_label = 100;

[[noreturn]] void invalid(std::string message, std::string hint = {}) {
  throw Error(Errc::invalid_argument, std::move(message), std::move(hint));
}

bool is_identifier(std::string_view name) {
  constexpr std::string_view first = "abcdefghijklmnopqrstuvwxyz_";
  constexpr std::string_view rest = "abcdefghijklmnopqrstuvwxyz_0123456789";
  return !name.empty() && name.size() < 64 && first.find(name[0]) != std::string_view::npos &&
         name.find_first_not_of(rest) == std::string_view::npos;
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
}

std::vector<std::string> name_bands(const std::vector<std::int64_t> &edges) {
  std::vector<std::string> names{"under " + std::to_string(edges.front())};
  for (std::size_t i = 1; i < edges.size(); ++i) {
    const std::string low = std::to_string(edges[i - 1]), high = std::to_string(edges[i] - 1);
    names.push_back(low == high ? low : low + "-" + high);
  }
  names.push_back(std::to_string(edges.back()) + "+");
  return names;
}

std::string allowed(const Dimension &dimension) {
  std::string text = "Allowed are ";
  for (const std::string &category : dimension.categories)
    text += "\"" + category + "\", ";
  return text + "or nothing at all.";
}

} // namespace

Dimension checked_dimension(Dimension dimension) {
  if (!is_identifier(dimension.name))
    invalid("a dimension's name must be a lower-case identifier of at most 63 characters", "For example: age_band.");
  const std::string who = "dimension \"" + dimension.name + "\"";
  if (dimension.label.size() > max_label || !is_printable(dimension.label))
    invalid(who + " has a label of more than 100 bytes, or with control characters");
  if (dimension.kind == DimensionKind::bands) {
    if (dimension.edges.empty() || dimension.edges.size() >= max_categories)
      invalid(who + " must have 1 to 253 band edges");
    if (std::adjacent_find(dimension.edges.begin(), dimension.edges.end(), std::greater_equal<>()) != dimension.edges.end())
      invalid(who + " must have ascending band edges");
    dimension.categories = name_bands(dimension.edges);
  } else if (!dimension.edges.empty()) {
    invalid(who + " cannot have band edges beside its kind");
  }
  if (dimension.kind == DimensionKind::categories && (dimension.categories.empty() || dimension.categories.size() > max_categories))
    invalid(who + " must have 1 to 254 categories");
  if (dimension.kind == DimensionKind::codes && !dimension.categories.empty())
    invalid(who + " cannot have both codes and categories");
  std::vector<std::string> sorted = dimension.categories;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
    invalid(who + " names a category twice");
  for (const std::string &category : dimension.categories)
    if (category.empty() || category.size() > max_label || !is_printable(category) || category == not_stated)
      invalid(who + " has an empty, reserved or overlong category",
              "A category has 1 to 100 bytes; \"not stated\" is always there and need not be named.");
  return dimension;
}

std::string encode_category(const Dimension &dimension, const std::optional<std::string> &value) {
  if (!value)
    return std::string(dimension.width(), '\0');
  std::size_t place = 0;
  switch (dimension.kind) {
  case DimensionKind::codes:
    if (value->empty() || value->size() > max_code_size || !is_printable(*value) || value->front() == ' ' ||
        value->back() == ' ' || *value == not_stated)
      invalid("the value for dimension \"" + dimension.name + "\" is not a code", "A code has 1 to 16 bytes, without control characters or outer spaces.");
    return *value + std::string(max_code_size - value->size(), '\0');
  case DimensionKind::bands: {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), number);
    if (error != std::errc{} || end != value->data() + value->size())
      invalid("the value for dimension \"" + dimension.name + "\" is not a whole number");
    place = static_cast<std::size_t>(std::upper_bound(dimension.edges.begin(), dimension.edges.end(), number) -
                                     dimension.edges.begin());
    break;
  }
  case DimensionKind::categories:
    place = static_cast<std::size_t>(std::find(dimension.categories.begin(), dimension.categories.end(), *value) -
                                     dimension.categories.begin());
    if (place == dimension.categories.size())
      invalid("the value for dimension \"" + dimension.name + "\" is not one of its categories", allowed(dimension));
    break;
  }
  return std::string(1, static_cast<char>(place + 1));
}

std::string decode_category(const Dimension &dimension, ByteView field) {
  if (dimension.kind == DimensionKind::codes) {
    const std::string_view code = text_view(field);
    const std::size_t size = std::min(code.find('\0'), code.size());
    return std::string(size == 0 ? not_stated : code.substr(0, size));
  }
  const std::size_t place = field.empty() ? 0 : field[0];
  if (place == 0)
    return std::string(not_stated);
  if (place > dimension.categories.size())
    throw Error(Errc::corrupted, "a snapshot names a category that dimension \"" + dimension.name + "\" does not have");
  return dimension.categories[place - 1];
}

void write_dimension(Writer<Bytes> &out, const Dimension &dimension) {
  out.text(dimension.name);
  out.text(dimension.source);
  out.text(dimension.label);
  out.u8(static_cast<std::uint8_t>(dimension.kind));
  out.varint(dimension.categories.size());
  for (const std::string &category : dimension.categories)
    out.text(category);
  out.varint(dimension.edges.size());
  for (const std::int64_t edge : dimension.edges)
    out.varint(static_cast<std::uint64_t>(edge));
}

Dimension read_dimension(Reader &in) {
  Dimension dimension;
  dimension.name = in.text();
  dimension.source = in.text();
  dimension.label = in.text();
  const std::uint8_t kind = in.u8();
  if (kind < 1 || kind > 3)
    throw Error(Errc::corrupted, "a packed dimension has an unknown kind");
  dimension.kind = static_cast<DimensionKind>(kind);
  for (std::size_t n = in.count(); n > 0; --n)
    dimension.categories.push_back(in.text());
  for (std::size_t n = in.count(); n > 0; --n)
    dimension.edges.push_back(static_cast<std::int64_t>(in.varint()));
  if (dimension.categories.size() > max_categories)
    throw Error(Errc::corrupted, "a packed dimension has too many categories");
  return dimension;
}

Bytes pack_dimensions(const std::vector<Dimension> &dimensions) {
  Writer<Bytes> out;
  out.u8(format);
  out.varint(dimensions.size());
  for (const Dimension &dimension : dimensions)
    write_dimension(out, dimension);
  return std::move(out).take();
}

std::vector<Dimension> unpack_dimensions(ByteView packed) {
  Reader in(packed);
  if (in.u8() != format)
    throw Error(Errc::corrupted, "packed dimensions have an unknown format");
  std::vector<Dimension> dimensions;
  for (std::size_t n = in.count(); n > 0; --n)
    dimensions.push_back(read_dimension(in));
  in.end();
  if (dimensions.size() > max_dimensions)
    throw Error(Errc::corrupted, "a question has too many dimensions");
  return dimensions;
}

SnapshotLayout::SnapshotLayout(const std::vector<Dimension> &dimensions) {
  for (const Dimension &dimension : dimensions)
    offsets_.push_back(offsets_.back() + dimension.width());
}

std::vector<View> SnapshotLayout::views(std::size_t max_dims) const {
  // Written as text of one digit per dimension, views of one size sort by their dimensions.
  std::vector<std::pair<std::string, View>> named;
  for (unsigned mask = 0; mask < 1u << dimensions(); ++mask) {
    std::string name;
    for (std::size_t d = 0; d < dimensions(); ++d)
      if (contains(static_cast<View>(mask), d))
        name += static_cast<char>('0' + d);
    if (name.size() <= max_dims)
      named.emplace_back(static_cast<char>('0' + name.size()) + name, static_cast<View>(mask));
  }
  std::sort(named.begin(), named.end());
  std::vector<View> views;
  for (const auto &[name, view] : named)
    views.push_back(view);
  return views;
}

std::string SnapshotLayout::select(View view, ByteView snapshot) const {
  std::string values;
  for (std::size_t d = 0; d < dimensions(); ++d)
    if (contains(view, d))
      values += text_view(snapshot.subspan(offsets_[d], width(d)));
  return values;
}

bool SnapshotLayout::selects(View view, ByteView snapshot, std::string_view values) const noexcept {
  std::size_t place = 0;
  for (std::size_t d = 0; d < dimensions(); ++d)
    if (contains(view, d)) {
      if (!std::equal(snapshot.begin() + static_cast<std::ptrdiff_t>(offsets_[d]), snapshot.begin() + static_cast<std::ptrdiff_t>(offsets_[d + 1]),
                      roughly::view(values).begin() + static_cast<std::ptrdiff_t>(place)))
        return false;
      place += width(d);
    }
  return true;
}

std::string SnapshotLayout::without(View view, std::string_view values, std::size_t dimension) const {
  std::size_t place = 0;
  for (std::size_t d = 0; d < dimension; ++d)
    place += contains(view, d) ? width(d) : 0;
  std::string rest(values);
  return rest.erase(place, width(dimension));
}

std::size_t SnapshotLayout::size(View view) const noexcept {
  std::size_t total = 0;
  for (std::size_t d = 0; d < dimensions(); ++d)
    total += contains(view, d) ? width(d) : 0;
  return total;
}

} // namespace roughly
