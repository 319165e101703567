// The fate of one call of the user's: every command carries its call's token, so that a failure or an abort ends that
// call and no other.
#pragma once
#include <atomic>
#include <cstring>

#include "core/reference.h"
#include "core/tensor.h"

namespace nt {

class CallState : public Counted {
 public:
  enum State : int { kRunning, kAborted, kFailed };

  // What a failed command was when it was no op.
  enum NoOp : int { kLoad = -1, kReshape = -2, kRead = -3, kWrite = -4, kKeep = -5 };

  State state() const { return static_cast<State>(state_.load(std::memory_order_acquire)); }
  bool stopped() const { return state_.load(std::memory_order_relaxed) != kRunning; }

  void abort() {
    int expected = kRunning;
    state_.compare_exchange_strong(expected, kAborted, std::memory_order_acq_rel);
  }

  // The first failure is the one that is reported. `reason` is a static string.
  void fail(int op, const char* reason, const TensorView* in, int n_in) {
    bool expected = false;
    if (!claimed_.compare_exchange_strong(expected, true)) return;
    op_ = op;
    reason_ = reason;
    n_in_ = n_in < 8 ? n_in : 8;
    for (int i = 0; i < n_in_; ++i) in_[i] = in[i];
    int running = kRunning;
    state_.compare_exchange_strong(running, kFailed, std::memory_order_acq_rel);
  }

  // What the failure was: an op's number or a NoOp. Meaningful when state() is kFailed.
  int op() const { return op_; }
  const char* reason() const { return reason_; }
  int operands() const { return n_in_; }
  const Spec& operand(int i) const { return in_[i]; }
  bool operand_present(int i) const { return in_[i].present; }

 private:
  std::atomic<int> state_{kRunning};
  std::atomic<bool> claimed_{false};
  int op_ = -1;
  const char* reason_ = "";
  int n_in_ = 0;
  TensorView in_[8];
};

}  // namespace nt
