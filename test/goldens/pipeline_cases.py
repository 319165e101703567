"""Checkpoints, embedders and calls of make_pipelines.py."""

SMALL = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 37}
PEOPLE = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
JUDGEMENTS = ["ENTAILMENT", "neutral", "contradiction"]


def labels(names: list) -> dict:
    return {"id2label": dict(enumerate(names)), "label2id": {name: i for i, name in enumerate(names)}}


def heads(prefix: str) -> list:
    return [f"{prefix}For{head}" for head in ("TokenClassification", "MaskedLM", "QuestionAnswering")]


CHECKPOINTS = {
    "bert": {
        "seed": "bert-6",
        "tokenizer": "bert",
        "config_class": "BertConfig",
        "config": {**SMALL, "max_position_embeddings": 64, "hidden_act": "gelu", **labels(PEOPLE)},
        "classes": heads("Bert"),
        "scale": {"classifier.weight": 3, "qa_outputs.weight": 4},
    },
    "roberta": {
        "seed": "roberta-8",
        "tokenizer": "roberta",
        "config_class": "RobertaConfig",
        "config": {**SMALL, "max_position_embeddings": 42, "type_vocab_size": 1, **labels(PEOPLE)},
        "classes": heads("Roberta"),
        "scale": {"classifier.weight": 3, "qa_outputs.weight": 4},
    },
    "xlm-roberta": {
        "tokenizer": "xlm-roberta",
        "tokenizer_config": {"model_max_length": 62},
        "config_class": "XLMRobertaConfig",
        "config": {**SMALL, "max_position_embeddings": 64, "type_vocab_size": 1, **labels(PEOPLE)},
        "classes": heads("XLMRoberta"),
        "scale": {"classifier.weight": 3, "qa_outputs.weight": 4},
    },
    "judge": {
        "tokenizer": "bert",
        "config_class": "BertConfig",
        "config": {**SMALL, "max_position_embeddings": 64, "hidden_act": "gelu", **labels(JUDGEMENTS)},
        "classes": ["BertForSequenceClassification"],
        "scale": {"classifier.weight": 3},
    },
    "distilbert": {
        "tokenizer": "bert",
        "tokenizer_config": {"tokenizer_class": "DistilBertTokenizer"},
        "config_class": "DistilBertConfig",
        "config": {
            "dim": 24,
            "n_layers": 2,
            "n_heads": 3,
            "hidden_dim": 37,
            "max_position_embeddings": 64,
            **labels(["stars"]),
        },
        "classes": ["DistilBertForSequenceClassification"],
    },
}

EMBEDDERS = {
    # The older layout: the model in a folder of its own, pooling as flags, activations by their class.
    "sentence-flags": {
        "generation": 1,
        "tokenizer": "bert",
        "max_seq_length": 12,
        "do_lower_case": True,
        "pooling": ["mean", "max", "cls"],
        "dense": {"out_features": 16, "activation_function": "torch.nn.modules.activation.Tanh"},
        "normalize": True,
        "prompts": {"query": "a question: ", "title": "the title "},
        "default_prompt_name": None,
    },
    # The newer one, as sentence-transformers 6.2 saves it; INSTRUCTOR's pooling, which leaves prompts out.
    "sentence-names": {
        "generation": 2,
        "tokenizer": "bert",
        "max_seq_length": 24,
        "do_lower_case": False,
        "pooling": ["weightedmean", "lasttoken", "mean_sqrt_len_tokens", "cls", "max", "mean"],
        "include_prompt": False,
        "normalize": False,
        "prompts": {"query": "find the longest sentence: ", "none": ""},
        "default_prompt_name": "query",
    },
}

