from ..plan import CheckpointPlan, cases

TINY = {
    "vocab_size": 43,
    "embedding_size": 10,
    "hidden_size": 18,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 29,
    "max_position_embeddings": 24,
    "type_vocab_size": 2,
}

PLANS = [
    CheckpointPlan(
        "base",
        TINY,
        cases(
            {
                "Model": [
                    "plain B=2 states attentions",
                    "ones types B=2",
                    "right types B=4 T=9 states attentions",
                    "left attentions",
                    "holes positions",
                    "mixed types T=9 states",
                    "right row-positions pads",
                    "right embeds types",
                    "plain B=1 T=1",
                    "plain B=1 T=24",
                ],
                "ForMaskedLM": ["right labels types T=5", "right dense-labels T=5", "mixed T=5"],
                "ForSequenceClassification": ["right types labels states", "mixed labels", "right float-labels"],
                "ForTokenClassification": ["right types labels", "right dense-labels", "mixed labels attentions"],
                "ForQuestionAnswering": ["right types", "right labels", "mixed", "plain labels outside B=4"],
                "ForPreTraining": ["right types labels", "mixed labels", "plain labels B=2 states"],
            }
        ),
    ),
    CheckpointPlan(
        "choice",
        {**TINY, "hidden_act": "relu", "num_attention_heads": 2, "num_labels": 1},
        cases(
            {
                "ForMultipleChoice": [
                    "right types labels B=2",
                    "plain N=2 B=3 states attentions",
                    "mixed labels",
                    "left embeds B=2 N=2",
                ],
                "ForSequenceClassification": ["right labels B=4"],
                "ForTokenClassification": ["right labels"],
            }
        ),
    ),
    CheckpointPlan(
        "summary-mean",
        {**TINY, "summary_type": "mean", "summary_activation": "tanh", "num_labels": 1, "num_hidden_layers": 1},
        cases({"ForMultipleChoice": ["right labels B=2", "mixed"]}),
        note="the summary takes in masked positions",
    ),
    CheckpointPlan(
        "summary-last",
        {**TINY, "summary_type": "last", "summary_use_proj": False, "num_labels": 1, "num_hidden_layers": 1},
        cases({"ForMultipleChoice": ["right labels B=2", "mixed"]}),
        note="the summary takes the last position, masked or not",
    ),
    CheckpointPlan(
        "summary-cls-index",
        {**TINY, "summary_type": "cls_index", "summary_activation": None, "num_labels": 1, "num_hidden_layers": 1},
        cases({"ForMultipleChoice": ["right labels B=2"]}),
        reference="4.35.2",
        note="the last position again, and no activation",
    ),
    CheckpointPlan(
        "untied",
        {
            **TINY,
            "embedding_size": 18,
            "hidden_act": "gelu_new",
            "num_attention_heads": 1,
            "num_labels": 3,
            "type_vocab_size": 3,
            "tie_word_embeddings": False,
        },
        cases(
            {
                "Model": ["mixed types states"],
                "ForMaskedLM": ["right T=5 labels", "mixed T=5 types"],
                "ForSequenceClassification": ["mixed float-labels"],
            }
        ),
        note="embeddings as wide as the hidden states: no projection",
    ),
    CheckpointPlan(
        "relative-key",
        {**TINY, "position_embedding_type": "relative_key", "hidden_act": "quick_gelu", "num_attention_heads": 2},
        cases(
            {
                "Model": ["mixed types states", "right layer-head-mask attentions", "mask3d"],
                "ForPreTraining": ["right labels head-mask"],
            }
        ),
        reference="4.35.2",
    ),
    CheckpointPlan(
        "relative-key-query",
        {**TINY, "position_embedding_type": "relative_key_query", "num_hidden_layers": 1},
        cases({"Model": ["mixed types", "right head-mask"], "ForTokenClassification": ["right labels head-mask"]}),
        reference="4.35.2",
    ),
    CheckpointPlan(
        "head-mask",
        {**TINY, "hidden_act": "silu"},
        cases(
            {
                "Model": ["mixed layer-head-mask states attentions", "mask3d head-mask", "mask3d embeds"],
                "ForMaskedLM": ["right layer-head-mask labels T=5"],
                "ForSequenceClassification": ["right head-mask labels"],
                "ForQuestionAnswering": ["right layer-head-mask labels"],
                "ForPreTraining": ["right head-mask labels"],
            }
        ),
        reference="4.35.2",
    ),
]
