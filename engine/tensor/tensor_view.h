#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/tensor/dtype.h"

namespace puna {

// A tensor of any rank as a checkpoint describes it. Strides are in elements. Nothing here owns memory.
struct TensorView {
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;
  const std::byte* data = nullptr;

  int64_t NumElements() const;      // product of shape; 1 for a scalar
  bool IsContiguous() const;        // row-major without gaps (axes of size 1 may have any stride)
  std::string ShapeString() const;  // "[4096, 1024]"
};

}  // namespace puna
