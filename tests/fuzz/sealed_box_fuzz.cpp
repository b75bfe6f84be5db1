// Sealed values: anything opens only if it was sealed so.
#include "core/sealed_box.hpp"
#include "fuzz.hpp"

using namespace roughly;
using namespace roughly::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
  const auto key = some_key().subkey<Purpose::tally>();
  const ByteView input(data, size);
  value_or_error([&] { static_cast<void>(sealing_key(input)); });
  for (const Binding &bound : {Binding("fuzz").with(question), Binding("fuzz").named(question)}) {
    require(refused([&] { open(key, input, Binding(bound)); }));
    Bytes sealed = seal(key, input, Binding(bound));
    const SecretBytes plain = open(key, sealed, Binding(bound));
    require(std::equal(plain.begin(), plain.end(), input.begin(), input.end()));
    if (size >= 3) {
      sealed[(data[0] + std::size_t{256} * data[1]) % sealed.size()] ^= static_cast<unsigned char>(data[2] | 1);
      require(refused([&] { open(key, sealed, Binding(bound)); }));
    }
  }
  return 0;
}
