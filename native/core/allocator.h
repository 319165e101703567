// Tensor memory: 64-byte aligned blocks from a pool, with a limit. A freed block is kept for the next taker of about
// its size, because fresh pages cost more than most kernels; `trim` gives the kept ones back.
#pragma once
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>

namespace nt {

struct MemoryStats {
  int64_t live;    // bytes in blocks that are in use
  int64_t pooled;  // bytes in blocks kept for reuse
  int64_t peak;    // the most `live` has been
  int64_t limit;
};

class Allocator {
 public:
  explicit Allocator(int64_t limit) : limit_(limit) {}

  // Null when live bytes would pass the limit, or the system has none left. `*capacity` is what free() must be given.
  void* take(int64_t bytes, int64_t* capacity);
  void free(void* block, int64_t capacity);
  void trim(int64_t keep);
  MemoryStats stats();
  int64_t limit() const { return limit_.load(std::memory_order_relaxed); }
  void set_limit(int64_t bytes) { limit_ = bytes; }

 private:
  std::mutex mutex_;
  std::multimap<int64_t, void*> pool_;  // by capacity
  int64_t pooled_ = 0, live_ = 0, peak_ = 0;
  std::atomic<int64_t> limit_;
};

// The process' allocator. Its limit: NATIVE_TRANSFORMERS_MEMORY, else 0.9 of the cgroup's or the machine's memory.
Allocator& allocator();

// What NATIVE_TRANSFORMERS_MEMORY says, or -1 where it is unset, 0 where it cannot be read (see parse_size).
int64_t memory_setting();

// "512MB", "1.5 GiB", "1000": KB MB GB TB count by 1000, KiB MiB GiB TiB by 1024. 0 when it is not a size.
int64_t parse_size(const char* text);

}  // namespace nt
