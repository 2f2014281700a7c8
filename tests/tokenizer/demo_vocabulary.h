#pragma once

#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "tokenizer/tokenizer.h"

namespace puna {

inline std::string ReadDemoFile(const std::string& name) {
  std::ifstream file(std::string(PUNA_SOURCE_DIR) + "/models/demo/" + name, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The demo model's tokenizer: 1,792 tokens and the 256 special ones.
inline std::unique_ptr<Tokenizer> DemoTokenizer() {
  return Tokenizer::FromTiktoken(ReadDemoFile("tokenizer.model"), "models/demo/tokenizer.model");
}

}  // namespace puna
