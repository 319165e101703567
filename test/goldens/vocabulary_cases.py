"""The folders of make_vocabularies.py: a family each, the first case of a family the plainest."""

from tokenizer_cases import CONTEXT, QUESTION

MORE_TEXTS = ["<extra_id_0>", "a <extra_id_0> b<extra_id_99>", "<extra_id_7>x <extra_id_100>", "<user> said", "a<user>b", "quick query", "<ctl> x", "x    y", "      ",
              "\t  indented\n    more", "▁", "▁▁a", " ▁ ", "1,2,3, 44,", "price 5, or 1,000,", "<s> a</s>", "a </s> b", "<new1> <new2>", "a<new1>b", "[unused1] x", "<custom>",
              "Ⅷ e\u0301 \u200b½", "ＡＡ ㌔", "\U0001FAE0 \U0001F9D1\u200d\U0001F4BB", "ÀÉÎõü", "ab1234cd"]

PAIRS = [
    (QUESTION, {"text_pair": CONTEXT}),
    (QUESTION, {"text_pair": CONTEXT, "truncation": True, "max_length": 16}),
    ([QUESTION, CONTEXT, ""], {"padding": True, "truncation": True, "max_length": 12}),
    (["", QUESTION], {"text_pair": [QUESTION, CONTEXT], "padding": "max_length", "truncation": "longest_first", "max_length": 24, "return_token_type_ids": True}),
    (CONTEXT, {"add_special_tokens": False}),
]


def folder(files, model_type=None, config=None, more=None, **rest):
    found = dict(more or {})
    if model_type:
        found["config.json"] = {"model_type": model_type}
    if config is not None:
        found["tokenizer_config.json"] = config
    return {"files": files, "json": found, **rest}


def family(*cases):
    return [{"name": name, **case} for name, case in cases]


def mark(content, **rules):
    return {"content": content, "lstrip": False, "rstrip": False, "single_word": False, "normalized": False, **rules}


UNCASED, CASED, MPNET = {"vocab.txt": "uncased.txt"}, {"vocab.txt": "cased.txt"}, {"vocab.txt": "mpnet.txt"}
BYTES = {"vocab.json": "bytes.json", "merges.txt": "bytes.txt"}
T5, ALBERT = {"spiece.model": "t5.model"}, {"spiece.model": "albert.model"}
FAIRSEQ, FAIRSEQ_BPE = {"sentencepiece.bpe.model": "fairseq.model"}, {"sentencepiece.bpe.model": "fairseq-bpe.model"}
LLAMA, LLAMA_UNIGRAM = {"tokenizer.model": "llama.model"}, {"tokenizer.model": "llama-unigram.model"}
ADDED = {"added_tokens_decoder": {"700": {**mark("<new1>", lstrip=True), "special": True}, "701": {**mark("<new2>", normalized=True), "special": False}}}

