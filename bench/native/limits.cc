// limits [threads]: what this machine can do, measured: multiply-adds a second by instruction set, and bytes read a
// second, with one thread and with `threads`. Operands are random. Prints one JSON object; takes about two seconds.
//
//   {"peak": [{"isa": "avx2", "threads": 1, "gflops": 180.2}, …], "read": [{"threads": 1, "gbps": 30.1}, …]}
//
// A multiply-add counts as two operations. Each figure is the best of many short runs; a run is tried again, up to a
// bound, while other programs take part of the cores.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace {

constexpr int kUndisturbedRuns = 12;
constexpr int kMostRuns = 80;
constexpr double kUndisturbed = 0.97;  // of a run's time, every thread was on a core
constexpr double kSecondsPerRun = 0.01;
constexpr int64_t kBytes = int64_t{256} << 20;  // far more than a cache

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// xorshift64*
struct Random {
  uint64_t state;
  uint64_t next() {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 2685821657736338717ull;
  }
  float unit() { return static_cast<float>(next() >> 40) / (1 << 24); }
};

double cpu_seconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec + 1e-9 * time.tv_nsec;
}

struct Run {
  double seconds;  // from the common start to the last thread's end
  bool undisturbed;
};

// Calls work(thread) on every thread at once.
Run together(int threads, const std::function<void(int)>& work) {
  std::atomic<int> waiting{threads};
  std::vector<double> begin(threads), end(threads), busy(threads);
  auto body = [&](int t) {
    --waiting;
    while (waiting.load() > 0) {
    }
    begin[t] = now();
    busy[t] = cpu_seconds();
    work(t);
    busy[t] = cpu_seconds() - busy[t];
    end[t] = now();
  };
  std::vector<std::thread> others;
  for (int t = 1; t < threads; ++t) others.emplace_back(body, t);
  body(0);
  for (auto& thread : others) thread.join();
  const double first = *std::min_element(begin.begin(), begin.end());
  const double last = *std::max_element(end.begin(), end.end());
  const double least = *std::min_element(busy.begin(), busy.end());
  return {last - first, least >= kUndisturbed * (last - first)};
}

// The most `amount` a second of many runs.
double best_rate(int threads, double amount, const std::function<void(int)>& work) {
  double best = 0;
  for (int run = 0, undisturbed = 0; run < kMostRuns && undisturbed < kUndisturbedRuns; ++run) {
    const Run each = together(threads, work);
    undisturbed += each.undisturbed;
    best = std::max(best, amount / each.seconds);
  }
  return best;
}

// Runs `rounds` rounds of independent multiply-adds and returns the operations done; `seed` holds 64 random floats.
using Burn = double (*)(int64_t rounds, const float* seed, float* sink);

#if defined(__x86_64__)

__attribute__((target("avx2,fma"))) double burn_avx2(int64_t rounds, const float* seed, float* sink) {
  constexpr int kChains = 12;
  const __m256 x = _mm256_loadu_ps(seed), y = _mm256_loadu_ps(seed + 8);
  __m256 acc[kChains];
  for (int c = 0; c < kChains; ++c) acc[c] = _mm256_loadu_ps(seed + c);
  for (int64_t i = 0; i < rounds; ++i)
#pragma GCC unroll 12
    for (int c = 0; c < kChains; ++c) acc[c] = _mm256_fmadd_ps(acc[c], x, y);
  for (int c = 1; c < kChains; ++c) acc[0] = _mm256_add_ps(acc[0], acc[c]);
  _mm256_storeu_ps(sink, acc[0]);
  return 2.0 * 8 * kChains * rounds;
}

__attribute__((target("avx512f"))) double burn_avx512(int64_t rounds, const float* seed, float* sink) {
  constexpr int kChains = 16;
  const __m512 x = _mm512_loadu_ps(seed), y = _mm512_loadu_ps(seed + 16);
  __m512 acc[kChains];
  for (int c = 0; c < kChains; ++c) acc[c] = _mm512_loadu_ps(seed + c);
  for (int64_t i = 0; i < rounds; ++i)
#pragma GCC unroll 16
    for (int c = 0; c < kChains; ++c) acc[c] = _mm512_fmadd_ps(acc[c], x, y);
  for (int c = 1; c < kChains; ++c) acc[0] = _mm512_add_ps(acc[0], acc[c]);
  _mm512_storeu_ps(sink, acc[0]);
  return 2.0 * 16 * kChains * rounds;
}

__attribute__((target("amx-tile,amx-bf16"))) double burn_amx(int64_t rounds, const float* seed, float* sink) {
  alignas(64) uint8_t config[64] = {1};
  for (int t = 0; t < 8; ++t) {
    config[16 + 2 * t] = 64;
    config[48 + t] = 16;
  }
  _tile_loadconfig(config);
  alignas(64) uint16_t operand[4][512];
  Random random{static_cast<uint64_t>(seed[0] * 1e6f) + 1};
  for (auto& tile : operand)
    for (uint16_t& bits : tile) bits = 0x3f00 | (random.next() >> 57) | ((random.next() >> 63) << 15);  // ±[0.5, 1)
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_loadd(4, operand[0], 64);
  _tile_loadd(5, operand[1], 64);
  _tile_loadd(6, operand[2], 64);
  _tile_loadd(7, operand[3], 64);
  for (int64_t i = 0; i < rounds; ++i) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  alignas(64) float out[256];
  _tile_stored(0, out, 64);
  sink[0] = out[0];
  _tile_release();
  return 2.0 * 16 * 16 * 32 * 4 * rounds;
}

