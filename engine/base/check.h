#pragma once

#include <sstream>

// CHECK(condition) << "values";
// A broken condition is our own mistake, never a user's fault: it prints the condition, the place and the
// streamed values to standard error and aborts. Outside input is refused with an exception (error.h) instead.
// CHECK is always on. It costs a branch: keep it out of inner loops.

namespace puna::internal {

class CheckFailure {
 public:
  CheckFailure(const char* file, int line, const char* condition) {
    message_ << file << ':' << line << ": CHECK failed: " << condition << ' ';
  }
  [[noreturn]] ~CheckFailure();
  std::ostream& stream() { return message_; }

 private:
  std::ostringstream message_;
};

// Gives both arms of CHECK's conditional the type void; & binds looser than <<.
struct Voidify {
  void operator&(std::ostream&) {}
};

}  // namespace puna::internal

#define CHECK(condition)                      \
  (condition) ? static_cast<void>(0)          \
              : ::puna::internal::Voidify() & \
                    ::puna::internal::CheckFailure(__FILE__, __LINE__, #condition).stream()
