"""What a family's goldens consist of: checkpoints, and the cases run on each."""

from dataclasses import dataclass, field

CLASS_PREFIXES = {
    "bert": "Bert",
    "roberta": "Roberta",
    "xlm-roberta": "XLMRoberta",
    "camembert": "Camembert",
    "distilbert": "DistilBert",
    "mpnet": "MPNet",
    "electra": "Electra",
    "albert": "Albert",
    "modernbert": "ModernBert",
    "gpt2": "GPT2",
    "llama": "Llama",
    "qwen2": "Qwen2",
    "t5": "T5",
    "bart": "Bart",
}


@dataclass(frozen=True)
class Case:
    """One forward pass: a head, and words that say what goes in and what is asked for (see inputs.py)."""

    head: str
    words: str

    def has(self, word: str) -> bool:
        return word in self.words.split()


@dataclass(frozen=True)
class CheckpointPlan:
    """A checkpoint that every head of its cases can load, and those cases.

    `layout` is how the weights are stored: "single" (one file, keys with the base model's prefix), "base" (keys without
    it), "sharded" (several files and an index), "legacy" (gamma/beta names, position_ids and tied copies kept, as in
    checkpoints from before 2020). With `verbatim_config` config.json holds the plan's fields as they are.
    `generate` lists calls of generate by the head that can: words for the inputs, and options.
    """

    name: str
    config: dict
    cases: list
    reference: str = "5.18.0"
    dtype: str = "float32"
    layout: str = "single"
    note: str = ""
    model_kwargs: dict = field(default_factory=dict)
    verbatim_config: bool = False
    generate: tuple = ()


def cases(table: dict) -> list:
    """Cases from {head: ["words", ...]}."""
    return [Case(head, words) for head, lines in table.items() for words in lines]
