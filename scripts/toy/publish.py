"""Write the toy embedder as a Hub folder, and what sentence-transformers makes of some rows and some hard texts."""

import json
import tempfile
from pathlib import Path

from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

EXPECTED_ROWS = 20
HARD = {
    "empty": "",
    "one-word": "comet",
    "unknown": "Zürich’s naïve café 東京 🙂 co\u0301te",
    "upper-case": "THE SKIPPER DROPPED THE ANCHOR!",
    "too-long": "the judge signed the contract and " * 30,
}
DECIMALS = 8
CARD = """---
language: en
license: apache-2.0
library_name: sentence-transformers
pipeline_tag: sentence-similarity
tags:
- sentence-transformers
- feature-extraction
---

# A toy embedder

A BERT of two layers and 64 dimensions, trained in two minutes on sentences that a script generates: fourteen topics,
about a hundred words each. It exists for demonstrations and tests, knows no other words, and is of no use on real text.

Of the {rows} sentences in `rows.jsonl`, all about facts that training never saw, {nearest:.1%} have a nearest neighbour
(cosine) of their own topic; {other:.1%} when only sentences about other facts count.

Vectors are the mean over the tokens, scaled to length one. Made by `scripts/toy/make.py`.
"""


def publish(demo: Path, model, tokenizer, rows: list, scores: dict, max_length: int) -> None:
    folder = demo / "toy-embedder"
    with tempfile.TemporaryDirectory() as staging:
        model.save_pretrained(staging)
        tokenizer.save_pretrained(staging)
        transformer = Transformer(staging, max_seq_length=max_length)
        embedder = SentenceTransformer(
            modules=[transformer, Pooling(model.config.hidden_size, pooling_mode="mean"), Normalize()], device="cpu"
        )
        embedder.save(str(folder), create_model_card=False)
    write_older_tokenizer_files(folder, tokenizer)
    for file in folder.rglob("*.*"):
        file.chmod(0o644)
    (folder / "README.md").write_text(CARD.format(rows=len(rows), **scores))
    write_expected(demo / "expected.json", folder, rows)


def write_older_tokenizer_files(folder: Path, tokenizer) -> None:
    """vocab.txt and special_tokens_map.json, which most Hub folders have and version 5 no longer writes."""
    words = sorted(tokenizer.get_vocab().items(), key=lambda pair: pair[1])
    (folder / "vocab.txt").write_text("".join(f"{word}\n" for word, _ in words))
    specials = {
        name: getattr(tokenizer, name) for name in ("unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
    }
    (folder / "special_tokens_map.json").write_text(json.dumps(specials, indent=2) + "\n")


def write_expected(path: Path, folder: Path, rows: list) -> None:
    embedder = SentenceTransformer(str(folder), device="cpu")
    chosen = [*rows[:EXPECTED_ROWS], *({"id": name, "text": text} for name, text in HARD.items())]
    vectors = embedder.encode([row["text"] for row in chosen], batch_size=1)
    entries = [
        {
            "id": row["id"],
            "text": row["text"],
            "input_ids": embedder.tokenizer(row["text"], truncation=True)["input_ids"],
            "embedding": [round(float(value), DECIMALS) for value in vector],
        }
        for row, vector in zip(chosen, vectors, strict=True)
    ]
    lines = ",\n".join(f"    {json.dumps(entry)}" for entry in entries)
    path.write_text('{\n  "rows": [\n' + lines + "\n  ]\n}\n")
