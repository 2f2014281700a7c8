#pragma once

#include "loaders/model_dir.h"
#include "server/options.h"

namespace puna {

// Puts the weights where the options say, with a progress line on a terminal. Throws LoadError.
void PlaceWeights(const ModelDir& dir, const WeightOptions& options);

}  // namespace puna
