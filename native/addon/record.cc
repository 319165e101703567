// Commands that make values (ops, reshapes, uploads, loads), and those that write them to files.
#include <algorithm>
#include <cstring>

#include "addon/arguments.h"
#include "addon/functions.h"
#include "core/allocator.h"
#include "ops/op.h"

namespace nt {
namespace {

// More than this is a program that never awaits: so many commands, or results that all together could not be held. The
// results of one segment are not counted: most of a forward's are gone before its last are made.
constexpr int64_t kMostQueuedCommands = 1 << 20;
constexpr int64_t kLeastByteBound = int64_t{8} << 30;  // above what calls of models wait for

bool queue_is_full(Stream& stream) {
  const auto recorded = static_cast<int64_t>(stream.recording().commands.size());
  return stream.queued_commands() + recorded > kMostQueuedCommands ||
         (recorded == 0 && stream.queued_bytes() > std::max(kLeastByteBound, allocator().limit()));
}

// The operands of a command as JS named them.
struct Operands {
  TensorView views[kMaxInputs];
  Node* nodes[kMaxInputs] = {};
  int count = 0;
  int stale = -1;  // the operand whose handle has been released

  Operands(Client* client, Words& words, int n) : count(n) {
    for (int i = 0; i < n; ++i) {
      const int32_t slot = words.next(), generation = words.next();
      if (slot < 0) continue;  // left out
      nodes[i] = client->find(slot, generation);
      if (!nodes[i]) {
        stale = i;
        return;
      }
      static_cast<Spec&>(views[i]) = nodes[i]->spec();
      views[i].present = true;
    }
  }
};

void append(Segment& segment, const Operands& operands) {
  for (int i = 0; i < operands.count; ++i) {
    if (operands.nodes[i]) operands.nodes[i]->retain();
    segment.nodes.emplace_back(operands.nodes[i]);
  }
}

// What JS hears of a command's outputs: their number, then each.
void put_outputs(Client* client, Segment& segment, const Spec* out, int n_out, bool takes_memory) {
  Words words(client);
  words.put(n_out);
  for (int i = 0; i < n_out; ++i) {
    Ref<Node> node = make_ref<Node>(out[i]);
    segment.nodes.push_back(node);
    if (takes_memory) segment.bytes += out[i].bytes();
    words.put_handle(client, std::move(node));
  }
}

}  // namespace

// words: op | -1 for reshape, stream, call, inputs, (slot, generation)…, attrs; numbers: attrs.
// (reshape: dtype, rank in place of attrs; numbers: dims.)
// Result: outputs, (slot, generation, dtype, rank)…; numbers: dims. When a handle is stale: the operand's index.
napi_value record(napi_env env, napi_callback_info info) {
  Client* client = client_of(env, info);
  Words words(client);
  const int32_t op = words.next();
  Stream* stream = client->stream(words.next());
  if (!stream) return status(env, kNoStream);
  const int32_t call_id = words.next();
  const int32_t n_in = words.next();
  if (n_in > kMaxInputs) return refuse(env, client, "an op takes at most 16 operands");
  const Operands operands(client, words, n_in);
  if (operands.stale >= 0) {
    client->words()[0] = operands.stale;
    return status(env, kDisposed);
  }
  if (queue_is_full(*stream)) return status(env, kQueueFull);

  Spec out[kMaxOutputs];
  InferCall infer{operands.views, n_in, client->numbers(), 0, out, 1};
  const char* why = nullptr;
  if (op < 0) {
    if (!words.spec(&out[0], &why)) return refuse(env, client, why);
    if (out[0].shape.size() != operands.views[0].shape.size())
      return refuse(env, client, "the number of elements would change");
  } else {
    infer.n_attr = words.next();
    if (infer.n_attr > kMaxAttrs) return refuse(env, client, "an op takes at most 24 attributes");
    why = ops()[op].infer(infer);
    if (why) return refuse(env, client, why);
    for (int i = 0; i < infer.n_out; ++i)
      if (!fits_memory(out[i])) return refuse(env, client, "the result would have more elements than memory has bytes");
  }

  Segment& segment = stream->recording();
  Command command;
  command.kind = op < 0 ? Command::kReshape : Command::kOp;
  command.op = op < 0 ? CallState::kReshape : op;
  command.first_node = static_cast<int>(segment.nodes.size());
  command.n_in = n_in;
  command.n_out = infer.n_out;
  command.first_attr = static_cast<int>(segment.attrs.size());
  command.n_attr = infer.n_attr;
  command.call = call_or_own(client, call_id);
  segment.attrs.insert(segment.attrs.end(), client->numbers(), client->numbers() + infer.n_attr);
  append(segment, operands);
  put_outputs(client, segment, out, infer.n_out, op >= 0 && ops()[op].in_place < 0);
  segment.commands.push_back(std::move(command));
  return status(env, kOk);
}

// upload(array): words: dtype, rank; numbers: dims. The bytes are copied now. Result as record's.
napi_value upload(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  Client* client = client_of(env, info, 1, argv);
  Words words(client);
  Spec spec;
  const char* why = nullptr;
  if (!words.spec(&spec, &why)) return refuse(env, client, why);
  const Bytes array = bytes_of(env, argv[0]);
  if (array.bytes != spec.bytes()) return refuse(env, client, "the data's length and the shape disagree");
  Ref<Storage> storage = make_ref<Storage>();
  if (!storage->reserve(spec.bytes())) return refuse(env, client, "out of memory");
  if (array.bytes) std::memcpy(storage->data(), array.data, static_cast<size_t>(array.bytes));
  Ref<Node> node = make_ref<Node>(spec);
  node->give(std::move(storage));
  words.rewind();
  words.put(1);
  words.put_handle(client, std::move(node));
  return status(env, kOk);
}

// load(): words: stream, call, dtype, rank, dtype in the file, pack, map, file, number of strides; numbers: dims,
// offset, strides. Result as record's.
napi_value load(napi_env env, napi_callback_info info) {
  Client* client = client_of(env, info);
  Words words(client);
  Stream* stream = client->stream(words.next());
  if (!stream) return status(env, kNoStream);
  Command command;
  command.kind = Command::kLoad;
  command.op = CallState::kLoad;
  command.call = call_or_own(client, words.next());
  Spec spec;
  const char* why = nullptr;
  if (!words.spec(&spec, &why)) return refuse(env, client, why);
  if (queue_is_full(*stream)) return status(env, kQueueFull);
  double attr[Command::kLoadAttrs];
  attr[Command::kSourceType] = words.next();
  attr[Command::kPack] = words.next();
  attr[Command::kMap] = words.next();
  attr[Command::kFile] = words.next();
  attr[Command::kOffset] = words.next_number();
  const int32_t strides = words.next();
  if (strides != 0 && strides != spec.shape.rank) return refuse(env, client, "shape and strides disagree");
  Segment& segment = stream->recording();
  command.first_node = static_cast<int>(segment.nodes.size());
  command.n_out = 1;
  command.first_attr = static_cast<int>(segment.attrs.size());
  command.n_attr = Command::kLoadAttrs + strides;
  segment.attrs.insert(segment.attrs.end(), attr, attr + Command::kLoadAttrs);
  for (int32_t i = 0; i < strides; ++i) segment.attrs.push_back(words.next_number());
  put_outputs(client, segment, &spec, 1, attr[Command::kMap] == 0);
  segment.commands.push_back(std::move(command));
  return status(env, kOk);
}

// keep(): words: stream, call, slot, generation, pack. The value as a parameter, whose memory no other value may share.
// Result as record's.
napi_value keep(napi_env env, napi_callback_info info) {
  Client* client = client_of(env, info);
  Words words(client);
  Stream* stream = client->stream(words.next());
  if (!stream) return status(env, kNoStream);
  Command command;
  command.kind = Command::kKeep;
  command.op = CallState::kKeep;
  command.call = call_or_own(client, words.next());
  const Operands operands(client, words, 1);
  if (operands.stale >= 0) {
    client->words()[0] = operands.stale;
    return status(env, kDisposed);
  }
  const double pack = words.next();
  if (queue_is_full(*stream)) return status(env, kQueueFull);
  Segment& segment = stream->recording();
  command.first_node = static_cast<int>(segment.nodes.size());
  command.n_in = 1;
  command.n_out = 1;
  command.first_attr = static_cast<int>(segment.attrs.size());
  command.n_attr = 1;
  segment.attrs.push_back(pack);
  append(segment, operands);
  put_outputs(client, segment, &operands.nodes[0]->spec(), 1, false);
  segment.commands.push_back(std::move(command));
  return status(env, kOk);
}

// write(): words: stream, call, slot, generation, file; numbers: offset. The file must stay open until a fence behind
// it.
napi_value write(napi_env env, napi_callback_info info) {
  Client* client = client_of(env, info);
  Words words(client);
  Stream* stream = client->stream(words.next());
  if (!stream) return status(env, kNoStream);
  Command command;
  command.kind = Command::kWrite;
  command.op = CallState::kWrite;
  command.call = call_or_own(client, words.next());
  const Operands operands(client, words, 1);
  if (operands.stale >= 0) {
    client->words()[0] = operands.stale;
    return status(env, kDisposed);
  }
  if (queue_is_full(*stream)) return status(env, kQueueFull);
  double attr[Command::kWriteAttrs];
  attr[Command::kToFile] = words.next();
  attr[Command::kToOffset] = words.next_number();
  Segment& segment = stream->recording();
  command.first_node = static_cast<int>(segment.nodes.size());
  command.n_in = 1;
  command.first_attr = static_cast<int>(segment.attrs.size());
  command.n_attr = Command::kWriteAttrs;
  segment.attrs.insert(segment.attrs.end(), attr, attr + Command::kWriteAttrs);
  append(segment, operands);
  segment.commands.push_back(std::move(command));
  return status(env, kOk);
}

// release(): words: count, (slot, generation)…
napi_value release(napi_env env, napi_callback_info info) {
  Client* client = client_of(env, info);
  Words words(client);
  for (int32_t n = words.next(); n > 0; --n) {
    const int32_t slot = words.next();
    client->release_handle(slot, words.next());
  }
  return nullptr;
}

}  // namespace nt
