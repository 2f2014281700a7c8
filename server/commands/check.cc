#include "server/commands/check.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/machine.h"
#include "engine/ops/attention.h"
#include "server/check/checklist.h"
#include "server/check/progress.h"
#include "server/check/value_scan.h"
#include "server/model_file_watch.h"
#include "server/model_runtime.h"
#include "server/numbers.h"

namespace puna {
namespace {

constexpr const char* kChecklist = "checklist.chk";
constexpr size_t kMaxNamed = 10;  // bad tensors that get a line each

// The lines of the report, and how many of them are bad.
class Report {
 public:
  explicit Report(std::ostream& out) : out_(out) {}

  void Good(std::string_view check, std::string_view text) { Line(check, "good", text); }
  void Bad(std::string_view check, std::string_view text) {
    Line(check, "BAD", text);
    ++bad_;
  }
  void Note(std::string_view check, std::string_view text) { Line(check, "note", text); }

  int bad() const { return bad_; }

 private:
  void Line(std::string_view check, std::string_view verdict, std::string_view text) {
    // Each at once: the next check may take minutes.
    out_ << fmt::format("  {:<10} {:<4}  {}\n", check, verdict, text) << std::flush;
  }

  std::ostream& out_;
  int bad_ = 0;
};

Progress::Listener Listener(int fd, const char* what) {
  return fd < 0 ? Progress::Listener() : ProgressLines(fd, what);
}

void CheckValues(const ModelDir& dir, Report& report, int progress_fd) {
  Progress progress(static_cast<uint64_t>(dir.WeightBytes()), Listener(progress_fd, "numbers"));
  size_t bad = 0;
  for (const TensorInfo& tensor : dir.tensors) {
    if (tensor.shared) continue;
    const BadValues found = ScanValues(tensor.view, progress);
    if (found.first < 0) continue;
    if (++bad > kMaxNamed) continue;
    report.Bad("numbers", fmt::format("tensor '{}': {} NaN and {} infinite of {}, the first is element {}",
                                      Printable(tensor.name), Grouped(found.nans), Grouped(found.infinities),
                                      Grouped(tensor.view.NumElements()), Grouped(found.first)));
  }
  if (bad > kMaxNamed) report.Bad("numbers", fmt::format("and {} more tensors", bad - kMaxNamed));
  if (bad == 0)
    report.Good("numbers", fmt::format("{}, none NaN or infinite", Grouped(dir.ParameterCount())));
}

std::string ReadChecklist(const std::filesystem::path& path) {
  constexpr size_t kMost = 1 << 20;
  std::ifstream file(path, std::ios::binary);
  std::string text(kMost, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || !file.eof())
    throw Error(fmt::format("cannot be read, or is larger than {} bytes", kMost));
  text.resize(static_cast<size_t>(file.gcount()));
  return text;
}

void CompareSums(const ModelDir& dir, Report& report, int progress_fd) {
  std::vector<MappedFile> files;
  uint64_t bytes = 0;
  const std::vector<ChecklistEntry> entries = ParseChecklist(ReadChecklist(dir.path / kChecklist));
  for (const ChecklistEntry& entry : entries)
    bytes += files.emplace_back(dir.path / entry.name).bytes().size();
  Progress progress(bytes, Listener(progress_fd, "checksums"));
  size_t equal = 0;
  for (size_t i = 0; i < entries.size(); ++i) {
    const std::string found = Md5(files[i].bytes(), progress);
    if (found == entries[i].md5) {
      ++equal;
    } else {
      report.Bad("checksums", fmt::format("{}: expected MD5 {}, found {}: download it again",
                                          Printable(entries[i].name), entries[i].md5, found));
    }
  }
  if (equal == entries.size())
    report.Good("checksums", fmt::format("{} files as {} says", equal, kChecklist));
}

void CheckSums(const ModelDir& dir, Report& report, int progress_fd) {
  std::error_code error;
  if (!std::filesystem::exists(dir.path / kChecklist, error)) {
    report.Note("checksums", fmt::format("not compared, as there is no {}", kChecklist));
    return;
  }
  try {
    CompareSums(dir, report, progress_fd);
  } catch (const Error& problem) {
    report.Bad("checksums", fmt::format("{}: {}", kChecklist, problem.what()));
  }
}

void CheckMemory(const ModelDir& dir, const ModelOptions& options, Report& report) {
  const auto weights = static_cast<uint64_t>(dir.WeightBytes());
  const uint64_t available = AvailableMemory();
  const uint64_t token = Llama::KvBlockBytes(dir.config) / kKvBlockTokens;
  try {
    const MemoryPlan plan = PlanModelMemory(dir, options);
    const uint64_t pool = static_cast<uint64_t>(plan.num_kv_blocks) * Llama::KvBlockBytes(dir.config);
    report.Good("memory",
                fmt::format("weights {} as page cache, KV pool {} ({} per token): {} of {} tokens at once",
                            FormatBytes(weights), FormatBytes(pool), FormatBytes(token),
                            plan.Conversations(kKvBlockTokens), plan.context));
  } catch (const Error& problem) {
    report.Bad("memory", problem.what());
  }
  if (available > 0 && weights > available) {
    report.Note("memory",
                fmt::format("{} may be used here, less than the weights: every token will read them "
                            "from the disk",
                            FormatBytes(available)));
  }
}

}  // namespace

void CheckModel(const CheckOptions& options, std::ostream& out, int progress_fd) {
  const ModelDir dir = OpenModelDir(options.model.directory);
  const ModelFileWatch watch(dir);
  Report report(out);
  out << Printable(dir.name) << " (" << Printable(dir.path.string(), 1000) << ")\n";
  report.Good("structure", fmt::format("{} tensors, {} parameters, {} bytes",
                                       Grouped(static_cast<int64_t>(dir.tensors.size())),
                                       Grouped(dir.ParameterCount()), Grouped(dir.WeightBytes())));
  for (const std::string& notice : dir.notices) report.Note("structure", notice);
  try {
    report.Good("tokenizer", fmt::format("{} tokens", Grouped(LoadTokenizer(dir)->vocab_size())));
  } catch (const Error& problem) {
    report.Bad("tokenizer", problem.what());
  }
  CheckValues(dir, report, progress_fd);
  CheckSums(dir, report, progress_fd);
  CheckMemory(dir, options.model, report);
  if (const auto changed = watch.Changed()) throw Error(*changed);
  if (report.bad() > 0) {
    throw Error(fmt::format("{}: {} of the checks above went wrong", Printable(dir.path.string(), 1000),
                            report.bad()));
  }
  out << "good\n";
}

}  // namespace puna
