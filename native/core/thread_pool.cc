#include "core/thread_pool.h"

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <thread>
#ifdef __linux__
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "core/allocator.h"
#include "core/stream.h"

namespace nt {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kSpin = std::chrono::microseconds(50);
constexpr auto kIdleBeforeTrim = std::chrono::milliseconds(500);
constexpr int kMostThreads = 1024;
constexpr int kNice = 10, kMostNice = 19;
constexpr int64_t kPoolWhenIdle = int64_t{16} << 20;

inline void relax() {
#if defined(__x86_64__) || defined(_M_X64)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// The whole number in [least, most] that an environment variable gives; -1 where it is unset or empty, -2 where it
// gives no such number.
int number_setting(const char* name, long least, long most) {
  const char* text = std::getenv(name);
  if (!text || !*text) return -1;
  char* end = nullptr;
  const long number = std::strtol(text, &end, 10);
  return *end == '\0' && number >= least && number <= most ? static_cast<int>(number) : -2;
}

// Computing gives way to whatever answers: without this, a JS thread that wakes up waits until a compute thread's slice
// of its core is over, 5 to 20 ms on Linux. Costs nothing where nothing else wants the core.
void give_way() {
#ifdef __linux__
  const int setting = nice_setting();
  const auto thread = static_cast<id_t>(syscall(SYS_gettid));
  setpriority(PRIO_PROCESS, thread, getpriority(PRIO_PROCESS, thread) + (setting < 0 ? kNice : setting));
#endif
}

}  // namespace

// What a leading thread hands to kernels.
class ThreadPool::TeamParallel final : public Parallel {
 public:
  TeamParallel(ThreadPool& pool, int leader) : pool_(pool), team_(pool.teams_[leader]), leader_(leader) {}

  int workers() const override { return alone ? 1 : pool_.threads(); }
  CallState* call = nullptr;
  bool alone = false;  // the stream asked for one thread

  void run(int64_t chunks, Body body, void* context) override {
    if (chunks <= 0) return;
    if (alone || chunks == 1 || pool_.threads() == 1) {
      const int worker = alone ? 0 : leader_;
      for (int64_t i = 0; i < chunks && !(call && call->stopped()); ++i) body(context, i, worker);
      return;
    }
    team_.body = body;
    team_.context = context;
    team_.chunks.store(chunks, std::memory_order_relaxed);
    team_.call = call;
    team_.next.store(0, std::memory_order_relaxed);
    team_.state.store(kOpen, std::memory_order_seq_cst);
    if (pool_.sleepers_.load(std::memory_order_seq_cst) > 0) pool_.wake_helpers();
    pool_.work_on(team_, leader_);
    team_.state.fetch_and(~kOpen, std::memory_order_acq_rel);
    for (int spins = 0; team_.state.load(std::memory_order_acquire) != 0; ++spins) {
      if (spins < 4096)
        relax();
      else
        std::this_thread::yield();
    }
  }

 private:
  ThreadPool& pool_;
  Team& team_;
  int leader_;
};

ThreadPool::ThreadPool(int threads) : teams_(static_cast<size_t>(threads < 1 ? 1 : threads)) {
  for (int i = 0; i < this->threads(); ++i) std::thread([this, i] { thread_main(i); }).detach();
}

void ThreadPool::schedule(Stream* stream) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    runnable_.push_back(stream);
    queued_.fetch_add(1, std::memory_order_seq_cst);
  }
  if (sleepers_.load(std::memory_order_seq_cst) > 0) wake_.notify_one();
}

void ThreadPool::wake_helpers() {
  // A sleeper checks for open teams under the mutex before it waits, so the notice cannot be lost.
  { std::lock_guard<std::mutex> lock(mutex_); }
  wake_.notify_all();
}

void ThreadPool::work_on(Team& team, int worker) {
  const int64_t chunks = team.chunks.load(std::memory_order_relaxed);
  for (;;) {
    const int64_t chunk = team.next.fetch_add(1, std::memory_order_relaxed);
    if (chunk >= chunks) return;
    if (team.call && team.call->stopped()) return;
    team.body(team.context, chunk, worker);
  }
}

