#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/base/thread_pool.h"
#include "engine/engine.h"
#include "engine/model/llama.h"
#include "loaders/model_dir.h"
#include "server/api/model_structure.h"
#include "server/memory_plan.h"
#include "server/model_file_watch.h"
#include "server/model_kind.h"
#include "server/options.h"
#include "tokenizer/tokenizer.h"

namespace puna {

// What this process may use of the machine's memory for that model, with `options` as PlanMemory says.
MemoryPlan PlanModelMemory(const ModelDir& dir, const ModelOptions& options);

// A model directory, ready to answer: mapped weights, tokenizer, threads, KV cache and the engine over them.
// The constructor loads; destruction ends what the engine runs.
class ModelRuntime {
 public:
  // `max_queue`: as EngineOptions says. Throws Error: what is wrong with the directory, the machine, or the
  // options for it.
  ModelRuntime(const ModelOptions& options, int max_queue);

  const ModelDir& dir() const { return dir_; }
  const Tokenizer& tokenizer() const { return *tokenizer_; }
  const ModelKind& kind() const { return kind_; }
  Engine& engine() { return *engine_; }
  int max_context() const { return plan_.context; }

  // Ends the process if a file of the model has been written to (model_file_watch.h). Any thread. The engine
  // asks at every step; this is for when it has nothing to do.
  void EndIfFilesChanged() const {
    if (watch_) watch_->EndIfChanged();
  }

  // What the model is made of and how it is run.
  ModelStructure Structure() const;

  // What a person wants to know at the start: model, parameters, types, context, memory, threads, instruction
  // set. One line each, each ended by a newline.
  std::string Summary() const;

 private:
  ModelDir dir_;
  std::unique_ptr<ModelFileWatch> watch_;  // null once the weights are a copy
  std::unique_ptr<Tokenizer> tokenizer_;
  ModelKind kind_;
  MemoryPlan plan_;
  std::string weights_place_;
  std::unique_ptr<ThreadPool> pool_;
  std::unique_ptr<Llama> model_;
  std::unique_ptr<WatchedModel> watched_;  // null likewise
  uint64_t scratch_bytes_ = 0;             // at the start: later the model is the engine thread's alone
  std::unique_ptr<Engine> engine_;
};

}  // namespace puna
