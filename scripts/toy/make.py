"""Make the toy embedder and the rows of the demo: `python scripts/toy/make.py` writes demo/ anew.

    pip install torch==2.13.0 transformers==5.18.0 sentence-transformers==6.2.0

The text is generated (topics.py, text.py), a WordPiece vocabulary is counted from it, and a BERT of two layers is
trained to put two tellings of one fact close together and other topics far away. Facts of the demo's rows are kept out
of training. Takes about two minutes on one core; the same versions on the same kind of machine give the same bytes.
"""

import json
import random
import shutil
from pathlib import Path

import numpy as np
import sentence_transformers
import torch
import transformers
from publish import publish
from text import facts, tell
from torch.nn import functional
from transformers import BertConfig, BertModel, BertTokenizerFast
from vocabulary import SPECIALS, count_vocabulary

PINS = {torch: "2.13.0", transformers: "5.18.0", sentence_transformers: "6.2.0"}
SEED = 20
DEMO = Path(__file__).resolve().parents[2] / "demo"
ROWS = 2900
HELD_OUT = 0.4
STEPS = 700
FACTS_A_STEP = 96
TEMPERATURE = 0.08
MAX_LENGTH = 64


def main() -> None:
    for module, version in PINS.items():
        assert module.__version__.split("+")[0] == version, f"{module.__name__} {version} is pinned"
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    transformers.utils.logging.disable_progress_bar()
    draw = random.Random(SEED)
    known = facts()
    draw.shuffle(known)
    held_out, training = known[: int(HELD_OUT * len(known))], known[int(HELD_OUT * len(known)) :]

    rows = make_rows(held_out, draw)
    tokenizer = make_tokenizer([tell(fact, draw) for fact in training for _ in range(12)])
    model = train_model(tokenizer, training, draw)
    vectors = embed(model, tokenizer, [row["text"] for row in rows])
    scores = {
        "nearest": agreement(vectors, rows, other_facts=False),
        "other": agreement(vectors, rows, other_facts=True),
    }
    print(
        f"nearest row has the same topic: {scores['nearest']:.4f}; among rows about other facts: {scores['other']:.4f}"
    )

    shutil.rmtree(DEMO / "toy-embedder", ignore_errors=True)
    DEMO.mkdir(exist_ok=True)
    public = [{key: row[key] for key in ("id", "topic", "text")} for row in rows]
    (DEMO / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in public))
    publish(DEMO, model, tokenizer, public, scores, MAX_LENGTH)


def make_rows(held_out: list, draw: random.Random) -> list:
    """Different sentences about held-out facts, in no order."""
    told = {}
    while len(told) < ROWS:
        fact = draw.choice(held_out)
        told.setdefault(tell(fact, draw), fact)
    texts = list(told)
    draw.shuffle(texts)
    return [
        {"id": f"{told[text].topic}-{number:04d}", "topic": told[text].topic, "text": text, "fact": told[text]}
        for number, text in enumerate(texts)
    ]


def make_tokenizer(texts: list) -> BertTokenizerFast:
    return BertTokenizerFast(vocab=count_vocabulary(texts), do_lower_case=True, model_max_length=MAX_LENGTH)


def train_model(tokenizer, training: list, draw: random.Random) -> BertModel:
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=256,
        max_position_embeddings=128,
        hidden_dropout_prob=0.1,
        attention_probs_dropout_prob=0.0,
    )
    model = BertModel(config).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=2e-3, total_steps=STEPS, pct_start=0.1)
    topics = sorted({fact.topic for fact in training})
    for step in range(STEPS):
        batch = draw.sample(training, FACTS_A_STEP)
        texts = [tell(fact, draw) for _ in range(2) for fact in batch]
        inputs = hide_words(tokenizer(texts, padding=True, truncation=True, return_tensors="pt"), tokenizer)
        vectors = pooled(model, inputs)
        loss = contrast(vectors, torch.tensor([topics.index(fact.topic) for fact in batch] * 2))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 100 == 99:
            print(f"step {step + 1}: loss {loss.item():.3f}", flush=True)
    return model.eval()


def hide_words(inputs: dict, tokenizer) -> dict:
    """One word in seven is masked, so that no single word decides."""
    ids = inputs["input_ids"]
    hidden = (torch.rand(ids.shape) < 1 / 7) & (ids >= len(SPECIALS))
    inputs["input_ids"] = torch.where(hidden, tokenizer.mask_token_id, ids)
    return inputs


def pooled(model: BertModel, inputs: dict) -> torch.Tensor:
    """Mean over the tokens, unit length."""
    states = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]).last_hidden_state
    mask = inputs["attention_mask"][..., None].to(states.dtype)
    return functional.normalize((states * mask).sum(1) / mask.sum(1), dim=-1)


def contrast(vectors: torch.Tensor, topics: torch.Tensor) -> torch.Tensor:
    """InfoNCE over two tellings of a fact, plus the same over all sentences of a topic."""
    count = len(vectors)
    scores = vectors @ vectors.T / TEMPERATURE
    scores = scores.masked_fill(torch.eye(count, dtype=torch.bool), float("-inf"))
    partner = (torch.arange(count) + count // 2) % count
    tellings = functional.cross_entropy(scores, partner)
    same = (topics[:, None] == topics[None]) & ~torch.eye(count, dtype=torch.bool)
    likely = functional.log_softmax(scores, dim=-1).masked_fill(~same, 0.0)
    return tellings - (likely.sum(1) / same.sum(1)).mean()


@torch.no_grad()
def embed(model: BertModel, tokenizer, texts: list) -> np.ndarray:
    parts = []
    for start in range(0, len(texts), 200):
        inputs = tokenizer(texts[start : start + 200], padding=True, truncation=True, return_tensors="pt")
        parts.append(pooled(model, inputs).numpy())
    return np.concatenate(parts)


def agreement(vectors: np.ndarray, rows: list, other_facts: bool) -> float:
    """The share of rows whose nearest row has their topic; with `other_facts` only rows about other facts count."""
    scores = vectors @ vectors.T
    np.fill_diagonal(scores, -2)
    if other_facts:
        numbers = {fact: number for number, fact in enumerate({row["fact"]: None for row in rows})}
        labels = np.array([numbers[row["fact"]] for row in rows])
        scores[labels[:, None] == labels[None]] = -2
    nearest = scores.argmax(1)
    return float(np.mean([rows[i]["topic"] == rows[j]["topic"] for i, j in enumerate(nearest)]))


if __name__ == "__main__":
    main()
