#include "server/program_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <mutex>

#include "engine/base/error.h"
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
  explicit DescriptorSink(const std::filesystem::path& file) : file_(file), fd_(OpenLog(file)) {
    if (fd_ < 0)
      throw Error(fmt::format("cannot log to {}: {}", Printable(file.string()), std::strerror(errno)));
  }
  ~DescriptorSink() override {
    if (!file_.empty()) close(fd_);
  }

  void GiveUpAt(Clock::time_point when) { give_up_ = when; }
  void Reopen() { reopen_ = !file_.empty(); }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    if (reopen_.exchange(false)) OpenAgain();
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    PatientWrite(fd_, {line.data(), line.size()}, give_up_);
  }
  void flush_() override {}

  static int OpenLog(const std::filesystem::path& file) {
    return open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
  }

  void OpenAgain() {
    const int fd = OpenLog(file_);
    if (fd < 0) {
      const std::string complaint =
          fmt::format("cannot open {} again: {}\n", Printable(file_.string()), std::strerror(errno));
      PatientWrite(fd_, complaint, give_up_);
      return;
    }
    close(fd_);
    fd_ = fd;
  }

  const std::filesystem::path file_;  // empty: a descriptor of somebody else's
  int fd_;
  std::atomic<bool> reopen_{false};
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
  Start(level);
}

ProgramLog::ProgramLog(const std::string& level, const std::filesystem::path& file)
    : impl_(std::make_unique<Impl>()) {
  impl_->sink = std::make_shared<DescriptorSink>(file);
  Start(level);
}

void ProgramLog::Reopen() {
  impl_->sink->Reopen();
  spdlog::info("log opened again");
}

void ProgramLog::Start(const std::string& level) {
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
