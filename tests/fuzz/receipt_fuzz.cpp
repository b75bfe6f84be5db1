// The plain form of a receipt, as if whoever knows the person's secret had sealed anything at all.
#include "core/receipt.hpp"
#include "fuzz.hpp"

using namespace roughly;
using namespace roughly::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size) {
  const ByteView input(data, size);
  value_or_error([&] { static_cast<void>(VoteSecret(SecretBytes(input.begin(), input.end())).draw(question)); });

  const SecretBytes bytes(key_size, 0xaa);
  const VoteSecret secret{bytes};
  require(refused([&] { static_cast<void>(secret.open_receipt(question, secret.tag(question), input)); }));
  value_or_error([&] {
    std::array<unsigned char, key_size> key;
    crypto_kdf_derive_from_key(key.data(), key.size(), 1, "receipt_", bytes.data());
    const Bytes sealed = seal(KeyId{0}, KeyBytes(key), input, Binding("receipt").with(question).with(secret.tag(question)));
    const Receipt receipt = secret.open_receipt(question, secret.tag(question), sealed);
    const Receipt again = secret.open_receipt(question, secret.tag(question), secret.seal_receipt(question, secret.tag(question), receipt));
    require(again.choice == receipt.choice && again.day == receipt.day);
  });
  return 0;
}
