"""Makes a file of 2 GB of weights in a format, and reads one into memory: what formats.cjs compares itself with.

    python formats.py make FORMAT FILE      python formats.py read FORMAT FILE

Python 3.11 with torch 2.1.2, tensorflow 2.15.1, flax 0.7.5, h5py 3.16, safetensors 0.4 or later.
"""

import sys
import time

import numpy as np

HIDDEN, LAYERS, WORDS = 1280, 24, 30522


def shapes() -> dict:
    """The weights of a large BERT under names of TensorFlow: two levels for its parts, one for the layer."""
    linear = {"attention/self/query": 1, "attention/self/key": 1, "attention/self/value": 1, "attention/output/dense": 1}
    found = {"bert/embeddings/word_embeddings/weight": (WORDS, HIDDEN), "bert/embeddings/position_embeddings": (512, HIDDEN)}
    for layer in range(LAYERS):
        start = f"bert/encoder/layer_._{layer}"
        for name in linear:
            found.update({f"{start}/{name}/kernel": (HIDDEN, HIDDEN), f"{start}/{name}/bias": (HIDDEN,)})
        found.update({f"{start}/intermediate/dense/kernel": (HIDDEN, 4 * HIDDEN), f"{start}/intermediate/dense/bias": (4 * HIDDEN,)})
        found.update({f"{start}/output/dense/kernel": (4 * HIDDEN, HIDDEN), f"{start}/output/dense/bias": (HIDDEN,)})
        for norm in ("attention/output", "output"):
            found.update({f"{start}/{norm}/LayerNorm/{part}": (HIDDEN,) for part in ("gamma", "beta")})
    return found


def weights():
    random = np.random.default_rng(1)
    for name, shape in shapes().items():
        yield name, random.standard_normal(shape, dtype=np.float32)


def make_safetensors(file: str) -> None:
    from safetensors.numpy import save_file

    save_file({name: value for name, value in weights()}, file, metadata={"format": "pt"})


def make_torch(file: str, zipped: bool) -> None:
    import torch

    state = {name.replace("/", "."): torch.from_numpy(value) for name, value in weights()}
    torch.save(state, file, _use_new_zipfile_serialization=zipped)


def make_hdf5(file: str) -> None:
    """As Keras 2.15 does it: a group a layer, which lists its weights, and the list of layers on top."""
    import h5py

    with h5py.File(file, "w") as root:
        root.attrs.update({"layer_names": [b"bert"], "backend": b"tensorflow", "keras_version": b"2.15.0"})
        layer = root.create_group("bert")
        layer.attrs["weight_names"] = [f"model/{name}:0".encode() for name in shapes()][:400]
        for name, value in weights():
            layer.create_dataset(f"model/{name}:0", data=value)


def make_bundle(file: str) -> None:
    import tensorflow as tf

    names, values = zip(*weights())
    tf.raw_ops.SaveV2(prefix=file.removesuffix(".index"), tensor_names=names, shape_and_slices=[""] * len(names), tensors=values)


def make_msgpack(file: str) -> None:
    from flax.serialization import msgpack_serialize
    from flax.traverse_util import unflatten_dict

    with open(file, "wb") as out:
        out.write(msgpack_serialize(unflatten_dict(dict(weights()), sep="/")))


def read_torch(file: str) -> int:
    import torch

    torch.set_num_threads(2)
    begin = time.perf_counter()
    state = torch.load(file, mmap=False, weights_only=True)
    return time.perf_counter() - begin, sum(value.nbytes for value in state.values())


def read_hdf5(file: str) -> int:
    import h5py

    begin = time.perf_counter()
    found = []
    with h5py.File(file, "r") as root:
        root.visititems(lambda _, item: found.append(item[()]) if isinstance(item, h5py.Dataset) else None)
    return time.perf_counter() - begin, sum(value.nbytes for value in found)


def read_bundle(file: str) -> int:
    import tensorflow as tf

    begin = time.perf_counter()
    reader = tf.train.load_checkpoint(file.removesuffix(".index"))
    found = [reader.get_tensor(name) for name in reader.get_variable_to_shape_map()]
    return time.perf_counter() - begin, sum(value.nbytes for value in found)


def read_msgpack(file: str) -> int:
    from flax.serialization import msgpack_restore
    from flax.traverse_util import flatten_dict

    begin = time.perf_counter()
    with open(file, "rb") as data:
        found = msgpack_restore(data.read())
    return time.perf_counter() - begin, sum(value.nbytes for value in flatten_dict(found).values())


MAKE = {
    "safetensors": make_safetensors,
    "zip": lambda file: make_torch(file, True),
    "stream": lambda file: make_torch(file, False),
    "hdf5": make_hdf5,
    "bundle": make_bundle,
    "msgpack": make_msgpack,
}
READ = {"zip": read_torch, "stream": read_torch, "hdf5": read_hdf5, "bundle": read_bundle, "msgpack": read_msgpack}

doing, kind, path = sys.argv[1:]
if doing == "make":
    MAKE[kind](path)
else:
    seconds, size = READ[kind](path)
    assert size > 2e9, f"{path} holds {size} bytes"
    print(seconds)
