#include "loaders/model_dir.h"

#include <fmt/format.h>

#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "loaders/file_kind.h"
#include "loaders/llama_weights.h"
#include "loaders/load_error.h"
#include "loaders/params_json.h"
#include "loaders/pth_checkpoint.h"

namespace puna {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kParams = "params.json";
constexpr std::string_view kTokenizer = "tokenizer.model";
constexpr std::string_view kCheckpoint = "consolidated.00.pth";
constexpr int kMostShards = 16;  // looked for, so that a larger number is named

bool Exists(const fs::path& path) {
  std::error_code ignored;  // whatever hinders the look is said when the file is opened
  return fs::exists(path, ignored);
}

bool HasFileEndingWith(const fs::path& directory, std::string_view ending) {
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    if (at->path().filename().string().ends_with(ending)) return true;
  }
  return false;
}

// Says what the directory is instead of Meta's, before single files are missed.
void CheckDirectory(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) throw LoadError(path, "no such directory");
  if (error) throw LoadError(path, "cannot be examined: " + error.message());
  if (!fs::is_directory(status)) {
    throw LoadError(path, fmt::format("is a file, expected the directory that holds {}, {} and {}", kParams,
                                      kTokenizer, kCheckpoint));
  }
  if (Exists(path / kCheckpoint)) return;
  if (Exists(path / "original" / kCheckpoint)) {
    throw LoadError(path, fmt::format("is a Hugging Face directory; Meta's files are in its folder '{}'",
                                      Printable((path / "original").string(), 1000)));
  }
  if (Exists(path / "config.json") || HasFileEndingWith(path, ".safetensors")) {
    throw LoadError(
        path, fmt::format("is a Hugging Face directory (config.json, *.safetensors); expected Meta's {}, {} "
                          "and {}, which Hugging Face keeps in a folder named 'original'",
                          kParams, kTokenizer, kCheckpoint));
  }
  if (HasFileEndingWith(path, ".gguf")) {
    throw LoadError(path, fmt::format("holds GGUF files; expected Meta's {}, {} and {}", kParams, kTokenizer,
                                      kCheckpoint));
  }
}

void RequireFiles(const fs::path& path) {
  std::string missing;
  for (const std::string_view name : {kParams, kTokenizer, kCheckpoint}) {
    if (!Exists(path / name)) missing += fmt::format("{}{}", missing.empty() ? "" : ", ", name);
  }
  if (!missing.empty()) {
    throw LoadError(
        path, fmt::format("expected {}, {} and {}; missing: {}", kParams, kTokenizer, kCheckpoint, missing));
  }
}

std::string ShardName(int shard) { return fmt::format("consolidated.{:02}.pth", shard); }

// consolidated.00.pth to the last one that is there. Meta splits models over 2, 4 or 8 files.
std::vector<std::string> FindShards(const fs::path& path) {
  int last = 0;
  for (int shard = 1; shard < kMostShards; ++shard) {
    if (Exists(path / ShardName(shard))) last = shard;
  }
  std::vector<std::string> names;
  for (int shard = 0; shard <= last; ++shard) {
    names.push_back(ShardName(shard));
    if (!Exists(path / names.back())) {
      throw LoadError(path, fmt::format("{} is missing, {} is there", names.back(), ShardName(last)));
    }
  }
  const size_t n = names.size();
  if (n != 1 && n != 2 && n != 4 && n != 8) {
    throw LoadError(path, fmt::format("expected 1, 2, 4 or 8 files consolidated.NN.pth, found {}", n));
  }
  return names;
}

// A sentencepiece model is a protobuf message whose first field is a piece: tag 1, a text, which no line of
// base64 begins with.
TokenizerKind KindOfTokenizer(std::string_view file) {
  return file.starts_with('\n') ? TokenizerKind::kSentencePiece : TokenizerKind::kTiktoken;
}

// Runs a parser on a file's bytes; what it finds wrong gets the file's path in front.
template <typename Parser>
auto ParseFile(const fs::path& file, Parser parse) {
  try {
    return parse();
  } catch (const FormatError& error) {
    throw LoadError(file, error.what());
  }
}

// What a checkpoint of this shape has at least: weights of 16 bits, embeddings that are the output too. Its
// files, together.
int64_t LeastBytes(const ModelConfig& c) {
  const int64_t dim = c.dim, q = int64_t{c.n_heads} * c.head_dim, kv = int64_t{c.n_kv_heads} * c.head_dim;
  const int64_t layer = 2 * dim * (q + kv) + 3 * dim * c.hidden_dim + 2 * dim;
  return 2 * (c.n_layers * layer + dim + int64_t{c.vocab_size} * dim);
}

