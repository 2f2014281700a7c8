#include "tests/bench/load/latency_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "tests/bench/load/percentiles.h"

namespace puna::bench {
namespace {

constexpr double kPanelWidth = 300, kPanelHeight = 200, kLeft = 56, kTop = 40, kGap = 70, kBottom = 64;
constexpr double kLeastMs = 0.01;  // what arrived together has no distance, and a logarithm needs one
constexpr std::array kTicks = {50.0, 90.0, 99.0, 99.9};
constexpr std::array kColors = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#444444"};

// 0 % is at 0, 90 % at 1, 99 % at 2: every nine has the same room. The axis ends at 99.9 %.
double Nines(double percent) { return -std::log10(1 - percent / 100); }
double X(double percent) { return kPanelWidth * Nines(percent) / Nines(kTicks.back()); }

struct Decades {
  double low;  // powers of ten, as exponents
  double high;

  double Y(double ms) const {
    return kPanelHeight * (high - std::log10(std::max(ms, kLeastMs))) / (high - low);
  }
};

Decades DecadesOf(const std::vector<Percentiles>& lines) {
  double least = 1e9, most = kLeastMs;
  for (const Percentiles& line : lines) {
    if (line.count() == 0) continue;
    least = std::min(least, std::max(line.At(50), kLeastMs));
    most = std::max(most, line.Max());
  }
  const double low = std::floor(std::log10(std::min(least, most)));
  return {low, std::max(low + 1, std::ceil(std::log10(most)))};
}

std::string Text(double x, double y, std::string_view anchor, std::string_view text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n", x, y, anchor, text);
}

std::string Rule(double x1, double y1, double x2, double y2) {
  return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#ddd\"/>\n", x1,
                     y1, x2, y2);
}

std::string Line(const Percentiles& ms, const Decades& decades, std::string_view color) {
  std::string points;
  constexpr int kSteps = 120;
  for (int i = 0; i <= kSteps; ++i) {
    const double nines = Nines(kTicks.back()) * i / kSteps;
    const double percent = std::clamp(100 * (1 - std::pow(10, -nines)), 1e-6, kTicks.back());
    points += fmt::format("{}{:.1f},{:.1f}", points.empty() ? "" : " ", X(percent),
                          std::min(decades.Y(ms.At(percent)), kPanelHeight));
  }
  return fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\"/>\n", points,
                     color);
}

std::string Panel(double left, std::string_view title, const std::vector<Percentiles>& lines) {
  const Decades decades = DecadesOf(lines);
  std::string panel = fmt::format("<g transform=\"translate({:.1f} {:.1f})\">\n", left, kTop);
  panel += Text(kPanelWidth / 2, -14, "middle", title);
  for (double decade = decades.low; decade <= decades.high; ++decade) {
    const double y = decades.Y(std::pow(10, decade));
    panel += Rule(0, y, kPanelWidth, y) + Text(-6, y + 4, "end", fmt::format("{:g}", std::pow(10, decade)));
  }
  for (const double tick : kTicks) {
    panel += Rule(X(tick), 0, X(tick), kPanelHeight) +
             Text(X(tick), kPanelHeight + 16, "middle", fmt::format("{:g} %", tick));
  }
  for (size_t i = 0; i < lines.size(); ++i)
    if (lines[i].count() > 0) panel += Line(lines[i], decades, kColors[i % kColors.size()]);
  return panel + "</g>\n";
}

}  // namespace

std::string LatencyPlot(std::span<const LoadResult> results) {
  std::vector<Percentiles> first, gaps;
  for (const LoadResult& result : results) {
    first.emplace_back(result.first_ms);
    gaps.emplace_back(result.gaps_ms);
  }
  const double width = kLeft + kPanelWidth + kGap + kPanelWidth + 30, height = kTop + kPanelHeight + kBottom;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
      "height=\"{1:.0f}\" font-family=\"sans-serif\" font-size=\"12\">\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
      width, height);
  svg += Panel(kLeft, "time to the first token, ms", first);
  svg += Panel(kLeft + kPanelWidth + kGap, "time between tokens, ms", gaps);
  double x = kLeft;
  for (size_t i = 0; i < results.size(); ++i, x += 100) {
    const double y = height - 16;
    svg += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"14\" height=\"4\" fill=\"{}\"/>\n", x, y - 6,
                       kColors[i % kColors.size()]);
    svg += Text(x + 20, y, "start",
                fmt::format("{} client{}", results[i].clients, results[i].clients == 1 ? "" : "s"));
  }
  return svg + "</svg>\n";
}

}  // namespace puna::bench
