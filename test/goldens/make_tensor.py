"""Writes tensor/cases.json: what PyTorch answers to calls of Tensor's methods and functions.

Run in a virtual environment: pip install torch==2.13.0; python make_tensor.py
"""

import itertools
import json
import math
import pathlib

import torch
import torch.nn.functional as F

assert torch.__version__.startswith("2.13.")

WHOLE = ["int64", "int32", "int16", "int8", "uint8"]
FLOATING = ["float64", "float32", "float16", "bfloat16"]
VALUES = {
    "floating": [0.5, -1.25, 3.0, -2.5, 0.0, 1.5, -0.5, 2.5, -3.75, 4.0, 0.25, -7.0],
    "whole": [3, -7, 0, 5, -2, 1, 9, -4, 6, -1, 2, 8],
}
# Numbers of which JS and Python agree whether they are whole.
SCALARS = [2, -3, 0.5, -1.5, True]

cases = []


def number(value):
    if isinstance(value, float) and not math.isfinite(value):
        return {"number": str(value)}
    return value


def described(value):
    if isinstance(value, torch.Tensor):
        data = value.flatten().tolist()
        return {"type": str(value.dtype)[6:], "dims": list(value.shape), "data": [number(x) for x in data]}
    if isinstance(value, (tuple, list)) and any(isinstance(x, torch.Tensor) for x in value):
        return [described(x) for x in value]
    return number(value) if not isinstance(value, (tuple, list)) else list(value)


def text(value):
    if isinstance(value, torch.Tensor):
        return f"{str(value.dtype)[6:]}[{','.join(map(str, value.shape))}]"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(text, value))}]"
    return "null" if value is None else json.dumps(value) if not isinstance(value, float) else str(value)


def case(kind, name, inputs, run):
    try:
        expected = described(run())
    except (RuntimeError, IndexError, TypeError, NotImplementedError):
        expected = "error"
    label = f"{text(inputs[0])}.{name}({', '.join(map(text, inputs[1:]))})" if kind == "method" else (
        f"{name}({', '.join(map(text, inputs))})"
    )
    cases.append({"name": label, "kind": kind, "call": name, "inputs": [described(x) for x in inputs], "expected": expected})


def method(name, x, *args, run=None):
    run = run or (lambda *given: getattr(x, name)(*given))
    case("method", name, [x, *args], lambda: run(*args))


def tensor(type_name, dims, start=0):
    dtype = getattr(torch, type_name)
    source = VALUES["floating" if dtype.is_floating_point else "whole"]
    count = math.prod(dims)
    data = [source[(start + i) % len(source)] for i in range(count)]
    if type_name == "uint8":
        data = [abs(x) for x in data]
    return torch.tensor(data, dtype=dtype).reshape(dims)


def arithmetic():
    types = ["float32", "float64", "float16", "bfloat16", "int64", "int32", "int8", "uint8", "bool"]
    for name in ["add", "sub", "mul", "div", "gt", "eq"]:
        for a, b in itertools.product(types, types):
            method(name, tensor(a, [2, 3]), tensor(b, [3], 4))
        for a in types:
            for scalar in SCALARS:
                if name not in ("gt", "eq") or a != "uint8" or scalar >= 0:  # there PyTorch wraps the scalar around
                    method(name, tensor(a, [4]), scalar)
    for a, b in [("int64", "float32"), ("int32", "float16"), ("float16", "float32"), ("uint8", "int64"), ("bool", "int8")]:
        method("mul", tensor(a, [2, 2]), tensor(b, [], 3))  # scalar tensors only count by their kind
        method("add", tensor(a, []), tensor(b, [2, 1], 2))
    for name in ["ne", "lt", "le", "ge"]:
        for a in ["float32", "int64", "bfloat16", "uint8"]:
            method(name, tensor(a, [2, 1, 3]), tensor(a, [2, 1], 5))
            method(name, tensor(a, [3]), 2)
    for a in ["float32", "int64", "int32", "int8", "float16"]:
        for divisor in [3, -3, 2.5]:
            method("remainder", tensor(a, [6]), divisor)
        method("remainder", tensor(a, [3]), tensor(a, [3], 5))
    for a in ["float32", "float64", "int64"]:
        method("pow", tensor(a, [6]), 2)
        method("pow", tensor(a, [6]).abs(), 0.5)
    method("add", tensor("float32", [2, 3]), tensor("float32", [2]))
    method("add", tensor("float32", [2, 0, 3]), tensor("float32", [1, 3]))
    method("mul", tensor("float32", [3, 1]), tensor("float32", [1, 4], 3))


