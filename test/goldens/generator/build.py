"""One checkpoint of the goldens: weights, inputs, what the reference makes of them."""

import copy
import json
import shutil
from contextlib import contextmanager

import torch
import transformers
from safetensors.torch import save_file
from torch.nn import functional

from .inputs import CHOICE_HEADS, CHOICES, has_decoder, make_inputs, number
from .plan import CLASS_PREFIXES, Case
from .weights import superset, write_checkpoint

VERSION = transformers.__version__
CONFIGS = transformers.models.auto.configuration_auto.CONFIG_MAPPING
# What float32 rounding may move an output by, relative to its largest number where that is above 1; a case that is more sensitive would test luck and not the model.
ROUNDING = 8e-6
# Their headless networks are no attribute of the heads that generate.
WITHOUT_PREFIX = ("t5",)
NO_3D_MASKS = ("albert", "distilbert")
TOKEN_LABELS = ("ForMaskedLM", "ForTokenClassification", "ForPreTraining")
NEXT_TOKEN_LABELS = ("LMHeadModel", "ForCausalLM")
WHOLE_SEQUENCE_SUMMARIES = ("mean", "last", "cls_index")


def build_checkpoint(folder, family: str, plan) -> tuple:
    """Write one checkpoint folder with its cases; returns (bytes, number of cases)."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    heads = list(dict.fromkeys(case.head for case in plan.cases))
    config = CONFIGS[family](**plan.config)
    config.architectures = [class_name(family, heads[-1])]
    models = [build_model(family, head, config) for head in heads]
    if plan.dtype != "float32":
        config.dtype = plan.dtype
    prefix = f"{models[0].base_model_prefix}."
    tensors = superset([with_prefix(model) for model in models], family, plan.name)
    write_checkpoint(folder, tensors, config, plan, prefix)
    return write_cases(folder, family, plan)


def class_name(family: str, head: str) -> str:
    return CLASS_PREFIXES[family] + head


def build_model(family: str, head: str, config):
    return getattr(transformers, class_name(family, head))(copy.deepcopy(config))


def with_prefix(model):
    """A base model inside a holder that gives its keys the prefix that heads see."""
    if getattr(model, model.base_model_prefix, None) is not None or model.config.model_type in WITHOUT_PREFIX:
        return model
    holder = torch.nn.Module()
    holder.add_module(model.base_model_prefix, model)
    return holder


def write_cases(folder, family: str, plan) -> tuple:
    tensors, entries, loading = {}, [], {}
    for index, case in enumerate(plan.cases):
        model, report = load(folder, family, case.head, plan, torch.float64)
        assert not report["missing_keys"] and not report["mismatched_keys"], (family, plan.name, case, report)
        loading[class_name(family, case.head)] = sorted(report["unexpected_keys"])
        inputs = make_inputs(family, plan.name, index, case, model.config)
        call = {name: True for name in ("output_hidden_states", "output_attentions") if asks_for(case, name)}
        if case.has("nocache"):
            call["use_cache"] = False
        past = number(case, "past", 0)
        outputs = run(model, inputs, call, past)
        rounded = run(load(folder, family, case.head, plan, torch.float32)[0], inputs, call, past)
        check_rounding(outputs, rounded, folder, case)
        lengths = row_lengths(case, inputs, model.config, outputs)
        axes = {name: token_axis(name, inputs, case, model.config) for name in outputs}
        of_encoder = encoder_lengths(case, inputs, model.config)
        outputs = {
            name: hide_padding(value, axes[name], of_encoder if is_encoders(name, of_encoder) else lengths)
            for name, value in outputs.items()
        }
        tensors.update({f"case.{index}.in.{name}": value for name, value in inputs.items()})
        tensors.update({f"case.{index}.out.{name}": value for name, value in outputs.items()})
        entries.append(
            {
                "id": index,
                "name": f"{class_name(family, case.head)}: {case.words}",
                "model_class": class_name(family, case.head),
                "from_pretrained": plan.model_kwargs if case.head == "Model" else {},
                "inputs": list(inputs),
                "options": call,
                **({"past": past} if past else {}),
                "outputs": axes,
                "lengths": lengths,
                **({"encoder_lengths": of_encoder} if of_encoder else {}),
            }
        )
    save_file({name: value.contiguous() for name, value in tensors.items()}, folder / "cases.safetensors")
    calls = [generated(folder, family, plan, *call) for call in plan.generate]
    (folder / "cases.json").write_text(render(plan, loading, entries, calls))
    for file in folder.iterdir():
        file.chmod(0o644)
    return sum(file.stat().st_size for file in folder.iterdir()), len(entries)


def generated(folder, family: str, plan, head: str, words: str, options: dict) -> dict:
    """One call of generate: what went in, and the ids that came out. Both precisions must choose the same."""
    found = []
    for dtype in (torch.float64, torch.float32):
        model, _ = load(folder, family, head, plan, dtype)
        inputs = make_inputs(family, plan.name, 0, Case(head, words), model.config)
        with torch.no_grad(), precision(dtype):
            given = {name: value.to(dtype) if value.is_floating_point() else value for name, value in inputs.items()}
            found.append(model.generate(**given, **options).tolist())
    assert found[0] == found[1], f"{folder.name}: generate({words}) is decided by rounding"
    return {
        "name": f"{class_name(family, head)}.generate: {words} {json.dumps(options)}",
        "model_class": class_name(family, head),
        "inputs": {name: value.tolist() for name, value in inputs.items()},
        "options": options,
        "sequences": found[0],
    }


def load(folder, family: str, head: str, plan, dtype):
    """The reference model in `dtype` (weights of fewer bits upcast), with the attention that is written out."""
    kwargs = {"torch_dtype": dtype} if VERSION == "4.35.2" else {"dtype": dtype, "attn_implementation": "eager"}
    kwargs.update(plan.model_kwargs if head == "Model" else {})
    cls = getattr(transformers, class_name(family, head))
    model, report = cls.from_pretrained(folder, output_loading_info=True, **kwargs)
    return model.eval(), report


def asks_for(case, option: str) -> bool:
    return case.has({"output_hidden_states": "states", "output_attentions": "attentions"}[option])


def run(model, inputs: dict, call: dict, past: int = 0) -> dict:
    """Every output field by name, tuples spread out as `name.<i>`, as float32."""
    given = {name: value.to(model.dtype) if value.is_floating_point() else value for name, value in inputs.items()}
    mask = given.get("attention_mask")
    if mask is not None and is_square(mask, inputs) and model.config.model_type in NO_3D_MASKS:
        lowest = torch.tensor(torch.finfo(model.dtype).min, dtype=model.dtype)
        given["attention_mask"] = torch.where(mask[:, None] == 1, torch.zeros_like(lowest), lowest)
    with torch.no_grad(), precision(model.dtype):
        if past:
            first, given = split(given, past)
            given["past_key_values"] = model(**first, use_cache=True).past_key_values
        output = model(**given, **call)
    found = {}
    for name, value in output.items():
        if name == "past_key_values":
            parts = cached(value)
        elif isinstance(value, tuple):
            parts = {f"{name}.{i}": part for i, part in enumerate(value)}
        else:
            parts = {name: value}
        found.update({key: part.to(torch.float32) for key, part in parts.items() if part is not None})
    return found


def cached(cache) -> dict:
    """Keys and values of each layer; 4.35.2 has tuples of them."""
    if isinstance(cache, tuple):
        layers = cache
    elif hasattr(cache, "cross_attention_cache"):
        halves = zip(cache.self_attention_cache.layers, cache.cross_attention_cache.layers)
        layers = [(own.keys, own.values, cross.keys, cross.values) for own, cross in halves]
    else:
        layers = [(layer.keys, layer.values) for layer in cache.layers]
    pairs = enumerate(layers)
    return {f"past_key_values.{i}.{j}": part for i, pair in pairs for j, part in enumerate(pair)}


def split(inputs: dict, past: int) -> tuple:
    """The call for the first `past` tokens of each row, and that for the rest; the latter's mask is of all of them."""
    prefix = "decoder_" if any(name.startswith("decoder_") for name in inputs) else ""
    grows = {name for name in inputs if name.startswith(prefix)}
    first = {name: value[:, :past] if name in grows else value for name, value in inputs.items() if name != "labels"}
    rest = {
        name: value[:, past:] if name in grows and name != f"{prefix}attention_mask" else value
        for name, value in inputs.items()
    }
    return first, rest


