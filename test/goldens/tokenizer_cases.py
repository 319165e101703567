"""Inputs for the goldens of make_tokenizers.py: hard texts, and tokenizer calls with their options."""

import random

QUESTION = "Who builds it?"
CONTEXT = "The old engineer rewrites three numbers again. My neighbour carries a wooden bridge in 2023."
MIXED = "naïve 👩‍👩‍👧 我 <mask> [MASK] 🎉…"


def hard_texts():
    texts = ["", " ", "   ", "\t", "\n", "\r\n", " \t\n ", "a", "A", ".", "...", "…", "!?", "-", "--", "—", "'", '"', "''", "``", "\\", "/", "_", "a_b", "@", "#tag"]
    texts += ["Hello world", "hello  world", " hello", "hello ", "  hello   world  ", "HELLO WORLD", "hElLo", "Hello, world!", "it's don't can't we've",
              "e-mail", "state-of-the-art", "3.14159", "1,000,000", "10:45", "2023-01-02", "50%", "$5.00", "a+b=c", "x^2", "C++", "f(x)", "[0]", "{1}", "<a>", "a/b/c.txt",
              "http://example.org/?q=1&r=2#x", "me@example.org", "@user #tag", "node.js", "don’t", "“quoted”", "‘single’", "«guillemets»", "hyphen‐ated", "soft\u00adhyphen"]
    texts += ["naïve café", "nai\u0308ve cafe\u0301", "Å A\u030a Å", "ﬁne ﬂow", "½ ¼ ²", "Ａ Ｂ Ｃ", "㌔", "Ⅷ", "ǆ", "ß ẞ", "İstanbul ıi", "ΑΣ ας", "ſ", "ñ n\u0303", "o\u0308\u0304", "e\u0301\u0301\u0301", "\u0301", "\u0301a", "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L", "क्षि", "ক্ষ", "กำ"]
    texts += ["你好世界", "今日は天気がいいです。", "カタカナ ひらがな", "ﾊﾝｶｸ", "한국어 문장", "각", "\u1100\u1161\u11a8", "中a文b", "𠀀𠀁", "㐀䶵", "豈更", "我喜欢吃苹果和香蕉。abc", "、。！？", "「鉤括弧」", "ー", "々"]
    texts += ["مرحبا بالعالم", "שלום עולם", "שָׁלוֹם", "مَرْحَبًا", "اللغة العربية 123", "\u202eabc\u202c", "\u200fרtl", "עברית mixed with english", "פּ", "ﷺ", "١٢٣", "سلام‌علیکم"]
    texts += ["😀", "😀😀", "👍🏽", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪🇫🇷", "a😀b", "☃️", "☃", "❤️", "1️⃣", "🧑🏿‍🚀 in space", "text 🎉 text", "👨‍⚕️👩‍🔬", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "\U0001F468\u200d", "🦄.🦄", "(╯°□°）╯︵ ┻━┻", "¯\\_(ツ)_/¯"]
    texts += ["\x00", "a\x00b", "\x00\x00", "\x01\x02\x03", "\x1b[31mred\x1b[0m", "a\x7fb", "\x80\x85\x9f", "\ufeff", "\ufeffhello", "a\ufeffb", "\ufffd", "a\ufffdb", "\u200b", "a\u200bb", "\u200c\u200d", "a\u200db", "\u2060", "\u00a0", "a\u00a0b", "a\u3000b", "a\u2003b", "a\u2028b", "a\u2029b", "\u180e", "\ue000", "\U000F0000", "\U0010FFFF", "\u0378", "\ufdd0", "\u0000a", "a\x0bb\x0cc"]
    texts += ["Привет, как дела?", "Ёж Й й", "Українська ґ", "Ελληνικά ά", "Zażółć gęślą jaźń", "Đorđe", "Straße STRASSE", "ﬀ", "Þæð", "ŁÓDŹ", "Türkçe İIıi", "Tiếng Việt", "Việt", "ภาษาไทยไม่มีวรรค", "नमस्ते दुनिया", "தமிழ்", "ქართული", "Հայերեն", "አማርኛ", "ᏣᎳᎩ", "ᠮᠣᠩᠭᠣᠯ", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "𝟘𝟙𝟚", "𐍈", "𓀀", "ⓐⓑ", "ʰʷ", "∑∫√∞≠", "→←↔", "€£¥₿", "°C", "№", "†‡§¶", "™®©"]
    texts += ["a" * 99, "a" * 101, "b" * 260, "ab" * 130, "unbelievable" * 20, "ü" * 120, "字" * 40, "1234567890" * 12, "-" * 80, ". " * 40, " " * 70 + "x", "x\n" * 30, "the cat " * 30, "the\tcat\nthe\rcat"]
    texts += ["[CLS]", "[SEP]", "[MASK]", "[PAD]", "[UNK]", "<s>", "</s>", "<mask>", "<pad>", "<unk>", "[CLS] a [SEP] b", "a[MASK]b", "a <mask> b", "a<mask>b", "the [MASK] cat", "[mask]", "<MASK>", "[ MASK ]", "<|endoftext|>", "a<|endoftext|>b", "foxtrot", "a foxtrot b", "foxtrots", "NewToken", "newtoken", "aNewTokenb", "x <ent> y", "x<ent>y", "<s>NOTUSED", "##ing", "Ġhello", "▁hello", "a▁b", "<0x41>", "<|user|> hi <|tool|>"]
    rng = random.Random(11)
    pool = "abcdefgh ABC 123 .,!?'\"-_ éüñß 我你 日本 עב مر хай 😀👍🏽 \u200d\u0301\n\t\u00a0\u00ad"
    texts += ["".join(rng.choice(pool) for _ in range(rng.randint(5, 40))) for _ in range(25)]
    return texts


HARD_TEXTS = hard_texts()

EVERYTHING = {"return_special_tokens_mask": True, "return_offsets_mapping": True, "return_token_type_ids": True}


def calls():
    """Each: text, options, attributes set before the call; `wide` ones are answered by a few tokenizers only."""
    found = []

    def add(text, options=None, wide=False, **more):
        found.append({"text": text, "options": options or {}, "wide": wide, **more})

    pair = {"text_pair": CONTEXT}
    for strategy in ["longest_first", "only_first", "only_second", True]:
        for max_length in [20, 29]:
            for side in ["right", "left"]:
                first, second = (CONTEXT, QUESTION) if strategy == "only_first" else (QUESTION, CONTEXT)
                base = {"text_pair": second, "truncation": strategy, "max_length": max_length}
                wide = max_length == 29 or strategy is True
                if side == "left":
                    add(first, {**base, **EVERYTHING}, wide, set={"truncation_side": side})
                add([first, MIXED], {**base, "text_pair": [second, CONTEXT], "padding": True, "stride": 2, "return_overflowing_tokens": True,
                                     **(EVERYTHING if side == "left" else {})}, wide, set={"truncation_side": side})
    for max_length in [3, 8, 16]:
        for stride in [0, 1, 3]:
            for side in ["right", "left"]:
                add(CONTEXT, {"truncation": True, "max_length": max_length, "stride": stride, "return_overflowing_tokens": True, "return_offsets_mapping": True},
                    max_length == 8 or stride == 0, set={"truncation_side": side})
    for padding in [True, "longest", "max_length"]:
        for multiple in [None, 8]:
            for side in ["right", "left"]:
                options = {"padding": padding, "pad_to_multiple_of": multiple, "return_length": True, **(EVERYTHING if multiple is None else {})}
                if padding == "max_length":
                    options["max_length"] = 32
                add([QUESTION, MIXED, ""], options, padding == "longest", set={"padding_side": side})
    batch = [QUESTION, CONTEXT, MIXED]
    add(batch, {"truncation": True, "max_length": 10, "padding": "max_length"})
    add(batch, {"truncation": True, "max_length": 10, "padding": True, "add_special_tokens": False, **EVERYTHING})
    add(QUESTION, {**pair, "add_special_tokens": False, "truncation": "only_second", "max_length": 20, "stride": 4, "return_overflowing_tokens": True, **EVERYTHING})
    add(QUESTION, {**pair, "add_special_tokens": False})
    add(CONTEXT * 4, {"truncation": True}, True)
    add(CONTEXT * 4, {"truncation": True, "padding": "max_length", "return_length": True}, True)
    add(CONTEXT, {"max_length": 9})
    add(CONTEXT, {"max_length": 9, "truncation": False})
    add(CONTEXT, {"max_length": 9, "padding": True})
    add([QUESTION, CONTEXT], {"max_length": 9, "truncation": "do_not_truncate", "padding": "max_length"})
    add([[QUESTION, "a"], [CONTEXT, "b c"]], {"padding": True})
    add([QUESTION, ""], {"text_pair": ["", CONTEXT], "padding": True, **EVERYTHING})
    add(QUESTION, {"text_pair": ""})
    add("", {**EVERYTHING, "return_length": True})
    add(MIXED, {"return_token_type_ids": True, "return_attention_mask": False})
    add(MIXED, {"return_token_type_ids": False, "return_overflowing_tokens": True})
    add(MIXED, {**pair, **EVERYTHING, "max_length": 40, "truncation": True, "padding": "max_length"})
    add([CONTEXT, QUESTION], {"truncation": True, "max_length": 12, "stride": 5, "padding": "max_length", "return_overflowing_tokens": True, **EVERYTHING})
    add(QUESTION, {**pair, "truncation": "only_first", "max_length": 12})
    add(QUESTION, {"truncation": "only_second", "max_length": 5})
    add(CONTEXT, {"truncation": True, "max_length": 8, "stride": 7})
    return found


def split_calls():
    words, more = QUESTION.split(), CONTEXT.split()
    every = {"is_split_into_words": True, **EVERYTHING}
    found = []
    for text, options in [
        (words, {}),
        ([words, more], {"padding": True}),
        (words, {"text_pair": more}),
        ([words, more], {"text_pair": [more, words], "padding": True, "truncation": "longest_first", "max_length": 20}),
        (more, {"truncation": True, "max_length": 12, "stride": 3, "return_overflowing_tokens": True}),
        (words, {"text_pair": more, "truncation": "only_second", "max_length": 24, "stride": 2, "return_overflowing_tokens": True}),
        (["naïve", "👩‍👩", "", " two words ", "我喜欢", "[MASK]", "it's"], {}),
        ([], {}),
    ]:
        found.append({"text": text, "options": {**every, **options}, "wide": False})
        found.append({"text": text, "options": {**every, **options}, "wide": False, "only": "roberta", "from_pretrained": {"add_prefix_space": True}})
    found.append({"text": QUESTION, "options": {**EVERYTHING}, "wide": False, "only": "roberta", "from_pretrained": {"add_prefix_space": True}})
    found.append({"text": CONTEXT, "options": {**EVERYTHING, "truncation": True, "max_length": 12, "stride": 2, "return_overflowing_tokens": True}, "wide": False,
                  "only": "roberta", "from_pretrained": {"add_prefix_space": True}})
    found.append({"text": CONTEXT, "options": {**EVERYTHING}, "wide": False, "only": "roberta", "from_pretrained": {"trim_offsets": False}})
    for init in [{"do_lower_case": False}, {"do_lower_case": False, "strip_accents": True}, {"tokenize_chinese_chars": False}]:
        found.append({"text": "Où est le CAFÉ? 我喜欢 Ünder", "options": {}, "wide": False, "only": "bert", "from_pretrained": init})
    return found


CALLS = calls() + split_calls()
TOKENIZED = [QUESTION, MIXED, "  hello   world  ", "aﬁ½ b☃c"]
