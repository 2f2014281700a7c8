#pragma once

#include "server/api/served_model.h"
#include "server/http_types.h"

namespace puna {

// POST /v1/embeddings: for each input the mean of its tokens' hidden states after the model's final norm,
// scaled to length 1. The BOS in front of a text is computed but not part of the mean: it is the same for
// every text, and large. Llama's checkpoints were not trained for this; the vectors tell texts apart, but
// worse than those of models that were. Throws RequestError.
HttpResponse Embeddings(ServedModel& model, const HttpRequest& http);

}  // namespace puna
