"""Makes the goldens of the pipelines: tiny random checkpoints, and what Transformers' and sentence-transformers' own
pipelines answer with them.

    4.35.2   pip install torch==2.1.2 transformers==4.35.2 "numpy<2"
    5.18.0   pip install torch==2.13.0 transformers==5.18.0 sentence-transformers==6.2.0

    python test/goldens/make_pipelines.py --reference 4.35.2     # checkpoints, and most answers
    python test/goldens/make_pipelines.py --reference 5.18.0     # folders of sentence-transformers; what 5.x does anew

Each run rewrites its own files, byte for byte the same. The models run in float64 on float32 weights; a case whose
answer looks different in float32 (another label, another order) is refused, so that no answer hangs on rounding.
Characters are counted in UTF-16 units, as JavaScript does; the libraries count code points.
"""

import argparse
import json
import logging
import shutil
import warnings
from pathlib import Path

import torch
import transformers
from generator.weights import superset
from pipeline_cases import CASES, CHECKPOINTS, EMBEDDERS, EMBEDDINGS
from safetensors.torch import save_file
from transformers import AutoTokenizer, pipeline

ROOT = Path(__file__).resolve().parent
FOLDER = ROOT / "pipelines"
PINS = {"4.35.2": "2.1.2", "5.18.0": "2.13.0"}
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", required=True, choices=sorted(PINS))
    reference = parser.parse_args().reference
    found = (transformers.__version__, torch.__version__.split("+")[0])
    assert found == (reference, PINS[reference]), f"{reference} needs torch {PINS[reference]}, and here is {found}"
    quieten()
    if reference == "4.35.2":
        for name, checkpoint in CHECKPOINTS.items():
            write_checkpoint(FOLDER / name, checkpoint)
    else:
        from sentence_embedders import embed, write_embedder

        for name, embedder in EMBEDDERS.items():
            write_embedder(FOLDER / name, embedder)
        write_json(FOLDER / "vectors.json", [embed(FOLDER, case) for case in EMBEDDINGS])
    answers = [answer_of(case) for case in CASES if case["reference"] == reference]
    write_json(FOLDER / f"cases-{reference}.json", answers)
    print(f"{reference}: {len(answers)} cases")


def quieten() -> None:
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    transformers.utils.logging.disable_progress_bar()


def write_checkpoint(folder: Path, checkpoint: dict) -> None:
    """One folder whose weights every class of it can load."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    copy_tokenizer(folder, checkpoint["tokenizer"], checkpoint.get("tokenizer_config", {}))
    config_class = getattr(transformers, checkpoint["config_class"])
    size = len(AutoTokenizer.from_pretrained(folder))
    config = config_class(vocab_size=size, **checkpoint["config"])
    spans = config_class(
        vocab_size=size, **{**checkpoint["config"], "id2label": None, "label2id": None, "num_labels": 2}
    )
    models = [
        getattr(transformers, name)(spans if name.endswith("QuestionAnswering") else config)
        for name in checkpoint["classes"]
    ]
    config.architectures = checkpoint["classes"][:1]
    (folder / "config.json").write_text(config.to_json_string(use_diff=True).rstrip() + "\n")
    tensors = superset(models, "pipelines", checkpoint.get("seed", folder.name))
    for name, scale in checkpoint.get("scale", {}).items():
        tensors[name] = tensors[name] * scale
    save_file({n: t.contiguous() for n, t in tensors.items()}, folder / "model.safetensors", metadata={"format": "pt"})


def copy_tokenizer(folder: Path, name: str, changes: dict) -> None:
    for file in TOKENIZER_FILES:
        shutil.copy(ROOT / "tokenizers" / name / file, folder / file)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    write_json(folder / "tokenizer_config.json", {**config, **changes})


def answer_of(case: dict) -> dict:
    """The case with what the pipeline answers, or with the name of the error that it raises."""
    try:
        exact, plain = (run(case, dtype) for dtype in (torch.float64, torch.float32))
    except (ValueError, transformers.pipelines.base.PipelineException) as error:
        return {**case, "error": type(error).__name__}
    assert shape_of(exact) == shape_of(plain), f"{case} hangs on rounding:\n{exact}\n{plain}"
    return {**case, "answer": in_utf16(rounded(exact), case)}


def run(case: dict, dtype: torch.dtype):
    folder = FOLDER / case["checkpoint"]
    model = class_of(case).from_pretrained(folder, **case.get("load", {})).to(dtype).eval()
    pipe = pipeline(case["task"], model=model, tokenizer=AutoTokenizer.from_pretrained(folder), device="cpu")
    with torch.no_grad():
        return plain_values(pipe(*case["args"], **case.get("options", {})))


def class_of(case: dict):
    return {
        "text-classification": transformers.AutoModelForSequenceClassification,
        "zero-shot-classification": transformers.AutoModelForSequenceClassification,
        "token-classification": transformers.AutoModelForTokenClassification,
        "fill-mask": transformers.AutoModelForMaskedLM,
        "question-answering": getattr(transformers, "AutoModelForQuestionAnswering", None),
    }[case["task"]]


def plain_values(value):
    if isinstance(value, dict):
        return {key: plain_values(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_values(item) for item in value]
    return value.item() if hasattr(value, "item") else value


def rounded(value):
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


def shape_of(value):
    """Everything but the scores."""
    if isinstance(value, dict):
        return {key: shape_of(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape_of(item) for item in value]
    return None if isinstance(value, float) else value


def in_utf16(answer, case: dict):
    """The same with `start` and `end` in UTF-16 units of the text that they are in."""
    if case["task"] not in ("token-classification", "question-answering"):
        return answer
    texts = case["args"][0]
    if case["task"] == "question-answering":
        samples = texts if isinstance(texts, list) else [texts]
        texts = [sample["context"] for sample in samples]
        return convert(answer, texts[0]) if len(texts) == 1 else [convert(a, t) for a, t in zip(answer, texts)]
    return convert(answer, texts) if isinstance(texts, str) else [convert(a, t) for a, t in zip(answer, texts)]


def convert(value, text: str):
    if isinstance(value, list):
        return [convert(item, text) for item in value]
    units = {key: len(text[: value[key]].encode("utf-16-le")) // 2 for key in ("start", "end")}
    return {**value, **units}


def write_json(path: Path, value) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False, sort_keys=False) + "\n")


if __name__ == "__main__":
    main()
