#include "server/commands/tokenize.h"

#include <fmt/ostream.h>

#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "loaders/model_dir.h"
#include "server/model_kind.h"

namespace puna {

void PrintTokens(std::ostream& out, const Tokenizer& tokenizer, std::string_view text) {
  const std::vector<TokenId> ids = tokenizer.Encode(text);
  for (const TokenId id : ids) fmt::print(out, "{:>7}  '{}'\n", id, Printable(tokenizer.Bytes(id)));
  fmt::print(out, "{} tokens for {} bytes\n", ids.size(), text.size());
}

void Tokenize(const TokenizeOptions& options) {
  const ModelDir model = OpenModelDir(options.directory);
  const auto tokenizer = LoadTokenizer(model);
  const std::string text =
      options.text ? *options.text : std::string(std::istreambuf_iterator<char>(std::cin), {});
  PrintTokens(std::cout, *tokenizer, text);
}

}  // namespace puna
