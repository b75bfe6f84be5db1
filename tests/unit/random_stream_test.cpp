#include "support.hpp"

#include "core/random_stream.hpp"

namespace roughly::test {
namespace {

TEST(RandomStream, DrawsEveryNumberBelowTheBoundAboutEquallyOften) {
  RandomStream random;
  for (const std::uint32_t bound : {1u, 2u, 3u, 7u, 10u}) {
    std::vector<int> seen(bound);
    for (int i = 0; i < 10000; ++i) // several blocks of the stream
      ++seen.at(random.below(bound));
    for (const int times : seen)
      EXPECT_NEAR(times, 10000 / bound, 350) << bound; // seven standard deviations
  }
}

TEST(RandomStream, RejectsWhatWouldFavourSomeNumbers) {
  RandomStream random;
  constexpr std::uint32_t bound = 3u << 30; // without rejection, a third of the numbers would come twice as often
  int low = 0;
  for (int i = 0; i < 30000; ++i) {
    const std::uint32_t number = random.below(bound);
    ASSERT_LT(number, bound);
    low += number % 3 == 0 ? 1 : 0;
  }
  EXPECT_NEAR(low, 10000, 600);
}

TEST(RandomStream, NeverRepeatsItself) {
  std::set<std::uint64_t> seen;
  for (int streams = 0; streams < 20; ++streams) {
    RandomStream random;
    for (int i = 0; i < 5000; ++i) {
      const std::uint64_t high = random.below(~0u);
      seen.insert(high << 32 | random.below(~0u));
    }
  }
  EXPECT_EQ(seen.size(), 100000u);
}

} // namespace
} // namespace roughly::test
