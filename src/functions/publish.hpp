// Counting, for the scheduler we bring ourselves.
#pragma once

#include "pg/procedure.hpp"

namespace roughly {

// Publishes every question that is due, one after the other. What fails is named in a warning; then Errc at the end.
void publish_due(pg::Procedure &procedure);

} // namespace roughly
