#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace puna {

// Every option of the program and of its commands, with its environment variable, default and meaning, as
// tables in Markdown. docs/configuration.md holds it, and a test compares the two.
std::string OptionsTable(const CLI::App& app);

}  // namespace puna
