// Shares of published counts, with 95 % intervals.
#pragma once

namespace roughly {

struct Share {
  double share, low, high; // 0 to 1
};

// Wilson's score interval (E. B. Wilson, JASA 22, 1927). `respondents` > 0, 0 <= `votes` <= `respondents`.
Share wilson(double votes, double respondents);

} // namespace roughly
