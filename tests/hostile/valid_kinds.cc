#include "tests/hostile/kinds.h"
#include "tests/support/tiny_model.h"

namespace puna::test {
namespace {

namespace fs = std::filesystem;

Kind Model(const std::string& name, const TinyModel& model) {
  return {name,
          [model](const fs::path& dir) {
            fs::remove_all(dir);
            WriteTinyModel(dir, model);
          },
          ""};
}

}  // namespace

std::vector<Kind> ValidKinds() {
  std::vector<Kind> kinds;
  kinds.push_back({"as written", [](const fs::path&) {}, ""});
  kinds.push_back(Model("f16", {.dtype = DType::kF16}));
  kinds.push_back(Model("f32", {.dtype = DType::kF32}));
  kinds.push_back(Model("tied", {.tied = true}));
  kinds.push_back(Model("Llama 2", {.sentencepiece = true}));
  kinds.push_back(Model("Code Llama", {.sentencepiece = true, .more_params = ", \"rope_theta\": 1000000"}));
  for (const int shards : {2, 4, 8}) {
    kinds.push_back(Model("shards of Llama 3: " + std::to_string(shards),
                          {.dim = 96, .n_heads = 8, .n_kv_heads = 8, .shards = shards}));
    kinds.push_back(Model("shards of Llama 2: " + std::to_string(shards), {.dim = 96,
                                                                           .n_heads = 8,
                                                                           .n_kv_heads = 8,
                                                                           .sentencepiece = true,
                                                                           .shards = shards,
                                                                           .embeddings_by_columns = true}));
  }
  kinds.push_back(
      Model("params.json with more in it",
            {.more_params = ", \"max_seq_len\": 2048, \"use_scaled_rope\": true, \"what\": [null]"}));
  kinds.push_back(
      {"params.json in a model key",
       [](const fs::path& dir) { Put(dir / "params.json", "{\"model\": " + ParamsJsonOf({}) + "}"); }, ""});
  kinds.push_back({"params.json after a byte order mark",
                   [](const fs::path& dir) { Put(dir / "params.json", "\xef\xbb\xbf" + ParamsJsonOf({})); },
                   ""});
  kinds.push_back({"a tokenizer with line ends of Windows",
                   [](const fs::path& dir) {
                     std::string text;
                     for (const char c : Get(dir / "tokenizer.model"))
                       text += c == '\n' ? "\r\n" : std::string(1, c);
                     Put(dir / "tokenizer.model", text);
                   },
                   ""});
  kinds.push_back({"a tokenizer without a line feed at its end",
                   [](const fs::path& dir) {
                     std::string text = Get(dir / "tokenizer.model");
                     text.pop_back();
                     Put(dir / "tokenizer.model", text);
                   },
                   ""});
  kinds.push_back({"links to the files",
                   [](const fs::path& dir) {
                     const fs::path elsewhere = dir.parent_path() / "blobs";
                     fs::remove_all(elsewhere);
                     fs::create_directory(elsewhere);
                     for (const char* file : {"params.json", "tokenizer.model", "consolidated.00.pth"}) {
                       fs::rename(dir / file, elsewhere / file);
                       fs::create_symlink(elsewhere / file, dir / file);
                     }
                   },
                   ""});
  kinds.push_back({"other files beside",
                   [](const fs::path& dir) {
                     Put(dir / "checklist.chk", "x");
                     Put(dir / "README.md", "x");
                     Put(dir / "config.json", "{}");
                   },
                   ""});
  return kinds;
}

}  // namespace puna::test
