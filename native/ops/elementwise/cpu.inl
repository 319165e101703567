// Compiled once per instruction set, inside its namespace (cpu/isa/families.inl). Memory-bound but for the functions of
// native/math; tails go through partial loads, so every element takes the same path.

template <class F>
static void unary_kernel(const float* x, float* out, int64_t n) {
  map_to(x, out, n, [](Vec v) { return F::apply(v); });
}

template <class F>
static void binary_kernel(const float* a, int64_t a_step, const float* b, int64_t b_step, float* out, int64_t n) {
  if (!a_step && !b_step) {
    const Vec same = F::apply(Vec(*a), Vec(*b));
    for (int64_t i = 0; i < n; i += Vec::kLanes)
      same.store(out + i, static_cast<int>(n - i < Vec::kLanes ? n - i : Vec::kLanes));
  } else if (!b_step) {
    const Vec right(*b);
    map_to(a, out, n, [=](Vec v) { return F::apply(v, right); });
  } else if (!a_step) {
    const Vec left(*a);
    map_to(b, out, n, [=](Vec v) { return F::apply(left, v); });
  } else {
    int64_t i = 0;
    for (; i + Vec::kLanes <= n; i += Vec::kLanes) F::apply(Vec::load(a + i), Vec::load(b + i)).store(out + i);
    const int rest = static_cast<int>(n - i);
    if (rest) F::apply(Vec::load(a + i, rest), Vec::load(b + i, rest)).store(out + i, rest);
  }
}

static void clamp_kernel(const float* x, float low, float high, float* out, int64_t n) {
  map_to(x, out, n, [=](Vec v) { return math::clip(v, low, high); });
}

static void gate_kernel(int activation, const float* x, const float* gate, float* out, int64_t n) {
  math::with_activation(activation, [=](auto f) {
    int64_t i = 0;
    for (; i + Vec::kLanes <= n; i += Vec::kLanes) (f.apply(Vec::load(x + i)) * Vec::load(gate + i)).store(out + i);
    const int rest = static_cast<int>(n - i);
    if (rest) (f.apply(Vec::load(x + i, rest)) * Vec::load(gate + i, rest)).store(out + i, rest);
  });
}

template <class From, class To>
static void convert_kernel(const From* x, To* out, int64_t n) {
  map_to(x, out, n, [](Vec v) { return v; });
}

static constexpr ElementwiseKernels kElementwise = {
    {
#define UNARY(name, Functor) unary_kernel<math::Functor>,
#include "ops/list.def"
    },
    {
#define BINARY(name, Functor) binary_kernel<math::Functor>,
#include "ops/list.def"
    },
    clamp_kernel,
    gate_kernel,
    convert_kernel<F16, float>,
    convert_kernel<BF16, float>,
    convert_kernel<float, F16>,
    convert_kernel<float, BF16>,
};