def is_square(mask: torch.Tensor, inputs: dict) -> bool:
    """Whether a mask says for each position of a row where it may look; the mask of choices has three axes too."""
    row_axes = inputs["input_ids"].dim() if "input_ids" in inputs else inputs["inputs_embeds"].dim() - 1
    return mask.dim() > row_axes


@contextmanager
def precision(dtype):
    """Let nothing fall back to float32 where the model is float64: a mask's lowest number would become infinite."""
    softmax = functional.softmax
    torch.set_default_dtype(dtype)
    functional.softmax = lambda value, dim, dtype=None: softmax(value, dim=dim)
    try:
        yield
    finally:
        functional.softmax = softmax
        torch.set_default_dtype(torch.float32)


def check_rounding(exact: dict, rounded: dict, folder, case) -> None:
    for name, value in exact.items():
        worst = (value - rounded[name]).abs().max().item() / max(1.0, value.abs().max().item())
        assert worst <= ROUNDING, f"{folder.parent.name}/{folder.name} {case}: {name} moves by {worst:.1e} in float32"


def row_lengths(case, inputs: dict, config, outputs: dict) -> list:
    """Positions that carry meaning in each row (choices flattened): fewer than all only where padding is left out."""
    if has_decoder(config, case):
        return decoder_lengths(case, inputs, outputs)
    tokens = inputs.get("input_ids", inputs.get("inputs_embeds"))
    flat = 2 if case.head in CHOICE_HEADS else 1
    length, rows = tokens.shape[flat], tokens.shape[:flat].numel()
    mask = inputs.get("attention_mask")
    if mask is None or is_square(mask, inputs) or any(name.startswith("past_key_values") for name in outputs):
        return [length - number(case, "past", 0)] * rows
    labels = inputs.get("labels")
    found = []
    for row, ones in enumerate(mask.reshape(rows, length)):
        count = int(ones.sum())
        unpadded = count > 0 and bool(ones[:count].all())
        if case.head == "ForQuestionAnswering" and "start_positions" in inputs:
            unpadded = False
        if case.head in TOKEN_LABELS and labels is not None and not leaves_out_masked_labels(case, config):
            unpadded = unpadded and not bool((labels[row][ones == 0] != -100).any())
        if case.head in NEXT_TOKEN_LABELS and labels is not None:
            unpadded = unpadded and not bool((labels[row][count + 1 :] != -100).any())
        if case.head == CHOICES and getattr(config, "summary_type", "first") in WHOLE_SEQUENCE_SUMMARIES:
            unpadded = False
        found.append(count if unpadded else length)
    return found


