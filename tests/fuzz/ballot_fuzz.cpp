// The plain form of a ballot, as if whoever holds the key had sealed anything at all.
#include "core/ballot.hpp"
#include "fuzz.hpp"

using namespace roughly;
using namespace roughly::fuzz;

// Through a box, as publishing does.
static Ballot open_ballot(Subkey<Purpose::ballot> key, const Uuid &poll, const Uuid &ballot, ByteView sealed, std::size_t snapshot_size) {
  BallotBox box(snapshot_size);
  BallotOpener(poll, box).add(key, ballot, sealed);
  const ByteView snapshot = box.snapshot(0);
  return {box.choice(0), box.eligible(0), SecretBytes(snapshot.begin(), snapshot.end())};
}

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
  const auto key = some_key().subkey<Purpose::ballot>();
  for (const Binding &bound : {Binding("ballot").with(question).with(id), Binding("ballot").with(question).named(id)}) // before 1.2, and since
    value_or_error([&] {
      const Ballot ballot = open_ballot(key, question, id, seal(key, ByteView(data, size), Binding(bound)), 3);
      const Ballot again = open_ballot(key, question, id, seal_ballot(key, question, id, ballot), 3);
      require(again.choice == ballot.choice && again.eligible == ballot.eligible && again.snapshot == ballot.snapshot);
    });
  require(refused([&] { open_ballot(key, question, id, ByteView(data, size), 3); }));
  return 0;
}
