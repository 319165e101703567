#include "core/allocator.h"

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>
#ifdef __linux__
#include <unistd.h>
#elif defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace nt {
namespace {

constexpr int64_t kAlignment = 64;

// Large blocks begin with a page: see PanelReader in storage.cc for what a few bytes more can cost when files are read.
constexpr int64_t kPageAlignedFrom = int64_t{1} << 20, kPage = 4096;

// Capacities are spaced by an eighth of a power of two, so that blocks of about one size find each other.
int64_t round_capacity(int64_t bytes) {
  if (bytes < 256) return 256;
  int64_t step = 32;
  while (step * 16 < bytes) step *= 2;
  if (step < kAlignment) step = kAlignment;
  return (bytes + step - 1) / step * step;
}

void* system_take(int64_t bytes) {
#ifdef _WIN32
  return _aligned_malloc(static_cast<size_t>(bytes), kAlignment);
#else
  void* p = nullptr;
  const int64_t alignment = bytes >= kPageAlignedFrom ? kPage : kAlignment;
  return posix_memalign(&p, static_cast<size_t>(alignment), static_cast<size_t>(bytes)) == 0 ? p : nullptr;
#endif
}

void system_free(void* p) {
#ifdef _WIN32
  _aligned_free(p);
#else
  std::free(p);
#endif
}

int64_t read_number(const char* path) {
  FILE* f = std::fopen(path, "r");
  if (!f) return -1;
  long long n = -1;
  if (std::fscanf(f, "%lld", &n) != 1) n = -1;
  std::fclose(f);
  return n;
}

int64_t machine_memory() {
#ifdef __linux__
  int64_t total = static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  for (const char* path : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    const int64_t n = read_number(path);
    if (n > 0 && n < total) total = n;
  }
  return total;
#elif defined(__APPLE__)
  int64_t total = 0;
  size_t size = sizeof total;
  return sysctlbyname("hw.memsize", &total, &size, nullptr, 0) == 0 ? total : int64_t{8} << 30;
#else
  return int64_t{8} << 30;
#endif
}

}  // namespace

void* Allocator::take(int64_t bytes, int64_t* capacity) {
  if (bytes > limit_) return nullptr;
  const int64_t need = round_capacity(bytes);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (live_ + need > limit_) return nullptr;
    const auto it = pool_.lower_bound(need);
    if (it != pool_.end() && it->first <= need + need / 2) {
      void* block = it->second;
      *capacity = it->first;
      pooled_ -= it->first;
      live_ += it->first;
      pool_.erase(it);
      if (live_ > peak_) peak_ = live_;
      return block;
    }
    live_ += need;
    if (live_ > peak_) peak_ = live_;
  }
  *capacity = need;
  // Blocks kept for reuse may not push the process over the limit.
  bool crowded;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    crowded = live_ + pooled_ > limit_;
  }
  if (crowded) trim(0);
  void* block = system_take(need);
  if (!block) {
    trim(0);
    block = system_take(need);
  }
  if (!block) {
    std::lock_guard<std::mutex> lock(mutex_);
    live_ -= need;
  }
  return block;
}

void Allocator::free(void* block, int64_t capacity) {
  if (!block) return;
  std::lock_guard<std::mutex> lock(mutex_);
  live_ -= capacity;
  pooled_ += capacity;
  pool_.emplace(capacity, block);
}

void Allocator::trim(int64_t keep) {
  std::vector<void*> dropped;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    while (pooled_ > keep && !pool_.empty()) {
      const auto largest = std::prev(pool_.end());
      pooled_ -= largest->first;
      dropped.push_back(largest->second);
      pool_.erase(largest);
    }
  }
  for (void* block : dropped) system_free(block);
}

MemoryStats Allocator::stats() {
  std::lock_guard<std::mutex> lock(mutex_);
  return {live_, pooled_, peak_, limit_};
}

int64_t parse_size(const char* text) {
  char* end = nullptr;
  const double number = std::strtod(text, &end);
  if (end == text || !(number > 0)) return 0;
  while (std::isspace(static_cast<unsigned char>(*end))) ++end;
  std::string unit;
  for (; *end && !std::isspace(static_cast<unsigned char>(*end)); ++end)
    unit += static_cast<char>(std::toupper(static_cast<unsigned char>(*end)));
  while (std::isspace(static_cast<unsigned char>(*end))) ++end;
  if (*end) return 0;
  double scale = 1;
  if (!unit.empty()) {
    static const char kLetters[] = "KMGT";
    const char* letter = std::strchr(kLetters, unit[0]);
    const bool binary = unit.size() == 3 && unit[1] == 'I' && unit[2] == 'B';
    if (!letter || !(binary || (unit.size() == 2 && unit[1] == 'B'))) return 0;
    for (const char* l = kLetters; l <= letter; ++l) scale *= binary ? 1024 : 1000;
  }
  const double bytes = number * scale;
  return bytes >= 1 && bytes < 9e18 ? static_cast<int64_t>(bytes) : 0;
}

int64_t memory_setting() {
  const char* text = std::getenv("NATIVE_TRANSFORMERS_MEMORY");
  return text && *text ? parse_size(text) : -1;
}

Allocator& allocator() {
  // Leaked on purpose: threads may still run when static destructors do.
  static Allocator* const instance = [] {
    const int64_t setting = memory_setting();
    return new Allocator(setting > 0 ? setting : static_cast<int64_t>(0.9 * static_cast<double>(machine_memory())));
  }();
  return *instance;
}

}  // namespace nt
