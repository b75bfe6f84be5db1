// Dimensions (coarse demographics) and snapshots (one person's categories at the moment of voting).
//
// A snapshot is a string of fixed-width fields, one per dimension of the question: one byte for categories and bands
// (0 is "not stated", 1.. the category), 16 zero-padded bytes for codes (all zero is "not stated"). Snapshots of one
// question all have one length, and comparing them byte by byte is a canonical order.
#pragma once

#include "core/bytes.hpp"

namespace roughly {

enum class DimensionKind : std::uint8_t { categories = 1, bands = 2, codes = 3 };

inline constexpr std::string_view not_stated = "not stated";
inline constexpr std::size_t max_dimensions = 8;
inline constexpr std::size_t max_categories = 254;
inline constexpr std::size_t max_code_size = 16;

struct Dimension {
  std::string name;   // lower-case identifier
  std::string source; // a profile column, "age" (from birth_year), or "extra.KEY"
  std::string label;  // for people
  DimensionKind kind = DimensionKind::codes;
  std::vector<std::string> categories; // in order; none for codes
  std::vector<std::int64_t> edges;     // bands only: ascending lower bounds of all bands but the first

  [[nodiscard]] std::size_t width() const noexcept { return kind == DimensionKind::codes ? max_code_size : 1; }
};

// Checks names, counts, lengths and order, and names the bands ("under 18", "18-24", ..., "65+").
// Errc::invalid_argument says what is wrong.
Dimension checked_dimension(Dimension dimension);

// The field of a value. Errc::invalid_argument when it is not one of the dimension's categories; the hint lists them.
std::string encode_category(const Dimension &dimension, const std::optional<std::string> &value);
// The category a field stands for.
std::string decode_category(const Dimension &dimension, ByteView field);

Bytes pack_dimensions(const std::vector<Dimension> &dimensions);
std::vector<Dimension> unpack_dimensions(ByteView packed);

// One dimension inside a larger packed value.
void write_dimension(Writer<Bytes> &out, const Dimension &dimension);
Dimension read_dimension(Reader &in);

// A view is a set of dimensions: bit i stands for dimension i of the question.
using View = std::uint8_t;

// Where the fields of a question's snapshots lie, and which views may be published.
class SnapshotLayout {
public:
  SnapshotLayout() = default;
  explicit SnapshotLayout(const std::vector<Dimension> &dimensions);

  [[nodiscard]] std::size_t size() const noexcept { return offsets_.back(); } // bytes of a snapshot
  [[nodiscard]] std::size_t dimensions() const noexcept { return offsets_.size() - 1; }
  [[nodiscard]] std::size_t width(std::size_t dimension) const noexcept {
    return offsets_[dimension + 1] - offsets_[dimension];
  }
  // All views of at most `max_dims` dimensions: small before large, then by dimensions.
  [[nodiscard]] std::vector<View> views(std::size_t max_dims) const;
  // The fields of a view, cut out of a snapshot.
  [[nodiscard]] std::string select(View view, ByteView snapshot) const;
  // Whether these are the fields that select() cuts out.
  [[nodiscard]] bool selects(View view, ByteView snapshot, std::string_view values) const noexcept;
  // The fields of a cell without those of one of its dimensions: the values of a parent.
  [[nodiscard]] std::string without(View view, std::string_view values, std::size_t dimension) const;
  // Bytes of the values of a view's cells.
  [[nodiscard]] std::size_t size(View view) const noexcept;

private:
  std::vector<std::size_t> offsets_{0};
};

inline bool contains(View view, std::size_t dimension) noexcept { return (view >> dimension & 1) != 0; }

} // namespace roughly
