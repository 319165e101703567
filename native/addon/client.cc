#include "addon/client.h"

namespace nt {

Client::Client(napi_env env, napi_value object) : env_(env) {
  napi_create_reference(env, object, 0, &object_);
  napi_value name;
  napi_create_string_utf8(env, "native-transformers", NAPI_AUTO_LENGTH, &name);
  napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this, &Client::deliver,
                                  &function_);
  napi_unref_threadsafe_function(env, function_);
}

Client::~Client() = default;

void Client::take_handle(Ref<Node> node, int32_t* slot, int32_t* generation) {
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<int32_t>(slots_.size()));
    slots_.emplace_back();
  }
  *slot = free_slots_.back();
  free_slots_.pop_back();
  Slot& s = slots_[static_cast<size_t>(*slot)];
  s.node = std::move(node);
  *generation = s.generation;
  ++live_handles_;
}

Node* Client::find(int32_t slot, int32_t generation) {
  if (slot < 0 || static_cast<size_t>(slot) >= slots_.size()) return nullptr;
  Slot& s = slots_[static_cast<size_t>(slot)];
  return s.generation == generation ? s.node.get() : nullptr;
}

void Client::release_handle(int32_t slot, int32_t generation) {
  if (!find(slot, generation)) return;
  Slot& s = slots_[static_cast<size_t>(slot)];
  s.node.reset();
  s.generation = (s.generation + 1) & 0x3fffffff;
  free_slots_.push_back(slot);
  --live_handles_;
}

Stream* Client::stream(int32_t id) {
  return id >= 0 && static_cast<size_t>(id) < streams_.size() ? streams_[static_cast<size_t>(id)].get() : nullptr;
}

int32_t Client::add_stream(Ref<Stream> stream) {
  for (size_t i = 0; i < streams_.size(); ++i) {
    if (streams_[i]) continue;
    streams_[i] = std::move(stream);
    return static_cast<int32_t>(i);
  }
  streams_.push_back(std::move(stream));
  return static_cast<int32_t>(streams_.size()) - 1;
}

void Client::remove_stream(int32_t id) {
  if (Stream* s = stream(id)) {
    s->close();
    streams_[static_cast<size_t>(id)].reset();
  }
}

Ref<CallState> Client::call(int32_t id) {
  const auto it = calls_.find(id);
  return it == calls_.end() ? Ref<CallState>() : it->second;
}

int32_t Client::begin_call() {
  const int32_t id = next_call_;
  next_call_ = next_call_ == 0x7fffffff ? 1 : next_call_ + 1;
  calls_.emplace(id, make_ref<CallState>());
  return id;
}

void Client::end_call(int32_t id) {
  calls_.erase(id);
}

void Client::expect(uint32_t id, napi_ref array) {
  if (array) arrays_.emplace(id, array);
  if (expected_++ == 0) hold(true);
  std::lock_guard<std::mutex> lock(mutex_);
  ++unfinished_;
}

void Client::finished(uint32_t id, const Ref<CallState>& lost) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!deaf_) {
    finished_.push_back({id, lost});
    if (finished_.size() == 1) napi_call_threadsafe_function(function_, nullptr, napi_tsfn_nonblocking);
  }
  if (--unfinished_ == 0) quiet_.notify_all();
}

void Client::hold(bool expecting) {
  uint32_t count;
  if (expecting) {
    napi_ref_threadsafe_function(env_, function_);
    napi_reference_ref(env_, object_, &count);
  } else {
    napi_unref_threadsafe_function(env_, function_);
    napi_reference_unref(env_, object_, &count);
  }
}

void Client::put_end(const CallState* lost) {
  int n = 0;
  words_[n++] = lost ? lost->state() : 0;
  if (!lost || lost->state() != CallState::kFailed) return;
  reason = lost->reason();
  words_[n++] = lost->op();
  words_[n++] = lost->operands();
  for (int i = 0; i < lost->operands(); ++i) {
    const Spec& spec = lost->operand(i);
    words_[n++] = lost->operand_present(i) ? spec.shape.rank : -1;
    words_[n++] = static_cast<int32_t>(spec.dtype);
    for (int d = 0; d < spec.shape.rank; ++d) words_[n++] = static_cast<int32_t>(spec.shape.dims[d]);
  }
}

void Client::deliver(napi_env env, napi_value, void* context, void*) {
  if (env) static_cast<Client*>(context)->deliver_all();
}

void Client::deliver_all() {
  std::vector<Finished> batch;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    batch.swap(finished_);
  }
  if (closed_ || batch.empty()) return;
  napi_value object = nullptr, callback = nullptr;
  napi_get_reference_value(env_, object_, &object);
  napi_get_named_property(env_, object, kFinished, &callback);
  expected_ -= static_cast<int64_t>(batch.size());
  if (expected_ == 0) hold(false);
  for (const Finished& f : batch)
    if (!deliver_one(f, object, callback)) return;
}

bool Client::deliver_one(const Finished& finished, napi_value object, napi_value callback) {
  const auto it = arrays_.find(finished.id);
  if (it != arrays_.end()) {
    napi_delete_reference(env_, it->second);
    arrays_.erase(it);
  }
  put_end(finished.lost.get());
  napi_handle_scope scope;
  if (napi_open_handle_scope(env_, &scope) != napi_ok) return false;
  napi_value id, ignored;
  napi_create_uint32(env_, finished.id, &id);
  const bool called = napi_call_function(env_, object, callback, 1, &id, &ignored) == napi_ok;
  bool thrown = false;
  if (!called) napi_is_exception_pending(env_, &thrown);
  napi_value exception;
  if (thrown && napi_get_and_clear_last_exception(env_, &exception) == napi_ok) napi_fatal_exception(env_, exception);
  napi_close_handle_scope(env_, scope);
  return called || thrown;  // neither: this thread is being terminated
}

void Client::close() {
  if (closed_) return;
  closed_ = true;
  for (auto& call : calls_) call.second->abort();
  for (const Ref<Stream>& stream : streams_)
    if (stream) stream->close();
  {
    std::unique_lock<std::mutex> lock(mutex_);
    deaf_ = true;
    quiet_.wait(lock, [this] { return unfinished_ == 0; });
    finished_.clear();
  }
  for (auto& array : arrays_) napi_delete_reference(env_, array.second);
  napi_delete_reference(env_, object_);
  arrays_.clear();
  slots_.clear();
  free_slots_.clear();
  streams_.clear();
  calls_.clear();
  napi_release_threadsafe_function(function_, napi_tsfn_abort);
}

}  // namespace nt
