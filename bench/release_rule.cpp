// What a publish does in core: opening ballots, counting them, the release rule. CPU time of each, and the peak of memory after it.
//
//   release_rule K MAX_RANK CATEGORIES[,CATEGORIES...] BALLOTS     random ballots with five choices, views of up to two dimensions
#include "ballots.hpp"

#include "core/bindings.hpp"
#include "core/keyring.hpp"
#include "core/release_rule.hpp"

#include <ctime>
#include <iostream>
#include <sys/resource.h>

namespace {

using namespace roughly;

constexpr int choices = 5;

// A line: NAME, its CPU seconds, the peak in MiB.
void report(const char *name, std::clock_t spent) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::cout << name << ' ' << static_cast<double>(spent) / CLOCKS_PER_SEC << " s, " << usage.ru_maxrss / 1024 << " MiB\n";
}

template <class Work> auto timed(const char *name, Work work) {
  const std::clock_t start = std::clock();
  auto result = work();
  report(name, std::clock() - start);
  return result;
}

// Opens sealed ballots; they are made a thousand at a time, beside the clock. And the same by libsodium with nothing around
// it, which nobody who keeps ballots sealed with it can be faster than.
BallotBox open_ballots(const std::vector<int> &sizes, std::size_t snapshot_size, std::size_t left) {
  const Keyring ring = Keyring::parse(Keyring::generate());
  const Key &key = ring.newest();
  const Uuid question = random_uuid();
  RandomBallots ballots(choices, sizes);
  BallotBox box(snapshot_size);
  BallotOpener opener(question, box);
  struct Sealed {
    Uuid id;
    Bytes bytes;
  };
  std::vector<Sealed> sealed;
  // As core/sealed_box.hpp has it.
  const Bytes data = bound_to::ballot(question, {}).take(std::array<unsigned char, seal_header>{2, static_cast<unsigned char>(key.id() >> 8), static_cast<unsigned char>(key.id())});
  std::array<unsigned char, crypto_secretbox_xchacha20poly1305_KEYBYTES> derived;
  crypto_generichash(derived.data(), derived.size(), data.data(), data.size() - sizeof(Uuid), key.subkey<Purpose::ballot>().bytes.data(), key_size);
  std::clock_t spent = 0, by_libsodium = 0;
  for (; left > 0; left -= sealed.size()) {
    sealed.clear();
    while (sealed.size() < std::min<std::size_t>(left, 1000)) {
      const Uuid id = random_uuid();
      sealed.push_back({id, seal_ballot(key.subkey<Purpose::ballot>(), question, id, ballots.next())});
    }
    const std::clock_t start = std::clock();
    for (const Sealed &ballot : sealed)
      opener.add(key.subkey<Purpose::ballot>(), ballot.id, ballot.bytes);
    const std::clock_t opened = std::clock();
    std::array<unsigned char, 256> plain;
    std::array<unsigned char, crypto_secretbox_xchacha20poly1305_NONCEBYTES> nonce{};
    for (const Sealed &ballot : sealed) {
      const ByteView cipher = ByteView(ballot.bytes).subspan(seal_header);
      std::copy(ballot.id.begin(), ballot.id.end(), nonce.begin());
      if (cipher.size() > plain.size() ||
          crypto_secretbox_xchacha20poly1305_open_easy(plain.data(), cipher.data(), cipher.size(), nonce.data(), derived.data()) != 0)
        throw Error(Errc::internal, "libsodium does not open what was sealed");
    }
    by_libsodium += std::clock() - opened;
    spent += opened - start;
  }
  report("libsodium", by_libsodium);
  report("opening", spent);
  return box;
}

SnapshotLayout layout_of(const std::vector<int> &sizes) {
  std::vector<Dimension> dimensions;
  for (const int size : sizes) {
    const std::string name = "d" + std::to_string(dimensions.size());
    Dimension dimension{name, "extra." + name, name, DimensionKind::categories, {}, {}};
    for (int i = 0; i < size; ++i)
      dimension.categories.push_back("c" + std::to_string(i));
    dimensions.push_back(dimension);
  }
  return SnapshotLayout(dimensions);
}

} // namespace

int main(int count, char **arguments) {
  if (count != 5 || sodium_init() < 0) {
    std::cerr << "usage: release_rule K MAX_RANK CATEGORIES BALLOTS\n";
    return 2;
  }
  Policy policy;
  policy.k = static_cast<std::uint32_t>(std::stoul(arguments[1]));
  policy.max_rank = static_cast<std::uint32_t>(std::stoul(arguments[2]));
  policy.max_coordinate = policy.k - 1;
  const std::vector<int> sizes = numbers(arguments[3]);
  const SnapshotLayout layout = layout_of(sizes);

  BallotBox box = open_ballots(sizes, layout.size(), std::stoul(arguments[4]));
  std::vector<Profile> profiles = timed("counting", [&] { return count_profiles(box, choices); });
  std::cout << "profiles " << profiles.size() << '\n';
  { const BallotBox gone = std::move(box); }
  Tally tally(layout, choices, 2);
  const Proof proof = timed("release", [&] { return release_batch(tally, std::move(profiles), policy, 1); });
  std::size_t published = 0;
  for (Tally::CellId cell = 0; cell < tally.size(); ++cell)
    published += tally.cell(cell).as_of == 1 ? 1 : 0;
  std::cout << "published " << published << " of " << tally.size() << " cells, rank " << proof.witnesses.rank() << '\n';
}