SENTENCES = [
    "My neighbour remembers the old engineer.",
    "a young fox translates 2023 strings, twice",
    "Every STUDENT forgets its own memory…",
    "",
    "日本語の文 and émigré 😀😀 words",
    "unbelievable!",
    "the compiler builds a wooden bridge and the small river carries the morning train again and again and again",
]
TEXTS = [text for text in SENTENCES if text]
NAMES = [
    "My neighbour Sarah lives in the old wooden bridge near London.",
    "😀 the engineer Zoë met 東京 tower-builders; again, unbelievable!",
    "tokenizers",
    "",
]
LONG = (
    "The old engineer remembers the morning train. A young fox watches three numbers near the small river. "
    "Every student rewrites the longest sentence, twice. My neighbour builds a wooden bridge; it carries the train. "
    "The compiler translates two strings and forgets its own memory again. "
)
SQUAD = [
    {"question": "who remembers the train?", "context": "The old engineer remembers the morning train, not the fox."},
    {"question": "what carries it?", "context": "😀 A wooden bridge carries the träin — 東京, unbelievable."},
    {"question": "who forgets its memory?", "context": LONG},
]


def case(task: str, checkpoint: str, *args, reference: str = "4.35.2", load: dict | None = None, **options) -> dict:
    made = {"reference": reference, "task": task, "checkpoint": checkpoint, "args": list(args), "options": options}
    return {**made, "load": load} if load else made


MASKS = {"bert": "[MASK]", "roberta": "<mask>", "xlm-roberta": "<mask>"}

