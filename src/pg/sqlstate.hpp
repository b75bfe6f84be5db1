// The one table from what went wrong to what PostgreSQL reports.
#pragma once

#include "core/error.hpp"

namespace roughly::pg {

struct Report {
  int sqlstate;
  const char *constraint; // named in the error's fields, or nullptr
};

// Class RA is ours (docs/functions.md).
Report report_of(Errc code) noexcept;

} // namespace roughly::pg
