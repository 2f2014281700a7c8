#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "engine/tensor/dtype.h"

namespace puna {

// One tensor as data.pkl describes it: a window onto a storage. All counts are in elements. Texts point into
// the pickle.
struct TensorRecord {
  std::string_view name;
  DType dtype = DType::kF32;
  std::string_view storage_key;  // names the zip record <archive>/data/<key>
  int64_t storage_size = 0;
  int64_t storage_offset = 0;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;
};

// The tensors of a flat dict (or OrderedDict) written by torch.save, in its order. Guaranteed afterwards:
// names are unique and not empty, every number is >= 0, the rank is at most 8, and the window lies inside its
// storage. Throws FormatError naming the tensor.
std::vector<TensorRecord> ReadTensorRecords(std::span<const std::byte> data_pkl);

}  // namespace puna
