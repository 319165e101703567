from ..plan import CheckpointPlan, cases

TINY = {
    "vocab_size": 43,
    "hidden_size": 24,
    "intermediate_size": 37,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
GREEDY = {"do_sample": False, "max_new_tokens": 24}
LM = "ForCausalLM"

PLANS = [
    CheckpointPlan(
        "base",
        TINY,
        cases(
            {
                "Model": [
                    "plain B=1 T=9 states attentions",
                    "right B=3 T=13 states",
                    "left T=9 states attentions",
                    "mixed T=9 states attentions nocache",
                    "right embeds nocache",
                    "left T=12 past=5 states attentions",
                ],
                LM: ["right labels T=9", "mixed T=9 labels nocache", "left T=9 past=8"],
                "ForSequenceClassification": ["right labels T=9", "mixed labels T=9", "left nocache"],
                "ForTokenClassification": ["right labels T=9", "mixed labels T=9 attentions"],
            }
        ),
        generate=(
            (LM, "left B=4 T=7", GREEDY),
            (LM, "plain B=1 T=1", {"do_sample": False, "max_new_tokens": 64}),
            (LM, "left B=4 T=7", {**GREEDY, "use_cache": False}),
        ),
    ),
    CheckpointPlan(
        "answers",
        {**TINY, "num_hidden_layers": 2, "num_key_value_heads": 4},
        cases({"ForQuestionAnswering": ["right T=9", "right labels T=9", "plain labels outside B=4"]}),
        note="the one head whose base model is called transformer",
    ),
    CheckpointPlan(
        "window",
        {
            **TINY,
            "num_hidden_layers": 4,
            "use_sliding_window": True,
            "sliding_window": 5,
            "max_window_layers": 2,
            "tie_word_embeddings": True,
            "hidden_act": "gelu",
        },
        cases(
            {
                "Model": [
                    "plain B=2 T=20 states attentions",
                    "right B=3 T=19 states",
                    "left T=17 states attentions",
                    "mixed T=13 nocache",
                    "plain T=40 past=39",
                    "plain B=2 T=24 past=9",
                ],
                LM: ["right labels T=17", "plain B=3 T=19 past=8"],
                "ForSequenceClassification": ["right labels T=19 nocache"],
            }
        ),
        generate=((LM, "left B=3 T=9", {"do_sample": False, "max_new_tokens": 40}),),
        note="the last two layers see five positions",
    ),
    CheckpointPlan(
        "layer-types",
        {
            **TINY,
            "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
            "use_sliding_window": True,
            "sliding_window": 1,
            "rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 300.0},
        },
        cases({"Model": ["mixed T=11 states", "right T=9 states nocache"], LM: ["left T=9"]}),
        note="each token of a window of one sees itself alone",
    ),
    CheckpointPlan(
        "bfloat16",
        {**TINY, "num_hidden_layers": 1},
        cases({"Model": ["mixed T=5"], LM: ["right labels T=5"]}),
        dtype="bfloat16",
        layout="sharded",
        note="the reference is these weights upcast; two shards and an index",
    ),
]
