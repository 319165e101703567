"""The inputs of a case, drawn from the words of its plan.

Masks (one of): plain (none), ones, right, left, holes, zeros (rows of padding alone), mixed (one of each), mask3d.
More inputs: types, positions (one row for all), row-positions, embeds (inputs_embeds instead of ids), head-mask,
layer-head-mask, pads (pad ids inside the sequence).
Encoder-decoder models: D=n (ids of the decoder), dec-embeds, dec-right and dec-left (the decoder's mask), no-dec (its
inputs are left out), dec-head-mask, cross-head-mask; the words above are about the encoder's inputs.
Decoders: nocache (use_cache is false), past=n (the first n tokens go first, into a cache).
Labels: labels, dense-labels (positions outside the mask count too), float-labels (multi-label or regression), partial
(one label of a pair that only acts in twos), outside (question-answering positions past the end).
Shapes: T=n, B=n, N=n (choices). Asked for: states, attentions.
"""

import zlib

import numpy as np
import torch

CHOICES = "ForMultipleChoice"
PAIRED_LABELS = {"bert": "next_sentence_label", "albert": "sentence_order_label"}
CHOICE_HEADS = (CHOICES, "DoubleHeadsModel")
ONE_STACK_HEADS = ("EncoderModel", "ForTokenClassification", "ForCausalLM")
MASKS = ("plain", "ones", "right", "left", "holes", "zeros", "mixed", "mask3d")


def make_inputs(family: str, checkpoint: str, index: int, case, config) -> dict:
    """Input tensors of one case in the order in which a caller would write them."""
    random = np.random.RandomState(zlib.crc32(f"{family}/{checkpoint}/{index}/{case.words}".encode()))
    batch, length = number(case, "B", 3), number(case, "T", 7)
    rows = batch * (number(case, "N", 3) if case.head in CHOICE_HEADS else 1)
    if case.has("mixed"):
        rows = batch = 6
        if case.head in CHOICE_HEADS:
            batch = 2
    mask = make_mask(case, random, rows, length)
    inputs = token_inputs(case, random, config, mask, rows, length)
    if mask is not None:
        inputs["attention_mask"] = mask
    if case.has("types"):
        inputs["token_type_ids"] = random.randint(0, getattr(config, "type_vocab_size", config.vocab_size), (rows, length))
    if case.has("positions") or case.has("row-positions"):
        inputs["position_ids"] = positions(case, random, config, rows, length)
    if case.head in CHOICE_HEADS:
        inputs = {name: value.reshape(batch, -1, *value.shape[1:]) for name, value in inputs.items()}
    inputs.update(head_masks(case, random, config))
    if has_decoder(config, case):
        end_rows(case, inputs, config)
        inputs.update(decoder_inputs(case, random, config, rows))
        length = number(case, "D", 5)
        mask = inputs.get("decoder_attention_mask")
    inputs.update(labels(family, case, random, config, mask, batch, rows, length))
    return {name: tensor(value) for name, value in inputs.items()}


def has_decoder(config, case) -> bool:
    """Whether the class has a decoder beside an encoder."""
    return config.is_encoder_decoder and case.head not in ONE_STACK_HEADS


def decoder_inputs(case, random, config, rows: int) -> dict:
    length = number(case, "D", 5)
    found = {}
    if case.has("dec-embeds"):
        found["decoder_inputs_embeds"] = random.standard_normal((rows, length, config.hidden_size))
    elif not case.has("no-dec"):
        found["decoder_input_ids"] = random.randint(3, config.vocab_size, (rows, length))
    for kind in ("right", "left"):
        if case.has(f"dec-{kind}"):
            found["decoder_attention_mask"] = np.stack([mask_row(kind, random, row, length) for row in range(rows)])
    heads = getattr(config, "decoder_attention_heads", config.num_attention_heads)
    layers = getattr(config, "decoder_layers", None) or config.num_decoder_layers
    if case.has("dec-head-mask"):
        found["decoder_head_mask"] = np.round(random.random_sample((layers, heads)) * 1.5, 2)
    if case.has("cross-head-mask"):
        mask = np.where(np.arange(heads) == 1, 0.0, 1.0)
        found["cross_attn_head_mask"] = np.tile(mask, (layers, 1)) if config.model_type == "bart" else mask
    return found


def end_rows(case, inputs: dict, config) -> None:
    """A sequence classifier looks at the end token: each row gets one, as its last token."""
    if case.head != "ForSequenceClassification" or "input_ids" not in inputs:
        return
    ids = inputs["input_ids"]
    ids[ids == config.eos_token_id] = config.eos_token_id + 1
    for row, length in enumerate(inputs.get("attention_mask", np.ones_like(ids)).sum(axis=1)):
        ids[row, length - 1] = config.eos_token_id


def number(case, letter: str, default: int) -> int:
    return next((int(word[len(letter) + 1 :]) for word in case.words.split() if word.startswith(letter + "=")), default)


