// The process' compute threads: at most one a core, over all streams and all JS threads.
//
// A stream that has work is led by one thread, which runs its commands in order. When a command's work can be split,
// the threads that lead no stream join in. So one busy stream uses every thread, and as many busy streams as there are
// threads run without a single barrier.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

#include "core/call.h"
#include "core/parallel.h"

namespace nt {

class Stream;

class ThreadPool {
 public:
  explicit ThreadPool(int threads);

  int threads() const { return static_cast<int>(teams_.size()); }

  // Whether streams with work wait for a thread.
  bool streams_wait() const { return queued_.load(std::memory_order_relaxed) > 0; }

  // `stream` has commands to run. The pool calls stream->lead() on one of its threads.
  void schedule(Stream* stream);

 private:
  // Work that thread `leader` has opened to others. The struct outlives every use, so a late joiner is harmless.
  struct alignas(128) Team {
    std::atomic<uint32_t> state{0};  // kOpen | number of threads inside
    Parallel::Body body = nullptr;
    void* context = nullptr;
    std::atomic<int64_t> chunks{0};
    std::atomic<int64_t> next{0};
    CallState* call = nullptr;
  };
  class TeamParallel;

  static constexpr uint32_t kOpen = 1u << 31;

  void thread_main(int index);
  bool has_work() const;
  bool help_someone(int index);
  void work_on(Team& team, int worker);
  void wake_helpers();

  std::vector<Team> teams_;
  std::atomic<int> queued_{0};
  std::atomic<int> sleepers_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Stream*> runnable_;
};

// The process' pool, made on first use: NATIVE_TRANSFORMERS_THREADS, else the cores that this process may use.
ThreadPool& thread_pool();

// What NATIVE_TRANSFORMERS_THREADS says, or -1 where it is unset, 0 where it is no number of threads (1 … 1024).
int threads_setting();

// By how much compute threads are nicer than the process: what NATIVE_TRANSFORMERS_NICE says, or -1 where it is unset
// (10 then), -2 where it is no number from 0 to 19.
int nice_setting();

// The cores that affinity and the cgroup's quota leave to this process.
int usable_cores();

}  // namespace nt