def elementwise():
    for name in ["neg", "abs", "round", "floor", "ceil", "sigmoid", "tanh", "exp", "log", "sqrt"]:
        for a in ["float32", "float64", "float16", "bfloat16", "int64", "int32", "int8"]:
            x = tensor(a, [12])
            method(name, x.abs() if name in ("log", "sqrt") else x)
    for a in ["float32", "int64", "int8", "float16"]:
        method("clamp", tensor(a, [12]), -2, 3)
        method("clamp", tensor(a, [12]), None, 1)
        method("clamp", tensor(a, [12]), 1, None)
        method("clamp", tensor(a, [12]), 3, -2)
        method("clamp", tensor(a, [12]), -1.5, 2.25)
    method("clamp", tensor("float32", [2, 3]), tensor("float32", [3], 7), tensor("float32", [2, 1], 2))
    hard = torch.tensor([float("nan"), float("inf"), float("-inf"), -0.0, 1e-45, 3e38])
    for name in ["neg", "abs", "round", "sigmoid", "tanh", "exp", "sqrt"]:
        method(name, hard)
    method("clamp", hard, -1, 1)
    method("gt", hard, 0)


def reductions():
    places = [(), (0,), (1,), (-1,), (1, True), (None, True)]
    for a in ["float32", "float64", "float16", "int64", "int32", "int8", "uint8", "bool"]:
        x = tensor(a, [2, 3, 2])
        for place in places:
            dim, keepdim = (place + (None, False)[len(place):])[:2]
            method("sum", x, dim, keepdim, run=lambda d, k: x.sum(dim=d, keepdim=k))
            method("max", x, dim, keepdim, run=lambda d, k: x.amax(dim=d if d is not None else (), keepdim=k))
            method("min", x, dim, keepdim, run=lambda d, k: x.amin(dim=d if d is not None else (), keepdim=k))
            if a in ("float32", "int64"):
                method("argmax", x, dim, keepdim, run=lambda d, k: x.argmax(dim=d, keepdim=k))
                method("argmin", x, dim, keepdim, run=lambda d, k: x.argmin(dim=d, keepdim=k))
            if a in FLOATING + ["int64"]:
                method("mean", x, dim, keepdim, run=lambda d, k: x.mean(dim=d, keepdim=k))
    for a in ["float32", "float64", "float16", "int32"]:
        x = tensor(a, [3, 4])
        for p in [1, 2, 3, 0, 0.5, -1, float("inf"), float("-inf")]:
            for dim in [None, 0, -1]:
                method("norm", x, p, dim, True, run=lambda p, d, k: torch.linalg.vector_norm(x, p, d, k))
        for p, dim in [(2, 1), (1, 0), (3, -1), (2, 0)]:
            method("normalize", x, p, dim, run=lambda p, d: F.normalize(x, p, d))
    zeros = torch.zeros(2, 3)
    method("normalize", zeros, run=lambda: F.normalize(zeros))
    empty = torch.zeros(2, 0)
    method("sum", empty, 1)
    method("mean", empty, 1)
    method("max", empty, 1, False, run=lambda d, k: empty.amax(d, k))
    method("argmax", empty)
    scalar = torch.tensor(3.5)
    method("sum", scalar, 0)
    method("max", scalar, -1, False, run=lambda d, k: scalar.amax(d, k))
    method("sum", scalar, 1)
    nan = torch.tensor([1.0, float("nan"), 3.0])
    method("max", nan, run=lambda: nan.amax())
    method("min", nan, run=lambda: nan.amin())
    method("argmax", nan)
    method("norm", nan, run=lambda: nan.norm())


def shapes():
    x = tensor("float32", [2, 3, 4])
    for dims in [(4, 6), (-1,), (2, -1, 2), (24,), (5, 5), (-1, -1), (0, -1), (2, 3, 4, 1)]:
        method("view", x, *dims)
        method("reshape", x, *dims)
    for order in [(2, 0, 1), (0, -1, 1), (0, 1), (0, 0, 1), (2, 1, 3)]:
        method("permute", x, *order)
    for pair in [(0, 1), (-1, 0), (1, 1), (0, 3)]:
        method("transpose", x, *pair)
    y = tensor("int64", [1, 2, 1, 3])
    for dim in [None, 0, 1, -2, 3, 4, -5]:
        method("squeeze", y, dim, run=lambda d: y.squeeze() if d is None else y.squeeze(d))
    method("squeeze", y, [0, 2], run=lambda d: y.squeeze(tuple(d)))
    for dim in [0, 2, -1, -5, 5, -6]:
        method("unsqueeze", y, dim)
    for start, end in [(0, -1), (1, 2), (-2, -1), (2, 1), (0, 4)]:
        method("flatten", x, start, end)
    method("flatten", torch.tensor(1.0))
    for dims in [(2, 2, 3, 5), (-1, 2, -1, 4), (2, 2), (3, 2, 1, 3)]:
        method("expand", y, *dims)
    for repeats in [(2, 1, 3), (1, 1, 1), (2, 1, 1, 2), (0, 1, 1), (2, 2)]:
        method("repeat", x, *repeats)
    for repeats in [(2,), (2, 1, 2), (2, 1, 1, 1)]:
        method("tile", x, *repeats)
    method("stride", x)
    for source, target in itertools.product(["float32", "float64", "int64", "int8", "uint8", "bool"], repeat=2):
        method("to", tensor(source, [12]), target, run=lambda t, s=source: tensor(s, [12]).to(getattr(torch, t)))
    for target in ["float16", "bfloat16"]:
        wide = torch.tensor([1 / 3, 65504.0, 65520.0, 1e-8, -0.1, float("nan")])
        method("to", wide, target, run=lambda t: wide.to(getattr(torch, t)))