def tensor(value: np.ndarray) -> torch.Tensor:
    array = np.asarray(value)
    return torch.from_numpy(array.astype(np.float32 if array.dtype.kind == "f" else np.int64))


def make_mask(case, random, rows: int, length: int):
    kind = next(word for word in case.words.split() if word in MASKS)
    if kind == "plain":
        return None
    if kind == "mask3d":
        mask = (random.random_sample((rows, length, length)) < 0.6).astype(np.int64)
        mask[:, np.arange(length), np.arange(length)] = 1
        mask[0, -1] = 0
        return mask
    kinds = ("right", "left", "holes", "ones", "zeros", "right") if kind == "mixed" else (kind,) * rows
    return np.stack([mask_row(name, random, row, length) for row, name in enumerate(kinds[:rows])])


def mask_row(kind: str, random, row: int, length: int) -> np.ndarray:
    mask = np.ones(length, dtype=np.int64)
    if kind == "right" and row > 0:
        mask[1 if row == 1 else random.randint(2, length) :] = 0
    if kind == "left" and row != 2:
        mask[: random.randint(1, length)] = 0
    if kind == "holes":
        mask[random.choice(length, size=max(1, length // 3), replace=False)] = 0
        mask[length // 2] = 1
    if kind == "zeros" and row != 0:
        mask[:] = 0
    return mask


def token_inputs(case, random, config, mask, rows: int, length: int) -> dict:
    if case.has("embeds"):
        size = getattr(config, "embedding_size", config.hidden_size)
        return {"inputs_embeds": random.standard_normal((rows, length, size))}
    pad = config.pad_token_id
    ids = random.randint(3, config.vocab_size, (rows, length))
    if pad is not None:
        ids[ids == pad] = 2 if pad != 2 else 1
        if mask is not None and mask.ndim == 2:
            ids[padding(mask)] = pad
        if case.has("pads"):
            ids[:, length // 2] = pad
    return {"input_ids": ids}


def padding(mask: np.ndarray) -> np.ndarray:
    """Masked positions before the first and after the last token; holes between them keep their ids."""
    after = np.cumsum(mask[:, ::-1], axis=1)[:, ::-1] == 0
    return after | (np.cumsum(mask, axis=1) == 0)


def positions(case, random, config, rows: int, length: int) -> np.ndarray:
    count = rows if case.has("row-positions") else 1
    return np.stack([random.permutation(config.max_position_embeddings)[:length] for _ in range(count)])


def head_masks(case, random, config) -> dict:
    layers, heads = config.num_hidden_layers, config.num_attention_heads
    if case.has("head-mask"):
        return {"head_mask": np.where(np.arange(heads) == 0, 0.0, 1.0)}
    if case.has("layer-head-mask"):
        return {"head_mask": np.round(random.random_sample((layers, heads)) * 1.5, 2)}
    return {}


def labels(family: str, case, random, config, mask, batch: int, rows: int, length: int) -> dict:
    if not any(case.has(word) for word in ("labels", "dense-labels", "float-labels")):
        return {}
    count = config.num_labels
    if case.head == "ForQuestionAnswering":
        top = length + 3 if case.has("outside") else length
        return {name: random.randint(0, top, (batch,)) for name in ("start_positions", "end_positions")}
    if case.head == "ForSequenceClassification":
        return {"labels": sequence_labels(case, random, config, batch)}
    if case.head == CHOICES:
        return {"labels": random.randint(0, rows // batch, (batch,))}
    if case.head == "DoubleHeadsModel":
        names = position_labels(case, random, mask, config.vocab_size, rows, length)
        return {
            "mc_token_ids": random.randint(0, length, (batch, rows // batch)),
            "labels": names.reshape(batch, -1, length),
            "mc_labels": random.randint(0, rows // batch, (batch,)),
        }
    if case.head == "ForNextSentencePrediction":
        return {"labels": random.randint(0, 2, (batch,))}
    top = {"ForTokenClassification": count, "ForMaskedLM": config.vocab_size}.get(case.head, config.vocab_size)
    if family == "electra" and case.head == "ForPreTraining":
        return {"labels": random.randint(0, 2, (batch, length))}
    found = {"labels": position_labels(case, random, mask, top, batch, length)}
    if case.head == "ForPreTraining" and not case.has("partial"):
        found[PAIRED_LABELS[family]] = random.randint(0, 2, (batch,))
    return found


def sequence_labels(case, random, config, batch: int) -> np.ndarray:
    count = config.num_labels
    if not case.has("float-labels") and count > 1:
        return random.randint(0, count, (batch,))
    if config.problem_type == "regression" or count == 1:
        return random.standard_normal((batch,) if count == 1 else (batch, count))
    return random.randint(0, 2, (batch, count)).astype(np.float64)


def position_labels(case, random, mask, top: int, batch: int, length: int) -> np.ndarray:
    found = random.randint(0, top, (batch, length))
    found[random.random_sample((batch, length)) < 0.3] = -100
    found[0, 0] = top - 1
    if mask is not None and mask.ndim == 2 and not case.has("dense-labels"):
        found[mask == 0] = -100
    return found
