#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/model/language_model.h"
#include "loaders/model_dir.h"

namespace puna {

// Exit code of a process whose model file was changed under it: EX_IOERR of sysexits.h. Whoever supervises it
// starts it again, and then the loader says what is wrong.
inline constexpr int kExitModelFileChanged = 74;

// A mapped file that somebody shortens, writes to, or cannot read from its disk any more cannot be computed
// with: pages that are gone raise SIGBUS, and pages that changed are another model. While one of these lives,
// a SIGBUS inside the model's files ends the process with one line that names the file; and Changed says
// whether they have been written to. Renaming another file over one, or deleting it, is harmless: the mapping
// keeps what it maps.
//
// One per process at a time. Changed may be asked from any thread.
class ModelFileWatch {
 public:
  // `dir` outlives this. Throws LoadError if a file is not what was mapped already.
  explicit ModelFileWatch(const ModelDir& dir);
  ~ModelFileWatch();
  ModelFileWatch(const ModelFileWatch&) = delete;
  ModelFileWatch& operator=(const ModelFileWatch&) = delete;

  // One sentence about the first file that is not what it was; a few hundred nanoseconds per file.
  std::optional<std::string> Changed() const;

  // Ends the process if one is.
  void EndIfChanged() const;

 private:
  struct File;
  std::vector<File> files_;
};

// A model over watched files: what was computed while one of them changed is never returned.
class WatchedModel final : public LanguageModel {
 public:
  // Both outlive this.
  WatchedModel(LanguageModel& model, const ModelFileWatch& watch) : model_(model), watch_(watch) {}

  std::span<const float> Forward(const Batch& batch) override {
    const std::span<const float> logits = model_.Forward(batch);
    watch_.EndIfChanged();
    return logits;
  }
  std::span<const float> Hidden() const override { return model_.Hidden(); }
  int vocab_size() const override { return model_.vocab_size(); }
  int hidden_size() const override { return model_.hidden_size(); }

 private:
  LanguageModel& model_;
  const ModelFileWatch& watch_;
};

}  // namespace puna
