// Packed dimensions, and the categories of what unpacks.
#include "core/snapshot.hpp"
#include "fuzz.hpp"

using namespace roughly;
using namespace roughly::fuzz;

namespace {

void try_categories(const Dimension &dimension, bool checked) {
  std::vector<std::optional<std::string>> values{std::nullopt, "", "0", "-1", "9223372036854775807", dimension.label};
  values.insert(values.end(), dimension.categories.begin(), dimension.categories.end());
  for (const auto &value : values)
    value_or_error([&] {
      const std::string field = encode_category(dimension, value);
      require(field.size() == dimension.width());
      const std::string category = decode_category(dimension, view(field));
      if (checked && dimension.kind != DimensionKind::bands)
        require(category == value.value_or(std::string(not_stated)));
    });
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
  value_or_error([&] {
    const std::vector<Dimension> dimensions = unpack_dimensions(ByteView(data, size));
    const Bytes packed = pack_dimensions(dimensions);
    require(pack_dimensions(unpack_dimensions(packed)) == packed);
    for (const Dimension &dimension : dimensions) {
      try_categories(dimension, false);
      value_or_error([&] { try_categories(checked_dimension(dimension), true); });
      value_or_error([&] { decode_category(dimension, ByteView(data, std::min(size, dimension.width()))); });
    }
  });
  return 0;
}
