// The plain form of a batch's block: taken in, counted, shuffled and sealed again.
#include "core/tally.hpp"
#include "fuzz.hpp"

using namespace roughly;
using namespace roughly::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
  constexpr std::size_t snapshot_size = 3, choices = 4;
  const auto key = some_key().subkey<Purpose::batch>();
  const BallotBox::Block place{question, 1, 0, 1};
  value_or_error([&] {
    BallotBox box(snapshot_size);
    const Bytes sealed = seal(key, ByteView(data, size), Binding("batch").with(question).with(1u).with(0u).with(1u));
    box.add_block(key, place, sealed);
    box.shuffle();
    BallotBox again(snapshot_size);
    for (BallotBox::Block block{question, 1, 0, box.blocks()}; block.number < block.blocks; ++block.number)
      again.add_block(key, block, box.seal_block(key, block));
    require(again.size() == box.size());
    Count people = 0;
    for (const Profile &profile : count_profiles(again, choices))
      for (const Count count : profile.counts)
        people += count;
    require(people == box.size());
  });
  return 0;
}
