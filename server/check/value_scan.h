#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/tensor/tensor_view.h"
#include "server/check/progress.h"

namespace puna {

// Numbers of a tensor that no trained model has.
struct BadValues {
  int64_t nans = 0;
  int64_t infinities = 0;
  int64_t first = -1;  // element, row-major; -1: none
};

// Looks at every number. Adds bytes to `progress`. REQUIRES: a contiguous tensor.
BadValues ScanValues(const TensorView& tensor, Progress& progress);

}  // namespace puna
