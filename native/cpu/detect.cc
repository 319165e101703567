#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "cpu/kernels.h"

#if defined(__x86_64__) || defined(_M_X64)
#define NT_X64 1
#if defined(_MSC_VER)
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#elif defined(__aarch64__) || defined(_M_ARM64)
#define NT_ARM64 1
#endif

namespace nt {

namespace generic {
extern const Kernels kKernels;
}
#if NT_X64
namespace avx2 {
extern const Kernels kKernels;
}
namespace avx512 {
extern const Kernels kKernels;
}
#elif NT_ARM64
namespace neon {
extern const Kernels kKernels;
}
#endif

namespace {

#if NT_X64
struct Registers {
  uint32_t eax, ebx, ecx, edx;
};

Registers cpuid(uint32_t leaf, uint32_t subleaf) {
  Registers r = {};
#if defined(_MSC_VER)
  int words[4];
  __cpuidex(words, static_cast<int>(leaf), static_cast<int>(subleaf));
  std::memcpy(&r, words, sizeof r);
#else
  __cpuid_count(leaf, subleaf, r.eax, r.ebx, r.ecx, r.edx);
#endif
  return r;
}

// Which register files the operating system saves on a context switch.
uint64_t saved_state() {
#if defined(_MSC_VER)
  return _xgetbv(0);
#else
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<uint64_t>(high) << 32) | low;
#endif
}

bool has(uint32_t word, std::initializer_list<int> bits) {
  for (int bit : bits)
    if (!((word >> bit) & 1)) return false;
  return true;
}

struct Features {
  bool avx2 = false, avx512 = false;
};

Features features() {
  Features f;
  if (cpuid(0, 0).eax < 7) return f;
  const uint32_t leaf1 = cpuid(1, 0).ecx, leaf7 = cpuid(7, 0).ebx;
  constexpr int kFma = 12, kOsxsave = 27, kAvx = 28, kF16c = 29, kAvx2 = 5;
  constexpr int kAvx512f = 16, kAvx512dq = 17, kAvx512bw = 30, kAvx512vl = 31;
  if (!has(leaf1, {kFma, kOsxsave, kAvx, kF16c}) || !has(leaf7, {kAvx2})) return f;
  constexpr uint64_t kYmmState = 0x06, kZmmState = 0xe6;
  f.avx2 = (saved_state() & kYmmState) == kYmmState;
  f.avx512 =
      f.avx2 && (saved_state() & kZmmState) == kZmmState && has(leaf7, {kAvx512f, kAvx512dq, kAvx512bw, kAvx512vl});
  return f;
}
#endif

struct Levels {
  const Kernels* list[4] = {&generic::kKernels};

  Levels() {
#if NT_X64
    const Features f = features();
    int n = 1;
    if (f.avx2) list[n++] = &avx2::kKernels;
    if (f.avx512) list[n++] = &avx512::kKernels;
#elif NT_ARM64
    list[1] = &neon::kKernels;
#endif
  }
};

bool is_known(const char* isa) {
  for (const char* known : {"generic", "avx2", "avx512", "neon"})
    if (!std::strcmp(isa, known)) return true;
  return false;
}

}  // namespace

const Kernels* const* available_kernels() {
  static const Levels levels;
  return levels.list;
}

const Kernels* kernels_for(const char* isa) {
  for (const Kernels* const* k = available_kernels(); *k; ++k)
    if (!std::strcmp((*k)->isa, isa)) return *k;
  return nullptr;
}

const Kernels* default_kernels(const char** problem) {
  *problem = nullptr;
  const char* wanted = std::getenv("NATIVE_TRANSFORMERS_ISA");
  if (wanted && *wanted) {
    const Kernels* chosen = kernels_for(wanted);
    if (!chosen)
      *problem = is_known(wanted) ? "NATIVE_TRANSFORMERS_ISA names an instruction set that this CPU lacks"
                                  : "NATIVE_TRANSFORMERS_ISA must be one of generic, avx2, avx512, neon";
    return chosen;
  }
  const Kernels* best = nullptr;
  for (const Kernels* const* k = available_kernels(); *k; ++k) best = *k;
  return best;
}

}  // namespace nt
