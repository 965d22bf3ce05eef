// Preloaded into a program, it makes its steady clock run faster, so that pauses and time-outs of minutes
// pass in seconds: SJCP_TEST_HASTE=30 means thirty times as fast.
#include <dlfcn.h>
#include <pthread.h>

#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

constexpr int64_t kBillion = 1'000'000'000;

template <typename Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

int real_time(clockid_t clock, timespec* out) {
  static const auto real = next<int (*)(clockid_t, timespec*)>("clock_gettime");
  return real(clock, out);
}

int64_t nanoseconds(const timespec& time) {
  return time.tv_sec * kBillion + time.tv_nsec;
}

timespec to_timespec(int64_t time) {
  return {time / kBillion, time % kBillion};
}

struct Haste {
  int64_t factor = 1;
  int64_t begin = 0;
  Haste() {
    if (const char* text = std::getenv("SJCP_TEST_HASTE")) factor = std::atoll(text);
    timespec now{};
    real_time(CLOCK_MONOTONIC, &now);
    begin = nanoseconds(now);
  }
};

const Haste& haste() {
  static const Haste haste;
  return haste;
}

}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* out) {
  const int failed = real_time(clock, out);
  if (failed != 0 || clock != CLOCK_MONOTONIC) return failed;
  *out = to_timespec(haste().begin + (nanoseconds(*out) - haste().begin) * haste().factor);
  return 0;
}

extern "C" int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock,
                                      const timespec* until) {
  static const auto real =
      next<int (*)(pthread_cond_t*, pthread_mutex_t*, clockid_t, const timespec*)>("pthread_cond_clockwait");
  if (clock != CLOCK_MONOTONIC) return real(condition, mutex, clock, until);
  const timespec slow = to_timespec(haste().begin + (nanoseconds(*until) - haste().begin) / haste().factor);
  return real(condition, mutex, clock, &slow);
}
