#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "engine/tensor/tensor_view.h"

namespace puna {

struct NamedTensor {
  std::string name;
  TensorView view;  // contiguous, aligned to its element size, inside the file's bytes
};

// A file written by torch.save (PyTorch 1.6 or later): a zip archive of stored records,
//   <prefix>/data.pkl   which tensors there are (see tensor_records.h)
//   <prefix>/data/<key> the storages, little-endian
//   <prefix>/byteorder  "little", in files of PyTorch 2.1 and later
// The views point into `file`; no byte of a storage is read. Throws FormatError, also for tensors that are
// not contiguous. In the order of the pickled dict.
std::vector<NamedTensor> ReadPthCheckpoint(std::span<const std::byte> file);

}  // namespace puna
