#include "core/estimate.hpp"

#include <algorithm>
#include <cmath>

#include "core/core_only.hpp"

namespace roughly {

namespace {

constexpr double z = 1.959963984540054; // 97.5 % quantile of the normal distribution

} // namespace

Wilson::Wilson(double respondents) noexcept
    : respondents_(respondents), scale_(1 + z * z / respondents), shift_(z * z / (2 * respondents)),
      factor_(z / scale_), spread_(z * z / (4 * respondents * respondents)) {
}

Share Wilson::estimate(double votes) const noexcept {
  const double share = votes / respondents_;
  const double centre = (share + shift_) / scale_;
  const double half = factor_ * std::sqrt(share * (1 - share) / respondents_ + spread_);
  return {share, std::max(0.0, std::min(share, centre - half)), std::min(1.0, std::max(share, centre + half))};
}

} // namespace roughly
