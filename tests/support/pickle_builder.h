#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tensor/dtype.h"

namespace puna::test {

// One tensor as torch.save describes it. Counts are in elements; strides follow from the shape when left
// empty.
struct PickledTensor {
  std::string name{};
  std::string storage_type = "FloatStorage";
  std::string key = "0";
  int64_t storage_size = 0;
  int64_t offset = 0;
  std::vector<int64_t> shape{};
  std::vector<int64_t> strides{};
};

// Writes pickle programs opcode by opcode, right or wrong, for readers to be tested with.
class PickleBuilder {
 public:
  PickleBuilder& Op(char opcode);
  PickleBuilder& Raw(std::string_view bytes);
  PickleBuilder& Proto(int protocol = 2);
  PickleBuilder& Text(std::string_view text);  // BINUNICODE
  PickleBuilder& Int(int64_t value);           // BININT1, BININT2, BININT or LONG1, as Python chooses
  PickleBuilder& Tuple(std::span<const int64_t> values);  // MARK ... TUPLE
  PickleBuilder& Global(std::string_view module, std::string_view name);
  PickleBuilder& Storage(const PickledTensor& tensor);  // MARK ... TUPLE BINPERSID
  PickleBuilder& Tensor(const PickledTensor& tensor);   // its value only, without the name
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// A whole data.pkl: a dict of these tensors.
std::string PickleTensors(std::span<const PickledTensor> tensors);

std::string_view StorageType(DType dtype);  // "BFloat16Storage"

}  // namespace puna::test
