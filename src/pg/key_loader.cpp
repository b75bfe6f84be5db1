#include "pg/key_loader.hpp"

#include "pg/settings.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace roughly::pg::keys {
namespace {

struct Loaded {
  std::string path;
  Keyring ring;
  bool checked = false; // against roughly.keys
  KeyId active = 0;
  Oid relation = InvalidOid; // roughly.keys, whose invalidation makes us look again
};

constinit Loaded *loaded = nullptr; // one keyring per backend, wiped when it ends
constinit bool registered_in_transaction = false;

constinit Statement select_keys{"SELECT key_id, fingerprint, active, 'roughly.keys'::pg_catalog.regclass::pg_catalog.oid::int8"
                                " FROM roughly.keys ORDER BY key_id",
                                {}};
constinit Statement insert_key{"INSERT INTO roughly.keys (key_id, fingerprint, active) VALUES ($1, $2, true)"
                               " ON CONFLICT DO NOTHING",
                               {INT4OID, TEXTOID}};

class File {
public:
  // O_NONBLOCK: a pipe in the place of a file must not make the backend wait.
  File(const std::string &path, int flags, mode_t mode = 0) : descriptor_(::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK, mode)) {}
  ~File() {
    if (descriptor_ >= 0)
      ::close(descriptor_);
  }
  File(const File &) = delete;
  File &operator=(const File &) = delete;
  [[nodiscard]] bool is_open() const noexcept { return descriptor_ >= 0; }
  [[nodiscard]] int get() const noexcept { return descriptor_; }

private:
  int descriptor_;
};

std::string reason(int error) { return std::generic_category().message(error); }

std::string real_path(const std::string &path) {
  char *resolved = ::realpath(path.c_str(), nullptr);
  if (resolved == nullptr)
    return path;
  std::string text(resolved);
  std::free(resolved);
  return text;
}

std::string parent_directory(const std::string &path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1));
}

void check_place(const std::string &path) {
  const std::string data = real_path(DataDir) + "/";
  const auto inside = [&](const std::string &place) { return (real_path(place) + "/").starts_with(data); };
  if ((inside(parent_directory(path)) || inside(path)) && !settings::key_in_data_directory()) // the path, or what it links to
    throw Error(Errc::key_file_unusable, "the key file \"" + path + "\" lies inside the data directory",
                "Every base backup would carry it. Set roughly_auth.key_file to another place, or force it with"
                " roughly_auth.allow_key_in_data_directory.");
}

// The rule PostgreSQL has for its own server key: ours and nobody else's, or root's and readable by our group.
void check_owner_and_mode(const std::string &path, const struct stat &status) {
  if (!S_ISREG(status.st_mode))
    throw Error(Errc::key_file_unusable, "the key file \"" + path + "\" is not a regular file");
  if (status.st_uid != ::geteuid() && status.st_uid != 0)
    throw Error(Errc::key_file_unusable, "the key file \"" + path + "\" belongs to another user",
                "It must belong to the server's operating system user or to root.");
  const mode_t forbidden = status.st_uid == 0 && ::geteuid() != 0 ? 037 : 077;
  if ((status.st_mode & forbidden) != 0)
    throw Error(Errc::key_file_unusable, "the key file \"" + path + "\" can be read by others",
                "Run chmod 0600 on it, and find out who may have read it.");
}

