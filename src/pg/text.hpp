// Unicode, by the server's own tables.
#pragma once

#include "core/bytes.hpp"

namespace roughly::pg {

// NFC of UTF-8 text; copies made on the way are wiped. (NIST SP 800-63B-4 asks for it before hashing.)
SecretBytes to_nfc(ByteView text);

} // namespace roughly::pg
