// How a kernel asks for threads. The thread pool implements it; tests may run everything on the calling thread.
#pragma once
#include <cstdint>

namespace nt {

class Parallel {
 public:
  using Body = void (*)(void* context, int64_t chunk, int worker);

  virtual ~Parallel() = default;

  // The most threads that may run chunks at once; worker numbers are below it.
  virtual int workers() const = 0;

  // Calls body(context, chunk, worker) once for every chunk in [0, chunks), in any order, on any worker; returns when
  // all are done. When the call has been aborted the remaining chunks are skipped: outputs are then thrown away.
  virtual void run(int64_t chunks, Body body, void* context) = 0;

  // parallel.each(n, [&](int64_t chunk, int worker) { … })
  template <class F>
  void each(int64_t chunks, const F& f) {
    run(
        chunks, [](void* c, int64_t chunk, int worker) { (*static_cast<const F*>(c))(chunk, worker); },
        const_cast<void*>(static_cast<const void*>(&f)));
  }

  // Splits [0, n) into ranges of about `grain` and calls f(begin, end, worker). Results must not depend on the split.
  template <class F>
  void ranges(int64_t n, int64_t grain, const F& f) {
    if (n <= 0) return;
    if (grain < 1) grain = 1;
    const int64_t chunks = (n + grain - 1) / grain;
    each(chunks, [&](int64_t chunk, int worker) {
      const int64_t begin = chunk * grain;
      f(begin, begin + grain < n ? begin + grain : n, worker);
    });
  }
};

class Serial final : public Parallel {
 public:
  int workers() const override { return 1; }
  void run(int64_t chunks, Body body, void* context) override {
    for (int64_t i = 0; i < chunks; ++i) body(context, i, 0);
  }
};

}  // namespace nt
