from ..plan import CheckpointPlan, cases

TINY = {
    "vocab_size": 43,
    "hidden_size": 18,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 29,
    "max_position_embeddings": 26,
    "type_vocab_size": 1,
    "layer_norm_eps": 1e-5,
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
                    "right types B=4 T=9 states",
                    "left attentions",
                    "holes pads",
                    "mixed pads types T=9 states attentions",
                    "plain pads",
                    "right row-positions pads",
                    "right embeds",
                    "plain B=1 T=1",
                    "plain B=1 T=24",
                ],
                "ForMaskedLM": ["right labels types T=5", "right dense-labels T=5", "mixed T=5 pads"],
                "ForSequenceClassification": ["right labels states", "mixed labels", "right float-labels"],
                "ForTokenClassification": ["right labels", "right dense-labels", "mixed labels attentions"],
                "ForQuestionAnswering": ["right", "right labels", "mixed", "plain labels outside B=4"],
            }
        ),
    ),
    CheckpointPlan(
        "choice",
        {**TINY, "hidden_act": "gelu_10", "num_attention_heads": 2, "num_labels": 1, "pad_token_id": 0},
        cases(
            {
                "Model": ["mixed pads"],
                "ForMultipleChoice": [
                    "right labels B=2",
                    "plain N=2 B=3 states attentions",
                    "mixed labels pads",
                    "left embeds B=2 N=2",
                    "right row-positions B=2 N=2",
                ],
                "ForSequenceClassification": ["right labels B=4", "left labels B=1"],
            }
        ),
        note="pad_token_id 0: positions start at 1",
    ),
    CheckpointPlan(
        "untied",
        {
            **TINY,
            "hidden_act": "swish",
            "num_attention_heads": 1,
            "num_labels": 3,
            "pad_token_id": 5,
            "type_vocab_size": 2,
            "tie_word_embeddings": False,
        },
        cases(
            {
                "Model": ["mixed pads types", "left pads"],
                "ForMaskedLM": ["right T=5 labels", "mixed T=5 pads"],
                "ForSequenceClassification": ["right labels types", "mixed float-labels"],
            }
        ),
        note="pad_token_id 5; the decoder and its bias are weights of their own",
    ),
    CheckpointPlan(
        "no-prefix",
        {**TINY, "hidden_act": "relu2", "num_hidden_layers": 1},
        cases({"Model": ["mixed states"]}),
        layout="base",
    ),
    CheckpointPlan(
        "relative-key",
        {**TINY, "position_embedding_type": "relative_key", "hidden_act": "laplace", "num_attention_heads": 2},
        cases(
            {
                "Model": ["mixed types states", "right layer-head-mask attentions", "mask3d"],
                "ForMaskedLM": ["right labels head-mask T=5"],
                "ForSequenceClassification": ["right labels layer-head-mask"],
            }
        ),
        reference="4.35.2",
    ),
    CheckpointPlan(
        "relative-key-query",
        {**TINY, "position_embedding_type": "relative_key_query", "num_hidden_layers": 1},
        cases(
            {
                "Model": ["mixed pads", "right head-mask row-positions", "mask3d"],
                "ForTokenClassification": ["right labels head-mask"],
                "ForQuestionAnswering": ["right labels layer-head-mask"],
            }
        ),
        reference="4.35.2",
    ),
    CheckpointPlan(
        "head-mask",
        {**TINY, "hidden_act": "gelu_pytorch_tanh", "num_labels": 1},
        cases(
            {
                "Model": ["mixed layer-head-mask states attentions", "mask3d head-mask pads", "right head-mask embeds"],
                "ForMultipleChoice": ["right layer-head-mask labels B=2 N=2"],
            }
        ),
        reference="4.35.2",
    ),
]