FAMILIES = {
    "bert": family(
        ("plain", folder(UNCASED, "bert")),
        ("cased", folder(UNCASED, "bert", {"do_lower_case": False})),
        ("cased vocabulary", folder(CASED, "bert", {"do_lower_case": False, "tokenizer_class": "BertTokenizer"})),
        ("keeps accents", folder(UNCASED, "bert", {"strip_accents": False})),
        ("strips accents alone", folder(CASED, "bert", {"do_lower_case": False, "strip_accents": True})),
        ("chinese together", folder(UNCASED, "bert", {"tokenize_chinese_chars": False})),
        ("options of the call", folder(UNCASED, "bert", {}, options={"do_lower_case": False, "tokenize_chinese_chars": False})),
        ("never split, no basic tokenizer", folder(UNCASED, "bert", {"never_split": ["the"], "do_basic_tokenize": False})),
        ("added by id", folder(UNCASED, "bert", {**ADDED, "padding_side": "left", "truncation_side": "left"})),
        ("old maps", folder(UNCASED, "bert", {"model_max_length": 64}, {
            "special_tokens_map.json": {"unk_token": "[UNK]", "cls_token": mark("[CLS]"), "sep_token": "[SEP]", "mask_token": mark("[MASK]", lstrip=True),
                                        "additional_special_tokens": ["<custom>", "[unused1]"]},
        })),
        ("other special tokens", folder(UNCASED, "bert", {"cls_token": "[MASK]", "sep_token": "<custom>", "additional_special_tokens": ["<new1>"]})),
        ("distilbert", folder(UNCASED, "distilbert")),
        ("electra", folder(CASED, "electra", {"do_lower_case": False})),
    ),
    "mpnet": family(
        ("plain", folder(MPNET, "mpnet")),
        ("cased", folder(MPNET, "mpnet", {"do_lower_case": False, "strip_accents": True})),
    ),
    "roberta": family(
        ("plain", folder(BYTES, "roberta")),
        ("prefix space", folder(BYTES, "roberta", {"add_prefix_space": True})),
        ("offsets not trimmed", folder(BYTES, "roberta", {"trim_offsets": False})),
        ("old maps", folder(BYTES, "roberta", None, {"special_tokens_map.json": {
            "bos_token": mark("<s>", normalized=True), "cls_token": "<s>", "mask_token": mark("<mask>", lstrip=True), "additional_special_tokens": ["<custom>"]}})),
        ("added by id", folder(BYTES, "roberta", ADDED)),
        ("other special tokens", folder(BYTES, "roberta", {"sep_token": "<custom>"})),
    ),
    "bart": family(
        ("plain", folder(BYTES, "bart")),
        ("no class line", folder(BYTES, "bart", {"model_max_length": 1024})),
        ("prefix space", folder(BYTES, "bart", {"tokenizer_class": "BartTokenizer", "add_prefix_space": True})),
    ),
    "gpt2": family(
        ("plain", folder(BYTES, "gpt2")),
        ("prefix space", folder(BYTES, "gpt2", {"add_prefix_space": True})),
        ("starts with bos", folder(BYTES, "gpt2", {"add_bos_token": True})),
        ("padded", folder(BYTES, "gpt2", {"pad_token": "<pad>", "bos_token": "<s>", "padding_side": "left"})),
        ("added by id", folder(BYTES, "gpt2", ADDED)),
    ),
    "qwen2": family(
        ("plain", folder(BYTES, "qwen2")),
        ("chat tokens", folder(BYTES, "qwen2", {"additional_special_tokens": ["<|im_start|>", "<|user|>"], "bos_token": None, "eos_token": "<|im_end|>",
                                                "pad_token": "<|endoftext|>", "add_prefix_space": False})),
    ),
    "t5": family(
        ("plain", folder(T5, "t5")),
        ("not legacy", folder(T5, "t5", {"legacy": False})),
        ("no prefix space", folder(T5, "t5", {"add_prefix_space": False})),
        ("few extra ids", folder(T5, "t5", {"extra_ids": 3})),
        ("no extra ids", folder(T5, "t5", {"extra_ids": 0, "additional_special_tokens": ["<custom>"]})),
        ("old maps", folder(T5, "t5", {"model_max_length": 512}, {"special_tokens_map.json": {
            "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>", "additional_special_tokens": [f"<extra_id_{i}>" for i in range(100)]}})),
        ("added by id", folder(T5, "t5", {"extra_ids": 2, "added_tokens_decoder": {
            "500": {**mark("<extra_id_1>", lstrip=True, rstrip=True), "special": True}, "501": {**mark("<extra_id_0>", lstrip=True, rstrip=True), "special": True}},
            "additional_special_tokens": ["<extra_id_0>", "<extra_id_1>"]})),
        ("bpe", folder({"spiece.model": "fairseq-bpe.model"}, "t5")),
    ),
    "albert": family(
        ("plain", folder(ALBERT, "albert")),
        ("keeps accents", folder(ALBERT, "albert", {"keep_accents": True})),
        ("cased", folder(ALBERT, "albert", {"do_lower_case": False, "keep_accents": True, "remove_space": False})),
    ),
    "xlm-roberta": family(
        ("plain", folder(FAIRSEQ, "xlm-roberta")),
        ("added by id", folder(FAIRSEQ, "xlm-roberta", ADDED)),
        ("bpe", folder(FAIRSEQ_BPE, "xlm-roberta")),
    ),
    "camembert": family(
        ("plain", folder(FAIRSEQ, "camembert")),
        ("old maps", folder(FAIRSEQ, "camembert", {"model_max_length": 512}, {"special_tokens_map.json": {"mask_token": mark("<mask>", lstrip=True, normalized=True)}})),
    ),
    "llama": family(
        ("plain", folder(LLAMA, "llama")),
        ("not legacy", folder(LLAMA, "llama", {"legacy": False})),
        ("no prefix space", folder(LLAMA, "llama", {"add_prefix_space": False})),
        ("not legacy, no prefix space", folder(LLAMA, "llama", {"legacy": False, "add_prefix_space": False})),
        ("eos, no bos", folder(LLAMA, "llama", {"add_bos_token": False, "add_eos_token": True})),
        ("bos and eos", folder(LLAMA, "llama", {"add_bos_token": True, "add_eos_token": True, "pad_token": "<unk>", "padding_side": "right"})),
        ("neither", folder(LLAMA, "llama", {"add_bos_token": False, "bos_token": None})),
        ("as saved", folder(LLAMA, "llama", {"tokenizer_class": "LlamaTokenizer", "legacy": False, "model_max_length": 2048, "pad_token": None,
                                             "bos_token": {"__type": "AddedToken", **mark("<s>", normalized=True)}, "eos_token": {"__type": "AddedToken", **mark("</s>")},
                                             "unk_token": {"__type": "AddedToken", **mark("<unk>")}, "sp_model_kwargs": {}})),
        ("added by id", folder(LLAMA, "llama", {**ADDED, "pad_token": "<new1>"})),
        ("unigram", folder(LLAMA_UNIGRAM, "llama")),
    ),
}
