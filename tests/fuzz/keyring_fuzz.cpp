// A key file, as it is and with the checksum made right.
#include "fuzz.hpp"

using namespace roughly;
using namespace roughly::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
  const auto parse = [](ByteView file) {
    value_or_error([&] {
      const Keyring ring = Keyring::parse(file);
      require(ring.find(ring.newest().id()) == &ring.newest());
      require(ring.find(0) == nullptr && !ring.ids().empty());
    });
  };
  parse(ByteView(data, size));

  std::string file(text_view(ByteView(data, size)));
  std::array<unsigned char, 16> digest;
  crypto_generichash(digest.data(), digest.size(), data, size, nullptr, 0);
  file += "checksum " + to_hex(digest) + "\n";
  parse(view(file));
  return 0;
}
