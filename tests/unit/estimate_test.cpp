#include "support.hpp"

#include "core/estimate.hpp"

namespace roughly::test {
namespace {

// Reference values: statsmodels.stats.proportion.proportion_confint(..., method="wilson").
TEST(Wilson, AgreesWithKnownValues) {
  const Share eight = wilson(8, 10);
  EXPECT_DOUBLE_EQ(eight.share, 0.8);
  EXPECT_NEAR(eight.low, 0.4901624715, 1e-9);
  EXPECT_NEAR(eight.high, 0.9433178, 1e-7);
  const Share half = wilson(50, 100);
  EXPECT_NEAR(half.low, 0.4038315, 1e-7);
  EXPECT_NEAR(half.high, 0.5961685, 1e-7);
}

TEST(Wilson, StaysInsideZeroAndOneAtTheEnds) {
  const Share none = wilson(0, 10);
  EXPECT_EQ(none.share, 0);
  EXPECT_EQ(none.low, 0);
  EXPECT_NEAR(none.high, 0.2775327999, 1e-9);
  const Share all = wilson(10, 10);
  EXPECT_EQ(all.share, 1);
  EXPECT_NEAR(all.low, 0.7224672001, 1e-9);
  EXPECT_EQ(all.high, 1);
}

TEST(Wilson, EnclosesTheShareMirrorsAndNarrows) {
  for (const double respondents : {1.0, 2.0, 3.0, 10.0, 101.0, 1e6, 1e12})
    for (double votes = 0; votes <= respondents; votes += std::max(1.0, respondents / 50)) {
      const Share share = wilson(votes, respondents), mirror = wilson(respondents - votes, respondents);
      EXPECT_LE(0, share.low);
      EXPECT_LE(share.low, share.share);
      EXPECT_LE(share.share, share.high);
      EXPECT_LE(share.high, 1);
      EXPECT_NEAR(share.low, 1 - mirror.high, 1e-12);
      const Share more = wilson(4 * votes, 4 * respondents);
      EXPECT_LT(more.high - more.low, share.high - share.low);
    }
}

} // namespace
} // namespace roughly::test
