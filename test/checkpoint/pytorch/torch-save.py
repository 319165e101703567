"""Writes torch-save.base64: what torch.save gives for the tensors of pytorch-writer.test.ts, deflated."""

import base64
import os
import tempfile
import zlib

import torch

ramp = torch.arange(12, dtype=torch.float32).reshape(3, 4)
tensors = {
    "a": ramp,
    "b": ramp.detach(),
    "c": torch.ones(3, dtype=torch.bfloat16),
    "s": torch.tensor(5),
    "u": torch.tensor([1, 2], dtype=torch.uint16),
    "f8": torch.ones(5).to(torch.float8_e4m3fn),
    "e": torch.zeros(0, 3),
}
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "m.bin")
    torch.save(tensors, path)
    with open(path, "rb") as file:
        content = file.read()
target = os.path.join(os.path.dirname(__file__), "torch-save.base64")
with open(target, "wb") as file:
    file.write(base64.b64encode(zlib.compress(content, 9)))
