#include "tests/bench/synthetic_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <string_view>
#include <system_error>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/error.h"

namespace puna::bench {
namespace {

// SplitMix64 (Steele, Lea, Flood 2014) used as a hash of a counter: any element can be computed by itself.
uint64_t Mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

uint16_t ToBf16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);  // round to nearest, ties to even
}

// Round to nearest, ties to even; values here are far below binary16's largest, and small ones become
// subnormal.
uint16_t ToF16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000);
  const float magnitude = std::fabs(value);
  if (magnitude < 0x1p-14f)
    return static_cast<uint16_t>(sign | static_cast<uint16_t>(std::nearbyint(magnitude * 0x1p24f)));
  const uint32_t rounded = (bits & 0x7fffffff) + 0xfff + ((bits >> 13) & 1);
  return static_cast<uint16_t>(sign | ((rounded >> 13) - ((127 - 15) << 10)));
}

std::string Base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k) {
      group = group << 8 | (i + k < bytes.size() ? static_cast<uint8_t>(bytes[i + k]) : 0u);
    }
    for (size_t k = 0; k < 4; ++k) {
      text.push_back(k <= bytes.size() - i ? kDigits[(group >> (18 - 6 * k)) & 63] : '=');
    }
  }
  return text;
}

// Words of `length` lower-case letters in alphabetical order.
std::string Word(int number, int length) {
  std::string word(static_cast<size_t>(length), 'a');
  for (auto letter = word.rbegin(); letter != word.rend(); ++letter) {
    *letter = static_cast<char>('a' + number % 26);
    number /= 26;
  }
  return word;
}

// The token of one rank; see SyntheticTokenizer.
std::string Token(int rank) {
  constexpr int kPrintable = 95, kPairs = kPrintable * kPrintable, kTriples = 26 * 26 * 26;
  if (rank < 256) return std::string(1, static_cast<char>(rank));
  rank -= 256;
  if (rank < kPairs) {
    return {static_cast<char>(' ' + rank / kPrintable), static_cast<char>(' ' + rank % kPrintable)};
  }
  rank -= kPairs;
  return rank < kTriples ? Word(rank, 3) : Word(rank - kTriples, 4);
}

void WriteText(const std::filesystem::path& path, std::string_view text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out) throw Error(Printable(path.string(), 1000) + ": cannot be written");
}

bool IsNorm(const test::PthTensor& tensor) { return tensor.shape.size() == 1; }

// Norm weights are ones, as training starts; matrices keep the variance of what they multiply.
void FillChunk(const test::PthTensor& tensor, uint64_t seed, uint64_t stream, uint64_t first,
               std::span<std::byte> out) {
  if (!IsNorm(tensor)) {
    const float deviation = 1.0f / std::sqrt(static_cast<float>(tensor.shape[1]));
    return FillRandom(seed, stream, first, deviation, tensor.dtype, out);
  }
  const uint32_t one = std::bit_cast<uint32_t>(1.0f);
  const uint16_t half = tensor.dtype == DType::kF16 ? ToF16(1.0f) : ToBf16(1.0f);
  const size_t width = SizeOf(tensor.dtype);
  for (size_t at = 0; at < out.size(); at += width) {
    std::memcpy(out.data() + at, tensor.dtype == DType::kF32 ? static_cast<const void*>(&one) : &half, width);
  }
}

}  // namespace

void FillRandom(uint64_t seed, uint64_t stream, uint64_t first, float deviation, DType dtype,
                std::span<std::byte> out) {
  const uint64_t key = Mix(Mix(seed) ^ stream);
  const float scale = deviation * std::sqrt(3.0f) / 32768.0f;
  const size_t width = SizeOf(dtype);
  CHECK(out.size() % width == 0) << out.size();
  // Four elements per hash, 16 bits each.
  const uint64_t count = out.size() / width;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t element = first + i;
    const uint64_t hash = Mix(key + element / 4);
    const int uniform = static_cast<int>((hash >> (16 * (element % 4))) & 0xffff) - 32768;
    const float value = (static_cast<float>(uniform) + 0.5f) * scale;
    std::byte* at = out.data() + i * width;
    if (dtype == DType::kF32) {
      std::memcpy(at, &value, sizeof(value));
    } else {
      const uint16_t bits = dtype == DType::kF16 ? ToF16(value) : ToBf16(value);
      std::memcpy(at, &bits, sizeof(bits));
    }
  }
}

std::string SyntheticTokenizer(int vocab_size) {
  CHECK(vocab_size >= 512 && vocab_size <= 450'000) << vocab_size;
  std::string file;
  for (int rank = 0; rank < vocab_size - 256; ++rank)
    file += fmt::format("{} {}\n", Base64(Token(rank)), rank);
  return file;
}

void WriteSyntheticModel(const std::filesystem::path& directory, const ModelShape& shape, DType dtype,
                         uint64_t seed, const std::function<void(uint64_t, uint64_t)>& progress) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) throw Error(Printable(directory.string(), 1000) + ": cannot be created: " + error.message());
  WriteText(directory / "params.json", ParamsJson(shape));
  WriteText(directory / "tokenizer.model", SyntheticTokenizer(shape.vocab_size));

  const std::vector<test::PthTensor> tensors = ModelTensors(shape, dtype);
  uint64_t total = 0;
  for (const test::PthTensor& tensor : tensors) total += tensor.shares >= 0 ? 0 : tensor.Bytes();
  test::PthWriter writer(directory / "consolidated.00.pth", tensors);
  std::vector<std::byte> chunk(4u << 20);
  uint64_t done = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].shares >= 0) continue;
    const uint64_t size = tensors[i].Bytes();
    for (uint64_t at = 0; at < size; at += chunk.size()) {
      const std::span<std::byte> part = std::span(chunk).first(std::min<uint64_t>(chunk.size(), size - at));
      FillChunk(tensors[i], seed, i, at / SizeOf(dtype), part);
      writer.Append(part);
      done += part.size();
      progress(done, total);
    }
  }
  writer.Finish();
}

}  // namespace puna::bench