// The kernel hands out the tile registers on request.
bool has_amx() {
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  return __builtin_cpu_supports("amx-bf16") && syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

__attribute__((target("avx2"))) uint64_t read_words(const uint64_t* data, int64_t count) {
  __m256i sum[8];
  for (auto& s : sum) s = _mm256_setzero_si256();
  for (int64_t i = 0; i + 32 <= count; i += 32)
#pragma GCC unroll 8
    for (int c = 0; c < 8; ++c)
      sum[c] = _mm256_xor_si256(sum[c], _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data + i + 4 * c)));
  for (int c = 1; c < 8; ++c) sum[0] = _mm256_xor_si256(sum[0], sum[c]);
  uint64_t words[4];
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(words), sum[0]);
  return words[0] ^ words[1] ^ words[2] ^ words[3];
}

#else

uint64_t read_words(const uint64_t* data, int64_t count) {
  uint64_t sum[16] = {};
  for (int64_t i = 0; i + 16 <= count; i += 16)
    for (int c = 0; c < 16; ++c) sum[c] ^= data[i + c];
  for (int c = 1; c < 16; ++c) sum[0] ^= sum[c];
  return sum[0];
}

#endif

#if defined(__aarch64__)
double burn_neon(int64_t rounds, const float* seed, float* sink) {
  constexpr int kChains = 24;
  const float32x4_t x = vld1q_f32(seed), y = vld1q_f32(seed + 4);
  float32x4_t acc[kChains];
  for (int c = 0; c < kChains; ++c) acc[c] = vld1q_f32(seed + c);
  for (int64_t i = 0; i < rounds; ++i)
#pragma GCC unroll 24
    for (int c = 0; c < kChains; ++c) acc[c] = vfmaq_f32(acc[c], x, y);
  for (int c = 1; c < kChains; ++c) acc[0] = vaddq_f32(acc[0], acc[c]);
  vst1q_f32(sink, acc[0]);
  return 2.0 * 4 * kChains * rounds;
}
#endif

struct Variant {
  const char* isa;
  Burn burn;
};

std::vector<Variant> variants() {
  std::vector<Variant> found;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.push_back({"avx2", burn_avx2});
  if (__builtin_cpu_supports("avx512f")) found.push_back({"avx512", burn_avx512});
  if (has_amx()) found.push_back({"amx-bf16", burn_amx});
#elif defined(__aarch64__)
  found.push_back({"neon", burn_neon});
#endif
  return found;
}

double peak(Burn burn, int threads) {
  float seed[64], first_sink[16];
  Random random{42};
  for (float& value : seed) value = 0.5f + 0.4f * random.unit();
  int64_t rounds = 1000;
  double seconds = 0;
  while (seconds < kSecondsPerRun / 4) {
    rounds *= 2;
    const double begin = now();
    burn(rounds, seed, first_sink);
    seconds = now() - begin;
  }
  rounds = static_cast<int64_t>(rounds * (kSecondsPerRun / seconds));
  const double operations = burn(rounds, seed, first_sink);
  std::vector<float> sink(threads * 64);
  return best_rate(threads, threads * operations, [&](int t) { burn(rounds, seed, &sink[t * 64]); }) / 1e9;
}

double read_rate(const std::vector<uint64_t>& data, int threads) {
  const int64_t share = static_cast<int64_t>(data.size()) / threads;
  std::vector<uint64_t> sink(threads * 8);
  const double bytes = 8.0 * share * threads;
  const double best =
      best_rate(threads, bytes, [&](int t) { sink[t * 8] = read_words(data.data() + t * share, share); });
  uint64_t all = 0;
  for (uint64_t each : sink) all ^= each;
  if (all == 1) std::fputs(" ", stdout);  // the reads must not be optimised away
  return best / 1e9;
}

}  // namespace

int main(int argc, char** argv) {
  const int hardware = static_cast<int>(std::thread::hardware_concurrency());
  const int all = argc > 1 ? std::atoi(argv[1]) : hardware;
  std::vector<int> counts = {1};
  if (all > 1) counts.push_back(all);

  std::printf("{\"peak\": [");
  const char* separator = "";
  for (const Variant& variant : variants())
    for (int threads : counts) {
      std::printf("%s{\"isa\": \"%s\", \"threads\": %d, \"gflops\": %.1f}", separator, variant.isa, threads,
                  peak(variant.burn, threads));
      separator = ", ";
    }

  std::vector<uint64_t> data(kBytes / 8);
  Random random{7};
  for (uint64_t& word : data) word = random.next();
  std::printf("], \"read\": [");
  separator = "";
  for (int threads : counts) {
    std::printf("%s{\"threads\": %d, \"gbps\": %.2f}", separator, threads, read_rate(data, threads));
    separator = ", ";
  }
  std::printf("]}\n");
  return 0;
}
