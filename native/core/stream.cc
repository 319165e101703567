#include "core/stream.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <unordered_map>

#include "core/file_bytes.h"
#include "core/thread_pool.h"
#include "cpu/gemm/pack.h"

namespace nt {
namespace {

// Streams that wait for a value another stream makes.
struct Waiters {
  std::mutex mutex;
  std::unordered_multimap<const Node*, Stream*> streams;
};

Waiters& waiters() {
  static Waiters* const instance = new Waiters;
  return *instance;
}

// False when the value has come in the meantime.
bool park(Stream* stream, Node* node) {
  Waiters& w = waiters();
  std::lock_guard<std::mutex> lock(w.mutex);
  node->awaited.store(true, std::memory_order_seq_cst);
  if (node->ready()) return false;
  w.streams.emplace(node, stream);
  return true;
}

class BlockScratch final : public Scratch {
 public:
  ~BlockScratch() override {
    for (const auto& block : blocks_) allocator().free(block.first, block.second);
  }
  void* take(int64_t bytes) override {
    int64_t capacity = 0;
    void* block = allocator().take(bytes, &capacity);
    if (block) blocks_.emplace_back(block, capacity);
    return block;
  }

 private:
  std::vector<std::pair<void*, int64_t>> blocks_;
};

constexpr int64_t kCopyChunk = int64_t{4} << 20;

// How long a stream keeps its thread when others wait for one.
constexpr auto kTurn = std::chrono::milliseconds(1);

const char kOutOfMemory[] = "out of memory";

TensorView view_of(const Spec& spec, void* data) {
  TensorView view;
  static_cast<Spec&>(view) = spec;
  view.data = data;
  view.present = true;
  return view;
}

// Why what has been read of a value may be wrong: the file that it lies in has changed. Else null.
const char* trouble_of(const Storage& storage) {
  return storage.mapping() ? storage.mapping()->trouble() : nullptr;
}

// The same of an op's operands; those that lie in one file mostly stand side by side.
const char* trouble_of(const Ref<Node>* operands, int count) {
  const Mapping* seen = nullptr;
  for (int i = 0; i < count; ++i) {
    if (!operands[i] || operands[i]->storage()->mapping() == seen) continue;
    seen = operands[i]->storage()->mapping();
    if (const char* reason = trouble_of(*operands[i]->storage())) return reason;
  }
  return nullptr;
}

int op_named(const char* name) {
  for (int i = 0; i < op_count(); ++i)
    if (std::strcmp(ops()[i].name, name) == 0) return i;
  return -1;
}

}  // namespace

void Node::finish() {
  ready_.store(true, std::memory_order_seq_cst);
  if (!awaited.load(std::memory_order_seq_cst)) return;
  Waiters& w = waiters();
  std::lock_guard<std::mutex> lock(w.mutex);
  const auto range = w.streams.equal_range(this);
  for (auto it = range.first; it != range.second; ++it) thread_pool().schedule(it->second);
  w.streams.erase(range.first, range.second);
}

void Segment::drop() {
  for (Command& command : commands) {
    command.call->abort();
    for (int i = 0; i < command.n_out; ++i) {
      Node* node = nodes[command.first_node + command.n_in + i].get();
      if (node && !node->ready()) node->lose(command.call);
    }
    if (command.listener) command.listener->finished(command.id, command.call);
  }
}

OpProfile* op_profile() {
  static OpProfile* const instance = new OpProfile[static_cast<size_t>(op_count()) + 1];
  return instance;
}

void Stream::submit() {
  if (recording_->commands.empty()) return;
  queued_commands_.fetch_add(static_cast<int64_t>(recording_->commands.size()), std::memory_order_relaxed);
  queued_bytes_.fetch_add(recording_->bytes, std::memory_order_relaxed);
  bool start = false;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    queue_.push_back(std::move(recording_));
    recording_ = std::make_unique<Segment>();
    if (!scheduled_) start = scheduled_ = true;
  }
  if (start) {
    retain();  // until the queue is empty
    thread_pool().schedule(this);
  }
}

void Stream::discard() {
  recording_->drop();
  recording_ = std::make_unique<Segment>();
}

void Stream::close() {
  discard();
  std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& segment : queue_)
    for (const Command& command : segment->commands) command.call->abort();
}

