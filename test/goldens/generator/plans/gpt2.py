from ..plan import CheckpointPlan, cases

TINY = {
    "vocab_size": 41,
    "n_positions": 96,
    "n_embd": 20,
    "n_layer": 3,
    "n_head": 4,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
GREEDY = {"do_sample": False, "max_new_tokens": 24}
LM = "LMHeadModel"

PLANS = [
    CheckpointPlan(
        "base",
        TINY,
        cases(
            {
                "Model": [
                    "plain B=1 T=9 states attentions",
                    "ones B=2 T=3",
                    "right B=3 T=13 states",
                    "left T=9 states attentions",
                    "mixed T=9 states attentions",
                    "mixed T=9 states attentions nocache",
                    "right types row-positions nocache",
                    "right types positions",
                    "right embeds nocache",
                    "plain row-positions nocache T=9",
                    "plain B=1 T=1",
                    "plain B=2 T=70",
                    "left T=12 past=5 states attentions",
                    "plain T=40 past=39",
                    "holes T=9 past=1 types",
                ],
                LM: [
                    "right labels T=9",
                    "right labels T=9 nocache",
                    "right dense-labels T=9 nocache",
                    "mixed T=9 labels nocache",
                    "left T=9 past=8",
                    "right embeds labels",
                ],
                "ForSequenceClassification": ["right labels T=9", "mixed labels T=9", "right labels nocache", "left nocache"],
                "ForTokenClassification": [
                    "right labels T=9",
                    "right dense-labels",
                    "mixed labels T=9 attentions",
                    "plain row-positions T=9",
                    "plain row-positions T=9 nocache",
                ],
                "ForQuestionAnswering": ["right T=9", "right labels T=9", "plain labels outside B=4", "left T=9", "plain positions T=9"],
            }
        ),
        generate=(
            (LM, "left B=4 T=7", GREEDY),
            (LM, "plain B=1 T=1", {"do_sample": False, "max_new_tokens": 64}),
            (LM, "left B=4 T=7", {**GREEDY, "use_cache": False}),
            (LM, "plain B=2 T=5", {"do_sample": False, "max_length": 27, "eos_token_id": [7, 19], "pad_token_id": 3}),
            (LM, "left B=2 T=6 embeds", GREEDY),
        ),
    ),
    CheckpointPlan(
        "choices",
        {**TINY, "n_layer": 2, "summary_activation": "tanh", "num_labels": 1},
        cases(
            {
                "DoubleHeadsModel": [
                    "plain B=2 N=3 T=6",
                    "right B=2 N=2 T=7 labels",
                    "plain B=2 N=2 T=5 labels states attentions",
                    "left B=2 T=7 types",
                ],
                "ForSequenceClassification": ["right labels B=4"],
            }
        ),
    ),
    CheckpointPlan(
        "scaled",
        {
            **TINY,
            "n_inner": 33,
            "n_head": 2,
            "activation_function": "relu",
            "scale_attn_by_inverse_layer_idx": True,
            "layer_norm_epsilon": 1e-3,
            "num_labels": 3,
            "tie_word_embeddings": False,
        },
        cases(
            {
                "Model": ["mixed T=9 states attentions", "plain T=11 past=6"],
                LM: ["right labels T=9", "right T=9 nocache"],
                "ForSequenceClassification": ["right T=9 labels", "left T=9 float-labels"],
                "ForTokenClassification": ["right T=9 labels"],
            }
        ),
        generate=((LM, "left B=3 T=9", GREEDY),),
    ),
    CheckpointPlan(
        "unscaled",
        {**TINY, "scale_attn_weights": False, "n_embd": 18, "n_head": 3, "activation_function": "gelu_pytorch_tanh"},
        cases({"Model": ["mixed T=9 states"], LM: ["left T=9"]}),
        layout="base",
    ),
    CheckpointPlan(
        "float16",
        {**TINY, "n_layer": 1},
        cases({"Model": ["mixed T=5"], LM: ["right labels T=5"]}),
        dtype="float16",
        layout="sharded",
        note="the reference is these weights upcast; two shards and an index",
    ),
    CheckpointPlan(
        "head-mask",
        TINY,
        cases(
            {
                "Model": [
                    "right head-mask states attentions",
                    "right layer-head-mask types nocache",
                    "plain layer-head-mask B=2 T=9",
                ],
                LM: ["right head-mask labels T=5", "plain layer-head-mask T=9 nocache"],
                "ForSequenceClassification": ["right layer-head-mask labels"],
                "ForTokenClassification": ["right head-mask labels"],
                "ForQuestionAnswering": ["right layer-head-mask labels"],
            }
        ),
        reference="4.35.2",
    ),
    CheckpointPlan(
        "upcast",
        {**TINY, "reorder_and_upcast_attn": True, "scale_attn_by_inverse_layer_idx": True},
        cases({"Model": ["plain T=9 states attentions", "plain head-mask T=9"], LM: ["plain T=9 labels"]}),
        reference="4.35.2",
    ),
]
