// The key file and roughly.keys: which keys there are, and which of them this database has been sealed with.
#pragma once

#include "core/keyring.hpp"
#include "core/sealed_box.hpp"
#include "core/session_token.hpp"
#include "pg/spi.hpp"

namespace roughly::pg::keys {

void init(); // once, from _PG_init

// Makes the key file when there is none and the database knows no key; checks the one that is there. Errc::key_file_*.
void ensure_file();

// The key that new values are sealed with: the database's active one, which it stays to the end of the transaction. The
// first use in a database registers the file's newest key. Call as owner. Errc::key_file_*, Errc::key_unknown.
const Key &sealing(Spi &spi);
// The key with this number, for opening, or nullptr. at_hand: nullptr too where the file or the database must be asked.
const Key *at_hand(KeyId id);
const Key *find(Spi &spi, KeyId id);
// The same where it must be there. Errc::key_unknown names the keys that are; Errc::corrupted for 0, a person's own.
const Key &by_id(Spi &spi, KeyId id);

// Makes a newer key the active one: the file's newest, or one that is added to it (then true). Nothing when an earlier
// rotation has not finished. After the commit nothing is sealed with an older key any more. Errc as sealing().
bool begin_rotation(Spi &spi);

// A digest cannot be sealed anew, and whose it is nobody knows: so the subkeys for digests outlive their key, sealed with
// the active one in roughly.keys.
struct DigestKeys {
  static constexpr std::array purposes{Purpose::email, Purpose::token};
  KeyId id;
  SecretBytes bytes; // one subkey after the other

  template <Purpose P> [[nodiscard]] Subkey<P> subkey() const noexcept {
    constexpr std::size_t place = P == purposes[0] ? 0 : 1;
    static_assert(P == purposes[place]);
    return {id, KeyBytes(bytes.data() + place * key_size, key_size)};
  }
};
// Of the keys that were active before.
const std::vector<DigestKeys> &earlier(Spi &spi);
// `digest` under the active key, then under those before it.
template <Purpose P, class Digest> std::vector<TokenDigest> every_digest(Spi &spi, Digest digest) {
  std::vector<TokenDigest> digests;
  digests.push_back(digest(sealing(spi).subkey<P>()));
  for (const DigestKeys &keys : earlier(spi))
    digests.push_back(digest(keys.subkey<P>()));
  return digests;
}

// The mailer's public key, from the file <key_file>.mailer; nothing when there is none. Errc::key_file_unusable.
std::optional<MailerKey> mailer_key();

template <Purpose P> SecretBytes open(Spi &spi, ByteView sealed, Binding &&binding) {
  return roughly::open(by_id(spi, sealing_key(sealed)).template subkey<P>(), sealed, std::move(binding));
}

} // namespace roughly::pg::keys
