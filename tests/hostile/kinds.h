#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace puna::test {

// One way in which a model directory can be bad, or unusual but right.
struct Kind {
  std::string name;
  std::function<void(const std::filesystem::path& directory)> spoil;  // a tiny model that is right before
  std::string words;  // part of the line that refuses it; "" if it is right
};

std::vector<Kind> DirectoryKinds();
std::vector<Kind> ParamsKinds();
std::vector<Kind> TokenizerKinds();
std::vector<Kind> ContainerKinds();
std::vector<Kind> RecordKinds();
std::vector<Kind> PickleKinds();
std::vector<Kind> ValidKinds();

// Puts a file in the place of another one.
void Put(const std::filesystem::path& file, std::string_view bytes);
std::string Get(const std::filesystem::path& file);
// A kind whose only fault is the content of one file.
Kind Content(std::string name, std::string file, std::string bytes, std::string words);

}  // namespace puna::test
