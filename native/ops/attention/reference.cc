#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "ops/attention/attention.h"
#include "ops/attention/kernels.h"

namespace nt {
namespace {

// One query of one head against all keys of its sequence.
class Query {
 public:
  Query(const OpCall& call, const AttentionBatch& batch, int64_t b, int64_t head, int64_t i)
      : call_(call), batch_(batch), b_(b), head_(head), i_(i) {}

  std::vector<double> probabilities() const {
    const int64_t n = batch_.keys.length(b_);
    std::vector<double> p(static_cast<size_t>(n));
    double top = -std::numeric_limits<double>::infinity(), sum = 0;
    for (int64_t j = 0; j < n; ++j) top = std::fmax(top, p[j] = score(j));
    for (double& x : p) sum += x = std::exp(x - top);
    const double weight = has_input(call_, kHeadMask) ? call_.in[kHeadMask].as<float>()[head_] : 1;
    for (double& x : p) x = x / sum * weight;
    return p;
  }

 private:
  double score(int64_t j) const {
    const int64_t d = batch_.d, key_head = head_ / batch_.group;
    const float* q = call_.in[kQuery].as<float>() + ((batch_.offset(b_) + i_) * batch_.heads + head_) * d;
    const float* k = call_.in[kKey].as<float>() + (batch_.key_row(b_, j) * batch_.key_heads + key_head) * d;
    double score = 0;
    for (int64_t c = 0; c < d; ++c) score += static_cast<double>(q[c]) * k[c];
    score = score * call_.attr[kScale] + bias(j);
    if (!forbidden(j)) return score;
    // Without a mask every query sees itself, and what is forbidden has no weight at all.
    return has_input(call_, kMask) ? static_cast<float>(score + std::numeric_limits<float>::lowest())
                                   : -std::numeric_limits<double>::infinity();
  }

  double bias(int64_t j) const {
    if (!has_input(call_, kBias)) return 0;
    const Shape& s = call_.in[kBias].shape;
    const int64_t b = s[0] == 1 ? 0 : b_, head = s[1] == 1 ? 0 : head_;
    return call_.in[kBias].as<float>()[((b * s[1] + head) * s[2] + i_) * s[3] + j];
  }

  bool forbidden(int64_t j) const {
    const int64_t own = i_ + batch_.keys.length(b_) - batch_.length(b_);
    if (call_.attr[kCausal] != 0 && j > own) return true;
    if (call_.attr[kWindow] != kNoWindow && std::abs(own - j) > call_.attr[kWindow]) return true;
    if (!has_input(call_, kMask)) return false;
    const Shape& s = call_.in[kMask].shape;
    return !call_.in[kMask].as<uint8_t>()[(b_ * s[1] + (s[1] == 1 ? 0 : i_)) * s[2] + j];
  }

  const OpCall& call_;
  const AttentionBatch& batch_;
  int64_t b_, head_, i_;
};

}  // namespace

const char* attention_reference(OpCall& call) {
  const AttentionBatch batch(call);
  if (const char* reason = batch.check()) return reason;
  const int64_t t = batch.longest, columns = batch.longest_keys;
  if (call.n_out > 1) std::fill(call.out[1].as<float>(), call.out[1].as<float>() + call.out[1].shape.size(), 0.0f);
  for (int64_t b = 0; b < batch.sequences; ++b)
    for (int64_t head = 0; head < batch.heads; ++head)
      for (int64_t i = 0; i < batch.length(b); ++i) {
        const std::vector<double> p = Query(call, batch, b, head, i).probabilities();
        for (int64_t c = 0; c < batch.d; ++c) {
          double sum = 0;
          for (int64_t j = 0; j < batch.keys.length(b); ++j) {
            const int64_t row = batch.key_row(b, j) * batch.key_heads + head / batch.group;
            sum += p[j] * call.in[kValue].as<float>()[row * batch.d + c];
          }
          call.out[0].as<float>()[((batch.offset(b) + i) * batch.heads + head) * batch.d + c] = static_cast<float>(sum);
        }
        if (call.n_out > 1)
          for (int64_t j = 0; j < batch.keys.length(b); ++j)
            call.out[1].as<float>()[((b * batch.heads + head) * t + i) * columns + j] = static_cast<float>(p[j]);
      }
  return nullptr;
}

}  // namespace nt
