"""Checkpoints with seeded random weights, large enough that a mistake anywhere shows in the outputs."""

import json
import zlib

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
SHARDS = 2


def superset(models: list, family: str, checkpoint: str) -> dict:
    """The parameters of all models by name, tied copies once, values drawn by name alone."""
    tensors = {}
    for model in models:
        kept = model.state_dict()
        modules = dict(model.named_modules())
        for name, value in [*model.named_parameters(), *model.named_buffers()]:
            if name not in kept:
                continue
            drawn = draw(name, value, modules[name.rpartition(".")[0]], f"{family}/{checkpoint}")
            assert name not in tensors or tensors[name].shape == drawn.shape, f"{name}: {drawn.shape}"
            tensors.setdefault(name, drawn)
    return tensors


def draw(name: str, like: torch.Tensor, owner: nn.Module, seed: str) -> torch.Tensor:
    """Values for one parameter: matrices keep the variance of their input, the rest stands well off its default."""
    random = np.random.RandomState(zlib.crc32(f"{seed}:{name}".encode()))
    kind = type(owner).__name__
    noise = torch.from_numpy(random.standard_normal(tuple(like.shape)).astype(np.float32))
    if "RMSNorm" in kind:
        return 1 + 0.25 * noise
    if kind == "Conv1D" and name.endswith("weight"):
        return gain(name) / like.shape[0] ** 0.5 * noise
    if not isinstance(owner, (nn.Linear, nn.Embedding, nn.LayerNorm)) and name.rpartition(".")[2] != "bias":
        return activation_parameter(name, like, noise)
    if isinstance(owner, nn.LayerNorm) and name.endswith("weight"):
        return 1 + 0.25 * noise
    if name.endswith("bias"):
        return 0.2 * noise
    if isinstance(owner, nn.Embedding):
        return 0.35 * noise
    return gain(name) / like.shape[1] ** 0.5 * noise


def gain(name: str) -> float:
    """Sharp attention, though not where scores are not scaled, and a residual stream without norms (`Wo`) that does not grow."""
    if "SelfAttention" in name or "EncDecAttention" in name:
        return 3.0 if ".o." in name else 0.8
    if "DenseReluDense.wo" in name:
        return 3.0
    if any(part in name for part in ("query", "key", "q_lin", "k_lin", ".q.", ".k.", "q_proj", "k_proj")):
        return 1.5
    return 0.6 if "Wo" in name else 1.1


def activation_parameter(name: str, like: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Learned activations (prelu, xielu): near what they start from, constants as they are, in their own dtype."""
    constant = name.rpartition(".")[2] in ("beta", "eps")
    return like.detach().clone() if constant else (like.detach().float() + 0.1 * noise).to(like.dtype)


def write_checkpoint(folder, tensors: dict, config, plan, prefix: str) -> None:
    """config.json and the weights of a plan, in the plan's layout and dtype."""
    tensors = {name: cast(value, plan.dtype).contiguous() for name, value in tensors.items()}
    if plan.layout == "base":
        tensors = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
    if plan.layout == "legacy":
        tensors = legacy(tensors, config, prefix)
    (folder / "config.json").write_text(config_text(config, plan))
    if plan.layout == "sharded":
        write_shards(folder, tensors)
    else:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def config_text(config, plan) -> str:
    if not plan.verbatim_config:
        return config.to_json_string(use_diff=True).rstrip() + "\n"
    fields = {"architectures": config.architectures, "model_type": config.model_type, **plan.config}
    return json.dumps(fields, indent=2, sort_keys=True) + "\n"


def cast(value: torch.Tensor, dtype: str) -> torch.Tensor:
    return value.to(DTYPES[dtype]) if value.dtype == torch.float32 else value


def legacy(tensors: dict, config, prefix: str) -> dict:
    renamed = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): value
        for name, value in tensors.items()
    }
    renamed[f"{prefix}embeddings.position_ids"] = torch.arange(config.max_position_embeddings)[None]
    renamed["cls.predictions.decoder.weight"] = tensors[f"{prefix}embeddings.word_embeddings.weight"].clone()
    return renamed


def write_shards(folder, tensors: dict) -> None:
    names = sorted(tensors)
    weight_map = {}
    for shard in range(SHARDS):
        file = f"model-{shard + 1:05d}-of-{SHARDS:05d}.safetensors"
        part = names[shard * len(names) // SHARDS : (shard + 1) * len(names) // SHARDS]
        save_file({name: tensors[name] for name in part}, folder / file, metadata={"format": "pt"})
        weight_map.update((name, file) for name in part)
    total = sum(value.numel() * value.element_size() for value in tensors.values())
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2, sort_keys=True) + "\n")
