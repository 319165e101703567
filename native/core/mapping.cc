#include "core/mapping.h"

#include <mutex>
#include <string>
#include <vector>

#ifndef _WIN32
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#endif
#ifdef __linux__
#include <sys/syscall.h>
#endif

namespace nt {

// What the signal handler may look at: atomics in a list that only grows. Ranges are used again, never freed.
struct MappedRange {
  static constexpr uintptr_t kNowhere = UINTPTR_MAX;

  std::atomic<uintptr_t> begin{kNowhere}, end{0};  // end 0: free
  std::atomic<bool> broken{false};
  MappedRange* next = nullptr;

  // The end of the mapping that holds the address, else 0. Other threads map and unmap meanwhile: a begin and an end
  // that do not belong together could hold what is none of ours, so the begin must be the same before and after.
  uintptr_t end_around(uintptr_t address) const {
    const uintptr_t first = begin.load(), last = end.load();
    return first == begin.load() && first <= address && address < last ? last : 0;
  }
};

namespace {

std::atomic<MappedRange*> ranges{nullptr};
std::atomic<int64_t> total_bytes{0};

// Guards `live` and who takes which range.
std::mutex& mutex() {
  static std::mutex* const instance = new std::mutex;
  return *instance;
}

std::vector<Mapping*>& live() {
  static std::vector<Mapping*>* const instance = new std::vector<Mapping*>;
  return *instance;
}

MappedRange* take_range(const char* data, int64_t size) {
  MappedRange* range = ranges.load();
  while (range && range->end.load() != 0) range = range->next;
  if (!range) {
    range = new MappedRange;
    range->next = ranges.load();
    ranges.store(range);
  }
  range->broken.store(false);
  range->begin.store(reinterpret_cast<uintptr_t>(data));
  range->end.store(reinterpret_cast<uintptr_t>(data) + static_cast<uintptr_t>(size));
  return range;
}

#ifndef _WIN32

struct sigaction previous_action;
uintptr_t page_bytes = 4096;

// Zeros from `begin` on: behind a page that is gone come only others that are gone too, or are of no use any more.
bool replace_by_zeros(uintptr_t begin, uintptr_t end) {
  void* const at = reinterpret_cast<void*>(begin);
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
#ifdef __linux__  // not through libc, which a sanitizer may have replaced by what a signal handler must not call
  return syscall(SYS_mmap, at, end - begin, PROT_READ, kFlags, -1, 0) != -1;
#else
  return mmap(at, end - begin, PROT_READ, kFlags, -1, 0) != MAP_FAILED;
#endif
}

// A signal that is none of ours goes where it would have gone without us.
void pass_on(int number, siginfo_t* info, void* context) {
  if (previous_action.sa_flags & SA_SIGINFO) return previous_action.sa_sigaction(number, info, context);
  const bool is_fault = info->si_code > 0;
  if (previous_action.sa_handler == SIG_IGN && !is_fault) return;
  if (previous_action.sa_handler != SIG_IGN && previous_action.sa_handler != SIG_DFL)
    return previous_action.sa_handler(number);
  signal(number, SIG_DFL);
  if (!is_fault) raise(number);  // a fault comes again by itself when this returns
}

void on_bus_error(int number, siginfo_t* info, void* context) {
  const int saved = errno;
  const uintptr_t address = reinterpret_cast<uintptr_t>(info->si_addr);
  for (MappedRange* range = info->si_code > 0 ? ranges.load() : nullptr; range; range = range->next) {
    const uintptr_t end = range->end_around(address);
    if (end == 0) continue;
    range->broken.store(true);
    if (!replace_by_zeros(address / page_bytes * page_bytes, end)) break;
    errno = saved;
    return;
  }
  pass_on(number, info, context);
  errno = saved;
}

// Once, before anything is mapped. Who sets another handler later, over this one, must pass on what is not his.
void watch_bus_errors() {
  static std::once_flag once;
  std::call_once(once, [] {
    page_bytes = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
    struct sigaction action = {};
    action.sa_sigaction = on_bus_error;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &previous_action);
  });
}

std::string path_of(int file) {
#ifdef __linux__
  char path[4096];
  const std::string link = "/proc/self/fd/" + std::to_string(file);
  const ssize_t length = readlink(link.c_str(), path, sizeof path);
  if (length > 0) return "'" + std::string(path, static_cast<size_t>(length)) + "' ";
#elif defined(F_GETPATH)
  char path[4096] = {};
  if (fcntl(file, F_GETPATH, path) == 0) return "'" + std::string(path) + "' ";
#endif
  return "";
}

#endif

}  // namespace

