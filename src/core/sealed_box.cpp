#include "core/sealed_box.hpp"

#include "core/core_only.hpp"

namespace roughly {
namespace {

constexpr unsigned char format = 0x01, named_format = 0x02;
constexpr std::size_t nonce_size = Nonce::size;
constexpr std::size_t tag_size = crypto_aead_xchacha20poly1305_ietf_ABYTES;
static_assert(nonce_size == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
static_assert(seal_overhead == seal_header + nonce_size + tag_size);
static_assert(key_size == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
static_assert(nonce_size == crypto_secretbox_xchacha20poly1305_NONCEBYTES);
static_assert(NamedBox::overhead == seal_header + crypto_secretbox_xchacha20poly1305_MACBYTES);
static_assert(key_size == crypto_secretbox_xchacha20poly1305_KEYBYTES);

using Header = std::array<unsigned char, seal_header>;
Header header(unsigned char of_format, KeyId id) {
  return {of_format, static_cast<unsigned char>(id >> 8), static_cast<unsigned char>(id)};
}

[[noreturn]] void refuse() {
  throw Error(Errc::corrupted, "a sealed value does not open", "It was changed, moved to another row, or sealed with another key.");
}

// An id is random, and one value's only: libsodium's longer nonce has room for it.
std::array<unsigned char, nonce_size> nonce_of(const Uuid &name) {
  std::array<unsigned char, nonce_size> nonce{};
  std::copy(name.begin(), name.end(), nonce.begin());
  return nonce;
}

NamedBox named_box(KeyId id, KeyBytes key, Binding &&binding) {
  const Bytes data = std::move(binding).take(Header{});
  return {id, key, ByteView(data).first(data.size() - sizeof(Uuid))};
}

} // namespace

NamedBox::NamedBox(KeyId id, KeyBytes key, ByteView kind) : id_(id) {
  Bytes data(kind.begin(), kind.end());
  const Header begin = header(named_format, id);
  std::copy(begin.begin(), begin.end(), data.begin());
  crypto_generichash(key_.data(), key_.size(), data.data(), data.size(), key.data(), key.size());
}

Bytes NamedBox::seal(const Uuid &name, ByteView plain) const {
  Bytes box(plain.size() + overhead);
  const Header begin = header(named_format, id_);
  std::copy(begin.begin(), begin.end(), box.begin());
  crypto_secretbox_xchacha20poly1305_easy(box.data() + seal_header, plain.data(), plain.size(), nonce_of(name).data(), key_.data());
  return box;
}

void NamedBox::open(const Uuid &name, ByteView sealed, std::span<unsigned char> plain) const {
  if (sealed.size() != plain.size() + overhead || sealing_key(sealed) != id_ || !is_named(sealed) ||
      crypto_secretbox_xchacha20poly1305_open_easy(plain.data(), sealed.data() + seal_header, sealed.size() - seal_header,
                                                   nonce_of(name).data(), key_.data()) != 0)
    refuse();
}

Bytes seal(KeyId id, KeyBytes key, ByteView plain, Binding &&binding, std::optional<Nonce> random) {
  if (const std::optional<Uuid> name = binding.name())
    return named_box(id, key, std::move(binding)).seal(*name, plain);
  const Nonce fresh = random ? *random : Nonce();
  Bytes box(plain.size() + seal_overhead);
  const Header begin = header(format, id);
  std::copy(begin.begin(), begin.end(), box.begin());
  unsigned char *nonce = box.data() + seal_header;
  std::copy(fresh.bytes().begin(), fresh.bytes().end(), nonce);
  const Bytes data = std::move(binding).take(begin);
  crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + nonce_size, nullptr, plain.data(), plain.size(), data.data(),
                                             data.size(), nullptr, nonce, key.data());
  return box;
}

void open(KeyBytes key, ByteView sealed, ByteView data, std::span<unsigned char> plain) {
  static_cast<void>(sealing_key(sealed));
  if (is_named(sealed))
    refuse();
  const unsigned char *nonce = sealed.data() + seal_header;
  if (sealed.size() != plain.size() + seal_overhead ||
      crypto_aead_xchacha20poly1305_ietf_decrypt(plain.data(), nullptr, nullptr, nonce + nonce_size,
                                                 sealed.size() - seal_header - nonce_size, data.data(), data.size(),
                                                 nonce, key.data()) != 0)
    refuse();
}

SecretBytes open(KeyBytes key, ByteView sealed, Binding &&binding) {
  const KeyId id = sealing_key(sealed);
  if (is_named(sealed)) {
    const std::optional<Uuid> name = binding.name();
    if (!name)
      refuse();
    SecretBytes plain(sealed.size() - NamedBox::overhead);
    named_box(id, key, std::move(binding)).open(*name, sealed, plain);
    return plain;
  }
  const Bytes data = std::move(binding).take(sealed.first(seal_header));
  SecretBytes plain(sealed.size() - seal_overhead);
  open(key, sealed, data, plain);
  return plain;
}

KeyId sealing_key(ByteView sealed) {
  if (sealed.size() < (is_named(sealed) ? NamedBox::overhead : seal_overhead) || (sealed[0] != format && !is_named(sealed)))
    throw Error(Errc::corrupted, "this is not a sealed value");
  return static_cast<KeyId>(sealed[1] << 8 | sealed[2]);
}

} // namespace roughly
