// Shares of published counts, with 95 % intervals.
#pragma once

namespace roughly {

struct Share {
  double share, low, high; // 0 to 1
};

// Wilson's score intervals (E. B. Wilson, JASA 22, 1927) of choices that the same people made, `respondents` > 0 of
// them.
class Wilson {
public:
  explicit Wilson(double respondents) noexcept;
  [[nodiscard]] Share estimate(double votes) const noexcept; // 0 <= `votes` <= `respondents`

private:
  double respondents_, scale_, shift_, factor_, spread_; // the parts of the formula without votes
};
inline Share wilson(double votes, double respondents) {
  return Wilson(respondents).estimate(votes);
}

} // namespace roughly
