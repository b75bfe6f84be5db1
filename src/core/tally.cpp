#include "core/tally.hpp"

#include <algorithm>
#include <numeric>

#include "core/bindings.hpp"
#include "core/core_only.hpp"

namespace roughly {
namespace {

constexpr std::uint8_t format = 0x01;

Count sum(const Counts &counts) noexcept {
  return std::accumulate(counts.begin(), counts.end(), Count{0});
}

} // namespace

std::vector<Profile> count_profiles(const BallotBox &box, std::size_t choices) {
  std::unordered_map<std::string_view, std::size_t> index; // views into the box
  std::vector<Profile> profiles;
  for (std::size_t i = 0; i < box.size(); ++i) {
    const std::string_view snapshot = text_view(box.snapshot(i));
    const auto [place, fresh] = index.try_emplace(snapshot, profiles.size());
    if (fresh)
      profiles.push_back({std::string(snapshot), Counts(choices), 0});
    if (box.choice(i) >= choices)
      throw Error(Errc::corrupted, "a ballot names a choice that the question does not have");
    Profile &profile = profiles[place->second];
    ++profile.counts[box.choice(i)];
    profile.eligible += box.eligible(i) ? 1 : 0;
  }
  std::sort(profiles.begin(), profiles.end(),
            [](const Profile &a, const Profile &b) { return a.snapshot < b.snapshot; });
  return profiles;
}

Tally::Tally(SnapshotLayout layout, std::size_t choices, std::size_t max_dims)
    : layout_(std::move(layout)), choices_(choices), views_(layout_.views(max_dims)) {}

std::string Tally::key(View view, std::string_view values) {
  std::string key(1, static_cast<char>(view));
  return key += values;
}

Tally::CellId Tally::insert(Cell cell) {
  const auto id = static_cast<CellId>(cells_.size());
  if (!index_.emplace(key(cell.view, cell.values), id).second)
    throw Error(Errc::corrupted, "a tally names a cell twice");
  cells_.push_back(std::move(cell));
  return id;
}

std::vector<Tally::CellId> Tally::add(const Profile &profile) {
  std::vector<CellId> ids;
  ids.reserve(views_.size());
  last_.resize(views_.size());
  for (std::size_t v = 0; v < views_.size(); ++v) {
    std::string values = layout_.select(views_[v], roughly::view(profile.snapshot));
    CellId &id = last_[v];
    if (id >= size() || cells_[id].values != values) {
      const std::optional<CellId> known = find(views_[v], values);
      id = known ? *known : insert({views_[v], std::move(values), Counts(choices_), 0, {}});
    }
    Counts &counts = cells_[id].counts;
    for (std::size_t choice = 0; choice < choices_; ++choice)
      counts[choice] += profile.counts[choice];
    ids.push_back(id);
  }
  return ids;
}

void Tally::publish(CellId id, std::uint32_t release) {
  cells_[id].as_of = release;
  cells_[id].published = cells_[id].counts;
}

std::optional<Tally::CellId> Tally::find(View view, std::string_view values) const {
  const auto place = index_.find(key(view, values));
  return place == index_.end() ? std::nullopt : std::optional(place->second);
}

Count Tally::respondents(CellId id) const noexcept {
  return sum(cells_[id].counts);
}

bool Tally::current(CellId id) const noexcept {
  return cells_[id].as_of != 0 && sum(cells_[id].published) == sum(cells_[id].counts);
}

Count Tally::total() const {
  const std::optional<CellId> all = find(0, {});
  return all ? respondents(*all) : 0;
}

bool Tally::counts_equal(const Tally &other) const {
  return size() == other.size() && std::all_of(cells_.begin(), cells_.end(), [&](const Cell &cell) {
           const std::optional<CellId> twin = other.find(cell.view, cell.values);
           return twin && other.cell(*twin).counts == cell.counts;
         });
}

SecretBytes Tally::pack() const {
  Writer<SecretBytes> out;
  out.u8(format);
  out.varint(choices_);
  out.varint(layout_.size());
  out.varint(cells_.size());
  for (const Cell &cell : cells_) {
    out.u8(cell.view);
    out.raw(roughly::view(cell.values));
    out.varint(cell.as_of);
    for (const Count count : cell.counts)
      out.varint(count);
    for (const Count count : cell.published)
      out.varint(count);
  }
  return std::move(out).take();
}

void Tally::unpack(ByteView packed) {
  Reader in(packed);
  if (in.u8() != format || in.varint() != choices_ || in.varint() != layout_.size())
    throw Error(Errc::corrupted, "a tally does not fit its question");
  const auto read_counts = [&] {
    Counts counts(choices_);
    for (Count &count : counts)
      count = in.varint();
    return counts;
  };
  for (std::size_t n = in.count(2 + choices_); n > 0; --n) {
    Cell cell{};
    cell.view = in.u8();
    if (std::find(views_.begin(), views_.end(), cell.view) == views_.end())
      throw Error(Errc::corrupted, "a tally names a view that the question does not have");
    cell.values = text_view(in.raw(layout_.size(cell.view)));
    cell.as_of = static_cast<std::uint32_t>(in.varint());
    cell.counts = read_counts();
    if (cell.as_of != 0)
      cell.published = read_counts();
    insert(std::move(cell));
  }
  in.end();
}

Bytes Tally::seal(Subkey<Purpose::tally> key, const Uuid &question, std::uint32_t release) const {
  return roughly::seal(key, pack(), bound_to::tally(question, release));
}

void Tally::open(Subkey<Purpose::tally> key, const Uuid &question, std::uint32_t release, ByteView sealed) {
  unpack(roughly::open(key, sealed, bound_to::tally(question, release)));
}

} // namespace roughly
