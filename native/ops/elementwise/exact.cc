#include "ops/elementwise/exact.h"

#include <cmath>

namespace nt {
namespace {
namespace exact {

const double kSqrtHalf = std::sqrt(0.5);

double clip(double x, double low, double high) {
  return x < low ? low : x > high ? high : x;
}
double normal_cdf(double x) {
  return 0.5 * std::erfc(-x * kSqrtHalf);
}

double abs(double x) {
  return std::fabs(x);
}
double neg(double x) {
  return -x;
}
double exp(double x) {
  return std::exp(x);
}
double log(double x) {
  return std::log(x);
}
double log1p(double x) {
  return std::log1p(x);
}
double sqrt(double x) {
  return std::sqrt(x);
}
double rsqrt(double x) {
  return 1 / std::sqrt(x);
}
double square(double x) {
  return x * x;
}
double reciprocal(double x) {
  return 1 / x;
}
double erf(double x) {
  return std::erf(x);
}
double sin(double x) {
  return std::sin(x);
}
double cos(double x) {
  return std::cos(x);
}
double round(double x) {
  return std::nearbyint(x);
}
double floor(double x) {
  return std::floor(x);
}
double ceil(double x) {
  return std::ceil(x);
}
double sign(double x) {
  return x > 0 ? 1 : x < 0 ? -1 : 0;
}
double tanh(double x) {
  return std::tanh(x);
}
double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}
double softplus(double x) {
  return x > 20 ? x : std::log1p(std::exp(x));
}
double relu(double x) {
  return x < 0 ? 0 : x;
}
double relu2(double x) {
  return relu(x) * relu(x);
}
double relu6(double x) {
  return clip(x, 0, 6);
}
double leaky_relu(double x) {
  return x > 0 ? x : x * 0.01;
}
double hardtanh(double x) {
  return clip(x, -1, 1);
}
double hardswish(double x) {
  return x * clip(x + 3, 0, 6) / 6;
}
double elu(double x) {
  return x > 0 ? x : std::expm1(x);
}
double gelu(double x) {
  return x * normal_cdf(x);
}
double gelu_10(double x) {
  return clip(gelu(x), -10, 10);
}
double gelu_new(double x) {
  return x * sigmoid(2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x));
}
double quick_gelu(double x) {
  return x * sigmoid(1.702 * x);
}
double silu(double x) {
  return x * sigmoid(x);
}
double mish(double x) {
  return x * std::tanh(std::log1p(std::exp(x < 50 ? x : 50)));
}
double laplace(double x) {
  return normal_cdf((x - 0.707107) / 0.282095);
}
double sqrtsoftplus(double x) {
  return std::sqrt(softplus(x));
}

}  // namespace exact
}  // namespace

ExactUnary exact_unary(int unary_op) {
  static const ExactUnary kFunctions[] = {
#define UNARY(name, Functor) exact::name,
#include "ops/list.def"
  };
  return kFunctions[unary_op];
}

double exact_activation(int id, double x) {
  switch (id) {
#define ACTIVATION(name, Functor) \
  case kActivation_##name:        \
    return exact::name(x);
#include "math/activation.def"
    default:
      return x;
  }
}

}  // namespace nt