int64_t Mapping::total() {
  return total_bytes.load(std::memory_order_relaxed);
}

Mapping::Mapping(int file, const Identity& identity, char* data)
    : file_(file), identity_(identity), data_(data), range_(take_range(data, identity.size)) {
  live().push_back(this);
  total_bytes.fetch_add(identity.size, std::memory_order_relaxed);
}

#ifdef _WIN32

void hear_bus_errors() {}
Ref<Mapping> Mapping::of(int) {
  return Ref<Mapping>();
}
Mapping::~Mapping() = default;
const char* Mapping::trouble() {
  return nullptr;
}

#else

void hear_bus_errors() {
  sigset_t bus;
  sigemptyset(&bus);
  sigaddset(&bus, SIGBUS);
  pthread_sigmask(SIG_UNBLOCK, &bus, nullptr);
}

bool Mapping::identify(int file, Identity* identity) {
  struct stat found;
  if (fstat(file, &found) != 0 || !S_ISREG(found.st_mode)) return false;
#ifdef __APPLE__
  const struct timespec& modified = found.st_mtimespec;
#else
  const struct timespec& modified = found.st_mtim;
#endif
  *identity = {static_cast<uint64_t>(found.st_dev), static_cast<uint64_t>(found.st_ino),
               static_cast<int64_t>(found.st_size), static_cast<int64_t>(modified.tv_sec),
               static_cast<int64_t>(modified.tv_nsec)};
  return true;
}

Ref<Mapping> Mapping::of(int file) {
  Identity identity;
  if (!identify(file, &identity) || identity.size == 0) return Ref<Mapping>();
  watch_bus_errors();
  std::lock_guard<std::mutex> lock(mutex());
  for (Mapping* mapping : live())
    if (mapping->identity_ == identity && !mapping->range_->broken.load() && mapping->retain_if_held())
      return Ref<Mapping>(mapping);
  const int own = fcntl(file, F_DUPFD_CLOEXEC, 0);
  if (own < 0) return Ref<Mapping>();
  void* const data = mmap(nullptr, static_cast<size_t>(identity.size), PROT_READ, MAP_PRIVATE, own, 0);
  if (data == MAP_FAILED) {
    close(own);
    return Ref<Mapping>();
  }
  return Ref<Mapping>(new Mapping(own, identity, static_cast<char*>(data)));
}

Mapping::~Mapping() {
  std::lock_guard<std::mutex> lock(mutex());
  for (Mapping*& mapping : live()) {
    if (mapping != this) continue;
    mapping = live().back();
    live().pop_back();
    break;
  }
  total_bytes.fetch_sub(identity_.size, std::memory_order_relaxed);
  range_->begin.store(MappedRange::kNowhere);
  munmap(data_, static_cast<size_t>(identity_.size));
  range_->end.store(0);
  close(file_);
}

const char* Mapping::trouble() {
  if (const char* known = trouble_.load(std::memory_order_acquire)) return known;
  Identity now = {};
  const bool held = !range_->broken.load() && identify(file_, &now);
  if (held && now == identity_) return nullptr;
  const std::string* text = new std::string(
      "file " + path_of(file_) + "was changed while it was mapped: it had " + std::to_string(identity_.size) +
      " bytes and " + (held && now.size != identity_.size ? "has " + std::to_string(now.size) : "was written to") +
      "; load the model again, with { mmap: false } where others write to the file");
  const char* none = nullptr;
  if (trouble_.compare_exchange_strong(none, text->c_str(), std::memory_order_acq_rel)) return text->c_str();
  delete text;  // another thread was first
  return none;
}

#endif

}  // namespace nt
