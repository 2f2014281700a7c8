#include "server/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <limits>
#include <utility>
#include <vector>

namespace puna {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Label = ClientMetric::Label;

// Why a request's answers were cancelled: the label `reason`.
constexpr std::array kCancelReasons = {"client_gone", "client_stalled", "deadline", "shutdown"};

const char* CancelReason(const HttpEnd& end) {
  switch (end.request.figures->end) {
    case AnswerFigures::End::kClientGone:
      return end.end == "stalled" ? "client_stalled" : "client_gone";
    case AnswerFigures::End::kDeadline:
      return "deadline";
    case AnswerFigures::End::kShutdown:
      return "shutdown";
    case AnswerFigures::End::kNoAnswer:
    case AnswerFigures::End::kComplete:
    case AnswerFigures::End::kFailed:
      break;
  }
  return nullptr;
}

// The label `reason` of the engine's FinishReason of the same number.
constexpr std::array<const char*, kFinishReasons> kFinishNames = {"stop",     "length",   "cancelled",
                                                                  "shutdown", "deadline", "error"};

// Builds families out of plain numbers.
class Families {
 public:
  void Counter(const char* name, const char* help, int64_t value) {
    Family(name, help, MetricType::Counter);
    AddCounter({}, value);
  }
  void Gauge(const char* name, const char* help, int64_t value) {
    Family(name, help, MetricType::Gauge);
    AddGauge({}, value);
  }
  void Family(const char* name, const char* help, MetricType type) {
    families_.push_back({name, help, type, {}});
  }
  void AddCounter(std::vector<Label> labels, int64_t value) {
    Add(std::move(labels)).counter.value = static_cast<double>(value);
  }
  void AddGauge(std::vector<Label> labels, int64_t value) {
    Add(std::move(labels)).gauge.value = static_cast<double>(value);
  }
  void Distribution(const char* name, const char* help, const Histogram& values) {
    Family(name, help, MetricType::Histogram);
    ClientMetric::Histogram& histogram = Add({}).histogram;
    uint64_t below = 0;
    for (size_t i = 0; i < values.counts().size(); ++i) {
      below += static_cast<uint64_t>(values.counts()[i]);
      const bool bounded = i < values.bounds().size();
      histogram.bucket.push_back(
          {below, bounded ? values.bounds()[i] : std::numeric_limits<double>::infinity()});
    }
    histogram.sample_count = below;
    histogram.sample_sum = values.sum();
  }
  std::vector<MetricFamily> Take() { return std::move(families_); }

 private:
  ClientMetric& Add(std::vector<Label> labels) {
    ClientMetric metric;
    metric.label = std::move(labels);
    return families_.back().metric.emplace_back(std::move(metric));
  }

  std::vector<MetricFamily> families_;
};

void AddAnswers(const EngineStats& stats, Families& families) {
  families.Gauge("puna_requests_running", "Answers that are being computed; each choice is one.",
                 stats.running);
  families.Gauge("puna_requests_waiting", "Answers that wait in the queue for a place.", stats.waiting);
  families.Family("puna_answers_finished_total",
                  "Answers that ended, by reason. Those that a stop string ended are among the cancelled.",
                  MetricType::Counter);
  for (size_t i = 0; i < kFinishReasons; ++i)
    families.AddCounter({{"reason", kFinishNames[i]}}, stats.requests_finished[i]);
  families.Counter("puna_prompt_tokens_total", "Tokens of prompts, computed or found in the prefix cache.",
                   stats.prompt_tokens);
  families.Counter("puna_cached_tokens_total", "Tokens of prompts that were found in the prefix cache.",
                   stats.cached_tokens);
  families.Counter("puna_generated_tokens_total", "Tokens of answers.", stats.generated_tokens);
  families.Distribution("puna_time_to_first_token_seconds",
                        "From the moment an answer is queued to its first token.", stats.time_to_first_token);
  families.Distribution("puna_inter_token_latency_seconds", "From one token of an answer to its next.",
                        stats.inter_token_latency);
}

void AddSteps(const EngineStats& stats, Families& families) {
  families.Counter("puna_steps_total", "Passes over the weights.", stats.steps);
  families.Distribution("puna_step_rows", "Rows (tokens) computed by a step, over all answers.",
                        stats.rows_per_step);
  families.Counter("puna_preemptions_total",
                   "Times an answer lost its KV blocks to an older one and was computed again.",
                   stats.preemptions);
  families.Counter("puna_model_errors_total", "Steps that failed, and with them all running answers.",
                   stats.model_errors);
  families.Family("puna_kv_blocks", "Blocks of the KV pool, by state; cached ones can be taken at any time.",
                  MetricType::Gauge);
  const int used = stats.kv_blocks_total - stats.kv_blocks_free - stats.kv_blocks_cached;
  families.AddGauge({{"state", "free"}}, stats.kv_blocks_free);
  families.AddGauge({{"state", "used"}}, used);
  families.AddGauge({{"state", "cached"}}, stats.kv_blocks_cached);
}

}  // namespace

struct Metrics::Impl {
  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& requests =
      prometheus::BuildCounter()
          .Name("puna_http_requests_total")
          .Help("Requests that ended, by the pattern of their route and their status.")
          .Register(registry);
  prometheus::Family<prometheus::Counter>& cancelled =
      prometheus::BuildCounter()
          .Name("puna_requests_cancelled_total")
          .Help("Requests whose answers were cut short, by reason.")
          .Register(registry);
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {
  for (const char* reason : kCancelReasons) impl_->cancelled.Add({{"reason", reason}});
}

Metrics::~Metrics() = default;

void Metrics::Count(const HttpEnd& end) {
  const std::string route(end.route.empty() ? "none" : end.route);
  impl_->requests.Add({{"route", route}, {"status", std::to_string(end.status)}}).Increment();
  if (const char* reason = CancelReason(end)) impl_->cancelled.Add({{"reason", reason}}).Increment();
}

std::string Metrics::Text(const EngineStats* engine) const {
  std::vector<MetricFamily> families = impl_->registry.Collect();
  if (engine != nullptr) {
    Families of_engine;
    AddAnswers(*engine, of_engine);
    AddSteps(*engine, of_engine);
    for (MetricFamily& family : of_engine.Take()) families.push_back(std::move(family));
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace puna
