"""Trains the small vocabularies under test/goldens/vocabularies in the formats of older libraries, and writes what
Transformers 4.57.6 makes of them where there is no tokenizer.json.

    pip install transformers==4.57.6 tokenizers==0.22.2 sentencepiece==0.2.3 protobuf
    python test/goldens/make_vocabularies.py            # rewrites everything
    python test/goldens/make_vocabularies.py --cases    # keeps the vocabularies, rewrites the answers

A case is a folder: `files` says which vocabulary stands under which name, `json` what else lies beside it. The first case of a
file holds the ids of every text of ../tokenizers/inputs.json and of texts.json, without what is put around them, the others
those that differ from the case `base`. `calls` are whole.
"""

import hashlib
import json
import os
import shutil
import sys
import tempfile

import sentencepiece
import tokenizers
import transformers
from tokenizers import models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer

from make_tokenizers import corpus
from tokenizer_cases import HARD_TEXTS
from vocabulary_cases import FAMILIES, MORE_TEXTS, PAIRS

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "vocabularies")
PINNED = {"transformers": "4.57.6", "tokenizers": "0.22.2", "sentencepiece": "0.2.3"}
RULES = [("ﬁ", "fi"), ("Ａ", "A"), ("½", "1/2"), ("…", "..."), ("\u00a0", " "), ("\u3000", " "), ("\u200b", ""), ("㌔", "キロ"), ("e\u0301", "é"), ("Ⅷ", "VIII")]


def write(name, data):
    with open(os.path.join(FOLDER, name), "wb") as f:
        f.write(data)


def wordpiece(lowercase, specials):
    tokenizer = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(corpus(), trainers.WordPieceTrainer(vocab_size=700, special_tokens=specials, show_progress=False))
    return "".join(token + "\n" for token, _ in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])).encode()


def byte_level():
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=650, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>", "<|endoftext|>"], show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(corpus(), trainer)
    return tokenizer.model


def spm(folder, model_type, size, lower=False, rules=True, **options):
    text = os.path.join(folder, "text.txt")
    with open(text, "w", encoding="utf-8") as f:
        f.write("\n".join(line.lower() if lower else line for line in corpus()))
    prefix = os.path.join(folder, "spm")
    if rules:
        options["normalization_rule_tsv"] = os.path.join(folder, "rules.tsv")
        with open(options["normalization_rule_tsv"], "w", encoding="utf-8") as f:
            for source, target in RULES:
                f.write(f"{' '.join(f'{ord(c):X}' for c in source)}\t{' '.join(f'{ord(c):X}' for c in target)}\n")
    else:
        options["normalization_rule_name"] = "identity"
    sentencepiece.SentencePieceTrainer.train(
        input=text, model_prefix=prefix, model_type=model_type, vocab_size=size, character_coverage=0.9995, num_threads=1, minloglevel=2, **options)
    with open(prefix + ".model", "rb") as f:
        return f.read()


