#include "core/iso_codes.hpp"

#include <algorithm>
#include <iterator>

#include "core/core_only.hpp"

namespace roughly {
namespace {

constexpr std::string_view countries[] = {
#include "core/iso_3166_1.inc" // made by script/iso-codes, sorted
};
constexpr std::string_view regions[] = {
#include "core/iso_3166_2.inc"
};

} // namespace

bool is_country(std::string_view code) {
  return std::binary_search(std::begin(countries), std::end(countries), code);
}

bool is_region(std::string_view code) {
  return std::binary_search(std::begin(regions), std::end(regions), code);
}

} // namespace roughly
