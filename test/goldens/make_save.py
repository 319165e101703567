"""Writes save/: what Transformers' own save_pretrained makes of bert/base, in one file and in shards.

Run in a virtual environment: pip install transformers==4.57.6 safetensors==0.8.0 torch; python make_save.py
"""

import pathlib
import shutil

import transformers
from transformers import BertForMaskedLM

assert transformers.__version__ == "4.57.6"

HERE = pathlib.Path(__file__).parent
LAYOUTS = {"single": {}, "sharded": {"max_shard_size": "12KB"}, "variant": {"max_shard_size": "24KB", "variant": "fp16"}}


def main():
    model = BertForMaskedLM.from_pretrained(HERE / "bert" / "base")
    for name, options in LAYOUTS.items():
        target = HERE / "save" / name
        shutil.rmtree(target, ignore_errors=True)
        model.save_pretrained(target, **options)
        (target / "config.json").unlink()  # test/pretrained/config-save.test.ts holds those
        for file in target.iterdir():
            file.chmod(0o644)


main()
