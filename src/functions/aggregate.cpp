// Reading: roughly.releases and nothing else. No key, no tally, no vote.
#include "core/randomised_response.hpp"
#include "core/release.hpp"
#include "pg/spi.hpp"
#include "pg/table.hpp"

#include <numeric>

using namespace roughly;
using namespace roughly::pg;

namespace {

constinit Table releases{"releases", "releases_pkey", {"view", "cells"}};
constinit Statement select_view{
    "SELECT cells FROM roughly.releases WHERE question_id = $1 AND view = $2 ORDER BY release_no DESC LIMIT 1", {UUIDOID, TEXTARRAYOID}};
constinit Statement select_published{
    "SELECT DISTINCT ON (view) view, release_no, published_at, cells FROM roughly.releases"
    " WHERE question_id = $1 AND release_no > 0 ORDER BY view, release_no DESC",
    {UUIDOID}};

std::string join(const std::vector<std::string> &names) {
  return std::accumulate(names.begin(), names.end(), std::string(), [](std::string text, const std::string &name) {
    return std::move(text) + (text.empty() ? "" : ", ") + name;
  });
}

[[noreturn]] void unknown_question(const Uuid &id) {
  throw Error(Errc::unknown_object, "there is no question " + to_text(id), "roughly_questions() lists them.");
}

std::optional<PublishedView> find_view(const Uuid &question, const std::vector<std::string> &by) {
  const Value view = value(by);
  if (const Table::Row *row = releases.last(question, view))
    return unpack_release(row->get<Bytes>(2));
  const AsOwner owner;
  Spi spi(Spi::Mode::deferred);
  const Rows rows = spi.read(select_view, {value(question), view});
  return rows.empty() ? std::nullopt : std::optional(unpack_release(rows.get<Bytes>(0, 1)));
}

// Why a view that has no row is empty: it does not exist, or nothing of it is published yet.
void check_view(const ReleaseHeader &header, const std::vector<std::string> &by) {
  for (const std::string &name : by)
    if (std::find(header.dimensions.begin(), header.dimensions.end(), name) == header.dimensions.end())
      throw Error(Errc::unknown_object, "the question has no dimension \"" + name + "\"",
                  header.dimensions.empty() ? "It has none." : "It has " + join(header.dimensions) + ".");
  if (by.size() > header.max_dims)
    throw Error(Errc::invalid_argument, "the question is published by at most " + std::to_string(header.max_dims) + " dimensions at a time");
}

void put_cell(RowSet &result, const PublishedView &view, const PublishedCell &cell) {
  const ReleaseHeader &header = view.header;
  const auto response = header.epsilon ? std::optional(RandomisedResponse(*header.epsilon, header.choices.size())) : std::nullopt;
  std::vector<std::pair<std::string, std::string>> slice;
  for (std::size_t d = 0; d < view.dimensions.size(); ++d)
    slice.emplace_back(view.dimensions[d], cell.categories[d]);
  const Value json = jsonb_value(slice);
  const Count respondents = std::accumulate(cell.counts.begin(), cell.counts.end(), Count{0});
  for (std::size_t choice = 0; choice < cell.counts.size(); ++choice) {
    const auto votes = static_cast<double>(cell.counts[choice]), all = static_cast<double>(respondents);
    const Share share = response ? response->estimate(votes, all) : wilson(votes, all);
    result.put({json, value(std::string_view(view.header.choices[choice])), value(static_cast<std::int64_t>(cell.counts[choice])),
                value(static_cast<std::int64_t>(respondents)), value(share.share), value(share.low), value(share.high),
                value(static_cast<std::int32_t>(cell.as_of))});
  }
}

} // namespace

ROUGHLY_FUNCTION(roughly_aggregate) {
  const Arguments arguments(fcinfo);
  const auto id = arguments.get<Uuid>(0, "question");
  auto by = arguments.get<std::vector<std::string>>(1, "by");
  std::sort(by.begin(), by.end());
  if (std::adjacent_find(by.begin(), by.end()) != by.end())
    throw Error(Errc::invalid_argument, "\"by\" names a dimension twice");

  RowSet result(fcinfo);
  if (const std::optional<PublishedView> view = find_view(id, by)) {
    for (const PublishedCell &cell : view->cells)
      put_cell(result, *view, cell);
    return void_result();
  }
  const std::optional<PublishedView> total = find_view(id, {});
  if (!total)
    unknown_question(id);
  check_view(total->header, by);
  return void_result();
}

ROUGHLY_FUNCTION(roughly_release) {
  const auto id = Arguments(fcinfo).get<Uuid>(0, "question");
  RowSet result(fcinfo);
  const AsOwner owner;
  Spi spi;
  if (!find_view(id, {}))
    unknown_question(id);
  const Rows rows = spi.read(select_published, {value(id)});
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const PublishedView view = unpack_release(rows.get<Bytes>(i, 4));
    result.put({value(rows.get<std::vector<std::string>>(i, 1)), value(rows.get<std::int32_t>(i, 2)), value(rows.get<std::int64_t>(i, 3)),
                value(static_cast<std::int32_t>(view.cells.size())), value(static_cast<std::int32_t>(view.header.k)),
                value(std::string_view("witness sets of determinant 1 or -1")),
                value(std::string_view(view.header.epsilon ? "randomised response" : "exact counts")), value(view.header.epsilon)});
  }
  return void_result();
}
