#include "core/sealed_box.hpp"

#include "core/core_only.hpp"

namespace roughly {
namespace {

constexpr unsigned char format = 0x01;
constexpr std::size_t header_size = 3;
constexpr std::size_t nonce_size = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t tag_size = crypto_aead_xchacha20poly1305_ietf_ABYTES;
static_assert(seal_overhead == header_size + nonce_size + tag_size);
static_assert(key_size == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);

Bytes associated_data(ByteView header, Binding &&binding) {
  Bytes data(header.begin(), header.end());
  const Bytes rest = std::move(binding).take();
  data.insert(data.end(), rest.begin(), rest.end());
  return data;
}

} // namespace

Bytes seal(KeyId id, KeyBytes key, ByteView plain, Binding &&binding) {
  Bytes box(plain.size() + seal_overhead);
  box[0] = format;
  box[1] = static_cast<unsigned char>(id >> 8);
  box[2] = static_cast<unsigned char>(id);
  unsigned char *nonce = box.data() + header_size;
  randombytes_buf(nonce, nonce_size);
  const Bytes data = associated_data(ByteView(box).first(header_size), std::move(binding));
  crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + nonce_size, nullptr, plain.data(), plain.size(), data.data(),
                                             data.size(), nullptr, nonce, key.data());
  return box;
}

SecretBytes open(KeyBytes key, ByteView sealed, Binding &&binding) {
  static_cast<void>(sealing_key(sealed));
  const Bytes data = associated_data(sealed.first(header_size), std::move(binding));
  const unsigned char *nonce = sealed.data() + header_size;
  SecretBytes plain(sealed.size() - seal_overhead);
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain.data(), nullptr, nullptr, nonce + nonce_size,
                                                 sealed.size() - header_size - nonce_size, data.data(), data.size(),
                                                 nonce, key.data()) != 0)
    throw Error(Errc::corrupted, "a sealed value does not open",
                "It was changed, moved to another row, or sealed with another key.");
  return plain;
}

KeyId sealing_key(ByteView sealed) {
  if (sealed.size() < seal_overhead || sealed[0] != format)
    throw Error(Errc::corrupted, "this is not a sealed value");
  return static_cast<KeyId>(sealed[1] << 8 | sealed[2]);
}

} // namespace roughly
