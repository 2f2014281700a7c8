#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace puna {

// What a file that should be a zip archive or a tokenizer seems to be instead, judged by its first bytes: a
// web page saved under the wrong name, a git-lfs pointer, torch.save's format from before 2020, another model
// format. One phrase with the remedy, fit to follow "it ". Empty if nothing is recognised. Reads at most the
// first 512 bytes.
std::optional<std::string> RecogniseForeignFile(std::span<const std::byte> file);

}  // namespace puna
