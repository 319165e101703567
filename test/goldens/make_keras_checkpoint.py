"""Makes keras-checkpoint: what a small BERT of TensorFlow saves while it trains, and what it then computes.

Run with Transformers 4.35.2 and TensorFlow 2.15.1: python make_keras_checkpoint.py
"""

import pathlib
import pickle
import shutil

import numpy as np
import tensorflow as tf
from safetensors.numpy import save_file
from transformers import BertConfig, TFBertForMaskedLM

folder = pathlib.Path(__file__).parent / "keras-checkpoint"
shutil.rmtree(folder, ignore_errors=True)
(folder / "checkpoint").mkdir(parents=True)
tf.random.set_seed(1)
model = TFBertForMaskedLM(
    BertConfig(
        vocab_size=11,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=16,
    )
)
# Optimizers of Keras since 2.11 have no get_weights, which the saving asks for.
model.compile(optimizer=tf.keras.optimizers.legacy.Adam(1e-3))
inputs = {"input_ids": tf.constant([[1, 2, 3, 4]]), "labels": tf.constant([[1, 2, 3, 4]])}
model.fit(inputs, epochs=3, verbose=0)
model._save_checkpoint(str(folder / "checkpoint"), 3)
model.config.save_pretrained(folder)

with open(folder / "checkpoint" / "extra_data.pickle", "rb") as file:
    state = pickle.load(file)["optimizer_state"]
tensors = {f"state.{i}": np.array(array) for i, array in enumerate(state)}
tensors["logits"] = model(input_ids=inputs["input_ids"]).logits.numpy()
save_file(tensors, folder / "wanted.safetensors")
