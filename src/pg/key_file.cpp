#include "pg/key_file.hpp"

#include "core/keyring.hpp"
#include "pg/postgres.hpp"
#include "pg/settings.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace roughly::pg::key_file {
namespace {

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

// Beside its place, to be moved there.
std::string write_draft(const std::string &path, ByteView text) {
  std::string draft = path + ".draft";
  ::unlink(draft.c_str()); // of a backend that died here
  const File file(draft, O_WRONLY | O_CREAT | O_EXCL, 0600);
  errno = file.is_open() ? ENOSPC : errno; // for a short write, which sets none
  if (!file.is_open() || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) || ::fsync(file.get()) != 0) {
    const std::string why = reason(errno);
    ::unlink(draft.c_str());
    throw Error(Errc::key_file_unusable, "the key file \"" + path + "\" cannot be written: " + why,
                "Set roughly_auth.key_file to a place where the server may write it.");
  }
  return draft;
}

// `moved`: whether the draft is in its place.
void settle(const std::string &path, const std::string &draft, bool moved) {
  const std::string why = moved ? std::string() : reason(errno);
  ::unlink(draft.c_str());
  if (!moved)
    throw Error(Errc::key_file_unusable, "the key file \"" + path + "\" cannot be put in its place: " + why);
  const File directory(parent_directory(path), O_RDONLY | O_DIRECTORY);
  if (!directory.is_open() || ::fsync(directory.get()) != 0)
    throw Error(Errc::key_file_unusable, "the folder of the key file \"" + path + "\" cannot be written to disk: " + reason(errno));
}

} // namespace

std::optional<SecretBytes> read(const std::string &path) {
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

void throw_missing(const std::string &path) {
  throw Error(Errc::key_file_missing, "the key file \"" + path + "\" does not exist",
              "Restore it from its backup, or set roughly_auth.key_file to where it is.");
}

void create(const std::string &path, ByteView text) {
  const std::string draft = write_draft(path, text);
  settle(path, draft, ::link(draft.c_str(), path.c_str()) == 0 || errno == EEXIST);
}

void replace(const std::string &path, ByteView text) {
  const std::string place = real_path(path);
  const std::string draft = write_draft(place, text);
  settle(place, draft, ::rename(draft.c_str(), place.c_str()) == 0);
}

} // namespace roughly::pg::key_file
