"""Writes safetensors/reference.safetensors: every dtype that safetensors' Python writer offers, and names that sort hard.

Run in a virtual environment: pip install safetensors==0.8.0; python make_safetensors.py
"""

import ctypes
import pathlib

import safetensors
from safetensors import TensorSpec, serialize_file

assert safetensors.__version__ == "0.8.0"

BYTES = {
    "bool": 1, "float4_e2m1fn_x2": 1, "uint8": 1, "int8": 1, "float8_e5m2": 1, "float8_e4m3fn": 1, "float8_e8m0fnu": 1,
    "float8_e4m3fnuz": 1, "float8_e5m2fnuz": 1, "int16": 2, "uint16": 2, "float16": 2, "bfloat16": 2, "int32": 4,
    "uint32": 4, "float32": 4, "complex64": 8, "float64": 8, "int64": 8, "uint64": 8,
}
HARD_NAMES = ["", "a.b.weight", "a.b.bias", "Z", "10", "9", "__proto__", "é", "日", "\ufffd", "\U0001f600", '"q"', "\\", "\t\0", "\x7f\u2028"]
SHAPES = [[], [0], [3], [2, 3], [1, 0, 2], [2, 1, 2]]


def main():
    kept, tensors = [], {}

    def add(name, dtype, shape):
        count = 1
        for dim in shape:
            count *= dim
        data = bytes((len(tensors) * 31 + i * 7) % 256 for i in range(count * BYTES[dtype]))
        buffer = ctypes.create_string_buffer(data, max(1, len(data)))
        kept.append(buffer)
        tensors[name] = TensorSpec(dtype=dtype, shape=shape, data_ptr=ctypes.addressof(buffer), data_len=len(data))

    for i, dtype in enumerate(BYTES):
        add(f"layer.{i}.{dtype}", dtype, [2, 3])
    for i, name in enumerate(HARD_NAMES):
        add(name, ["float32", "int64", "bool"][i % 3], SHAPES[i % len(SHAPES)])
    target = pathlib.Path(__file__).parent / "safetensors" / "reference.safetensors"
    target.parent.mkdir(exist_ok=True)
    serialize_file(tensors, str(target), {"format": "pt"})


main()
