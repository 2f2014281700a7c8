#pragma once

#include <ostream>

#include "loaders/model_dir.h"

namespace puna {

// `puna inspect --model DIR`: the model's parameters, the table of its tensors (name, type, shape, bytes,
// file), sums per type, and the loader's notices, for people to read. Reads no weight.
void PrintInspection(std::ostream& out, const ModelDir& model);

}  // namespace puna
