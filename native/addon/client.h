// One TypeScript instance of the package: its handles, streams, calls and unfinished reads. A process may hold several
// (worker threads, test realms); each has its own argument block and its own callback.
#pragma once
#include <node_api.h>

#include <condition_variable>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "core/stream.h"

namespace nt {

// Where arguments and results of the hot calls lie; shared with JS as two typed arrays.
constexpr int kWords = 512;
constexpr int kNumbers = 128;

class Client final : public Listener {
 public:
  // The property of the client's object that hears of finished reads.
  static constexpr char kFinished[] = "finished";

  // `object` is what JS sees of the client. It is held while reads are unfinished and else may be collected.
  Client(napi_env env, napi_value object);
  ~Client() override;

  int32_t* words() { return words_; }
  double* numbers() { return numbers_; }

  // Handles. A handle is a slot and the generation it was taken in.
  void take_handle(Ref<Node> node, int32_t* slot, int32_t* generation);
  Node* find(int32_t slot, int32_t generation);
  void release_handle(int32_t slot, int32_t generation);
  int64_t handles() const { return live_handles_; }

  Stream* stream(int32_t id);
  int32_t add_stream(Ref<Stream> stream);
  void remove_stream(int32_t id);

  Ref<CallState> call(int32_t id);
  int32_t begin_call();
  void end_call(int32_t id);

  // A read is about to be recorded: the thread-safe function holds the process until it is finished.
  void expect(uint32_t id, napi_ref array);
  void finished(uint32_t id, const Ref<CallState>& lost) override;

  const char* reason = "";  // of the last call that was refused or lost

  // Leaves in the words how a call ended: state, and of a failure the op and its operands: count, (rank | -1 for one
  // left out, dtype, dims…)…
  void put_end(const CallState* lost);

  // Ends everything: calls are aborted, and no thread touches this client's arrays afterwards. Runs on the JS thread.
  void close();
  bool closed() const { return closed_; }

 private:
  struct Finished {
    uint32_t id;
    Ref<CallState> lost;
  };
  struct Slot {
    Ref<Node> node;
    int32_t generation = 1;
  };

  void hold(bool expecting);
  static void deliver(napi_env env, napi_value callback, void* context, void* data);
  void deliver_all();
  bool deliver_one(const Finished& finished, napi_value object, napi_value callback);

  napi_env env_;
  napi_ref object_ = nullptr;
  napi_threadsafe_function function_ = nullptr;
  alignas(64) int32_t words_[kWords] = {};
  alignas(64) double numbers_[kNumbers] = {};

  std::vector<Slot> slots_;
  std::vector<int32_t> free_slots_;
  int64_t live_handles_ = 0;
  std::vector<Ref<Stream>> streams_;
  std::unordered_map<int32_t, Ref<CallState>> calls_;
  int32_t next_call_ = 1;
  std::unordered_map<uint32_t, napi_ref> arrays_;  // of reads that are not delivered yet
  int64_t expected_ = 0;
  bool closed_ = false;

  std::mutex mutex_;
  std::condition_variable quiet_;
  std::vector<Finished> finished_;
  bool deaf_ = false;       // closed: nothing is delivered any more
  int64_t unfinished_ = 0;  // reads that a compute thread may still write
};

}  // namespace nt
