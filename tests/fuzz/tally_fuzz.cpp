// The plain form of a tally: unpacked, packed again, and counted on.
#include "core/release_rule.hpp"
#include "fuzz.hpp"

using namespace roughly;
using namespace roughly::fuzz;

namespace {

Tally empty_tally() {
  const Dimension code{"town", "town", "", DimensionKind::codes, {}, {}};
  const Dimension category{"region", "region", "", DimensionKind::categories, {"a", "b"}, {}};
  return {SnapshotLayout({category, code, category}), 2, 2};
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
  value_or_error([&] {
    Tally tally = empty_tally();
    tally.unpack(ByteView(data, size));
    const SecretBytes packed = tally.pack();
    Tally again = empty_tally();
    again.unpack(packed);
    require(again.pack() == packed && again.counts_equal(tally));

    const std::string town(max_code_size, 'x');
    release_batch(tally, {{'\1' + town + '\1', {2, 3}, 5}, {'\1' + town + '\2', {4, 0}, 4}}, {2, 512}, 9);
    Tally after = empty_tally();
    after.unpack(tally.pack());
    require(after.counts_equal(tally));
  });
  return 0;
}
