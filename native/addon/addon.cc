// The N-API surface: numbers, handles and status. lib/binding/addon.ts describes each function; defaults, checks and
// wording are there too.
#include <node_api.h>

#include <cstring>

#include "addon/client.h"
#include "addon/format.h"
#include "core/allocator.h"
#include "core/thread_pool.h"
#include "cpu/kernels.h"
#include "math/activation.h"

#ifdef __clang__
#define NT_COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define NT_COMPILER "gcc " __VERSION__
#else
#define NT_COMPILER "unknown"
#endif

namespace nt {
namespace {

enum Status : int32_t { kOk, kRefused, kDisposed, kQueueFull, kNoStream };

// More than this is a program that never awaits.
constexpr int64_t kMostQueuedCommands = 1 << 20;

Client* client_of(napi_env env, napi_callback_info info, size_t* argc = nullptr, napi_value* argv = nullptr) {
  void* data = nullptr;
  napi_get_cb_info(env, info, argc, argv, nullptr, &data);
  return static_cast<Client*>(data);
}

int32_t int_of(napi_env env, napi_value value) {
  int32_t n = 0;
  napi_get_value_int32(env, value, &n);
  return n;
}

double number_of(napi_env env, napi_value value) {
  double n = 0;
  napi_get_value_double(env, value, &n);
  return n;
}

napi_value status(napi_env env, Status code) {
  napi_value result;
  napi_create_int32(env, code, &result);
  return result;
}

napi_value number(napi_env env, double n) {
  napi_value result;
  napi_create_double(env, n, &result);
  return result;
}

napi_value text(napi_env env, const char* s) {
  napi_value result;
  napi_create_string_utf8(env, s, NAPI_AUTO_LENGTH, &result);
  return result;
}

void* bytes_of(napi_env env, napi_value array, size_t* bytes = nullptr) {
  napi_typedarray_type type;
  size_t length = 0, offset = 0;
  void* data = nullptr;
  napi_value buffer;
  if (napi_get_typedarray_info(env, array, &type, &length, &data, &buffer, &offset) != napi_ok) return nullptr;
  static const size_t kSize[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8};
  if (bytes) *bytes = length * kSize[type];
  return data;
}

// The argument block, read and written in order.
class Words {
 public:
  explicit Words(Client* client) : words_(client->words()), numbers_(client->numbers()) {}
  int32_t next() { return words_[word_++]; }
  void put(int32_t value) { words_[word_++] = value; }
  double next_number() { return numbers_[number_++]; }
  void put_number(double value) { numbers_[number_++] = value; }
  const double* rest() const { return numbers_ + number_; }
  void rewind() { word_ = number_ = 0; }
  Spec spec() {
    Spec spec;
    spec.dtype = static_cast<DType>(next());
    spec.shape.rank = next();
    for (int i = 0; i < spec.shape.rank; ++i) spec.shape.dims[i] = static_cast<int64_t>(next_number());
    return spec;
  }
  void put_handle(Client* client, Ref<Node> node) {
    int32_t slot, generation;
    const Spec spec = node->spec();
    client->take_handle(std::move(node), &slot, &generation);
    put(slot);
    put(generation);
    put(static_cast<int32_t>(spec.dtype));
    put(spec.shape.rank);
    for (int i = 0; i < spec.shape.rank; ++i) put_number(static_cast<double>(spec.shape.dims[i]));
  }

