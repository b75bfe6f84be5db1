#include "pg/key_file.hpp"
#include "pg/key_loader.hpp"
#include "pg/settings.hpp"

using namespace roughly;
using namespace roughly::pg;

namespace {

constinit Statement select_keys{
    "SELECT key_id, fingerprint, active, resealed IS NOT NULL, created,"
    "   (SELECT pg_catalog.max(expires_at) FROM roughly.user_tokens t WHERE t.key_id = k.key_id AND expires_at > pg_catalog.clock_timestamp())"
    " FROM roughly.keys k ORDER BY key_id",
    {}};

// Nothing when the file cannot be used.
std::optional<Keyring> read_keyring() {
  try {
    const std::optional<SecretBytes> bytes = key_file::read(settings::key_file());
    if (!bytes)
      key_file::throw_missing(settings::key_file());
    return Keyring::parse(*bytes);
  } catch (const Error &error) {
    const std::string why = error.what();
    call([&] { ereport(WARNING, (errmsg_internal("%s", why.c_str()))); });
    return std::nullopt;
  }
}

} // namespace

ROUGHLY_FUNCTION(roughly_ensure_key_file) {
  keys::ensure_file();
  return void_result();
}

ROUGHLY_FUNCTION(roughly_key_status) {
  RowSet result(fcinfo);
  const AsOwner owner;
  Spi spi;
  const std::optional<Keyring> ring = read_keyring();
  std::unordered_set<KeyId> known;
  const Rows rows = spi.read(select_keys);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto id = rows.get<std::int32_t>(i, 1);
    const auto fingerprint = rows.get<std::string>(i, 2);
    const auto tokens_until = rows.optional<std::int64_t>(i, 6);
    const std::string_view status = rows.get<bool>(i, 3)    ? "active"
                                    : !rows.get<bool>(i, 4) ? "in rotation"
                                    : tokens_until          ? "tokens"
                                                            : "retired";
    const Key *key = ring ? ring->find(static_cast<KeyId>(id)) : nullptr;
    if (key == nullptr || key->fingerprint() == fingerprint)
      known.insert(static_cast<KeyId>(id));
    result.put({value(id), value(std::string_view(fingerprint)), value(status), ring ? value(key != nullptr && key->fingerprint() == fingerprint) : Value{},
                value(rows.get<std::int64_t>(i, 5)), value(tokens_until)});
  }
  if (ring)
    for (const Key &key : ring->keys())
      if (!known.contains(key.id())) {
        const std::string fingerprint = key.fingerprint();
        result.put({value(std::int32_t{key.id()}), value(std::string_view(fingerprint)), value(std::string_view("unknown")), value(true), {}, {}});
      }
  return void_result();
}
