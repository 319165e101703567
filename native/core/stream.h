// An in-order queue of commands. JS records a segment, then submits it; a compute thread runs it (thread_pool.h).
#pragma once
#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "core/node.h"
#include "ops/op.h"

namespace nt {

// Who hears of finished reads. Called on compute threads.
class Listener : public Counted {
 public:
  virtual ~Listener() = default;
  // Read `id` is done; `lost` is the call whose failure or abort took a value with it, or null.
  virtual void finished(uint32_t id, const Ref<CallState>& lost) = 0;
};

// Work on host memory that runs in its place in the stream.
class Task : public Counted {
 public:
  virtual ~Task() = default;
  // Null, or why it failed (a static string).
  virtual const char* run(Parallel& parallel) = 0;
};

struct Command {
  enum Kind : uint8_t {
    kOp,       // run ops()[op]
    kReshape,  // out[0] shares the storage of in[0]
    kLoad,     // read bytes of a file: attrs are LoadAttr, then strides in elements if it is a strided view
    kKeep,     // out[0] is in[0] as a parameter; the attr is one of Pack
    kWrite,    // write the bytes of in[0] into a file: attrs are WriteAttr
    kRead      // copy in[i] to addresses[i], run the task if there is one, then tell the listener
  };
  enum LoadAttr { kFile, kOffset, kSourceType, kPack, kMap, kLoadAttrs };
  enum WriteAttr { kToFile, kToOffset, kWriteAttrs };
  enum Pack { kPackNot, kPackRows, kPackTransposed };

  Kind kind = kOp;
  int op = -1;
  int first_node = 0, n_in = 0, n_out = 0;  // inputs, then outputs, in Segment::nodes
  int first_attr = 0, n_attr = 0;
  int first_address = 0;
  uint32_t id = 0;
  Ref<CallState> call;  // never null
  Ref<Listener> listener;
  Ref<Task> task;
};

struct Segment {
  std::vector<Command> commands;
  std::vector<Ref<Node>> nodes;
  std::vector<double> attrs;
  std::vector<void*> addresses;
  size_t cursor = 0;
  int64_t bytes = 0;  // of all outputs

  // Ends what was recorded and will not run: outputs are lost to their calls, listeners hear of it.
  void drop();
};

struct OpProfile {
  std::atomic<int64_t> nanoseconds{0};
  std::atomic<int64_t> calls{0};
};

class Stream : public Counted {
 public:
  // kernels == null runs the reference implementation of every op.
  Stream(const Kernels* kernels, bool reference, bool single_thread)
      : kernels_(kernels), reference_(reference), single_thread_(single_thread) {}

  bool single_thread() const { return single_thread_; }

  // What JS is recording. Only one JS thread records on a stream.
  Segment& recording() { return *recording_; }
  void submit();
  void discard();

  // Ends what is queued: its calls are aborted. Nothing may be recorded afterwards.
  void close();

  int64_t queued_commands() const { return queued_commands_.load(std::memory_order_relaxed); }
  int64_t queued_bytes() const { return queued_bytes_.load(std::memory_order_relaxed); }

  // Tells `listener` when both are at or under their bounds.
  void notify_below(int64_t commands, int64_t bytes, Ref<Listener> listener, uint32_t id);

  // Runs on a compute thread: all there is, or as far as the values it needs are there, or until its turn is over and
  // other streams wait for a thread.
  void lead(Parallel& parallel, CallState*& current);

 private:
  struct Watermark {
    int64_t commands, bytes;
    Ref<Listener> listener;
    uint32_t id;
  };
  enum class Outcome { kDone, kParked, kTurnOver };

  bool turn_is_over() const;

  Outcome run(Segment& segment, Parallel& parallel, CallState*& current);
  // The call to which a read has lost what it was to read, or none.
  Ref<CallState> execute(Segment& segment, Command& command, Parallel& parallel);
  const char* run_op(Segment& segment, const Command& command, Parallel& parallel, TensorView* in);
  const char* load(Segment& segment, const Command& command, Parallel& parallel);
  const char* keep(Segment& segment, const Command& command, Parallel& parallel);
  const char* write(Segment& segment, const Command& command, Parallel& parallel);
  void finish_segment(Segment& segment);

  const Kernels* kernels_;
  const bool reference_;
  const bool single_thread_;
  std::unique_ptr<Segment> recording_ = std::make_unique<Segment>();

  std::mutex mutex_;
  std::deque<std::unique_ptr<Segment>> queue_;
  std::vector<Watermark> watermarks_;
  bool scheduled_ = false;
  std::chrono::steady_clock::time_point turn_ends_;  // of the thread that leads
  std::atomic<int64_t> queued_commands_{0};
  std::atomic<int64_t> queued_bytes_{0};
};

// Time spent in each op since the process began; index as in ops().
OpProfile* op_profile();

}  // namespace nt