CASES = [
    *[case("text-classification", "judge", text) for text in SENTENCES],
    case("text-classification", "judge", SENTENCES),
    case("text-classification", "judge", SENTENCES[:3], top_k=1),
    case("text-classification", "judge", SENTENCES[:3], top_k=2),
    case("text-classification", "judge", SENTENCES[0], top_k=2),
    case("text-classification", "judge", SENTENCES, top_k=None),
    case("text-classification", "judge", SENTENCES[:2], top_k=None, function_to_apply="sigmoid"),
    case("text-classification", "judge", SENTENCES[:2], top_k=None, function_to_apply="none"),
    case("text-classification", "judge", SENTENCES[0], return_all_scores=True),
    case("text-classification", "judge", SENTENCES[:2], return_all_scores=True),
    case("text-classification", "judge", SENTENCES[:2], return_all_scores=False),
    case("text-classification", "judge", SENTENCES[0], load={"problem_type": "multi_label_classification"}),
    case("text-classification", "judge", SENTENCES, top_k=None, load={"problem_type": "multi_label_classification"}),
    case("text-classification", "judge", {"text": SENTENCES[0], "text_pair": SENTENCES[1]}, top_k=None),
    case("text-classification", "judge", [{"text": a, "text_pair": b} for a, b in zip(SENTENCES, SENTENCES[1:])]),
    case("text-classification", "judge", [LONG * 2, "short"], truncation=True),
    case("text-classification", "judge", [LONG, "short"], truncation=True, max_length=9),
    case("text-classification", "distilbert", SENTENCES),
    case("text-classification", "distilbert", SENTENCES, function_to_apply="none"),
    case("text-classification", "distilbert", SENTENCES, reference="5.18.0"),
    case("text-classification", "distilbert", SENTENCES, reference="5.18.0", load={"problem_type": "regression"}),
    *[
        case("token-classification", name, text, **options)
        for name in MASKS
        for text in [NAMES[0], NAMES]
        for options in [
            {},
            {"ignore_labels": []},
            *[{"aggregation_strategy": s} for s in ("simple", "first", "average", "max")],
            {"aggregation_strategy": "max", "ignore_labels": ["PER"]},
        ]
    ],
    *[
        case("token-classification", name, LONG * 2 + NAMES[1], aggregation_strategy=strategy, stride=stride)
        for name in MASKS
        for strategy in ("simple", "average")
        for stride in (0, 7)
    ],
    case("token-classification", "bert", [LONG * 2, NAMES[0]], aggregation_strategy="first", stride=5),
    case("token-classification", "bert", LONG * 2),
    case("token-classification", "bert", NAMES[0], aggregation_strategy="none", stride=5),
    *[
        case("token-classification", "bert", NAMES, reference="5.18.0", aggregation_strategy=s)
        for s in ("none", "simple", "max")
    ],
    case(
        "token-classification",
        "bert",
        NAMES[0],
        reference="5.18.0",
        aggregation_strategy="simple",
        ignore_labels=[],
        load=labels(["O", "B-a-b", "I-a-b", "B-c", "I-c"]),
    ),
    *[
        case("fill-mask", name, text, **options)
        for name, mask in MASKS.items()
        for text, options in [
            (f"My neighbour builds a {mask} bridge.", {}),
            ([f"My neighbour builds a {mask} bridge.", f"{mask}"], {"top_k": 2}),
            (f"The {mask} watches the {mask} train.", {"top_k": 3}),
            (f"every {mask} forgets", {"targets": ["fox", "old", "the"]}),
            (f"every {mask} forgets", {"targets": ["fox", "engineers", "the"], "top_k": 2}),
        ]
    ],
    case("fill-mask", "bert", "no mask here"),
    case("fill-mask", "bert", f"The [MASK] engineer. {LONG * 2}", top_k=2, tokenizer_kwargs={"truncation": True}),
    *[
        case("question-answering", name, sample, load={"num_labels": 2}, **options)
        for name in MASKS
        for sample in SQUAD
        for options in [
            {},
            {"align_to_words": False},
            {"top_k": 3},
            {"max_seq_len": 36, "doc_stride": 8, "max_answer_len": 4},
        ]
    ],
    case("question-answering", "bert", SQUAD, load={"num_labels": 2}, top_k=2, max_seq_len=40, doc_stride=12),
    case("question-answering", "bert", SQUAD[0], load={"num_labels": 2}, handle_impossible_answer=True),
    *[
        case("question-answering", name, SQUAD, load={"num_labels": 2}, handle_impossible_answer=True, top_k=k)
        for name in MASKS
        for k in (4, 24)
    ],
    case("question-answering", "bert", SQUAD[0], load={"num_labels": 2}, max_answer_len=1, top_k=2),
    case("question-answering", "bert", {"question": "", "context": "a"}, load={"num_labels": 2}),
    case("question-answering", "bert", {"question": "a", "context": ""}, load={"num_labels": 2}),
    case("question-answering", "bert", SQUAD[0], load={"num_labels": 2}, max_seq_len=20, doc_stride=21),
    case("zero-shot-classification", "judge", SENTENCES[0], candidate_labels=["trains", "numbers", "old people"]),
    case("zero-shot-classification", "judge", SENTENCES[0], candidate_labels="trains, numbers"),
    case("zero-shot-classification", "judge", SENTENCES[0], candidate_labels="trains"),
    case("zero-shot-classification", "judge", TEXTS, candidate_labels=["fox", "river"], multi_label=True),
    case("zero-shot-classification", "judge", TEXTS, candidate_labels=["fox"], hypothesis_template="about a {}, again"),
    case("zero-shot-classification", "judge", LONG * 2, candidate_labels=["fox", "river"]),
    case("zero-shot-classification", "judge", "a", candidate_labels=["fox"], hypothesis_template="no place for it"),
    case("zero-shot-classification", "judge", "a", candidate_labels=[]),
    *[
        case(
            "zero-shot-classification",
            "judge",
            SENTENCES[1],
            candidate_labels=["fox", "river"],
            multi_label=m,
            load=labels(names),
        )
        for m in (False, True)
        for names in (["contradiction", "neutral", "entailment"], ["yes", "no", "perhaps"])
    ],
]

EMBEDDINGS = [
    {"checkpoint": name, "texts": SENTENCES, "options": options}
    for name, embedder in EMBEDDERS.items()
    for options in [{}, *[{"prompt_name": prompt} for prompt in embedder["prompts"]], {"prompt": "every student "}]
]
