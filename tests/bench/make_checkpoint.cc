// Writes a model directory of random weights in the shape of a real Llama, so that speed can be measured
// without owning the weights. Deterministic by seed; a 16 GB file needs a few MB of memory.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <map>
#include <string>

#include "tests/bench/synthetic_model.h"

namespace puna::bench {
namespace {

// One line that is drawn over on a terminal, and once per tenth of the way elsewhere.
class ProgressBar {
 public:
  void operator()(uint64_t done, uint64_t total) {
    const bool terminal = ::isatty(STDERR_FILENO) == 1;
    const uint64_t steps = terminal ? 400 : 10;
    const uint64_t step = done * steps / total;
    if (step == last_step_) return;
    last_step_ = step;
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    const double gigabytes = static_cast<double>(done) / 1e9;
    const double rate = gigabytes / std::max(seconds, 1e-3);
    const double left = (static_cast<double>(total) / 1e9 - gigabytes) / rate;
    const size_t filled = done * 30 / total;
    fmt::print(stderr, "{}[{:<30}] {:3d} %  {:.2f} of {:.2f} GB  {:.2f} GB/s  {:.0f} s left {}",
               terminal ? "\r" : "", std::string(filled, '#'), done * 100 / total, gigabytes,
               static_cast<double>(total) / 1e9, rate, left, terminal && done < total ? "" : "\n");
  }

 private:
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  uint64_t last_step_ = UINT64_MAX;
};

int Run(int argc, char** argv) {
  CLI::App app(
      "Writes random weights in Meta's checkpoint format, with params.json and a synthetic tokenizer.model.");
  std::string shape_name = "tiny";
  std::string directory;
  std::string dtype_name = "bf16";
  uint64_t seed = 1;
  std::map<std::string, const ModelShape*> shapes;
  std::string names;
  for (const ModelShape& known : KnownShapes()) {
    shapes[known.name] = &known;
    names += (names.empty() ? "" : ", ") + known.name;
  }
  app.add_option("--out", directory, "directory to write, created if absent")->required();
  app.add_option("--shape", shape_name, "one of: " + names)
      ->check(CLI::IsMember(shapes))
      ->capture_default_str();
  app.add_option("--dtype", dtype_name, "type of all weights")
      ->check(CLI::IsMember({"bf16", "f16", "f32"}))
      ->capture_default_str();
  app.add_option("--seed", seed, "the same seed writes the same bytes")->capture_default_str();
  int dim = 0, layers = 0, heads = 0, kv_heads = 0, vocab = 0;
  app.add_option("--dim", dim, "instead of the shape's")->check(CLI::Range(2, 1 << 16));
  app.add_option("--layers", layers, "instead of the shape's")->check(CLI::Range(1, 1024));
  app.add_option("--heads", heads, "instead of the shape's")->check(CLI::Range(1, 1024));
  app.add_option("--kv-heads", kv_heads, "instead of the shape's")->check(CLI::Range(1, 1024));
  app.add_option("--vocab", vocab, "instead of the shape's; 256 of them are special")
      ->check(CLI::Range(512, 450'000));
  CLI11_PARSE(app, argc, argv);

  ModelShape shape = *shapes.at(shape_name);
  const auto replace = [](int& field, int value) { field = value > 0 ? value : field; };
  replace(shape.dim, dim);
  replace(shape.n_layers, layers);
  replace(shape.n_heads, heads);
  replace(shape.n_kv_heads, kv_heads);
  replace(shape.vocab_size, vocab);
  if (shape.dim % (2 * shape.n_heads) != 0 || shape.n_heads % shape.n_kv_heads != 0) {
    fmt::print(stderr, "make_checkpoint: {} heads must divide half of dim {}, and {} kv-heads the heads\n",
               shape.n_heads, shape.dim, shape.n_kv_heads);
    return 1;
  }
  const DType dtype = dtype_name == "f32" ? DType::kF32 : dtype_name == "f16" ? DType::kF16 : DType::kBF16;
  ProgressBar bar;
  WriteSyntheticModel(directory, shape, dtype, seed,
                      [&](uint64_t done, uint64_t total) { bar(done, total); });
  return 0;
}

}  // namespace
}  // namespace puna::bench

int main(int argc, char** argv) {
  try {
    return puna::bench::Run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "make_checkpoint: {}\n", error.what());
    return 1;
  }
}