def function(name, inputs, run):
    case("function", name, inputs, run)


def functions():
    a, b, c = tensor("float32", [2, 3]), tensor("float32", [2, 2], 5), tensor("int64", [2, 3], 3)
    for tensors, dim in [([a, b], 1), ([a, b], -1), ([a, b], 0), ([a, c], 0), ([c, c, c], 0), ([a, a], 2)]:
        function("cat", [tensors, dim], lambda: torch.cat(tensors, dim))
    for tensors, dim in [([a, a], 0), ([a, c], 1), ([c, c], -1), ([a, b], 0), ([c, c], 2), ([c, c], 3)]:
        if tensors[0].dtype == tensors[-1].dtype:  # torch.stack does not promote
            function("stack", [tensors, dim], lambda: torch.stack(tensors, dim))
    for x in [tensor("float32", [3, 4]), tensor("float64", [3, 4]), tensor("float16", [2, 3, 2]), c]:
        for dim in [0, -1]:
            function("softmax", [x, dim], lambda: F.softmax(x, dim))
            function("log_softmax", [x, dim], lambda: F.log_softmax(x, dim))
        for dim, correction, keepdim in [(None, 1, False), (0, 0, True), (-1, 1, False)]:
            function(
                "std_mean",
                [x, dim, correction, keepdim],
                lambda: torch.std_mean(x, dim=dim, correction=correction, keepdim=keepdim),
            )
    for dims, shape in [([3, 4], [4]), ([2, 3, 4], [3, 4]), ([3, 4], [3])]:
        for type_name in ["float32", "float64", "bfloat16"]:
            x = tensor(type_name, dims)
            function("layer_norm", [x, shape], lambda: F.layer_norm(x, shape))
            w, bias = tensor(type_name, shape, 2), tensor(type_name, shape, 7)
            cases_before = len(cases)
            function("layer_norm", [x, shape, w, bias], lambda: F.layer_norm(x, shape, w, bias, 1e-3))
            options = {"weight": described(w), "bias": described(bias), "eps": 1e-3}
            cases[cases_before]["inputs"] = [described(x), shape, {"options": options}]
    for left, right in [([2, 3], [3, 4]), ([3], [3, 2]), ([2, 3], [3]), ([3], [3]), ([2, 1, 2, 3], [4, 3, 2]), ([2, 3], [2, 3])]:
        for type_name in ["float32", "float16"]:
            x, y = tensor(type_name, left), tensor(type_name, right, 4)
            function("matmul", [x, y], lambda: torch.matmul(x, y))
    x = tensor("float32", [3, 5])
    for k in [1, 3, 5]:
        function("topk", [x, k], lambda: tuple(torch.topk(x, k)))
    for dim in [-1, 0]:
        function("rfft", [x, dim], lambda: torch.view_as_real(torch.fft.rfft(x, dim=dim)))
    image = tensor("float32", [2, 4, 5])
    for size in [[2, 3], [4, 5], [7, 9], [1, 1], [3, 10]]:
        for mode in ["nearest", "bilinear", "bicubic"]:
            for corners in [False] if mode == "nearest" else [False, True]:
                keywords = {} if mode == "nearest" else {"align_corners": corners}
                function(
                    "interpolate", [image, size, mode, corners], lambda: F.interpolate(image[None], size, mode=mode, **keywords)[0]
                )
            if mode != "nearest":
                cases_before = len(cases)
                function("interpolate_4d", [image[None]], lambda: F.interpolate(image[None], size, mode=mode))
                cases[cases_before]["inputs"].append({"options": {"size": size, "mode": mode}})
                cases[cases_before]["name"] += f" {mode} to {size}"


arithmetic()
elementwise()
reductions()
shapes()
functions()
target = pathlib.Path(__file__).parent / "tensor" / "cases.json"
target.parent.mkdir(exist_ok=True)
target.write_text("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
print(len(cases), "cases")
