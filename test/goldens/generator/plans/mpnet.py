from ..plan import CheckpointPlan, cases

TINY = {
    "vocab_size": 43,
    "hidden_size": 18,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 29,
    "max_position_embeddings": 26,
}

PLANS = [
    CheckpointPlan(
        "base",
        TINY,
        cases(
            {
                "Model": [
                    "plain B=2 states attentions",
                    "ones B=2",
                    "right B=4 T=9 states attentions",
                    "left attentions",
                    "holes pads",
                    "mixed pads T=9 states attentions",
                    "right row-positions pads",
                    "right embeds",
                    "plain B=1 T=1",
                    "plain B=1 T=24",
                ],
                "ForMaskedLM": ["right labels T=5", "right dense-labels T=5", "mixed T=5 pads"],
                "ForSequenceClassification": ["right labels states", "mixed labels", "right float-labels"],
                "ForTokenClassification": ["right labels", "mixed labels"],
                "ForQuestionAnswering": ["right", "right labels", "mixed attentions", "plain labels outside B=4"],
            }
        ),
    ),
    CheckpointPlan(
        "choice",
        {**TINY, "hidden_act": "silu", "num_attention_heads": 2, "num_labels": 1, "pad_token_id": 3},
        cases(
            {
                "Model": ["mixed pads"],
                "ForMultipleChoice": [
                    "right labels B=2",
                    "plain N=2 B=3 states attentions",
                    "mixed labels",
                    "left embeds B=2 N=2",
                ],
                "ForSequenceClassification": ["right labels B=4"],
            }
        ),
        note="pad_token_id 3: positions count from token 1 all the same",
    ),
    CheckpointPlan(
        "untied",
        {
            **TINY,
            "hidden_act": "relu",
            "num_attention_heads": 1,
            "num_labels": 3,
            "tie_word_embeddings": False,
            "relative_attention_num_buckets": 40,
        },
        cases({"ForMaskedLM": ["right T=5 labels", "mixed T=20"], "ForTokenClassification": ["mixed labels"]}),
        note="relative_attention_num_buckets only sizes the table: distances fall into 32 buckets whatever it says",
    ),
    CheckpointPlan(
        "long",
        {**TINY, "num_hidden_layers": 1, "max_position_embeddings": 170},
        cases({"Model": ["right T=150 B=2", "holes T=70 B=1"]}),
        layout="base",
        note="distances in the logarithmic buckets and past the last of them",
    ),
    CheckpointPlan(
        "head-mask",
        {**TINY, "hidden_act": "gelu_new"},
        cases(
            {
                "Model": [
                    "mixed layer-head-mask states attentions",
                    "mask3d head-mask",
                    "mask3d embeds",
                    "right head-mask",
                ],
                "ForMaskedLM": ["right layer-head-mask labels T=5"],
                "ForSequenceClassification": ["right head-mask labels"],
                "ForTokenClassification": ["right layer-head-mask labels"],
                "ForQuestionAnswering": ["right head-mask labels"],
            }
        ),
        reference="4.35.2",
    ),
]
