#include "server/program_log.h"

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <chrono>
#include <mutex>

#include "server/patient_write.h"

namespace puna {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kWaitingLines = 8192;
constexpr std::chrono::seconds kLastLines{1};

// Used by the log's thread, and after its end by nobody but who still logs then.
class DescriptorSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit DescriptorSink(int fd) : fd_(fd) {}

  void GiveUpAt(Clock::time_point when) { give_up_ = when; }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    PatientWrite(fd_, {line.data(), line.size()}, give_up_);
  }
  void flush_() override {}

  const int fd_;
  std::atomic<Clock::time_point> give_up_{Clock::time_point::max()};
};

}  // namespace

struct ProgramLog::Impl {
  std::shared_ptr<spdlog::logger> before = spdlog::default_logger();
  std::shared_ptr<DescriptorSink> sink;
  std::shared_ptr<spdlog::details::thread_pool> thread;
};

ProgramLog::ProgramLog(const std::string& level, int fd) : impl_(std::make_unique<Impl>()) {
  impl_->sink = std::make_shared<DescriptorSink>(fd);
  impl_->thread = std::make_shared<spdlog::details::thread_pool>(kWaitingLines, 1);
  auto logger = std::make_shared<spdlog::async_logger>("puna", impl_->sink, impl_->thread,
                                                       spdlog::async_overflow_policy::overrun_oldest);
  logger->set_level(spdlog::level::from_str(level));
  spdlog::set_default_logger(std::move(logger));
}

ProgramLog::~ProgramLog() {
  spdlog::set_default_logger(impl_->before);
  impl_->sink->GiveUpAt(Clock::now() + kLastLines);
  // Joins once the queue is empty; past the time above lines are dropped as fast as they are taken.
  impl_->thread.reset();
}

}  // namespace puna