 private:
  int32_t* words_;
  double* numbers_;
  int word_ = 0, number_ = 0;
};

bool queue_is_full(const Stream& stream, const Segment& segment) {
  return stream.queued_commands() + static_cast<int64_t>(segment.commands.size()) > kMostQueuedCommands;
}

Ref<CallState> call_or_own(Client* client, int32_t id) {
  Ref<CallState> call = client->call(id);
  return call ? call : make_ref<CallState>();
}

// words: op | -1 for reshape, stream, call, inputs, (slot, generation)…, attrs; numbers: attrs.
// (reshape: dtype, rank in place of attrs; numbers: dims.)
// Result: outputs, (slot, generation, dtype, rank)…; numbers: dims. When a handle is stale: the operand's index.
napi_value record(napi_env env, napi_callback_info info) {
  Client* client = client_of(env, info);
  if (!client || client->closed()) return status(env, kNoStream);
  Words words(client);
  const int32_t op = words.next();
  Stream* stream = client->stream(words.next());
  if (!stream) return status(env, kNoStream);
  const int32_t call_id = words.next();
  const int32_t n_in = words.next();
  TensorView in[kMaxInputs];
  Node* nodes[kMaxInputs];
  for (int i = 0; i < n_in; ++i) {
    const int32_t slot = words.next(), generation = words.next();
    nodes[i] = nullptr;
    if (slot < 0) continue;
    nodes[i] = client->find(slot, generation);
    if (!nodes[i]) {
      client->words()[0] = i;
      return status(env, kDisposed);
    }
    static_cast<Spec&>(in[i]) = nodes[i]->spec();
    in[i].present = true;
  }
  Segment& segment = stream->recording();
  if (queue_is_full(*stream, segment)) return status(env, kQueueFull);

  Spec out[kMaxOutputs];
  InferCall infer{in, n_in, client->numbers(), 0, out, 1};
  if (op < 0) {
    out[0] = words.spec();
    if (out[0].shape.size() != in[0].shape.size()) {
      client->reason = "the number of elements would change";
      return status(env, kRefused);
    }
  } else {
    infer.n_attr = words.next();
    if (const char* reason = ops()[op].infer(infer)) {
      client->reason = reason;
      return status(env, kRefused);
    }
  }

  Command command;
  command.kind = op < 0 ? Command::kReshape : Command::kOp;
  command.op = op;
  command.first_node = static_cast<int>(segment.nodes.size());
  command.n_in = n_in;
  command.n_out = infer.n_out;
  command.first_attr = static_cast<int>(segment.attrs.size());
  command.n_attr = infer.n_attr;
  command.call = call_or_own(client, call_id);
  segment.attrs.insert(segment.attrs.end(), client->numbers(), client->numbers() + infer.n_attr);
  for (int i = 0; i < n_in; ++i) {
    if (nodes[i]) nodes[i]->retain();
    segment.nodes.emplace_back(nodes[i]);
  }
  words.rewind();
  words.put(infer.n_out);
  for (int i = 0; i < infer.n_out; ++i) {
    Ref<Node> node = make_ref<Node>(out[i]);
    segment.nodes.push_back(node);
    if (op >= 0) segment.bytes += out[i].bytes();
    words.put_handle(client, std::move(node));
  }
  segment.commands.push_back(std::move(command));
  return status(env, kOk);
}

// upload(array): words: dtype, rank; numbers: dims. The bytes are copied now. Result as record's.
napi_value upload(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value argv[1];
  Client* client = client_of(env, info, &argc, argv);
  Words words(client);
  const Spec spec = words.spec();
  size_t bytes = 0;
  const void* data = bytes_of(env, argv[0], &bytes);
  client->reason = "the data's length and the shape disagree";
  if (static_cast<int64_t>(bytes) != spec.bytes()) return status(env, kRefused);
  Ref<Storage> storage = make_ref<Storage>();
  client->reason = "out of memory";
  if (!storage->reserve(spec.bytes())) return status(env, kRefused);
  if (bytes) std::memcpy(storage->data(), data, bytes);
  Ref<Node> node = make_ref<Node>(spec);
  node->give(std::move(storage));
  words.rewind();
  words.put(1);
  words.put_handle(client, std::move(node));
  return status(env, kOk);
}

// load(): words: stream, call, dtype, rank, source dtype, pack, parameter's file; numbers: dims, offset.
napi_value load(napi_env env, napi_callback_info info) {
  Client* client = client_of(env, info);
  Words words(client);
  Stream* stream = client->stream(words.next());
  if (!stream) return status(env, kNoStream);
  Command command;
  command.kind = Command::kLoad;
  command.call = call_or_own(client, words.next());
  const Spec spec = words.spec();
  double attr[Command::kLoadAttrs];
  attr[Command::kSourceType] = words.next();
  attr[Command::kPack] = words.next();
  attr[Command::kFile] = words.next();
  attr[Command::kOffset] = words.next_number();
  Segment& segment = stream->recording();
  command.first_node = static_cast<int>(segment.nodes.size());
  command.n_out = 1;
  command.first_attr = static_cast<int>(segment.attrs.size());
  command.n_attr = Command::kLoadAttrs;
  segment.attrs.insert(segment.attrs.end(), attr, attr + Command::kLoadAttrs);
  segment.bytes += spec.bytes();
  Ref<Node> node = make_ref<Node>(spec);
  segment.nodes.push_back(node);
  segment.commands.push_back(std::move(command));
  words.rewind();
  words.put(1);
  words.put_handle(client, std::move(node));
  return status(env, kOk);
}

// release(): words: count, (slot, generation)…
napi_value release(napi_env env, napi_callback_info info) {
  Client* client = client_of(env, info);
  if (client->closed()) return nullptr;
  Words words(client);
  for (int32_t n = words.next(); n > 0; --n) {
    const int32_t slot = words.next();
    client->release_handle(slot, words.next());
  }
  return nullptr;
}

napi_value submit(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value argv[1];
  Client* client = client_of(env, info, &argc, argv);
  if (Stream* stream = client->stream(int_of(env, argv[0]))) stream->submit();
  return nullptr;
}

napi_value discard(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value argv[1];
  Client* client = client_of(env, info, &argc, argv);
  if (Stream* stream = client->stream(int_of(env, argv[0]))) stream->discard();
  return nullptr;
}

// read(id, arrays): words: stream, call, count, (slot, generation)…; arrays[i] receives the bytes of handle i.
// With count 0 it is a fence. The callback hears of `id` when all before it in the stream is done.
napi_value read(napi_env env, napi_callback_info info) {
  size_t argc = 2;
  napi_value argv[2];
  Client* client = client_of(env, info, &argc, argv);
  Words words(client);
  Stream* stream = client->stream(words.next());
  if (!stream) return status(env, kNoStream);
  Command command;
  command.kind = Command::kRead;
  command.call = call_or_own(client, words.next());
  command.n_in = words.next();
  command.id = static_cast<uint32_t>(number_of(env, argv[0]));
  Segment& segment = stream->recording();
  command.first_node = static_cast<int>(segment.nodes.size());
  command.first_address = static_cast<int>(segment.addresses.size());
  for (int i = 0; i < command.n_in; ++i) {
    const int32_t slot = words.next();
    Node* node = client->find(slot, words.next());
    napi_value array;
    napi_get_element(env, argv[1], static_cast<uint32_t>(i), &array);
    size_t bytes = 0;
    void* to = bytes_of(env, array, &bytes);
    const bool fits = node && static_cast<int64_t>(bytes) == node->spec().bytes();
    if (!fits) {
      segment.nodes.resize(static_cast<size_t>(command.first_node));
      segment.addresses.resize(static_cast<size_t>(command.first_address));
      client->words()[0] = i;
      client->reason = "the array's length and the shape disagree";
      return status(env, node ? kRefused : kDisposed);
    }
    node->retain();
    segment.nodes.emplace_back(node);
    segment.addresses.push_back(to);
  }
  napi_ref keep = nullptr;
  if (command.n_in > 0) napi_create_reference(env, argv[1], 1, &keep);
  client->expect(command.id, keep);
  client->retain();
  command.listener = Ref<Listener>(client);
  segment.commands.push_back(std::move(command));
  return status(env, kOk);
}

// Lets the JS thread wait for one read in place.
class Rendezvous final : public Listener {
 public:
  void finished(uint32_t, const Ref<CallState>& lost) override {
    std::lock_guard<std::mutex> lock(mutex_);
    lost_ = lost;
    done_ = true;
    arrived_.notify_all();
  }
  Ref<CallState> wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    arrived_.wait(lock, [this] { return done_; });
    return lost_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  bool done_ = false;
  Ref<CallState> lost_;
};

// wait(array): words: stream, slot, generation. Submits what is recorded, then blocks until `array` is filled.
napi_value wait(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value argv[1];
  Client* client = client_of(env, info, &argc, argv);
  Words words(client);
  Stream* stream = client->stream(words.next());
  if (!stream) return status(env, kNoStream);
  const int32_t slot = words.next();
  Node* node = client->find(slot, words.next());
  if (!node) return status(env, kDisposed);
  size_t bytes = 0;
  void* to = bytes_of(env, argv[0], &bytes);
  client->reason = "the array's length and the shape disagree";
  if (static_cast<int64_t>(bytes) != node->spec().bytes()) return status(env, kRefused);
  Ref<Rendezvous> rendezvous = make_ref<Rendezvous>();
  Segment& segment = stream->recording();
  Command command;
  command.kind = Command::kRead;
  command.call = make_ref<CallState>();
  command.n_in = 1;
  command.first_node = static_cast<int>(segment.nodes.size());
  command.first_address = static_cast<int>(segment.addresses.size());
  rendezvous->retain();
  command.listener = Ref<Listener>(rendezvous.get());
  node->retain();
  segment.nodes.emplace_back(node);
  segment.addresses.push_back(to);
  segment.commands.push_back(std::move(command));
  stream->submit();
  const Ref<CallState> lost = rendezvous->wait();
  if (!lost) return status(env, kOk);
  client->reason = lost->state() == CallState::kAborted ? "the call that makes this value was aborted" : lost->reason();
  client->words()[0] = lost->op();
  return status(env, kRefused);
}

// when_below(stream, commands, bytes, id)
napi_value when_below(napi_env env, napi_callback_info info) {
  size_t argc = 4;
  napi_value argv[4];
  Client* client = client_of(env, info, &argc, argv);
  Stream* stream = client->stream(int_of(env, argv[0]));
  if (!stream) return status(env, kNoStream);
  client->expect(static_cast<uint32_t>(number_of(env, argv[3])), nullptr);
  client->retain();
  stream->notify_below(static_cast<int64_t>(number_of(env, argv[1])), static_cast<int64_t>(number_of(env, argv[2])),
                       Ref<Listener>(client), static_cast<uint32_t>(number_of(env, argv[3])));
  return status(env, kOk);
}

// create_stream(isa, single_thread) → id, or -1 when this CPU has no such level
napi_value create_stream(napi_env env, napi_callback_info info) {
  size_t argc = 2;
  napi_value argv[2];
  Client* client = client_of(env, info, &argc, argv);
  char name[32] = "";
  size_t length = 0;
  napi_get_value_string_utf8(env, argv[0], name, sizeof name, &length);
  bool single = false;
  napi_get_value_bool(env, argv[1], &single);
  const bool reference = std::strcmp(name, "reference") == 0;
  const char* problem = nullptr;
  const Kernels* kernels = length == 0 ? default_kernels(&problem) : kernels_for(reference ? "generic" : name);
  if (!kernels) return number(env, -1);
  return number(env, client->add_stream(make_ref<Stream>(kernels, reference, single)));
}

napi_value close_stream(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value argv[1];
  Client* client = client_of(env, info, &argc, argv);
  client->remove_stream(int_of(env, argv[0]));
  return nullptr;
}

napi_value begin_call(napi_env env, napi_callback_info info) {
  return number(env, client_of(env, info)->begin_call());
}

napi_value abort_call(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value argv[1];
  Client* client = client_of(env, info, &argc, argv);
  const Ref<CallState> call = client->call(int_of(env, argv[0]));
  if (call) call->abort();
  return nullptr;
}

napi_value end_call(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value argv[1];
  Client* client = client_of(env, info, &argc, argv);
  client->end_call(int_of(env, argv[0]));
  return nullptr;
}

napi_value reason(napi_env env, napi_callback_info info) {
  return text(env, client_of(env, info)->reason);
}

// numbers: live, pooled, peak and limit bytes, handles
napi_value stats(napi_env env, napi_callback_info info) {
  Client* client = client_of(env, info);
  Words words(client);
  const MemoryStats memory = allocator().stats();
  words.put_number(static_cast<double>(memory.live));
  words.put_number(static_cast<double>(memory.pooled));
  words.put_number(static_cast<double>(memory.peak));
  words.put_number(static_cast<double>(memory.limit));
  words.put_number(static_cast<double>(client->handles()));
  return nullptr;
}

void set(napi_env env, napi_value object, const char* name, napi_value value) {
  napi_set_named_property(env, object, name, value);
}

void set_function(napi_env env, napi_value object, const char* name, napi_callback callback, void* data) {
  napi_value function;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, data, &function);
  set(env, object, name, function);
}

void close_client(void* data) {
  static_cast<Client*>(data)->close();
}

void client_collected(napi_env env, void* data, void*) {
  Client* client = static_cast<Client*>(data);
  if (!client->closed()) {
    napi_remove_env_cleanup_hook(env, close_client, client);
    client->close();
  }
  if (client->release()) delete client;
}

void keep_memory(napi_env, void*, void*) {}

// open(callback) → the client's functions and its argument block
napi_value open(napi_env env, napi_callback_info info) {
  size_t argc = 1;
  napi_value argv[1];
  napi_get_cb_info(env, info, &argc, argv, nullptr, nullptr);
  Client* client = new Client(env, argv[0]);
  napi_value object, buffer, words, numbers;
  napi_create_object(env, &object);
  napi_create_external_arraybuffer(env, client->words(), kWords * sizeof(int32_t), keep_memory, nullptr, &buffer);
  napi_create_typedarray(env, napi_int32_array, kWords, buffer, 0, &words);
  napi_create_external_arraybuffer(env, client->numbers(), kNumbers * sizeof(double), keep_memory, nullptr, &buffer);
  napi_create_typedarray(env, napi_float64_array, kNumbers, buffer, 0, &numbers);
  set(env, object, "words", words);
  set(env, object, "numbers", numbers);
  const struct {
    const char* name;
    napi_callback callback;
  } functions[] = {{"record", record},          {"upload", upload},          {"load", load},
                   {"release", release},        {"submit", submit},          {"discard", discard},
                   {"read", read},              {"wait", wait},              {"whenBelow", when_below},
                   {"createStream", create_stream}, {"closeStream", close_stream}, {"beginCall", begin_call},
                   {"abortCall", abort_call},   {"endCall", end_call},       {"reason", reason},
                   {"stats", stats},            {"formatRows", format_rows}};
  for (const auto& f : functions) set_function(env, object, f.name, f.callback, client);
  napi_wrap(env, object, client, client_collected, nullptr, nullptr);
  napi_add_env_cleanup_hook(env, close_client, client);
  return object;
}

// info() → what this build and this machine are
napi_value describe(napi_env env, napi_callback_info) {
  napi_value object, names;
  napi_create_object(env, &object);
  napi_create_array_with_length(env, static_cast<size_t>(op_count()), &names);
  for (int i = 0; i < op_count(); ++i) napi_set_element(env, names, static_cast<uint32_t>(i), text(env, ops()[i].name));
  set(env, object, "ops", names);
  napi_create_array(env, &names);
  for (int i = 0; i < kActivationCount; ++i) napi_set_element(env, names, static_cast<uint32_t>(i), text(env, activation_name(i)));
  set(env, object, "activations", names);
  napi_create_array(env, &names);
  for (int i = 0; available_kernels()[i]; ++i)
    napi_set_element(env, names, static_cast<uint32_t>(i), text(env, available_kernels()[i]->isa));
  set(env, object, "levels", names);
  const char* problem = nullptr;
  const Kernels* chosen = default_kernels(&problem);
  set(env, object, "isa", text(env, chosen ? chosen->isa : ""));
  set(env, object, "isaProblem", text(env, problem ? problem : ""));
  set(env, object, "threads", number(env, thread_pool().threads()));
  set(env, object, "cores", number(env, usable_cores()));
  set(env, object, "memoryLimit", number(env, static_cast<double>(allocator().stats().limit)));
  set(env, object, "memorySetting", number(env, static_cast<double>(memory_setting())));
  set(env, object, "buildTool", text(env, NT_BUILD_TOOL));
  set(env, object, "compiler", text(env, NT_COMPILER));
  return object;
}

// profile() → for each op, nanoseconds and calls since the process began
napi_value profile(napi_env env, napi_callback_info) {
  napi_value array;
  napi_create_array(env, &array);
  for (int i = 0; i < op_count(); ++i) {
    napi_set_element(env, array, static_cast<uint32_t>(2 * i), number(env, static_cast<double>(op_profile()[i].nanoseconds)));
    napi_set_element(env, array, static_cast<uint32_t>(2 * i + 1), number(env, static_cast<double>(op_profile()[i].calls)));
  }
  return array;
}

}  // namespace
}  // namespace nt

NAPI_MODULE_INIT() {
  using namespace nt;
  set_function(env, exports, "open", open, nullptr);
  set_function(env, exports, "info", describe, nullptr);
  set_function(env, exports, "profile", profile, nullptr);
  return exports;
}
