#include "core/estimate.hpp"

#include <algorithm>
#include <cmath>

#include "core/core_only.hpp"

namespace roughly {

Share wilson(double votes, double respondents) {
  constexpr double z = 1.959963984540054; // 97.5 % quantile of the normal distribution
  const double share = votes / respondents;
  const double scale = 1 + z * z / respondents;
  const double centre = (share + z * z / (2 * respondents)) / scale;
  const double half = z / scale * std::sqrt(share * (1 - share) / respondents + z * z / (4 * respondents * respondents));
  return {share, std::max(0.0, std::min(share, centre - half)), std::min(1.0, std::max(share, centre + half))};
}

} // namespace roughly
