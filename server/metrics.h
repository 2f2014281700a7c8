#pragma once

#include <memory>
#include <string>

#include "engine/engine.h"
#include "server/http_types.h"

namespace puna {

// What Prometheus reads. The engine counts by itself, in plain numbers (EngineStats); here they get their
// names when somebody asks, so a token costs nothing. Requests are counted at their end.
class Metrics {
 public:
  Metrics();
  ~Metrics();

  // Any thread.
  void Count(const HttpEnd& end);

  // All metrics in Prometheus' text format; without the engine's if there is none yet. Any thread.
  std::string Text(const EngineStats* engine) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Of what Text returns.
inline constexpr const char* kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace puna
