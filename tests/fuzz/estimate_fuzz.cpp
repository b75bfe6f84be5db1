// Shares and intervals of any counts, direct and through randomised response.
#include "core/randomised_response.hpp"
#include "fuzz.hpp"

using namespace roughly;
using namespace roughly::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
  value_or_error([&] {
    Reader in(ByteView(data, size));
    const std::uint32_t first = in.u32(), second = in.u32();
    const double votes = std::min(first, second), respondents = std::max({first, second, 1u});
    const Share direct = wilson(votes, respondents);
    require(0 <= direct.low && direct.low <= direct.share && direct.share <= direct.high && direct.high <= 1);

    const std::size_t choices = 2u + in.u8() % 63u;
    const double epsilon = least_epsilon + (most_epsilon - least_epsilon) * in.u16() / 0xffff;
    const RandomisedResponse response(epsilon, choices);
    require(response.keep() > response.other() && response.other() > 0);
    const Share truth = response.estimate(votes, respondents);
    require(0 <= truth.low && truth.low <= truth.high && truth.high <= 1);

    RandomisedResponse::Draw draw;
    const auto choice = static_cast<std::uint8_t>(in.u8() % choices);
    const ByteView chance = in.raw(draw.size());
    std::copy(chance.begin(), chance.end(), draw.begin());
    require(response.respond(choice, draw) < choices);
  });
  return 0;
}
