"""Trains the tiny tokenizers under test/goldens/tokenizers and writes what Transformers 4.35.2 answers with them.

    pip install transformers==4.35.2 tokenizers==0.15.2 sentencepiece protobuf
    python test/goldens/make_tokenizers.py            # rewrites everything
    python test/goldens/make_tokenizers.py --cases    # keeps the tokenizers, rewrites the answers

Offsets are written in UTF-16 code units; the library itself counts code points.
"""

import json
import os
import random
import shutil
import sys
import tempfile

import sentencepiece
import tokenizers
import transformers
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer

from tokenizer_cases import CALLS, HARD_TEXTS, TOKENIZED

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tokenizers")
PINNED = {"transformers": "4.35.2", "tokenizers": "0.15.2"}

SUBJECTS = "the cat,a small river,my neighbour,the old engineer,every student,the compiler,a young fox,the tokenizer".split(",")
VERBS = "watches,builds,forgets,measures,rewrites,remembers,unlocks,translates,carries,reuses".split(",")
OBJECTS = "a wooden bridge,the longest sentence,three numbers,an unbelievable story,the morning train,its own memory,two strings".split(",")
ENDINGS = [".", "!", "?", ", again and again.", " in 2023.", " (twice).", ": it's done.", " - don't ask!", "...", " at 10:45."]
FOREIGN = [
    "Der Igel überquert die Straße.", "Où est la bibliothèque près de l'école ?", "El niño comió mañana.",
    "今日は天気がいいです。", "我喜欢吃苹果和香蕉。", "Привет, как дела?", "مرحبا بالعالم", "שלום עולם", "ภาษาไทย", "नमस्ते दुनिया",
    "한국어 문장입니다.", "Ελλάδα είναι όμορφη", "naïve café résumé", "Zażółć gęślą jaźń", "İstanbul'da güneş",
]


SYLLABLES = "ba con der est fi gra hel in jo ken lu men nor ou pre qui ra sto tion un ver wa xi ye zo ing ed ly er able".split()


def corpus():
    rng = random.Random(7)
    made_up = ["".join(rng.choice(SYLLABLES) for _ in range(rng.randint(2, 4))) for _ in range(400)]
    lines = []
    for i in range(2000):
        words = " ".join(rng.choice(made_up) for _ in range(rng.randint(1, 4)))
        lines.append(f"{rng.choice(SUBJECTS)} {rng.choice(VERBS)} {rng.choice(OBJECTS)} {words}{rng.choice(ENDINGS)}".capitalize())
        if i % 10 == 0:
            lines.append(FOREIGN[(i // 10) % len(FOREIGN)])
    return lines


def write_json(path, value, indent=None):
    with open(path, "w", encoding="utf-8") as f:
        separators = None if indent else (",", ":")
        json.dump(value, f, ensure_ascii=False, indent=indent, separators=separators)
        f.write("\n")


def write_folder(name, tokenizer, config, special_tokens_map=None, extra=()):
    folder = os.path.join(FOLDER, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    state = json.loads(tokenizer.to_str()) if hasattr(tokenizer, "to_str") else tokenizer
    write_json(os.path.join(folder, "tokenizer.json"), state)
    if config is not None:
        write_json(os.path.join(folder, "tokenizer_config.json"), config, indent=2)
    if special_tokens_map is not None:
        write_json(os.path.join(folder, "special_tokens_map.json"), special_tokens_map, indent=2)
    for file_name, data in extra:
        with open(os.path.join(folder, file_name), "wb") as f:
            f.write(data)


def wordpiece(lowercase, specials):
    tokenizer = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=700, special_tokens=specials, show_progress=False)
    tokenizer.train_from_iterator(corpus(), trainer)
    return tokenizer


def vocab_txt(tokenizer):
    by_id = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    return "".join(token + "\n" for token, _ in by_id).encode()


def make_bert():
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = wordpiece(True, specials)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    tokenizer.enable_truncation(16)
    tokenizer.enable_padding(length=16)
    names = dict(zip(["pad_token", "unk_token", "cls_token", "sep_token", "mask_token"], specials))
    config = {"do_lower_case": True, **names, "tokenize_chinese_chars": True, "strip_accents": None,
              "tokenizer_class": "BertTokenizer", "model_max_length": 64}
    write_folder("bert", tokenizer, config, names, [("vocab.txt", vocab_txt(tokenizer))])

    # Cased, with an older post-processor, and added tokens of several kinds.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    tokenizer.add_tokens([tokenizers.AddedToken("foxtrot", single_word=True), "NewToken",
                          tokenizers.AddedToken("<ent>", lstrip=True, rstrip=True, normalized=False)])
    config = {**config, "do_lower_case": False, "strip_accents": False, "tokenizer_class": "ElectraTokenizer",
              "padding_side": "left", "truncation_side": "left", "added_tokens_decoder": {
                  str(i): {"content": token.content, "lstrip": token.lstrip, "normalized": token.normalized,
                           "rstrip": token.rstrip, "single_word": token.single_word, "special": token.special}
                  for i, token in sorted(tokenizer.get_added_tokens_decoder().items())}}
    write_folder("electra", tokenizer, config, names)


def make_mpnet():
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "[UNK]"]
    tokenizer = wordpiece(True, specials)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B:1 </s>:1", special_tokens=[("<s>", 0), ("</s>", 2)])
    config = {"tokenizer_class": "MPNetTokenizer", "model_max_length": 48, "do_lower_case": True, "strip_accents": None,
              "tokenize_chinese_chars": True, "mask_token": {"__type": "AddedToken", "content": "<mask>", "lstrip": True,
              "normalized": False, "rstrip": False, "single_word": False}}
    write_folder("mpnet", tokenizer, config, None)


