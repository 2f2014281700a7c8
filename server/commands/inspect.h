#pragma once

#include <ostream>

#include "loaders/model_dir.h"
#include "server/model_kind.h"

namespace puna {

// `puna inspect --model DIR`: the model's parameters, what kind of model it was found to be and why, the
// table of its tensors (name, type, shape, bytes, file), sums per type, and the loader's notices, for people
// to read.
void PrintInspection(std::ostream& out, const ModelDir& model, const ModelKind& kind);

}  // namespace puna
