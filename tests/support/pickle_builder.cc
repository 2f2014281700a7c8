#include "tests/support/pickle_builder.h"

#include "engine/base/check.h"

namespace puna::test {
namespace {

std::string LittleEndian(uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text.push_back(static_cast<char>((value >> (8 * i)) & 0xff));
  return text;
}

std::vector<int64_t> RowMajor(const std::vector<int64_t>& shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t axis = shape.size(); axis-- > 1;) strides[axis - 1] = strides[axis] * shape[axis];
  return strides;
}

}  // namespace

PickleBuilder& PickleBuilder::Op(char opcode) {
  bytes_.push_back(opcode);
  return *this;
}

PickleBuilder& PickleBuilder::Raw(std::string_view bytes) {
  bytes_.append(bytes);
  return *this;
}

PickleBuilder& PickleBuilder::Proto(int protocol) { return Op('\x80').Op(static_cast<char>(protocol)); }

PickleBuilder& PickleBuilder::Text(std::string_view text) {
  return Op('X').Raw(LittleEndian(text.size(), 4)).Raw(text);
}

PickleBuilder& PickleBuilder::Int(int64_t value) {
  const uint64_t bits = static_cast<uint64_t>(value);
  if (value >= 0 && value <= 0xff) return Op('K').Raw(LittleEndian(bits, 1));
  if (value >= 0 && value <= 0xffff) return Op('M').Raw(LittleEndian(bits, 2));
  if (value >= INT32_MIN && value <= INT32_MAX) return Op('J').Raw(LittleEndian(bits, 4));
  return Op('\x8a').Op(8).Raw(LittleEndian(bits, 8));
}

PickleBuilder& PickleBuilder::Tuple(std::span<const int64_t> values) {
  Op('(');
  for (const int64_t value : values) Int(value);
  return Op('t');
}

PickleBuilder& PickleBuilder::Global(std::string_view module, std::string_view name) {
  return Op('c').Raw(module).Op('\n').Raw(name).Op('\n');
}

PickleBuilder& PickleBuilder::Storage(const PickledTensor& tensor) {
  Op('(').Text("storage").Global("torch", tensor.storage_type).Text(tensor.key).Text("cpu");
  return Int(tensor.storage_size).Op('t').Op('Q');
}

PickleBuilder& PickleBuilder::Tensor(const PickledTensor& tensor) {
  Global("torch._utils", "_rebuild_tensor_v2").Op('(').Storage(tensor).Int(tensor.offset).Tuple(tensor.shape);
  Tuple(tensor.strides.empty() ? RowMajor(tensor.shape) : tensor.strides);
  return Op('\x89').Global("collections", "OrderedDict").Op(')').Op('R').Op('t').Op('R');
}

std::string PickleTensors(std::span<const PickledTensor> tensors) {
  PickleBuilder builder;
  builder.Proto().Op('}').Op('(');
  for (const PickledTensor& tensor : tensors) builder.Text(tensor.name).Tensor(tensor);
  return builder.Op('u').Op('.').bytes();
}

std::string_view StorageType(DType dtype) {
  switch (dtype) {
    case DType::kBF16:
      return "BFloat16Storage";
    case DType::kF16:
      return "HalfStorage";
    case DType::kF32:
      return "FloatStorage";
  }
  CHECK(false) << "dtype " << static_cast<int>(dtype);
  return "";
}

}  // namespace puna::test