// Nothing when there is no such file.
std::optional<SecretBytes> read_file(const std::string &path) {
  check_place(path);
  const File file(path, O_RDONLY);
  if (!file.is_open() && errno == ENOENT)
    return std::nullopt;
  if (!file.is_open())
    throw Error(Errc::key_file_unusable, "the key file \"" + path + "\" cannot be opened: " + reason(errno));
  struct stat status;
  if (::fstat(file.get(), &status) != 0)
    throw Error(Errc::key_file_unusable, "the key file \"" + path + "\" cannot be examined: " + reason(errno));
  check_owner_and_mode(path, status);
  if (status.st_size > static_cast<off_t>(Keyring::max_file_size))
    throw Error(Errc::key_file_unusable, "the key file \"" + path + "\" is too large to be one");
  SecretBytes bytes(static_cast<std::size_t>(status.st_size));
  if (::read(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
    throw Error(Errc::key_file_unusable, "the key file \"" + path + "\" cannot be read");
  return bytes;
}

[[noreturn]] void throw_missing(const std::string &path) {
  throw Error(Errc::key_file_missing, "the key file \"" + path + "\" does not exist",
              "Restore it from its backup, or set roughly_auth.key_file to where it is.");
}

// Whole and durable or not at all; a file that somebody else makes meanwhile stays.
void create_file(const std::string &path) {
  const std::string draft = path + "." + std::to_string(MyProcPid);
  const auto fail = [&] {
    const std::string why = reason(errno);
    ::unlink(draft.c_str());
    throw Error(Errc::key_file_unusable, "the key file \"" + path + "\" cannot be created: " + why,
                "Set roughly_auth.key_file to a place where the server may create it.");
  };
  ::unlink(draft.c_str()); // of a backend that died here
  {
    const File file(draft, O_WRONLY | O_CREAT | O_EXCL, 0600);
    const SecretBytes text = Keyring::generate();
    if (!file.is_open() || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) || ::fsync(file.get()) != 0)
      fail();
  }
  if (::link(draft.c_str(), path.c_str()) != 0 && errno != EEXIST)
    fail();
  ::unlink(draft.c_str());
  const File directory(parent_directory(path), O_RDONLY | O_DIRECTORY);
  if (directory.is_open())
    ::fsync(directory.get());
}

void forget() noexcept {
  delete std::exchange(loaded, nullptr);
}

void load() {
  std::string path = settings::key_file();
  const std::optional<SecretBytes> bytes = read_file(path);
  if (!bytes)
    throw_missing(path);
  Keyring ring = Keyring::parse(*bytes);
  forget();
  loaded = new Loaded{std::move(path), std::move(ring)};
}

// Compares the file with what the database has been sealed with.
void check(Spi &spi) {
  Rows rows = spi.read_latest(select_keys);
  if (rows.empty()) {
    const Key &newest = loaded->ring.newest();
    if (RecoveryInProgress())
      throw Error(Errc::read_only, "this database has no key yet and cannot get one during recovery");
    registered_in_transaction = true;
    spi.write(insert_key, {value(std::int32_t{newest.id()}), value(std::string_view(newest.fingerprint()))});
    rows = spi.write(select_keys);
  }
  KeyId active = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto id = static_cast<KeyId>(rows.get<std::int32_t>(i, 1));
    const auto fingerprint = rows.get<std::string>(i, 2);
    const Key *key = loaded->ring.find(id);
    if (key != nullptr && key->fingerprint() != fingerprint)
      throw Error(Errc::key_unknown,
                  "the key file \"" + loaded->path + "\" belongs to another installation: its key " +
                      std::to_string(id) + " has fingerprint " + key->fingerprint() + ", this database needs " + fingerprint,
                  "Put back the key file this database was sealed with. Published results can be read without it.");
    if (rows.get<bool>(i, 3)) {
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
  loaded->active = active;
  loaded->relation = static_cast<Oid>(rows.get<std::int64_t>(0, 4));
  loaded->checked = true;
}

void ready(Spi &spi) {
  if (loaded != nullptr && loaded->checked && loaded->path == settings::key_file())
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
  if (event == XACT_EVENT_ABORT || event == XACT_EVENT_COMMIT || event == XACT_EVENT_PREPARE)
    registered_in_transaction = false;
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

void ensure_file(Spi &spi) {
  const std::string path = settings::key_file();
  if (!read_file(path)) {
    if (!spi.read_latest(select_keys).empty())
      throw_missing(path);
    create_file(path);
  }
  load();
}

const Key &sealing(Spi &spi) {
  ready(spi);
  return *loaded->ring.find(loaded->active);
}

const Key *find(Spi &spi, KeyId id) {
  ready(spi);
  if (loaded->ring.find(id) == nullptr) { // the file may have been exchanged since this backend read it
    load();
    ready(spi);
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
  const std::optional<SecretBytes> bytes = read_file(path);
  if (!bytes)
    return std::nullopt;
  const std::optional<MailerKey> key = parse_mailer_key(text_view(*bytes));
  if (!key)
    throw Error(Errc::key_file_unusable, "the file \"" + path + "\" does not hold a public key", "Expected are 64 hexadecimal digits.");
  return key;
}

} // namespace roughly::pg::keys
