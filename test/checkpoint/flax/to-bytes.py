"""Prints the bytes that flax.test.ts compares with. Flax 0.7.5, NumPy 1.26."""

import numpy as np
from flax.serialization import to_bytes

tree = {"params": {"a": np.array([1, 2, 3], np.float32), "b": {"c": np.array([-1, 1], np.int8)}}}
print(to_bytes(tree).hex())
