#pragma once

#include <string>
#include <vector>

#include "engine/grammar/json_value.h"
#include "engine/grammar/schema_document.h"

namespace puna {

// Of oneOf no two alternatives may hold at once, which no grammar can check. Throws GrammarError unless that
// is seen: by their types, or by a required property whose constants differ. `path`: of the schema that has
// it.
void RefuseOverlap(const SchemaDocument& document, const std::vector<const JsonValue*>& alternatives,
                   const std::string& path);

}  // namespace puna