def decoder_lengths(case, inputs: dict, outputs: dict) -> list:
    """The same of a decoder beside an encoder."""
    rows, length = next(iter(inputs.values())).shape[0], number(case, "D", 5)
    if "decoder_input_ids" not in inputs and "decoder_inputs_embeds" not in inputs and "labels" not in inputs:
        length = inputs["input_ids"].shape[1]
    mask = inputs.get("decoder_attention_mask")
    if mask is None or any(name.startswith("past_key_values") for name in outputs):
        return [length - number(case, "past", 0)] * rows
    counts = [(int(ones.sum()), ones) for ones in mask]
    labels = inputs.get("labels")
    found = []
    for row, (count, ones) in enumerate(counts):
        unpadded = count > 0 and bool(ones[:count].all()) and case.head != "ForSequenceClassification" and "start_positions" not in inputs
        if case.head == "ForConditionalGeneration" and labels is not None:
            unpadded = unpadded and not bool((labels[row][ones == 0] != -100).any())
        found.append(count if unpadded else length)
    return found


def encoder_lengths(case, inputs: dict, config):
    """The same of an encoder beside a decoder; None where there is no decoder."""
    if not has_decoder(config, case):
        return None
    tokens = inputs.get("input_ids", inputs.get("inputs_embeds"))
    rows, length = tokens.shape[:2]
    mask = inputs.get("attention_mask")
    if mask is None:
        return [length] * rows
    counts = [(int(ones.sum()), ones) for ones in mask]
    return [count if count > 0 and bool(ones[:count].all()) else length for count, ones in counts]


def is_encoders(name: str, of_encoder) -> bool:
    """Whether an output is over the encoder's tokens: its own, and the keys and values of cross-attention."""
    of_cross = name.startswith("past_key_values") and name.rpartition(".")[2] in ("2", "3")
    return of_encoder is not None and (name.startswith("encoder_") or of_cross)


def leaves_out_masked_labels(case, config) -> bool:
    """ELECTRA's discriminator loss looks at the attention mask itself."""
    return config.model_type == "electra" and case.head == "ForPreTraining"


def token_axis(name: str, inputs: dict, case, config):
    """The axis of an output that runs over the tokens of a row; None where there is none."""
    if name.startswith("past_key_values") and has_decoder(config, case) and name.rpartition(".")[2] in ("2", "3"):
        return 2
    if name.startswith("past_key_values") or case.head == "DoubleHeadsModel":
        return None
    if name.partition(".")[0].endswith("attentions"):
        return 2
    if name in ("loss", "pooler_output", "seq_relationship_logits", "sop_logits"):
        return None
    if name == "logits" and getattr(config, "sparse_prediction", False) and "labels" in inputs:
        return None
    heads_without = ("ForSequenceClassification", "ForNextSentencePrediction", CHOICES)
    return None if name == "logits" and case.head in heads_without else 1


def hide_padding(value: torch.Tensor, axis, lengths: list) -> torch.Tensor:
    """Zeros at the positions that carry no meaning, whatever the reference computed there."""
    if axis is None:
        return value
    value = value.clone()
    for row, length in enumerate(lengths):
        value[row].narrow(axis - 1, length, value.shape[axis] - length).zero_()
    return value


def render(plan, loading: dict, entries: list, calls: list) -> str:
    """cases.json with one line a case."""
    head = {"reference": VERSION, "note": plan.note, "unexpected_keys": loading}
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    rows = ",\n".join(f"    {json.dumps(entry)}" for entry in entries)
    text = "{\n" + "\n".join(lines) + '\n  "cases": [\n' + rows + "\n  ]"
    if calls:
        text += ',\n  "generate": [\n' + ",\n".join(f"    {json.dumps(call)}" for call in calls) + "\n  ]"
    return text + "\n}\n"
