"""Make the goldens of GGUF's blocks: bytes and the numbers that they hold, and numbers and the bytes that they become.

    pip install gguf==0.19.0 numpy
    python test/goldens/gguf_blocks.py

Blocks are random bits with finite scales, so that every field of a block matters.
"""

import base64
import json
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, dequantize, quantize
from gguf.constants import GGML_QUANT_SIZES

READ = "Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K Q4_K Q5_K Q6_K IQ4_NL IQ4_XS MXFP4".split()
WRITTEN = ["Q4_0", "Q8_0"]
# Where the float16 scales of a block begin.
SCALES = {"Q2_K": (80, 82), "Q3_K": (108,), "Q4_K": (0, 2), "Q5_K": (0, 2), "Q6_K": (208,), "Q4_1": (0, 2), "Q5_1": (0, 2), "MXFP4": ()}


def text(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def blocks_of(name: str, random: np.random.Generator) -> np.ndarray:
    elements, size = GGML_QUANT_SIZES[GGMLQuantizationType[name]]
    count = 3 if elements == 256 else 12
    blocks = random.integers(0, 256, (count, size), dtype=np.uint8)
    for at in SCALES.get(name, (0,)):
        blocks[:, at : at + 2] = (random.normal(size=(count, 1)) * 0.1).astype(np.float16).view(np.uint8)
    if name == "MXFP4":
        blocks[:, 0] = random.integers(0, 255, count)
        blocks[0, 0], blocks[1, 0] = 0, 1
    return blocks.reshape(-1)


def numbers(random: np.random.Generator) -> np.ndarray:
    rows = random.normal(size=(16, 64)).astype(np.float32) * np.float32(0.02)
    rows[1] = 0
    rows[2] *= np.float32(1e-6)
    rows[3] *= np.float32(1e5)
    rows[4] = np.abs(rows[4])
    rows[5] = np.round(rows[5] * 127)  # ties
    rows[6, ::2] = 0
    return rows


def main() -> None:
    random = np.random.default_rng(5)
    read = {}
    for name in READ:
        blocks = blocks_of(name, random)
        read[name] = {"blocks": text(blocks), "numbers": text(dequantize(blocks, GGMLQuantizationType[name]))}
    rows = numbers(random)
    written = {name: text(quantize(rows, GGMLQuantizationType[name])) for name in WRITTEN}
    golden = {"read": read, "numbers": text(rows), "dims": list(rows.shape), "written": written}
    path = Path(__file__).resolve().parent / "gguf" / "blocks.json"
    path.write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
