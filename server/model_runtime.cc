#include "server/model_runtime.h"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "engine/base/machine.h"
#include "engine/ops/attention.h"
#include "engine/ops/instruction_set.h"
#include "server/numbers.h"
#include "server/place_weights.h"

namespace puna {
namespace {

// What the directory says about it is then not true any more.
void ScaleRope(double factor, ModelDir& dir) {
  if (!dir.config.rope_scaling) {
    throw Error(fmt::format("--rope-scaling-factor: {} has no 'use_scaled_rope', there is nothing to scale",
                            Printable((dir.path / "params.json").string(), 1000)));
  }
  const float found = std::exchange(dir.config.rope_scaling->factor, static_cast<float>(factor));
  dir.notices.push_back(
      fmt::format("rope is scaled by {}, as --rope-scaling-factor says, in place of {}", factor, found));
}

std::string Conversations(int count) {
  return count == 1 ? "1 conversation" : fmt::format("{} conversations", Grouped(count));
}

std::string WeightTypes(const ModelDir& dir) {
  std::set<std::string_view> names;
  for (const TensorInfo& tensor : dir.tensors) names.insert(Name(tensor.view.dtype));
  return fmt::format("{}", fmt::join(names, " and "));
}

}  // namespace

MemoryPlan PlanModelMemory(const ModelDir& dir, const ModelOptions& options) {
  MemoryFacts facts;
  facts.model_context = dir.config.max_context;
  facts.kv_block_tokens = kKvBlockTokens;
  facts.kv_block_bytes = Llama::KvBlockBytes(dir.config);
  facts.available = AvailableMemory();
  facts.weights = static_cast<uint64_t>(dir.WeightBytes());
  facts.wanted_context = options.context;
  facts.wanted_kv_memory = options.kv_memory;
  return PlanMemory(facts);
}

ModelRuntime::ModelRuntime(const ModelOptions& options, int max_queue) {
  CheckInstructionSet();
  dir_ = OpenModelDir(options.directory);
  watch_ = std::make_unique<ModelFileWatch>(dir_);
  if (options.rope_scaling_factor > 0) ScaleRope(options.rope_scaling_factor, dir_);
  tokenizer_ = LoadTokenizer(dir_);
  kind_ = DetectModelKind(dir_, *tokenizer_, options.chat_format);
  // Before the copy takes what the plan counts as the weights' own.
  plan_ = PlanModelMemory(dir_, options);
  PlaceWeights(dir_, options.weights);
  if (options.weights.place == "copy") {
    // From here on the file may change.
    if (const auto changed = watch_->Changed()) throw Error(*changed);
    watch_.reset();
  }
  weights_place_ = options.weights.place == "copy" ? "copied into memory" : "mapped";
  if (options.weights.lock) weights_place_ += " and locked";
  pool_ = std::make_unique<ThreadPool>(options.threads > 0 ? options.threads : DefaultThreadCount());

  EngineOptions engine_options;
  engine_options.max_rows_per_step = options.batch_rows;
  engine_options.max_context = plan_.context;
  engine_options.num_kv_blocks = plan_.num_kv_blocks;
  engine_options.kv_block_tokens = kKvBlockTokens;
  engine_options.max_queue = max_queue;

  LlamaOptions model_options;
  model_options.max_rows = engine_options.max_rows_per_step;
  model_options.max_positions = plan_.context;
  model_options.num_kv_blocks = plan_.num_kv_blocks;
  model_ = std::make_unique<Llama>(dir_.config, dir_.weights, *pool_, model_options);
  scratch_bytes_ = model_->ScratchBytes();
  if (watch_) watched_ = std::make_unique<WatchedModel>(*model_, *watch_);
  engine_ =
      std::make_unique<Engine>(watched_ ? static_cast<LanguageModel&>(*watched_) : *model_, engine_options);
}

ModelStructure ModelRuntime::Structure() const {
  ModelStructure structure;
  structure.config = dir_.config;
  for (const TensorInfo& tensor : dir_.tensors) {
    structure.tensors.push_back({tensor.name, Name(tensor.view.dtype), tensor.view.shape,
                                 tensor.view.NumElements(), tensor.bytes, tensor.shared});
  }
  structure.kv_bytes_per_token = static_cast<int64_t>(Llama::KvBlockBytes(dir_.config)) / kKvBlockTokens;
  structure.kv_tokens = static_cast<int64_t>(plan_.num_kv_blocks) * kKvBlockTokens;
  structure.threads = pool_->threads();
  structure.instruction_set = InstructionSet();
  return structure;
}

std::string ModelRuntime::Summary() const {
  const auto line = [](std::string_view name, const std::string& value) {
    return fmt::format("  {:<14}{}\n", name, value);
  };
  const int64_t kv_positions = static_cast<int64_t>(plan_.num_kv_blocks) * kKvBlockTokens;
  return line("model", fmt::format("{} ({})", Printable(dir_.name), Printable(dir_.path.string(), 1000))) +
         line("parameters", fmt::format("{}, {}", Grouped(dir_.ParameterCount()), WeightTypes(dir_))) +
         line("context",
              fmt::format("{} positions of the model's {}", plan_.context, dir_.config.max_context)) +
         line("memory", fmt::format("weights {} {}, KV pool {}, scratch {}",
                                    FormatBytes(static_cast<uint64_t>(dir_.WeightBytes())), weights_place_,
                                    FormatBytes(model_->KvBytes()), FormatBytes(scratch_bytes_))) +
         line("KV pool", fmt::format("{} tokens: {} of {} tokens at once", Grouped(kv_positions),
                                     Conversations(plan_.Conversations(kKvBlockTokens)), plan_.context)) +
         line("chat format", fmt::format("{}: {}", Name(kind_.chat_format), kind_.chat_reason)) +
         line("threads", fmt::format("{}, {}", pool_->threads(), InstructionSet()));
}

}  // namespace puna
