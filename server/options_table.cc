#include "server/options_table.h"

#include <fmt/format.h>

#include <string_view>

namespace puna {
namespace {

// "One line, with the | of a table escaped."
std::string Cell(std::string_view text) {
  std::string cell;
  for (const char c : text) {
    if (c == '|') cell += '\\';
    cell += c == '\n' ? ' ' : c;
  }
  return cell;
}

std::string Code(std::string_view text) { return text.empty() ? "" : fmt::format("`{}`", text); }

// The help names the default of what has none in square brackets at its end: it has a column of its own here.
struct Meaning {
  std::string text;
  std::string by_default;
};

Meaning Split(const CLI::Option& option) {
  std::string text = Cell(option.get_description());
  const size_t bracket = text.rfind(" [");
  if (!text.ends_with(']') || bracket == std::string::npos) return {text, Code(option.get_default_str())};
  return {text.substr(0, bracket), text.substr(bracket + 2, text.size() - bracket - 3)};
}

std::string Row(const CLI::Option& option) {
  const std::string name = option.get_name(option.get_positional(), true);
  const std::string type = option.get_type_size() == 0 ? "" : option.get_type_name();
  const Meaning meaning = Split(option);
  return fmt::format("| {} | {} | {} | {} |\n", Code(type.empty() ? name : name + " " + type),
                     Code(option.get_envname()), meaning.by_default, meaning.text);
}

std::string Table(const CLI::App& app, std::string_view title) {
  std::string table =
      fmt::format("## {}\n\n{}.\n\n| option | environment | default | |\n| --- | --- | --- | --- |\n", title,
                  app.get_description());
  for (const CLI::Option* option : app.get_options()) {
    if (option != app.get_help_ptr()) table += Row(*option);
  }
  return table;
}

}  // namespace

std::string OptionsTable(const CLI::App& app) {
  std::string tables;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    tables += Table(*command, "`puna " + command->get_name() + "`") + "\n";
  return tables + Table(app, "Every command");
}

}  // namespace puna
