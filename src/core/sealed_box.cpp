#include "core/sealed_box.hpp"

#include "core/core_only.hpp"

namespace roughly {
namespace {

constexpr unsigned char format = 0x01;
constexpr std::size_t nonce_size = Nonce::size;
constexpr std::size_t tag_size = crypto_aead_xchacha20poly1305_ietf_ABYTES;
static_assert(nonce_size == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
static_assert(seal_overhead == seal_header + nonce_size + tag_size);
static_assert(key_size == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);

} // namespace

Bytes seal(KeyId id, KeyBytes key, ByteView plain, Binding &&binding, const Nonce &random) {
  Bytes box(plain.size() + seal_overhead);
  box[0] = format;
  box[1] = static_cast<unsigned char>(id >> 8);
  box[2] = static_cast<unsigned char>(id);
  unsigned char *nonce = box.data() + seal_header;
  std::copy(random.bytes().begin(), random.bytes().end(), nonce);
  const Bytes data = std::move(binding).take(ByteView(box).first(seal_header));
  crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + nonce_size, nullptr, plain.data(), plain.size(), data.data(),
                                             data.size(), nullptr, nonce, key.data());
  return box;
}

void open(KeyBytes key, ByteView sealed, ByteView data, std::span<unsigned char> plain) {
  static_cast<void>(sealing_key(sealed));
  const unsigned char *nonce = sealed.data() + seal_header;
  if (sealed.size() != plain.size() + seal_overhead ||
      crypto_aead_xchacha20poly1305_ietf_decrypt(plain.data(), nullptr, nullptr, nonce + nonce_size,
                                                 sealed.size() - seal_header - nonce_size, data.data(), data.size(),
                                                 nonce, key.data()) != 0)
    throw Error(Errc::corrupted, "a sealed value does not open",
                "It was changed, moved to another row, or sealed with another key.");
}

SecretBytes open(KeyBytes key, ByteView sealed, Binding &&binding) {
  static_cast<void>(sealing_key(sealed));
  const Bytes data = std::move(binding).take(sealed.first(seal_header));
  SecretBytes plain(sealed.size() - seal_overhead);
  open(key, sealed, data, plain);
  return plain;
}

KeyId sealing_key(ByteView sealed) {
  if (sealed.size() < seal_overhead || sealed[0] != format)
    throw Error(Errc::corrupted, "this is not a sealed value");
  return static_cast<KeyId>(sealed[1] << 8 | sealed[2]);
}

} // namespace roughly
