#include "support.hpp"

#include <limits>

namespace roughly::test {
namespace {

Dimension categories(std::vector<std::string> names) {
  return {"region", "extra.region", "Region", DimensionKind::categories, std::move(names), {}};
}

::testing::AssertionResult invalid(Dimension wrong) {
  return throws(Errc::invalid_argument, [&] { checked_dimension(std::move(wrong)); });
}

std::string decode(const Dimension &dimension, std::string_view field) {
  return decode_category(dimension, view(field));
}

TEST(Dimension, NamesItsBands) {
  EXPECT_EQ(bands("age", {18, 25, 35, 65}).categories,
            (std::vector<std::string>{"under 18", "18-24", "25-34", "35-64", "65+"}));
  EXPECT_EQ(bands("age", {18, 19, 21}).categories, (std::vector<std::string>{"under 18", "18", "19-20", "21+"}));
  EXPECT_EQ(bands("balance", {0}).categories, (std::vector<std::string>{"under 0", "0+"}));
  EXPECT_EQ(bands("balance", {-10, 0}).categories, (std::vector<std::string>{"under -10", "-10--1", "0+"}));
}

TEST(Dimension, IsCheckedForItsName) {
  for (const std::string name : {"", "Region", "1st", "a-b", "a b", "größe", "a\"b"}) {
    Dimension wrong = categories({"north"});
    wrong.name = name;
    EXPECT_TRUE(invalid(wrong)) << name;
  }
  Dimension named = categories({"north"});
  named.name = std::string(63, 'x');
  EXPECT_NO_THROW(checked_dimension(named));
  named.name += 'x';
  EXPECT_TRUE(invalid(named));
}

TEST(Dimension, IsCheckedForItsLabel) {
  Dimension labelled = categories({"north"});
  labelled.label = std::string(100, 'x');
  EXPECT_NO_THROW(checked_dimension(labelled));
  labelled.label += 'x';
  EXPECT_TRUE(invalid(labelled));
  labelled.label = "two\nlines";
  EXPECT_TRUE(invalid(labelled));
}

TEST(Dimension, IsCheckedForItsCategories) {
  EXPECT_TRUE(invalid(categories({})));
  EXPECT_TRUE(invalid(categories({"north", "south", "north"})));
  EXPECT_TRUE(invalid(categories({"north", ""})));
  EXPECT_TRUE(invalid(categories({"north", "not stated"})));
  EXPECT_TRUE(invalid(categories({std::string(101, 'x')})));
  EXPECT_TRUE(invalid(categories({"tab\t"})));
  std::vector<std::string> many;
  while (many.size() < max_categories)
    many.push_back(std::to_string(many.size()));
  EXPECT_NO_THROW(checked_dimension(categories(many)));
  many.push_back("one more");
  EXPECT_TRUE(invalid(categories(many)));
}

TEST(Dimension, IsCheckedForItsEdges) {
  const auto banded = [](std::vector<std::int64_t> edges) {
    return Dimension{"age", "age", "Age", DimensionKind::bands, {}, std::move(edges)};
  };
  EXPECT_TRUE(invalid(banded({})));
  EXPECT_TRUE(invalid(banded({18, 18})));
  EXPECT_TRUE(invalid(banded({25, 18})));
  std::vector<std::int64_t> many(253);
  for (std::size_t i = 0; i < many.size(); ++i)
    many[i] = static_cast<std::int64_t>(i);
  EXPECT_NO_THROW(checked_dimension(banded(many)));
  many.push_back(1000);
  EXPECT_TRUE(invalid(banded(many)));
}

TEST(Dimension, IsCheckedForWhatItsKindDoesNotHave) {
  Dimension mixed = categories({"north"});
  mixed.edges = {1};
  EXPECT_TRUE(invalid(mixed));
  mixed.kind = DimensionKind::codes;
  EXPECT_TRUE(invalid(mixed));
  mixed.edges.clear();
  EXPECT_TRUE(invalid(mixed));
}

TEST(Category, RoundTrips) {
  const Dimension region = checked_dimension(categories({"north", "south", "west"}));
  for (const std::string &category : region.categories) {
    const std::string field = encode_category(region, category);
    EXPECT_EQ(field.size(), region.width());
    EXPECT_EQ(decode(region, field), category);
  }
  EXPECT_EQ(decode(region, encode_category(region, std::nullopt)), "not stated");
}

TEST(Category, HintListsTheAllowedOnes) {
  const Dimension region = checked_dimension(categories({"north", "south"}));
  const Error error = error_of([&] { encode_category(region, "nord"); });
  EXPECT_EQ(error.code(), Errc::invalid_argument);
  EXPECT_TRUE(has(error.what(), "region"));
  EXPECT_TRUE(has(error.hint(), "\"north\"")) << error.hint();
  EXPECT_TRUE(has(error.hint(), "\"south\"")) << error.hint();
  EXPECT_TRUE(throws(Errc::invalid_argument, [&] { encode_category(region, "North"); }));
  EXPECT_TRUE(throws(Errc::invalid_argument, [&] { encode_category(region, ""); }));
}

TEST(Category, FindsTheBandOfANumber) {
  const Dimension age = bands("age", {18, 25, 65});
  const auto band = [&](std::int64_t number) { return decode(age, encode_category(age, std::to_string(number))); };
  EXPECT_EQ(band(std::numeric_limits<std::int64_t>::min()), "under 18");
  EXPECT_EQ(band(17), "under 18");
  EXPECT_EQ(band(18), "18-24");
  EXPECT_EQ(band(24), "18-24");
  EXPECT_EQ(band(25), "25-64");
  EXPECT_EQ(band(64), "25-64");
  EXPECT_EQ(band(65), "65+");
  EXPECT_EQ(band(std::numeric_limits<std::int64_t>::max()), "65+");
  EXPECT_EQ(encode_category(age, std::nullopt), std::string(1, '\0'));
  for (const std::string text : {"", "18 ", " 18", "18.5", "eighteen", "99999999999999999999"})
    EXPECT_TRUE(throws(Errc::invalid_argument, [&] { encode_category(age, text); })) << text;
}

TEST(Category, TakesCodesOfUpTo16Bytes) {
  const Dimension town = codes("town");
  for (const std::string text : {"x", "10115", "sixteen bytes ok", "Köln"}) {
    const std::string field = encode_category(town, text);
    EXPECT_EQ(field.size(), max_code_size);
    EXPECT_EQ(decode(town, field), text);
  }
  EXPECT_EQ(decode(town, encode_category(town, std::nullopt)), "not stated");
  for (const std::string &text : {std::string(), std::string("seventeen bytes!!"), std::string(" x"), std::string("x "),
                                  std::string("a\tb"), std::string("a\0b", 3), std::string("not stated")})
    EXPECT_TRUE(throws(Errc::invalid_argument, [&] { encode_category(town, text); })) << text;
}

TEST(Category, RefusesAFieldTheDimensionDoesNotHave) {
  const Dimension region = checked_dimension(categories({"north", "south"}));
  EXPECT_EQ(decode(region, "\x02"), "south");
  EXPECT_TRUE(throws(Errc::corrupted, [&] { decode(region, "\x03"); }));
  EXPECT_TRUE(throws(Errc::corrupted, [&] { decode(region, "\xff"); }));
}

TEST(PackedDimensions, RoundTripAndRefuseEveryCut) {
  const std::vector<Dimension> dimensions{checked_dimension(categories({"north", "south"})),
                                          bands("age", {-5, 18, 1'000'000'000'000}), codes("town")};
  const Bytes packed = pack_dimensions(dimensions);
  const std::vector<Dimension> back = unpack_dimensions(packed);
  ASSERT_EQ(back.size(), dimensions.size());
  for (std::size_t d = 0; d < back.size(); ++d) {
    EXPECT_EQ(back[d].name, dimensions[d].name);
    EXPECT_EQ(back[d].source, dimensions[d].source);
    EXPECT_EQ(back[d].label, dimensions[d].label);
    EXPECT_EQ(back[d].kind, dimensions[d].kind);
    EXPECT_EQ(back[d].categories, dimensions[d].categories);
    EXPECT_EQ(back[d].edges, dimensions[d].edges);
  }
  expect_no_prefix_reads(packed, [](ByteView cut) { unpack_dimensions(cut); });
  Bytes longer = packed;
  longer.push_back(0);
  EXPECT_TRUE(throws(Errc::corrupted, [&] { unpack_dimensions(longer); }));
}

TEST(PackedDimensions, RefuseUnknownKindsAndTooMany) {
  Bytes packed = pack_dimensions({codes("town")});
  EXPECT_EQ(unpack_dimensions(pack_dimensions(std::vector<Dimension>(max_dimensions, codes("town")))).size(), 8u);
  EXPECT_TRUE(throws(Errc::corrupted, [] {
    unpack_dimensions(pack_dimensions(std::vector<Dimension>(max_dimensions + 1, codes("town"))));
  }));
  for (const unsigned char kind : std::initializer_list<unsigned char>{0, 4}) {
    packed[packed.size() - 3] = kind; // before the counts of categories and edges
    EXPECT_TRUE(throws(Errc::corrupted, [&] { unpack_dimensions(packed); }));
  }
}

class Layout : public ::testing::Test {
protected:
  SnapshotLayout layout_{{dimension("a", {"1"}), codes("b"), dimension("c", {"1"})}};
  std::string town_ = "town" + std::string(12, '\0');
  std::string snapshot_ = "A" + town_ + "C";
};

TEST_F(Layout, KnowsWhereFieldsLie) {
  EXPECT_EQ(layout_.size(), 18u);
  EXPECT_EQ(layout_.dimensions(), 3u);
  EXPECT_EQ(layout_.width(0), 1u);
  EXPECT_EQ(layout_.width(1), 16u);
  EXPECT_EQ(layout_.size(View{0b110}), 17u);
  EXPECT_EQ(SnapshotLayout().size(), 0u);
}

TEST_F(Layout, ListsViewsSmallBeforeLargeThenByDimensions) {
  EXPECT_EQ(layout_.views(0), (std::vector<View>{0}));
  EXPECT_EQ(layout_.views(2), (std::vector<View>{0, 0b001, 0b010, 0b100, 0b011, 0b101, 0b110}));
  EXPECT_EQ(layout_.views(8), (std::vector<View>{0, 0b001, 0b010, 0b100, 0b011, 0b101, 0b110, 0b111}));
  EXPECT_EQ(SnapshotLayout(std::vector<Dimension>(max_dimensions, codes("d"))).views(2).size(), 1u + 8 + 28);
}

TEST_F(Layout, SelectsTheFieldsOfAView) {
  EXPECT_EQ(layout_.select(0, view(snapshot_)), "");
  EXPECT_EQ(layout_.select(0b101, view(snapshot_)), "AC");
  EXPECT_EQ(layout_.select(0b110, view(snapshot_)), town_ + "C");
}

TEST_F(Layout, DropsOneFieldForAParent) {
  EXPECT_EQ(layout_.without(0b101, "AC", 0), "C");
  EXPECT_EQ(layout_.without(0b101, "AC", 2), "A");
  EXPECT_EQ(layout_.without(0b110, town_ + "C", 1), "C");
  EXPECT_EQ(layout_.without(0b110, town_ + "C", 2), town_);
  EXPECT_EQ(layout_.without(0b001, "A", 0), "");
}

} // namespace
} // namespace roughly::test
