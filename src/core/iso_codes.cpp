#include "core/iso_codes.hpp"

#include <algorithm>
#include <functional>
#include <iterator>

#include "core/core_only.hpp"

namespace roughly {
namespace {

// Characters, not views of them: 5,000 pointers would be relocated by each backend that loads the library.
constexpr char countries[][sizeof "DE"] = {
#include "core/iso_3166_1.inc" // made by script/iso-codes, sorted
};
constexpr char regions[][sizeof "DE-BAY"] = {
#include "core/iso_3166_2.inc"
};

} // namespace

bool is_country(std::string_view code) {
  return std::binary_search(std::begin(countries), std::end(countries), code, std::less<std::string_view>());
}

bool is_region(std::string_view code) {
  return std::binary_search(std::begin(regions), std::end(regions), code, std::less<std::string_view>());
}

} // namespace roughly
