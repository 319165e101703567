"""Tiny random folders of sentence-transformers, in the layouts of its two generations, and their vectors."""

import json
import shutil
from pathlib import Path

import sentence_transformers
import torch
from generator.weights import draw, superset
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import modules
from torch import nn
from transformers import BertConfig, BertModel

TOKENIZERS = Path(__file__).resolve().parent / "tokenizers"
FLAGS = {
    "cls": "pooling_mode_cls_token",
    "mean": "pooling_mode_mean_tokens",
    "max": "pooling_mode_max_tokens",
    "mean_sqrt_len_tokens": "pooling_mode_mean_sqrt_len_tokens",
    "weightedmean": "pooling_mode_weightedmean_tokens",
    "lasttoken": "pooling_mode_lasttoken",
}
WIDTH = 24
assert sentence_transformers.__version__ == "6.2.0", "sentence-transformers 6.2.0 makes these goldens"


def write_embedder(folder: Path, plan: dict) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if plan["generation"] == 1:
        write_transformer(folder / "0_Transformer", folder.name, plan)
        write_modules_with_flags(folder, plan)
    else:
        source = folder / "source"
        write_transformer(source, folder.name, plan)
        save_by_library(folder, source, plan)
        # Without the pooler that the library makes up at random where a checkpoint has none.
        shutil.copy(source / "model.safetensors", folder / "model.safetensors")
        shutil.rmtree(source)
        (folder / "README.md").unlink(missing_ok=True)


def write_transformer(folder: Path, seed: str, plan: dict) -> None:
    folder.mkdir()
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(TOKENIZERS / plan["tokenizer"] / file, folder / file)
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=37,
        max_position_embeddings=64,
        architectures=["BertModel"],
    )
    (folder / "config.json").write_text(config.to_json_string(use_diff=True).rstrip() + "\n")
    tensors = superset([BertModel(config, add_pooling_layer=False)], "pipelines", seed)
    save_file({n: t.contiguous() for n, t in tensors.items()}, folder / "model.safetensors", metadata={"format": "pt"})


def write_modules_with_flags(folder: Path, plan: dict) -> None:
    limits = {"max_seq_length": plan["max_seq_length"], "do_lower_case": plan["do_lower_case"]}
    write(folder / "0_Transformer" / "sentence_bert_config.json", limits)
    flags = {flag: mode in plan["pooling"] for mode, flag in FLAGS.items()}
    write(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": WIDTH, **flags})
    shape = {"in_features": WIDTH * len(plan["pooling"]), "bias": True, **plan["dense"]}
    write(folder / "2_Dense" / "config.json", shape)
    layer = nn.Linear(shape["in_features"], shape["out_features"])
    tensors = {f"linear.{name}": draw(name, value, layer, folder.name) for name, value in layer.named_parameters()}
    save_file(tensors, folder / "2_Dense" / "model.safetensors", metadata={"format": "pt"})
    kinds = ["Transformer", "Pooling", "Dense", "Normalize"]
    write(
        folder / "modules.json",
        [
            {"idx": i, "name": str(i), "path": f"{i}_{kind}", "type": f"sentence_transformers.models.{kind}"}
            for i, kind in enumerate(kinds)
        ],
    )
    prompts = {"prompts": plan["prompts"], "default_prompt_name": plan["default_prompt_name"]}
    write(folder / "config_sentence_transformers.json", prompts)


def save_by_library(folder: Path, source: Path, plan: dict) -> None:
    transformer = modules.Transformer(str(source), max_seq_length=plan["max_seq_length"])
    pooling = modules.Pooling(WIDTH, tuple(plan["pooling"]), include_prompt=plan["include_prompt"])
    model = SentenceTransformer(
        modules=[transformer, pooling],
        prompts=plan["prompts"],
        default_prompt_name=plan["default_prompt_name"],
        device="cpu",
    )
    model.save(str(folder), create_model_card=False)


def embed(root: Path, case: dict) -> dict:
    """The case with its vectors, one text at a time."""
    model = SentenceTransformer(str(root / case["checkpoint"]), device="cpu").double().eval()
    with torch.no_grad():
        vectors = [model.encode(text, show_progress_bar=False, **case["options"]) for text in case["texts"]]
    return {**case, "vectors": [[float(f"{x:.7g}") for x in vector] for vector in vectors]}


def write(path: Path, value) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value, indent=1) + "\n")
