// The release rule alone, beside the counting it follows: CPU time, and the peak of memory after each.
//
//   release_rule K MAX_RANK CATEGORIES[,CATEGORIES...] BALLOTS     random ballots with five choices, views of up to two dimensions
#include "ballots.hpp"

#include "core/release_rule.hpp"

#include <ctime>
#include <iostream>
#include <sys/resource.h>

namespace {

using namespace roughly;

constexpr int choices = 5;

// A line: NAME, its CPU seconds, the peak in MiB.
template <class Work> auto timed(const char *name, Work work) {
  const std::clock_t start = std::clock();
  auto result = work();
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::cout << name << ' ' << seconds << " s, " << usage.ru_maxrss / 1024 << " MiB\n";
  return result;
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

  BallotBox box = timed("making", [&] {
    BallotBox made(layout.size());
    RandomBallots ballots(choices, sizes);
    for (long left = std::stol(arguments[4]); left > 0; --left)
      made.add(Uuid{}, ballots.next());
    return made;
  });
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
