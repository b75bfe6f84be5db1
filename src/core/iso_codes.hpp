// Countries (ISO 3166-1 alpha-2) and their regions (ISO 3166-2), as in Debian's package iso-codes when this was built.
#pragma once

#include <string_view>

namespace roughly {

bool is_country(std::string_view code); // "DE"
bool is_region(std::string_view code);  // "DE-BY"

} // namespace roughly
