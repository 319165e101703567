// Bringing values to JS, and waiting for a stream.
#include <condition_variable>
#include <mutex>

#include "addon/arguments.h"
#include "addon/functions.h"

namespace nt {
namespace {

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

Command read_command(const Segment& segment) {
  Command command;
  command.kind = Command::kRead;
  command.op = CallState::kRead;
  command.first_node = static_cast<int>(segment.nodes.size());
  command.first_address = static_cast<int>(segment.addresses.size());
  return command;
}

void append(Segment& segment, Node* node, void* address) {
  node->retain();
  segment.nodes.emplace_back(node);
  segment.addresses.push_back(address);
}

constexpr char kMisfit[] = "the array's length and the shape disagree";

}  // namespace

// read(id, arrays): words: stream, call, count, (slot, generation)…; arrays[i] receives the bytes of handle i.
// With count 0 it is a fence. The callback hears of `id` when all before it in the stream is done.
napi_value read(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  Client* client = client_of(env, info, 2, argv);
  Words words(client);
  Stream* stream = client->stream(words.next());
  if (!stream) return status(env, kNoStream);
  Segment& segment = stream->recording();
  Command command = read_command(segment);
  command.call = call_or_own(client, words.next());
  command.n_in = words.next();
  command.id = static_cast<uint32_t>(number_of(env, argv[0]));
  for (int i = 0; i < command.n_in; ++i) {
    const int32_t slot = words.next();
    Node* node = client->find(slot, words.next());
    napi_value element = nullptr;  // stays null on a thread that is being terminated
    napi_get_element(env, argv[1], static_cast<uint32_t>(i), &element);
    const Bytes array = bytes_of(env, element);
    if (node && array.bytes == node->spec().bytes()) {
      append(segment, node, array.data);
      continue;
    }
    segment.nodes.resize(static_cast<size_t>(command.first_node));
    segment.addresses.resize(static_cast<size_t>(command.first_address));
    if (node) return refuse(env, client, kMisfit);
    client->words()[0] = i;
    return status(env, kDisposed);
  }
  napi_ref keep = nullptr;
  if (command.n_in > 0) napi_create_reference(env, argv[1], 1, &keep);
  client->expect(command.id, keep);
  client->retain();
  command.listener = Ref<Listener>(client);
  segment.commands.push_back(std::move(command));
  return status(env, kOk);
}

// wait(array): words: stream, slot, generation. Submits what is recorded, then blocks until `array` is filled. When the
// value was lost, words tell of it as they do in the callback.
napi_value wait(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  Client* client = client_of(env, info, 1, argv);
  Words words(client);
  Stream* stream = client->stream(words.next());
  if (!stream) return status(env, kNoStream);
  const int32_t slot = words.next();
  Node* node = client->find(slot, words.next());
  if (!node) return status(env, kDisposed);
  const Bytes array = bytes_of(env, argv[0]);
  if (array.bytes != node->spec().bytes()) return refuse(env, client, kMisfit);
  Ref<Rendezvous> rendezvous = make_ref<Rendezvous>();
  Segment& segment = stream->recording();
  Command command = read_command(segment);
  command.call = make_ref<CallState>();
  command.n_in = 1;
  rendezvous->retain();
  command.listener = Ref<Listener>(rendezvous.get());
  append(segment, node, array.data);
  segment.commands.push_back(std::move(command));
  stream->submit();
  const Ref<CallState> lost = rendezvous->wait();
  if (!lost) return status(env, kOk);
  client->put_end(lost.get());
  return status(env, kLost);
}

// whenBelow(stream, commands, bytes, id): the callback hears of `id` when the backlog is at or under both.
napi_value when_below(napi_env env, napi_callback_info info) {
  napi_value argv[4];
  Client* client = client_of(env, info, 4, argv);
  Stream* stream = client->stream(int_of(env, argv[0]));
  if (!stream) return status(env, kNoStream);
  const uint32_t id = static_cast<uint32_t>(number_of(env, argv[3]));
  client->expect(id, nullptr);
  client->retain();
  stream->notify_below(static_cast<int64_t>(number_of(env, argv[1])), static_cast<int64_t>(number_of(env, argv[2])),
                       Ref<Listener>(client), id);
  return status(env, kOk);
}

}  // namespace nt