// A file that is no checkpoint and too small for one is most often half a download: both sizes are said.
std::vector<NamedTensor> ReadShard(const MappedFile& file, const ModelConfig& config, size_t shards) {
  try {
    return ReadPthCheckpoint(file.bytes());
  } catch (const FormatError& error) {
    const int64_t least = LeastBytes(config) / static_cast<int64_t>(shards);
    const auto found = static_cast<int64_t>(file.bytes().size());
    if (found >= least) throw LoadError(file.path(), error.what());
    throw LoadError(file.path(), fmt::format("{} (found {} bytes, expected at least {} by params.json)",
                                             error.what(), found, least));
  }
}

// "Llama-3.1-8B-Instruct" for that directory, and for the folder "original" inside it.
std::string ModelName(const fs::path& path) {
  fs::path full = fs::absolute(path).lexically_normal();
  if (!full.has_filename()) full = full.parent_path();  // a trailing slash
  if (full.filename() == "original" && full.parent_path().has_filename()) full = full.parent_path();
  const std::string name = full.filename().string();
  return name.empty() ? "model" : name;
}

int64_t Bytes(const TensorView& view) {
  return view.NumElements() * static_cast<int64_t>(SizeOf(view.dtype));
}

// Tensors of one file. In files after the first, vectors are copies.
void AddInfos(const std::vector<NamedTensor>& tensors, const std::string& file,
              std::vector<TensorInfo>& infos) {
  const bool first_file = infos.empty();
  std::set<std::pair<const std::byte*, int64_t>> seen;
  for (const NamedTensor& tensor : tensors) {
    const int64_t bytes = Bytes(tensor.view);
    const bool again = bytes > 0 && !seen.emplace(tensor.view.data, bytes).second;
    const bool copy = !first_file && tensor.view.shape.size() < 2;
    infos.push_back(
        {.name = tensor.name, .view = tensor.view, .bytes = bytes, .file = file, .shared = again || copy});
  }
}

}  // namespace

int64_t ModelDir::ParameterCount() const {
  int64_t count = 0;
  for (const TensorInfo& tensor : tensors) count += tensor.shared ? 0 : tensor.view.NumElements();
  return count;
}

int64_t ModelDir::WeightBytes() const {
  int64_t bytes = 0;
  for (const TensorInfo& tensor : tensors) bytes += tensor.shared ? 0 : tensor.bytes;
  return bytes;
}

ModelDir OpenModelDir(const fs::path& path) {
  CheckDirectory(path);
  RequireFiles(path);
  ModelDir dir;
  dir.path = path;
  dir.name = ModelName(path);

  // First, as params.json leaves to the tokenizer which generation it is of.
  dir.tokenizer_file = MappedFile(path / kTokenizer);
  if (const auto kind = RecogniseForeignFile(dir.tokenizer_file.bytes())) {
    throw LoadError(dir.tokenizer_file.path(), *kind);
  }
  dir.tokenizer_kind = KindOfTokenizer(dir.tokenizer_file.text());

  const MappedFile params_file(path / kParams);
  const auto generation =
      dir.tokenizer_kind == TokenizerKind::kTiktoken ? LlamaGeneration::kThree : LlamaGeneration::kOneOrTwo;
  ModelParams params =
      ParseFile(params_file.path(), [&] { return ReadParamsJson(params_file.text(), generation); });
  dir.config = params.config;
  dir.notices = std::move(params.notices);

  std::vector<std::vector<NamedTensor>> shards;
  const std::vector<std::string> names = FindShards(path);
  for (const std::string& name : names) {
    const MappedFile& file = dir.files.emplace_back(path / name);
    shards.push_back(ReadShard(file, dir.config, names.size()));
    AddInfos(shards.back(), name, dir.tensors);
  }
  const fs::path& blamed = shards.size() == 1 ? dir.files.front().path() : path;
  BoundWeights bound = ParseFile(blamed, [&] { return BindLlamaWeights(shards, dir.config); });
  dir.weights = std::move(bound.weights);
  dir.notices.insert(dir.notices.end(), bound.notices.begin(), bound.notices.end());
  return dir;
}

}  // namespace puna
