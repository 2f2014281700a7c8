#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/config.h"
#include "server/http_types.h"

namespace puna {

struct ServedModel;

// What a model is made of, for people to look at: the page draws it. Plain values, so that nothing of the
// files is held.
struct ModelStructure {
  struct Tensor {
    std::string name;
    std::string_view type;  // "bf16"
    std::vector<int64_t> shape;
    int64_t elements = 0;
    int64_t bytes = 0;
    bool shared = false;  // the bytes of an earlier tensor (tied weights); sums leave it out
  };

  ModelConfig config;
  std::vector<Tensor> tensors;     // in the checkpoint's order
  int64_t kv_bytes_per_token = 0;  // of all layers
  int64_t kv_tokens = 0;           // that the pool holds
  int threads = 0;
  std::string_view instruction_set;
};

// GET /model: the structure of the model that is served, as one object.
HttpResponse DescribeModel(const ServedModel& model);

}  // namespace puna
