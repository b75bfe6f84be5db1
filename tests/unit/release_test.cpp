#include "support.hpp"

#include "core/release.hpp"

namespace roughly::test {
namespace {

const std::vector<Dimension> dimensions{dimension("region", {"north", "south"}), bands("age", {18, 65}),
                                        codes("town")};
const ReleaseHeader header{10, 2, {"yes", "no"}, {"region", "age", "town"}, 1.5};

std::string snapshot(const std::optional<std::string> &region, const std::optional<std::string> &age,
                     const std::optional<std::string> &town) {
  return encode_category(dimensions[0], region) + encode_category(dimensions[1], age) +
         encode_category(dimensions[2], town);
}

// Three profiles; every cell published but the south's, then one more vote that nobody may see.
Tally some_tally() {
  Tally tally(SnapshotLayout(dimensions), 2, 2);
  tally.add({snapshot("south", "70", "Ulm"), {1, 1}, 0});
  for (Tally::CellId id = 0; id < tally.size(); ++id)
    if (contains(tally.cell(id).view, 1) && !contains(tally.cell(id).view, 0))
      tally.publish(id, 2);
  tally.add({snapshot("north", std::nullopt, "sixteen bytes ok"), {200, 0}, 0});
  tally.add({snapshot("north", "30", std::nullopt), {0, 7}, 0});
  for (Tally::CellId id = 0; id < tally.size(); ++id)
    if (tally.respondents(id) > 2)
      tally.publish(id, 3);
  tally.add({snapshot("north", "30", std::nullopt), {0, 1}, 0});
  return tally;
}

Bytes packed_view(View view) {
  return pack_release(header, dimensions, some_tally(), view);
}

using Names = std::vector<std::string>;
Names names(std::span<const std::string_view> views) {
  return {views.begin(), views.end()};
}

using Row = std::tuple<Names, std::uint32_t, std::vector<Count>>;
std::vector<Row> rows(View view) {
  const Bytes packed = packed_view(view);
  std::vector<Row> all;
  for (const PublishedCell &cell : PublishedView(packed).cells)
    all.emplace_back(names(cell.categories), cell.as_of, std::vector<Count>(cell.counts.begin(), cell.counts.end()));
  return all;
}

TEST(Release, RepeatsTheHeader) {
  const Bytes packed = packed_view(0b001);
  const PublishedView view(packed);
  EXPECT_EQ(view.k, 10u);
  EXPECT_EQ(view.max_dims, 2);
  EXPECT_EQ(names(view.choices), header.choices);
  EXPECT_EQ(names(view.question_dimensions), header.dimensions);
  EXPECT_EQ(view.epsilon, header.epsilon);
  EXPECT_EQ(names(view.dimensions), Names{"region"});
}

TEST(Release, HoldsPublishedCountsAndNeverTheTally) {
  EXPECT_EQ(rows(0), (std::vector<Row>{{{}, 3, {201, 8}}}));
  EXPECT_EQ(rows(0b001), (std::vector<Row>{{{"north"}, 3, {200, 7}}}));
}

TEST(Release, ListsCellsInCanonicalOrderWithTheReleaseTheyAreAsOf) {
  EXPECT_EQ(rows(0b010),
            (std::vector<Row>{{{"not stated"}, 3, {200, 0}}, {{"18-64"}, 3, {0, 7}}, {{"65+"}, 2, {1, 1}}}));
}

TEST(Release, SpellsOutBandsAndCodes) {
  const Bytes packed = packed_view(0b110);
  EXPECT_EQ(names(PublishedView(packed).dimensions), (Names{"age", "town"}));
  EXPECT_EQ(rows(0b110), (std::vector<Row>{{{"not stated", "sixteen bytes ok"}, 3, {200, 0}},
                                           {{"18-64", "not stated"}, 3, {0, 7}},
                                           {{"65+", "Ulm"}, 2, {1, 1}}}));
}

TEST(Release, DoesNotBetrayHiddenCells) {
  const Bytes packed = pack_release(header, dimensions, some_tally(), 0b100);
  EXPECT_FALSE(has(text_view(packed), "Ulm"));
  Tally without(SnapshotLayout(dimensions), 2, 2);
  without.add({snapshot("north", std::nullopt, "sixteen bytes ok"), {200, 0}, 0});
  without.add({snapshot("north", "30", std::nullopt), {0, 7}, 0});
  for (Tally::CellId id = 0; id < without.size(); ++id)
    without.publish(id, 3);
  EXPECT_EQ(packed, pack_release(header, dimensions, without, 0b100));
}

TEST(Release, StartsEmpty) {
  const Bytes packed = pack_empty_release(header);
  const PublishedView view(packed);
  EXPECT_EQ(names(view.choices), header.choices);
  EXPECT_TRUE(view.dimensions.empty());
  EXPECT_TRUE(view.cells.empty());
}

TEST(Release, RefusesEveryCutAndEveryTail) {
  Bytes packed = pack_release(header, dimensions, some_tally(), 0b110);
  expect_no_prefix_reads(packed, [](ByteView cut) { PublishedView{cut}; });
  packed.push_back(0);
  EXPECT_TRUE(throws(Errc::corrupted, [&] { PublishedView{packed}; }));
}

TEST(Release, RefusesOtherFormatsAndUnknownCategories) {
  Bytes packed = pack_release(header, dimensions, some_tally(), 0b001);
  Bytes other_format = packed;
  other_format[0] = 0x02;
  EXPECT_TRUE(throws(Errc::corrupted, [&] { PublishedView{other_format}; }));
  const std::size_t field = packed.size() - 5; // category, as_of, 200 in two bytes, 7
  ASSERT_EQ(packed[field], 1);
  packed[field] = 3;
  EXPECT_TRUE(throws(Errc::corrupted, [&] { PublishedView{packed}; }));
}

TEST(Release, NamesViewsByTheirDimensionsInBytewiseOrder) {
  EXPECT_EQ(view_name(dimensions, 0), std::vector<std::string>{});
  EXPECT_EQ(view_name(dimensions, 0b101), (std::vector<std::string>{"region", "town"}));
  EXPECT_EQ(view_name(dimensions, 0b111), (std::vector<std::string>{"age", "region", "town"}));
}

} // namespace
} // namespace roughly::test