void Stream::notify_below(int64_t commands, int64_t bytes, Ref<Listener> listener, uint32_t id) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (queued_commands() > commands || queued_bytes() > bytes) {
      watermarks_.push_back({commands, bytes, std::move(listener), id});
      return;
    }
  }
  listener->finished(id, Ref<CallState>());
}

void Stream::lead(Parallel& parallel, CallState*& current) {
  turn_ends_ = std::chrono::steady_clock::now() + kTurn;
  for (bool more = true; more;) {
    Segment* segment;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      segment = queue_.front().get();
    }
    const Outcome outcome = run(*segment, parallel, current);
    if (outcome == Outcome::kParked) return;  // the value's maker schedules this stream again
    if (outcome == Outcome::kTurnOver) return thread_pool().schedule(this);
    finish_segment(*segment);
    std::unique_ptr<Segment> done;
    std::lock_guard<std::mutex> lock(mutex_);
    done = std::move(queue_.front());  // freed after the lock
    queue_.pop_front();
    more = !queue_.empty();
    if (!more) scheduled_ = false;
  }
  if (release()) delete this;
}

bool Stream::turn_is_over() const {
  return thread_pool().streams_wait() && std::chrono::steady_clock::now() > turn_ends_;
}

void Stream::finish_segment(Segment& segment) {
  queued_commands_.fetch_sub(static_cast<int64_t>(segment.commands.size()), std::memory_order_relaxed);
  queued_bytes_.fetch_sub(segment.bytes, std::memory_order_relaxed);
  std::vector<Watermark> reached;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    for (size_t i = 0; i < watermarks_.size();) {
      if (queued_commands() > watermarks_[i].commands || queued_bytes() > watermarks_[i].bytes) {
        ++i;
        continue;
      }
      reached.push_back(std::move(watermarks_[i]));
      watermarks_.erase(watermarks_.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
  for (Watermark& mark : reached) mark.listener->finished(mark.id, Ref<CallState>());
}

Stream::Outcome Stream::run(Segment& segment, Parallel& parallel, CallState*& current) {
  for (; segment.cursor < segment.commands.size(); ++segment.cursor) {
    if (turn_is_over()) return Outcome::kTurnOver;
    Command& command = segment.commands[segment.cursor];
    for (int i = 0; i < command.n_in; ++i) {
      Node* node = segment.nodes[command.first_node + i].get();
      if (node && !node->ready() && park(this, node)) return Outcome::kParked;
    }
    current = command.call.get();
    const Ref<CallState> lost = execute(segment, command, parallel);
    current = nullptr;
    for (int i = 0; i < command.n_in + command.n_out; ++i) segment.nodes[command.first_node + i].reset();
    if (!command.listener) continue;
    command.listener->finished(command.id, lost);  // what it needed has been given back by then
    command.listener.reset();
  }
  return Outcome::kDone;
}

Ref<CallState> Stream::execute(Segment& segment, Command& command, Parallel& parallel) {
  const Ref<Node>* in = segment.nodes.data() + command.first_node;
  const Ref<Node>* out = in + command.n_in;
  Ref<CallState> lost;
  if (command.call->stopped()) lost = command.call;
  for (int i = 0; i < command.n_in && !lost; ++i)
    if (in[i] && in[i]->lost_to()) lost = in[i]->lost_to();

  if (command.kind == Command::kWrite) {
    const char* reason = lost ? "ECANCELED: a value to be written was never made" : write(segment, command, parallel);
    if (reason) command.call->fail(command.op, reason, nullptr, 0);
    return {};
  }

  if (command.kind == Command::kRead) {
    for (int i = 0; i < command.n_in && !lost; ++i) {
      const Spec& spec = in[i]->spec();
      const Shape& shape = spec.shape;
      const Ref<Storage> rows = in[i]->storage()->data()
                                    ? in[i]->storage_ref()
                                    : in[i]->storage()->rows(spec.dtype, shape[0], shape[1], parallel);
      if (!rows) {
        lost = make_ref<CallState>();
        lost->fail(command.op, kOutOfMemory, nullptr, 0);
        break;
      }
      char* to = static_cast<char*>(segment.addresses[command.first_address + i]);
      const char* from = static_cast<const char*>(rows->data());
      parallel.ranges(spec.bytes(), kCopyChunk,
                      [&](int64_t begin, int64_t end, int) { std::memcpy(to + begin, from + begin, end - begin); });
      if (const char* reason = trouble_of(*rows)) {
        lost = make_ref<CallState>();
        lost->fail(command.op, reason, nullptr, 0);
      }
    }
    if (command.task && !lost) {
      if (const char* reason = command.task->run(parallel)) {
        lost = make_ref<CallState>();
        lost->fail(command.op, reason, nullptr, 0);
      }
    }
    return lost;
  }

  if (!lost) {
    if (command.kind == Command::kReshape) {
      const Ref<Storage>& storage = in[0]->storage_ref();
      if (storage->data()) {
        out[0]->give(storage);
        return {};
      }
      const Shape& shape = in[0]->spec().shape;
      Ref<Storage> rows = storage->rows(in[0]->spec().dtype, shape[0], shape[1], parallel);
      if (rows) {
        out[0]->give(rows);
        return {};
      }
    }
    TensorView views[kMaxInputs];
    const char* reason = command.kind == Command::kOp     ? run_op(segment, command, parallel, views)
                         : command.kind == Command::kLoad ? load(segment, command, parallel)
                         : command.kind == Command::kKeep ? keep(segment, command, parallel)
                                                          : kOutOfMemory;
    if (reason) command.call->fail(command.op, reason, views, command.n_in);
    if (command.call->stopped()) lost = command.call;
  }
  if (!lost) return {};
  for (int i = 0; i < command.n_out; ++i)
    if (!out[i]->ready()) out[i]->lose(lost);
  return {};
}

const char* Stream::run_op(Segment& segment, const Command& command, Parallel& parallel, TensorView* in) {
  const OpDef& op = ops()[command.op];
  const Ref<Node>* nodes = segment.nodes.data() + command.first_node;
  Ref<Storage> unpacked[kMaxInputs];
  for (int i = 0; i < command.n_in; ++i) {
    if (!nodes[i]) continue;
    const Spec& spec = nodes[i]->spec();
    Storage* storage = nodes[i]->storage();
    in[i] = view_of(spec, storage->data());
    if (i == op.packed_input && !reference_ && storage->parameter && !storage->mapping() && spec.shape.rank == 2) {
      in[i].panel = storage->panels_for(spec.dtype, spec.shape[0], spec.shape[1], kernels_, parallel);
      if (!in[i].panel) return kOutOfMemory;
      in[i].panel_width = panel_width(kernels_);
      in[i].panel_transposed = storage->transposed;
    } else if (!storage->data()) {
      unpacked[i] = storage->rows(spec.dtype, spec.shape[0], spec.shape[1], parallel);
      if (!unpacked[i]) return kOutOfMemory;
      in[i].data = unpacked[i]->data();
    }
  }
  TensorView out[kMaxOutputs];
  Ref<Storage> made[kMaxOutputs];
  for (int i = 0; i < command.n_out; ++i) {
    const Spec& spec = nodes[command.n_in + i]->spec();
    if (op.in_place >= 0) {
      if (nodes[op.in_place]->storage()->mapping()) return "weights that are mapped from a file cannot be written to";
      made[i] = nodes[op.in_place]->storage_ref();
    } else {
      made[i] = make_ref<Storage>();
      if (!made[i]->reserve(spec.bytes())) return kOutOfMemory;
    }
    out[i] = view_of(spec, made[i]->data());
  }
  BlockScratch scratch;
  OpCall call{
      in,        command.n_in, segment.attrs.data() + command.first_attr, command.n_attr, out, command.n_out, kernels_,
      &parallel, &scratch};
  const auto begin = std::chrono::steady_clock::now();
  const char* reason = reference_ ? op.reference(call) : op.cpu(call);
  OpProfile& profile = op_profile()[command.op];
  profile.nanoseconds.fetch_add((std::chrono::steady_clock::now() - begin).count(), std::memory_order_relaxed);
  profile.calls.fetch_add(1, std::memory_order_relaxed);
  if (const char* changed = trouble_of(nodes, command.n_in)) return changed;
  if (reason) return reason;
  if (command.call->stopped()) return nullptr;
  for (int i = 0; i < command.n_out; ++i) nodes[command.n_in + i]->give(made[i]);
  return nullptr;
}

const char* Stream::keep(Segment& segment, const Command& command, Parallel& parallel) {
  const Ref<Node>*in = segment.nodes.data() + command.first_node, *out = in + 1;
  const Spec& spec = in[0]->spec();
  const Ref<Storage>& storage = in[0]->storage_ref();
  const double pack = segment.attrs[command.first_attr];
  storage->parameter = true;
  storage->transposed = pack == Command::kPackTransposed;
  if (pack != Command::kPackNot && !reference_ && spec.shape.rank == 2 && storage->data() &&
      !storage->pack(spec.dtype, spec.shape[0], spec.shape[1], kernels_, parallel))
    return kOutOfMemory;
  out[0]->give(storage);
  return nullptr;
}

const char* Stream::load(Segment& segment, const Command& command, Parallel& parallel) {
  const double* attr = segment.attrs.data() + command.first_attr;
  const int file = static_cast<int>(attr[Command::kFile]);
  const int64_t offset = static_cast<int64_t>(attr[Command::kOffset]);
  const Ref<Node>& node = segment.nodes[command.first_node];
  const Spec& spec = node->spec();
  Spec source = spec;
  source.dtype = static_cast<DType>(static_cast<int>(attr[Command::kSourceType]));

  const bool strided = command.n_attr > Command::kLoadAttrs;
  const double pack = attr[Command::kPack];

  Ref<Storage> storage = make_ref<Storage>();
  storage->transposed = pack == Command::kPackTransposed;
  const bool as_it_is = source.dtype == spec.dtype && !strided;
  if (as_it_is && attr[Command::kMap] != 0) {
    bool mapped = false;
    if (const char* reason = map_bytes(file, offset, spec, *storage, &mapped)) return reason;
    if (mapped) {
      storage->parameter = true;
      node->give(storage);
      return nullptr;
    }
  }
  const bool packs = pack != Command::kPackNot && packable(spec.dtype) && !reference_ && spec.shape.rank == 2;
  if (as_it_is && packs) {
    if (const char* reason =
            storage->read_packed(file, offset, spec.dtype, spec.shape[0], spec.shape[1], kernels_, parallel))
      return reason;
    if (command.call->stopped()) return nullptr;
    storage->parameter = true;
    node->give(storage);
    return nullptr;
  }
  if (!storage->reserve(source.bytes())) return kOutOfMemory;
  const char* reason = strided
                           ? read_strided(file, offset, attr + Command::kLoadAttrs, source, storage->data(), parallel)
                           : read_ranges(file, offset, storage->data(), source.bytes(), parallel);
  if (reason) return reason;
  if (source.dtype != spec.dtype) {
    static const int cast = op_named("cast");
    Ref<Storage> converted = make_ref<Storage>();
    if (!converted->reserve(spec.bytes())) return kOutOfMemory;
    const TensorView in = view_of(source, storage->data());
    TensorView out = view_of(spec, converted->data());
    const double to_type = static_cast<double>(static_cast<int>(spec.dtype));
    BlockScratch scratch;
    OpCall call{&in, 1, &to_type, 1, &out, 1, kernels_, &parallel, &scratch};
    if (const char* reason = ops()[cast].cpu(call)) return reason;
    converted->transposed = storage->transposed;
    storage = converted;
  }
  storage->parameter = true;
  if (packs && !storage->pack(spec.dtype, spec.shape[0], spec.shape[1], kernels_, parallel)) return kOutOfMemory;
  if (command.call->stopped()) return nullptr;
  node->give(storage);
  return nullptr;
}

const char* Stream::write(Segment& segment, const Command& command, Parallel& parallel) {
  const double* attr = segment.attrs.data() + command.first_attr;
  const Ref<Node>& node = segment.nodes[command.first_node];
  const Spec& spec = node->spec();
  const Ref<Storage> rows = node->storage()->data()
                                ? node->storage_ref()
                                : node->storage()->rows(spec.dtype, spec.shape[0], spec.shape[1], parallel);
  if (!rows) return kOutOfMemory;
  const char* reason =
      write_range(static_cast<int>(attr[Command::kToFile]), static_cast<int64_t>(attr[Command::kToOffset]),
                  static_cast<const char*>(rows->data()), spec.bytes(), *command.call);
  const char* changed = trouble_of(*rows);
  return changed ? changed : reason;
}

}  // namespace nt
