"""Writes the checkpoints of goldens/pipelines as ONNX files in the layout that transformers.js reads, for
make_switching.mjs.

    pip install torch==2.13.0 transformers==5.18.0 onnx onnxscript
    python test/goldens/make_switching.py --out FOLDER
"""

import argparse
import shutil
from pathlib import Path

import torch
import transformers

PIPELINES = Path(__file__).resolve().parent / "pipelines"
FILES = ("config.json", "tokenizer.json", "tokenizer_config.json")
# The name that programs use: checkpoint, class, outputs.
MODELS = {
    "feat": ("bert", "AutoModel", ["last_hidden_state"]),
    "ner": ("bert", "AutoModelForTokenClassification", ["logits"]),
    "mlm": ("bert", "AutoModelForMaskedLM", ["logits"]),
    "qa": ("bert", "AutoModelForQuestionAnswering", ["start_logits", "end_logits"]),
    "judge": ("judge", "AutoModelForSequenceClassification", ["logits"]),
    "stars": ("distilbert", "AutoModelForSequenceClassification", ["logits"]),
}


class Named(torch.nn.Module):
    """A model that takes its inputs by place and gives the wanted outputs as a tuple."""

    def __init__(self, model, inputs, outputs):
        super().__init__()
        self.model, self.inputs, self.outputs = model, inputs, outputs

    def forward(self, *values):
        result = self.model(**dict(zip(self.inputs, values, strict=True)))
        return tuple(result[name] for name in self.outputs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    for name, model in MODELS.items():
        export(out / name, *model)


def export(folder: Path, checkpoint: str, class_name: str, outputs: list) -> None:
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    for file in FILES:
        shutil.copy(PIPELINES / checkpoint / file, folder / file)
    spans = {"num_labels": 2} if class_name.endswith("QuestionAnswering") else {}
    model = getattr(transformers, class_name).from_pretrained(
        PIPELINES / checkpoint, attn_implementation="eager", **spans
    )
    if spans:
        model.config.to_json_file(folder / "config.json")
    inputs = ["input_ids", "attention_mask"] + (["token_type_ids"] if model.config.model_type == "bert" else [])
    ids = torch.tensor([[1, 2, 3, 4], [2, 3, 4, 5]])
    values = (ids, torch.ones_like(ids), torch.zeros_like(ids))[: len(inputs)]
    axes = {name: {0: "batch", 1: "length"} for name in inputs + outputs}
    if class_name.endswith("SequenceClassification"):
        axes["logits"] = {0: "batch"}
    torch.onnx.export(
        Named(model.eval(), inputs, outputs),
        values,
        str(folder / "onnx" / "model.onnx"),
        input_names=inputs,
        output_names=outputs,
        dynamic_axes=axes,
        dynamo=False,
        opset_version=17,
    )


if __name__ == "__main__":
    main()
