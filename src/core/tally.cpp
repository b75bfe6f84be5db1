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

// The first bytes of a snapshot as a number that sorts as they do.
std::uint64_t prefix_of(ByteView snapshot) noexcept {
  std::uint64_t prefix = 0;
  const std::size_t size = std::min(snapshot.size(), sizeof prefix);
  for (std::size_t i = 0; i < size; ++i)
    prefix = prefix << 8 | snapshot[i];
  return size == 0 ? 0 : prefix << 8 * (sizeof prefix - size);
}

std::uint64_t mixed(std::uint64_t hash) noexcept {
  hash = (hash ^ hash >> 32) * 0x9e3779b97f4a7c15u; // 2^64 over the golden ratio
  return hash ^ hash >> 32;
}

// The profiles of a box as they come, numbered from 0. Most are told apart by their first 8 bytes.
class ProfileIndex {
public:
  ProfileIndex(const BallotBox &box, std::size_t choices) : box_(box), width_(choices + 1), slots_(1024, none) {}

  // Ballots are counted several at a time, each step for all of them: every one waits for three places in memory that
  // are in no cache when profiles are many, and so they are fetched together.
  void count_all() {
    constexpr std::size_t together = 32;
    std::array<Key, together> keys;
    for (std::size_t first = 0; first < box_.size(); first += together) {
      const std::span<Key> some = std::span(keys).first(std::min(together, box_.size() - first));
      for (std::size_t i = 0; i < some.size(); ++i) {
        some[i] = key_of(first + i);
        __builtin_prefetch(&slots_[slot_of(some[i])]);
      }
      for (const Key &key : some)
        if (const std::uint32_t number = slots_[slot_of(key)]; number != none) {
          __builtin_prefetch(&keys_[number]);
          __builtin_prefetch(&counts_[number * width_]);
        }
      for (const Key &key : some)
        count(key);
    }
  }

  // In the order of snapshots.
  [[nodiscard]] std::vector<Profile> profiles() const {
    std::vector<std::uint32_t> numbers(keys_.size());
    std::iota(numbers.begin(), numbers.end(), 0u);
    std::sort(numbers.begin(), numbers.end(), [this](std::uint32_t a, std::uint32_t b) {
      const Key &left = keys_[a], &right = keys_[b];
      return left.prefix != right.prefix ? left.prefix < right.prefix : snapshot(left) < snapshot(right);
    });
    std::vector<Profile> profiles;
    profiles.reserve(numbers.size());
    for (const std::uint32_t number : numbers) {
      const std::uint32_t *counts = &counts_[number * width_], *eligible = counts + width_ - 1;
      profiles.push_back({std::string(snapshot(keys_[number])), Counts(counts, eligible), *eligible});
    }
    return profiles;
  }

private:
  static constexpr std::uint32_t none = ~0u;
  struct Key {
    std::uint64_t prefix, hash;
    std::size_t ballot; // one that has the profile
  };

  [[nodiscard]] std::string_view snapshot(const Key &key) const noexcept { return text_view(box_.snapshot(key.ballot)); }
  [[nodiscard]] std::size_t slot_of(const Key &key) const noexcept { return key.hash & (slots_.size() - 1); }

  [[nodiscard]] Key key_of(std::size_t ballot) const noexcept {
    ByteView rest = box_.snapshot(ballot);
    Key key{prefix_of(rest), 0, ballot};
    for (key.hash = mixed(key.prefix); rest.size() > sizeof key.prefix; key.hash = mixed(key.hash + prefix_of(rest)))
      rest = rest.subspan(sizeof key.prefix);
    return key;
  }

  [[nodiscard]] bool same(const Key &a, const Key &b) const noexcept {
    return a.prefix == b.prefix && a.hash == b.hash && (snapshot(a).size() <= sizeof a.prefix || snapshot(a) == snapshot(b));
  }

  void count(const Key &key) {
    std::size_t slot = slot_of(key);
    while (slots_[slot] != none && !same(keys_[slots_[slot]], key))
      slot = (slot + 1) & (slots_.size() - 1);
    std::size_t number = slots_[slot];
    if (number == none) {
      number = keys_.size();
      slots_[slot] = static_cast<std::uint32_t>(number);
      keys_.push_back(key);
      counts_.resize(counts_.size() + width_);
      if (2 * keys_.size() > slots_.size())
        grow();
    }
    const std::size_t choice = box_.choice(key.ballot);
    if (choice + 1 >= width_)
      throw Error(Errc::corrupted, "a ballot names a choice that the question does not have");
    ++counts_[number * width_ + choice];
    counts_[number * width_ + width_ - 1] += box_.eligible(key.ballot) ? 1 : 0;
  }

  void grow() {
    slots_.assign(4 * slots_.size(), none);
    for (std::uint32_t number = 0; number < keys_.size(); ++number) {
      std::size_t slot = slot_of(keys_[number]);
      while (slots_[slot] != none)
        slot = (slot + 1) & (slots_.size() - 1);
      slots_[slot] = number;
    }
  }

  const BallotBox &box_;
  std::size_t width_; // of a profile's counts: one for each choice, and the eligible
  std::vector<Key> keys_;
  std::vector<std::uint32_t, WipingAllocator<std::uint32_t>> counts_;
  std::vector<std::uint32_t> slots_; // open addressing; a power of two of them, less than half of them taken
};

} // namespace

std::vector<Profile> count_profiles(const BallotBox &box, std::size_t choices) {
  ProfileIndex index(box, choices);
  index.count_all();
  return index.profiles();
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

const std::vector<Tally::CellId> &Tally::add(const Profile &profile) {
  const ByteView snapshot = roughly::view(profile.snapshot);
  last_.resize(views_.size());
  for (std::size_t v = 0; v < views_.size(); ++v) {
    CellId &id = last_[v];
    if (id >= size() || cells_[id].view != views_[v] || !layout_.selects(views_[v], snapshot, cells_[id].values)) {
      std::string values = layout_.select(views_[v], snapshot);
      const std::optional<CellId> known = find(views_[v], values);
      id = known ? *known : insert({views_[v], std::move(values), Counts(choices_), 0, {}});
    }
    Counts &counts = cells_[id].counts;
    for (std::size_t choice = 0; choice < choices_; ++choice)
      counts[choice] += profile.counts[choice];
  }
  return last_;
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
