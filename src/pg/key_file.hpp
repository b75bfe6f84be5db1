// The key file as the operating system has it: where it may lie, whose it must be, and how it is written.
#pragma once

#include "core/bytes.hpp"

namespace roughly::pg::key_file {

// Nothing when there is no such file. Errc::key_file_unusable when its place, owner or mode is wrong.
std::optional<SecretBytes> read(const std::string &path);
[[noreturn]] void throw_missing(const std::string &path);

// Both whole and durable or not at all, one at a time. Errc::key_file_unusable.
void create(const std::string &path, ByteView text);  // a file that somebody else makes meanwhile stays
void replace(const std::string &path, ByteView text); // also what a link leads to

} // namespace roughly::pg::key_file
