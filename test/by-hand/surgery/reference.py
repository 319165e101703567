"""The other side of drive.cjs: does in Transformers what a line of JSON asks for, and answers in one.

A line is {"op": …, …}; the answer {"ok": true, …} or {"ok": false, "error": class, "message": text}. Tensors go through files:
their bytes side by side, in the order in which the answer names them.
"""

import json
import os
import sys
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "critical"
warnings.filterwarnings("ignore")
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what libraries print is no answer

import torch  # noqa: E402
import transformers  # noqa: E402

torch.set_num_threads(1)
model = None
# Buffers that are computed from the config: the contract's row 132 does not count them.
COMPUTED = ("attn.bias", "attn.masked_bias", "inv_freq")


def bytes_of(tensor):
    return tensor.detach().contiguous().view(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""


def state(file):
    """Every tensor of the model with its storage, and what its config says."""
    storages, tensors = {}, []
    with open(file, "wb") as out:
        for name, value in model.state_dict().items():
            storage = storages.setdefault(value.untyped_storage().data_ptr(), len(storages))
            tensors.append([name, str(value.dtype)[6:], list(value.shape), storage])
            out.write(bytes_of(value))
    config = model.config
    computed = sum(b.nbytes for name, b in model.named_buffers() if name.endswith(COMPUTED))
    return {
        "tensors": tensors,
        "vocab_size": config.vocab_size,
        "pruned_heads": {layer: sorted(heads) for layer, heads in config.pruned_heads.items()},
        "architectures": config.architectures,
        "parameters": model.num_parameters(),
        "without_tables": model.num_parameters(exclude_embeddings=True),
        "footprint": model.get_memory_footprint() - computed,
        "bare_footprint": model.get_memory_footprint(return_buffers=False),
        "training": model.training,
    }


def new(name, config, seed, random, **_):
    """A model as its class makes it; with `random`, all its numbers are drawn anew, norms and biases too."""
    global model
    torch.manual_seed(seed)
    cls = getattr(transformers, name)
    model = cls._from_config(cls.config_class(**config), attn_implementation="eager")
    if random:
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.normal_(0, 0.5)
    model.eval()


def load(name, path, options, **_):
    global model
    loaded, info = getattr(transformers, name).from_pretrained(
        path, output_loading_info=True, attn_implementation="eager", **options
    )
    model = loaded
    mismatched = [key if isinstance(key, str) else key[0] for key in info["mismatched_keys"]]
    return {
        "missing_keys": sorted(info["missing_keys"]),
        "unexpected_keys": sorted(info["unexpected_keys"]),
        "mismatched_keys": sorted(mismatched),
        "error_msgs": info["error_msgs"],
        "dtype": str(model.config.dtype)[6:],
    }


def resize(rows, options, seed, **_):
    torch.manual_seed(seed)
    table = model.resize_token_embeddings(rows, **options)
    if hasattr(model, "final_logits_bias"):  # upstream puts float32 zeros behind it, whatever it was
        model.final_logits_bias = model.final_logits_bias.to(model.dtype)
    return {"rows": table.num_embeddings, "same": table is model.get_input_embeddings()}


def prune(heads, **_):
    """Upstream makes the sliced layers anew as float32, and then cannot run a half model: they get its dtype back."""
    dtypes = {parameter.dtype for parameter in model.parameters()}
    model.prune_heads({int(layer): list_ for layer, list_ in heads.items()})
    if len(dtypes) == 1:
        model.to(dtypes.pop())


def cast(dtype, **_):
    if dtype == "half":
        model.half()
    else:
        model.to(getattr(torch, dtype))


def sync(tensors, file, **_):
    """Takes over numbers that were drawn on the other side."""
    own = model.state_dict()
    with open(file, "rb") as source, torch.no_grad():
        for name in tensors:
            data = bytearray(source.read(own[name].nbytes))
            own[name].copy_(torch.frombuffer(data, dtype=own[name].dtype).view(own[name].shape))


def save(path, options, **_):
    model.save_pretrained(path, **options)


def bins(ours, theirs, **_):
    """What two files of PyTorch hold, compared: names in order, dtypes, shapes, strides, shared storages, bytes."""
    sides = []
    for path in (ours, theirs):
        storages, found = {}, []
        for name, value in torch.load(path, weights_only=True).items():
            storage = storages.setdefault(value.untyped_storage().data_ptr(), len(storages))
            found.append((name, value.dtype, tuple(value.shape), value.stride(), storage, bytes_of(value)))
        sides.append(found)
    differ = [x[:5] + y[:5] for x, y in zip(*sides) if x != y]
    if len(sides[0]) != len(sides[1]):
        differ.append([[x[0] for x in side] for side in sides])
    return {"tensors": len(sides[1]), "differ": [str(d) for d in differ]}


def forward(inputs, **_):
    with torch.no_grad():
        output = model(**{name: torch.tensor(value) for name, value in inputs.items()}, return_dict=True)
    return {
        "outputs": {
            name: [list(value.shape), value.flatten().tolist()]
            for name, value in output.items()
            if isinstance(value, torch.Tensor)
        }
    }


OPS = {f.__name__: f for f in (new, load, resize, prune, cast, sync, save, bins, forward)}

for line in sys.stdin:
    request = json.loads(line)
    try:
        reply = OPS[request.pop("op")](**request) or {}
        if "state" in request:
            reply["state"] = state(request["state"])
        reply["ok"] = True
    except Exception as error:  # the other side has to fail too
        reply = {"ok": False, "error": type(error).__name__, "message": str(error)[:600]}
    answers.write(json.dumps(reply) + "\n")
    answers.flush()
