#include "support.hpp"

#include "core/iso_codes.hpp"

namespace roughly::test {
namespace {

TEST(IsoCodes, KnowCountries) {
  for (const char *code : {"AD", "DE", "FR", "GB", "US", "ZW"}) // the first, the last and some between
    EXPECT_TRUE(is_country(code)) << code;
  for (const char *code : {"XX", "AA", "ZZ", "UK", "EU", "DEU", "D", "", "276", "DE ", " DE", "DE-BY"})
    EXPECT_FALSE(is_country(code)) << code;
}

TEST(IsoCodes, KnowRegions) {
  for (const char *code : {"AD-02", "DE-BY", "DE-BE", "US-CA", "GB-SCT", "CH-ZH"})
    EXPECT_TRUE(is_region(code)) << code;
  for (const char *code : {"DE-XX", "XX-BY", "DE", "BY", "DE-", "-BY", "DE_BY", "DEBY", "DE-BYX", "", "US-BY"})
    EXPECT_FALSE(is_region(code)) << code;
}

TEST(IsoCodes, AreUpperCase) {
  for (const char *code : {"de", "De", "dE", "us"})
    EXPECT_FALSE(is_country(code)) << code;
  for (const char *code : {"de-by", "DE-by", "de-BY", "De-By"})
    EXPECT_FALSE(is_region(code)) << code;
}

TEST(IsoCodes, DoNotReadBeyondTheirText) {
  EXPECT_TRUE(is_country(std::string_view("DE-BY").substr(0, 2)));
  EXPECT_FALSE(is_country(std::string_view("DE\0", 3)));
  EXPECT_FALSE(is_region(std::string_view("DE-BY\0", 6)));
}

} // namespace
} // namespace roughly::test