bool ThreadPool::has_work() const {
  if (queued_.load(std::memory_order_seq_cst) > 0) return true;
  for (const Team& team : teams_)
    if ((team.state.load(std::memory_order_seq_cst) & kOpen) && team.next.load() < team.chunks.load()) return true;
  return false;
}

bool ThreadPool::help_someone(int index) {
  for (Team& team : teams_) {
    uint32_t state = team.state.load(std::memory_order_acquire);
    while ((state & kOpen) && team.next.load(std::memory_order_relaxed) < team.chunks.load(std::memory_order_relaxed)) {
      if (!team.state.compare_exchange_weak(state, state + 1, std::memory_order_acq_rel)) continue;
      work_on(team, index);
      team.state.fetch_sub(1, std::memory_order_acq_rel);
      return true;
    }
  }
  return false;
}

void ThreadPool::thread_main(int index) {
#ifdef __linux__
  char name[16];
  std::snprintf(name, sizeof name, "nt-compute-%d", index);
  pthread_setname_np(pthread_self(), name);
#endif
  give_way();
  hear_bus_errors();
  TeamParallel parallel(*this, index);
  auto idle_since = Clock::now();
  bool trimmed = false;
  for (;;) {
    Stream* stream = nullptr;
    if (queued_.load(std::memory_order_acquire) > 0) {
      std::lock_guard<std::mutex> lock(mutex_);
      if (!runnable_.empty()) {
        stream = runnable_.front();
        runnable_.pop_front();
        queued_.fetch_sub(1, std::memory_order_relaxed);
      }
    }
    if (stream) {
      parallel.alone = stream->single_thread();
      stream->lead(parallel, parallel.call);
      idle_since = Clock::now();
      trimmed = false;
      continue;
    }
    if (help_someone(index)) {
      idle_since = Clock::now();
      trimmed = false;
      continue;
    }
    if (Clock::now() - idle_since < kSpin) {
      for (int i = 0; i < 64; ++i) relax();
      continue;
    }
    std::unique_lock<std::mutex> lock(mutex_);
    sleepers_.fetch_add(1, std::memory_order_seq_cst);
    const auto called = [this] { return has_work(); };
    bool trim_now = false;
    if (trimmed) {
      wake_.wait(lock, called);
    } else {
      trim_now = trimmed = !wake_.wait_for(lock, kIdleBeforeTrim, called);
    }
    sleepers_.fetch_sub(1, std::memory_order_relaxed);
    lock.unlock();
    if (trim_now) allocator().trim(kPoolWhenIdle);
    idle_since = Clock::now();
  }
}

int usable_cores() {
  int cores = static_cast<int>(std::thread::hardware_concurrency());
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) cores = CPU_COUNT(&set);
  if (FILE* f = std::fopen("/sys/fs/cgroup/cpu.max", "r")) {
    double quota = 0, period = 0;
    if (std::fscanf(f, "%lf %lf", &quota, &period) == 2 && quota > 0 && period > 0) {
      const int allowed = static_cast<int>(std::ceil(quota / period));
      if (allowed < cores) cores = allowed;
    }
    std::fclose(f);
  }
#endif
  return cores < 1 ? 1 : cores;
}

int threads_setting() {
  const int setting = number_setting("NATIVE_TRANSFORMERS_THREADS", 1, kMostThreads);
  return setting == -2 ? 0 : setting;
}

int nice_setting() {
  return number_setting("NATIVE_TRANSFORMERS_NICE", 0, kMostNice);
}

ThreadPool& thread_pool() {
  // Leaked on purpose: its threads outlive static destructors.
  static ThreadPool* const instance = [] {
    const int setting = threads_setting();
    return new ThreadPool(setting > 0 ? setting : usable_cores());
  }();
  return *instance;
}

}  // namespace nt
