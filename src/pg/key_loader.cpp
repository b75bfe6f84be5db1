#include "pg/key_loader.hpp"

#include "core/bindings.hpp"
#include "pg/key_file.hpp"
#include "pg/lock.hpp"
#include "pg/settings.hpp"
#include "pg/table.hpp"

namespace roughly::pg::keys {
namespace {

struct Loaded {
  std::string path;
  Keyring ring;
  std::unique_ptr<Loaded> previous; // what it replaced in this transaction, whose keys may still be in somebody's hands
  bool checked = false;                 // against roughly.keys
  KeyId active = 0;
  std::vector<DigestKeys> earlier = {}; // of keys that were active before
  Oid relation = InvalidOid;            // roughly.keys, whose invalidation makes us look again
};

constinit Loaded *loaded = nullptr; // one keyring per backend, wiped when it ends
constinit bool registered_in_transaction = false;

constinit Table known_keys{"keys", nullptr, {"key_id", "fingerprint", "active", "digest_keys"}};
constinit Statement insert_key{"INSERT INTO roughly.keys (key_id, fingerprint, active) VALUES ($1, $2, true)"
                               " ON CONFLICT DO NOTHING",
                               {INT4OID, TEXTOID}};
constinit Statement retire_key{"UPDATE roughly.keys SET active = false WHERE active", {}};
constinit Statement keep_digest_keys{"UPDATE roughly.keys SET digest_keys = $2 WHERE key_id = $1", {INT4OID, BYTEAOID}};
constinit Statement select_unfinished{"SELECT EXISTS (SELECT FROM roughly.keys WHERE NOT active AND resealed IS NULL)", {}};

void forget() noexcept {
  delete std::exchange(loaded, nullptr);
}

SecretBytes read_file(const std::string &path) {
  std::optional<SecretBytes> bytes = key_file::read(path);
  if (!bytes)
    key_file::throw_missing(path);
  return std::move(*bytes);
}

void load() {
  std::string path = settings::key_file();
  Keyring ring = Keyring::parse(read_file(path));
  if (loaded != nullptr && loaded->ring == ring) {
    loaded->path = std::move(path);
    loaded->checked = false;
  } else {
    loaded = new Loaded{std::move(path), std::move(ring), std::unique_ptr<Loaded>(loaded)};
  }
}

// One writer of the key file at a time, in whatever database.
ScopedLock writing_lock() {
  LOCKTAG tag = lock_tag(LockKind::key_file, 0, 0);
  tag.locktag_field1 = InvalidOid; // for all databases
  return ScopedLock::take(tag);
}

// Gives the file a key newer than `active`, unless another database of the cluster has just done so.
bool extend_file(const std::string &path, KeyId active) {
  const ScopedLock lock = writing_lock();
  const SecretBytes text = read_file(path);
  if (Keyring::parse(text).newest().id() > active)
    return false;
  key_file::replace(path, Keyring::extended(text));
  return true;
}

DigestKeys digest_keys_of(const Key &key) {
  DigestKeys keys{key.id(), {}};
  for (const Purpose purpose : DigestKeys::purposes)
    keys.bytes.insert(keys.bytes.end(), key.subkey(purpose).begin(), key.subkey(purpose).end());
  return keys;
}

// Compares the file with what the database has been sealed with.
void check(Spi &spi) {
  std::span<const Table::Row> rows = known_keys.all();
  if (rows.empty()) {
    const Key &newest = loaded->ring.newest();
    if (RecoveryInProgress())
      throw Error(Errc::read_only, "this database has no key yet and cannot get one during recovery");
    registered_in_transaction = true;
    spi.write(insert_key, {value(std::int32_t{newest.id()}), value(std::string_view(newest.fingerprint()))});
    rows = known_keys.all();
  }
  KeyId active = 0;
  for (const Table::Row &row : rows) {
    const auto id = static_cast<KeyId>(row.get<std::int32_t>(1));
    const auto fingerprint = row.get<std::string>(2);
    const Key *key = loaded->ring.find(id);
    if (key != nullptr && key->fingerprint() != fingerprint)
      throw Error(Errc::key_unknown,
                  "the key file \"" + loaded->path + "\" belongs to another installation: its key " +
                      std::to_string(id) + " has fingerprint " + key->fingerprint() + ", this database needs " + fingerprint,
                  "Put back the key file this database was sealed with. Published results can be read without it.");
    if (row.get<bool>(3)) {
      if (key == nullptr)
        throw Error(Errc::key_unknown,
                    "the key file \"" + loaded->path + "\" is older than the database: it holds key " +
                        loaded->ring.ids() + ", the database needs key " + std::to_string(id) + " with fingerprint " + fingerprint,
                    "Put back the newest copy of the key file. Published results can be read without it.");
      active = id;
    }
  }
  if (active == 0)
    throw Error(Errc::key_unknown, "roughly.keys names no active key", "The table was changed by hand; restore it.");
  std::vector<DigestKeys> earlier;
  for (const Table::Row &row : rows)
    if (const std::optional<Bytes> sealed = row.optional<Bytes>(4)) {
      const auto id = static_cast<KeyId>(row.get<std::int32_t>(1));
      earlier.push_back({id, roughly::open(loaded->ring.find(active)->subkey<Purpose::digests>(), *sealed, bound_to::digest_keys(id))});
    }
  loaded->active = active;
  loaded->earlier = std::move(earlier);
  loaded->relation = known_keys.oid();
  loaded->checked = true;
}

bool is_ready() {
  return loaded != nullptr && loaded->checked && settings::is_key_file(loaded->path);
}

void ready(Spi &spi) {
  if (is_ready())
    return;
  load(); // again after a failure: the file may have been put right
  check(spi);
}

void on_invalidation(Datum, Oid relation) noexcept {
  if (loaded != nullptr && (relation == InvalidOid || relation == loaded->relation))
    loaded->checked = false;
}

// A registration may be rolled back with the transaction, or the savepoint, that made it.
void doubt_registration() noexcept {
  if (loaded != nullptr && registered_in_transaction)
    loaded->checked = false;
}

void on_transaction_end(XactEvent event, void *) noexcept {
  if (event == XACT_EVENT_ABORT)
    doubt_registration();
  if (event == XACT_EVENT_ABORT || event == XACT_EVENT_COMMIT || event == XACT_EVENT_PREPARE) {
    registered_in_transaction = false;
    if (loaded != nullptr)
      loaded->previous.reset();
  }
}

void on_subtransaction_end(SubXactEvent event, SubTransactionId, SubTransactionId, void *) noexcept {
  if (event == SUBXACT_EVENT_ABORT_SUB)
    doubt_registration();
}

} // namespace

void init() {
  call([] {
    on_proc_exit([](int, Datum) { forget(); }, 0);
    CacheRegisterRelcacheCallback(on_invalidation, 0);
    RegisterXactCallback(on_transaction_end, nullptr);
    RegisterSubXactCallback(on_subtransaction_end, nullptr);
  });
}

void ensure_file() {
  const std::string path = settings::key_file();
  if (!key_file::read(path)) {
    if (!known_keys.all().empty())
      key_file::throw_missing(path);
    const ScopedLock lock = writing_lock();
    key_file::create(path, Keyring::generate());
  }
  load();
}

const Key &sealing(Spi &spi) {
  ready(spi);
  call(LockRelationOid, loaded->relation, RowShareLock); // no rotation begins before this transaction has ended
  ready(spi);                                            // but one may have ended while we waited
  return *loaded->ring.find(loaded->active);
}

const std::vector<DigestKeys> &earlier(Spi &spi) {
  ready(spi);
  return loaded->earlier;
}

bool begin_rotation(Spi &spi) {
  ready(spi);
  call(LockRelationOid, loaded->relation, ExclusiveLock); // waits for everybody who seals
  ready(spi);
  if (spi.read_latest(select_unfinished).get<bool>(0, 1))
    return false;
  const bool extended = extend_file(loaded->path, loaded->active);
  load();
  check(spi);
  const Key &old = *loaded->ring.find(loaded->active), &fresh = loaded->ring.newest();
  if (fresh.id() <= old.id())
    throw Error(Errc::key_file_unusable, "the key file \"" + loaded->path + "\" holds no key newer than " + std::to_string(old.id()));

  spi.write(retire_key);
  spi.write(insert_key, {value(std::int32_t{fresh.id()}), value(std::string_view(fresh.fingerprint()))});
  std::vector<DigestKeys> kept = loaded->earlier;
  kept.push_back(digest_keys_of(old));
  for (const DigestKeys &keys : kept) {
    const Bytes sealed = seal(fresh.subkey<Purpose::digests>(), keys.bytes, bound_to::digest_keys(keys.id));
    spi.write(keep_digest_keys, {value(std::int32_t{keys.id}), value(ByteView(sealed))});
  }
  registered_in_transaction = true;
  call(CacheInvalidateRelcacheByRelid, loaded->relation);
  return extended;
}

const Key *at_hand(KeyId id) {
  return is_ready() ? loaded->ring.find(id) : nullptr;
}

const Key *find(Spi &spi, KeyId id) {
  ready(spi);
  if (loaded->ring.find(id) == nullptr) { // the file may have been exchanged since this backend read it
    load();
    check(spi);
  }
  return loaded->ring.find(id);
}

const Key &by_id(Spi &spi, KeyId id) {
  if (id == 0)
    throw Error(Errc::corrupted, "this value was not sealed with a key of the server");
  const Key *key = find(spi, id);
  if (key == nullptr)
    throw Error(Errc::key_unknown, "a sealed value needs key " + std::to_string(id) + ", but the key file holds only " + loaded->ring.ids(),
                "Put back the newest copy of the key file.");
  return *key;
}

std::optional<MailerKey> mailer_key() {
  const std::string path = settings::key_file() + ".mailer";
  const std::optional<SecretBytes> bytes = key_file::read(path);
  if (!bytes)
    return std::nullopt;
  const std::optional<MailerKey> key = parse_mailer_key(text_view(*bytes));
  if (!key)
    throw Error(Errc::key_file_unusable, "the file \"" + path + "\" does not hold a public key", "Expected are 64 hexadecimal digits.");
  return key;
}

} // namespace roughly::pg::keys