def byte_level(specials, vocab_size=650):
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=vocab_size, special_tokens=specials, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(corpus(), trainer)
    return tokenizer


def make_byte_level():
    tokenizer = byte_level(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False)
    config = {"tokenizer_class": "RobertaTokenizer", "model_max_length": 40, "add_prefix_space": False, "trim_offsets": True}
    names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "sep_token": "</s>", "pad_token": "<pad>", "cls_token": "<s>",
             "mask_token": {"content": "<mask>", "single_word": False, "lstrip": True, "rstrip": False, "normalized": False}}
    write_folder("roberta", tokenizer, config, names)

    # As modernbert has it: byte level offsets and a template in sequence, no class of its own.
    tokenizer = byte_level(["[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]"])
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=True),
        processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 0), ("[SEP]", 1)])])
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 1000000000000000019884624838656,
              "model_input_names": ["input_ids", "attention_mask"], "cls_token": "[CLS]", "sep_token": "[SEP]",
              "pad_token": "[PAD]", "unk_token": "[UNK]", "mask_token": "[MASK]", "clean_up_tokenization_spaces": False}
    write_folder("modernbert", tokenizer, config)

    # No special tokens but one, and nothing around the text.
    tokenizer = byte_level(["<|endoftext|>"], 500)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 128, "eos_token": "<|endoftext|>",
              "bos_token": "<|endoftext|>", "pad_token": "<|endoftext|>", "additional_special_tokens": ["<|user|>", "<|tool|>"]}
    write_folder("byte-level", tokenizer, config)


def sentencepiece_model(folder, specials, **options):
    """Unigram with a character map of a few rules, so that the Precompiled normalizer is there and small."""
    rules = os.path.join(folder, "rules.tsv")
    with open(rules, "w", encoding="utf-8") as f:
        for source, target in [("ﬁ", "fi"), ("Ａ", "A"), ("½", "1/2"), ("…", "..."), ("\u00a0", " "), ("\u3000", " "), ("\u200b", ""), ("㌔", "キロ")]:
            f.write(f"{' '.join(f'{ord(c):X}' for c in source)}\t{' '.join(f'{ord(c):X}' for c in target)}\n")
    text = os.path.join(folder, "text.txt")
    with open(text, "w", encoding="utf-8") as f:
        f.write("\n".join(line.lower() if options.get("lower") else line for line in corpus()))
    prefix = os.path.join(folder, "spiece")
    sentencepiece.SentencePieceTrainer.train(
        input=text, model_prefix=prefix, model_type="unigram", vocab_size=options.get("size", 500), normalization_rule_tsv=rules,
        character_coverage=0.9995, num_threads=1, minloglevel=2, **specials)
    return prefix + ".model"


def make_unigram():
    with tempfile.TemporaryDirectory() as folder:
        model = sentencepiece_model(folder, {"unk_id": 0, "bos_id": 1, "eos_id": 2, "pad_id": -1})
        for name, cls, max_length in [("xlm-roberta", transformers.XLMRobertaTokenizerFast, 512), ("camembert", transformers.CamembertTokenizerFast, 512)]:
            tokenizer = cls(vocab_file=model, model_max_length=max_length)
            config = {"tokenizer_class": cls.__name__.replace("Fast", ""), "model_max_length": max_length,
                      "mask_token": {"__type": "AddedToken", "content": "<mask>", "lstrip": True, "normalized": True, "rstrip": False, "single_word": False}}
            write_folder(name, tokenizer.backend_tokenizer, config)
    with tempfile.TemporaryDirectory() as folder:
        model = sentencepiece_model(folder, {"pad_id": 0, "unk_id": 1, "bos_id": -1, "eos_id": -1, "control_symbols": "[CLS],[SEP],[MASK]",
                                             "pad_piece": "<pad>"}, lower=True)
        tokenizer = transformers.AlbertTokenizerFast(vocab_file=model, model_max_length=512)
        with open(model, "rb") as f:
            spiece = f.read()
        config = {"tokenizer_class": "AlbertTokenizer", "model_max_length": 512, "do_lower_case": True, "keep_accents": False, "remove_space": True}
        write_folder("albert", tokenizer.backend_tokenizer, config, None, [("spiece.model", spiece)])


def utf16_positions(text):
    positions = [0]
    for c in text:
        positions.append(positions[-1] + (2 if ord(c) > 0xFFFF else 1))
    return positions


