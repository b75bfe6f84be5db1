// Which passwords are good enough: NIST SP 800-63B-4, section 3.1.1.2. Length counts, composition does not.
#pragma once

#include "core/bytes.hpp"

namespace roughly {

// Why a password is not accepted; nothing when it is. `password` and `email` are NFC, UTF-8.
//   too_short   fewer than `least` code points      too_long   more than 1024 bytes
//   too_obvious fewer than 8 code points are left without the address, its parts and the word "roughly"
std::vector<std::string> password_faults(ByteView password, std::string_view email, std::size_t least);

// What a list of common passwords keeps of each: BLAKE2b-128 of the password with its ASCII letters lowered.
std::array<unsigned char, 16> blocklist_digest(ByteView password);

} // namespace roughly