def train():
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(FOLDER)
    write("uncased.txt", wordpiece(True, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]))
    write("cased.txt", wordpiece(False, ["[PAD]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]))
    write("mpnet.txt", wordpiece(True, ["<s>", "<pad>", "</s>", "<unk>", "[UNK]"]).rstrip(b"\n") + b"\n<mask>\n")
    with tempfile.TemporaryDirectory() as folder:
        byte_level().save(folder)
        for name, target in [("vocab.json", "bytes.json"), ("merges.txt", "bytes.txt")]:
            with open(os.path.join(folder, name), "rb") as f:
                write(target, f.read())
        write("t5.model", spm(folder, "unigram", 500, pad_id=0, eos_id=1, unk_id=2, bos_id=-1, user_defined_symbols="<user>,qu"))
        write("albert.model", spm(folder, "unigram", 500, lower=True, pad_id=0, unk_id=1, bos_id=-1, eos_id=-1, pad_piece="<pad>",
                                  control_symbols="[CLS],[SEP],[MASK]"))
        write("fairseq.model", spm(folder, "unigram", 500, unk_id=0, bos_id=1, eos_id=2, pad_id=-1))
        write("fairseq-bpe.model", spm(folder, "bpe", 500, unk_id=0, bos_id=1, eos_id=2, pad_id=-1))
        write("llama.model", spm(folder, "bpe", 700, rules=False, unk_id=0, bos_id=1, eos_id=2, pad_id=-1, byte_fallback=True, split_digits=True,
                                 user_defined_symbols="<user>,▁▁,▁▁▁▁", control_symbols="<ctl>", allow_whitespace_only_pieces=True,
                                 remove_extra_whitespaces=False))
        write("llama-unigram.model", spm(folder, "unigram", 700, rules=False, unk_id=0, bos_id=1, eos_id=2, pad_id=-1, byte_fallback=True))


TEXTS = HARD_TEXTS + MORE_TEXTS


def head_of(tokenizer):
    """tokenizer.json without the vocabulary; long texts by their hash."""
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    model = state["model"]
    model["vocab"], model["merges"] = len(model["vocab"]), len(model.get("merges") or [])
    for step in (state["normalizer"] or {}).get("normalizers", []):
        if "precompiled_charsmap" in step:
            step["precompiled_charsmap"] = hashlib.sha256(step["precompiled_charsmap"].encode()).hexdigest()
    return state


def answer(case, earlier):
    with tempfile.TemporaryDirectory() as folder:
        for name, source in case["files"].items():
            shutil.copyfile(os.path.join(FOLDER, source), os.path.join(folder, name))
        for name, value in case.get("json", {}).items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
                json.dump(value, f)
        tokenizer = AutoTokenizer.from_pretrained(folder, **case.get("options", {}))
        assert tokenizer.is_fast
        answered = {"class": type(tokenizer).__name__, **case}
        ids = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in TEXTS]
        if not earlier:
            answered["ids"] = ids
        else:
            differences = [{str(i): row for i, row in enumerate(ids) if row != rows[i]} for rows in earlier]
            answered["base"] = min(range(len(earlier)), key=lambda base: len(differences[base]))
            answered["differences"] = differences[answered["base"]]
        answered["calls"] = []
        for text, options in PAIRS:
            options = {k: v for k, v in options.items() if k != "padding" or tokenizer.pad_token is not None}
            answered["calls"].append({"text": text, "options": options, "answer": dict(tokenizer(text, **options))})
        answered["tokens"] = tokenizer.special_tokens_map
        answered["added"] = tokenizer.get_added_vocab()
        answered["size"] = [tokenizer.vocab_size, len(tokenizer)]
        answered["sides"] = [tokenizer.padding_side, tokenizer.truncation_side]
        answered["head"] = head_of(tokenizer)
        saved = os.path.join(folder, "saved")
        tokenizer.save_pretrained(saved)
        answered["saved"] = sorted(os.listdir(saved))
    return answered, ids


def main():
    for package, wanted in PINNED.items():
        found = {"transformers": transformers, "tokenizers": tokenizers, "sentencepiece": sentencepiece}[package].__version__
        if found != wanted:
            sys.exit(f"{package} is {found}; the goldens are made with {wanted}")
    if "--cases" not in sys.argv:
        train()
    write("texts.json", (json.dumps(MORE_TEXTS, ensure_ascii=False) + "\n").encode())
    for family, cases in FAMILIES.items():
        earlier, lines = [], []
        for case in cases:
            print(family, case["name"])
            answered, ids = answer(case, earlier)
            earlier.append(ids)
            lines.append(json.dumps(answered, ensure_ascii=False, separators=(",", ":")))
        write(f"{family}.json", ("[\n" + ",\n".join(lines) + "\n]\n").encode("utf-8", "surrogatepass"))


if __name__ == "__main__":
    main()