def hard_text_answers(tokenizer):
    """For every hard text [ids, offsets one behind the other, word of each token or -1], and what decoding gives."""
    answers = []
    for text in HARD_TEXTS:
        out = tokenizer(text, return_offsets_mapping=True, add_special_tokens=False)
        positions = utf16_positions(text)
        offsets = [position for a, b in out["offset_mapping"] for position in (positions[a], positions[b])]
        words = [-1 if w is None else w for w in out.word_ids(0)]
        answers.append([out["input_ids"], offsets, words])
    return answers


def text_answers(tokenizer):
    ids = [tokenizer(text)["input_ids"] for text in HARD_TEXTS]
    plain = tokenizer.batch_decode(ids)
    return {
        "decoded": plain,
        "skipping": {i: t for i, t in enumerate(tokenizer.batch_decode(ids, skip_special_tokens=True)) if t != plain[i]},
        "uncleaned": {i: t for i, t in enumerate(tokenizer.batch_decode(ids, clean_up_tokenization_spaces=False)) if t != plain[i]},
        "tokenized": [tokenizer.tokenize(text) for text in TOKENIZED],
        "tokenized_pair": tokenizer.tokenize(TOKENIZED[0], pair=TOKENIZED[1], add_special_tokens=True),
        "special_tokens_map": tokenizer.special_tokens_map,
        "all_special_tokens": tokenizer.all_special_tokens,
        "all_special_ids": tokenizer.all_special_ids,
        "added_vocab": tokenizer.get_added_vocab(),
        "vocab_size": tokenizer.vocab_size,
        "length": len(tokenizer),
        "num_special_tokens_to_add": [tokenizer.num_special_tokens_to_add(False), tokenizer.num_special_tokens_to_add(True)],
        "model_input_names": tokenizer.model_input_names,
        "sides": [tokenizer.padding_side, tokenizer.truncation_side],
    }


def call_answer(tokenizer, call):
    for attribute, value in call.get("set", {}).items():
        setattr(tokenizer, attribute, value)
    try:
        out = tokenizer(call["text"], **call["options"])
    except BaseException as error:  # the library's own panics are no Exception
        if isinstance(error, KeyboardInterrupt):
            raise
        return {"error": f"{type(error).__name__}: {error}"}
    answer = dict(out.data)
    if "offset_mapping" in answer:
        answer["word_ids"] = [e.word_ids for e in out.encodings]
        answer["sequence_ids"] = [e.sequence_ids for e in out.encodings]
        answer["offset_mapping"] = offsets_in_utf16(call, answer)
    return answer


def offsets_in_utf16(call, answer):
    """The offsets of an answer, from code points of its texts (or words) to UTF-16 units."""
    options, rows = call["options"], answer["offset_mapping"]
    one = len(rows) == 0 or isinstance(rows[0], tuple)
    rows = [rows] if one else rows
    splits = options.get("is_split_into_words", False)
    pairs = options.get("text_pair")
    batched = isinstance(call["text"], list) and (not splits or (call["text"] and isinstance(call["text"][0], list)))
    samples = list(zip(call["text"], pairs or [None] * len(call["text"]))) if batched else [(call["text"], pairs)]
    converted = []
    for i, row in enumerate(rows):
        sample = samples[answer.get("overflow_to_sample_mapping", range(len(rows)))[i]]
        converted.append([])
        for (a, b), sequence, word in zip(row, answer["sequence_ids"][i], answer["word_ids"][i]):
            text = "" if sequence is None else sample[sequence]
            positions = utf16_positions(text[word] if splits and sequence is not None else text)
            converted[-1].append([positions[a], positions[b]])
    return converted[0] if one else converted


WIDE = {"bert", "roberta", "xlm-roberta"}


def make_answers(name):
    folder = os.path.join(FOLDER, name)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    write_json(os.path.join(folder, "hard-texts.json"), hard_text_answers(tokenizer))
    write_json(os.path.join(folder, "texts.json"), text_answers(tokenizer))
    answers = []
    for call in CALLS:
        if (call["wide"] and name not in WIDE) or call.get("only", name) != name:
            answers.append(None)
            continue
        tokenizer = AutoTokenizer.from_pretrained(folder, **call.get("from_pretrained", {}))
        answers.append(call_answer(tokenizer, call))
    write_json(os.path.join(folder, "answers.json"), answers)


def main():
    for package, version in PINNED.items():
        found = {"transformers": transformers, "tokenizers": tokenizers}[package].__version__
        if found != version:
            sys.exit(f"needs {package}=={version}, found {found}")
    if "--cases" not in sys.argv:
        make_bert()
        make_mpnet()
        make_byte_level()
        make_unigram()
    write_json(os.path.join(FOLDER, "inputs.json"), {"hard_texts": HARD_TEXTS, "calls": CALLS, "tokenized": TOKENIZED})
    for name in sorted(os.listdir(FOLDER)):
        if os.path.isdir(os.path.join(FOLDER, name)):
            make_answers(name)


if __name__ == "__main__":
    main()
