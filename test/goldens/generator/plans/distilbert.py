from ..plan import CheckpointPlan, cases

TINY = {
    "vocab_size": 43,
    "dim": 18,
    "n_layers": 2,
    "n_heads": 3,
    "hidden_dim": 29,
    "max_position_embeddings": 24,
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
                    "holes positions",
                    "mixed T=9 states attentions",
                    "zeros T=5",
                    "right row-positions pads",
                    "right embeds",
                    "mask3d states",
                    "plain B=1 T=1",
                    "plain B=1 T=24",
                ],
                "ForMaskedLM": ["right labels T=5", "right dense-labels T=5", "mixed T=5", "plain labels B=1 states"],
                "ForSequenceClassification": ["right labels states", "mixed labels", "right float-labels"],
                "ForTokenClassification": ["right labels", "right dense-labels attentions", "mixed labels"],
                "ForQuestionAnswering": ["right", "right labels", "mixed", "plain labels outside B=4"],
            }
        ),
    ),
    CheckpointPlan(
        "choice",
        {**TINY, "activation": "relu", "n_heads": 2, "num_labels": 1, "sinusoidal_pos_embds": True},
        cases(
            {
                "Model": ["mixed"],
                "ForMultipleChoice": [
                    "right labels B=2",
                    "plain N=2 B=3 states attentions",
                    "mixed labels",
                    "left embeds B=2 N=2",
                ],
                "ForSequenceClassification": ["right labels B=4"],
            }
        ),
        note="sinusoidal_pos_embds says how positions were made once: the stored ones count",
    ),
    CheckpointPlan(
        "untied",
        {**TINY, "activation": "quick_gelu", "n_heads": 1, "num_labels": 3, "tie_word_embeddings": False},
        cases(
            {
                "ForMaskedLM": ["right T=5 labels", "mixed T=5"],
                "ForSequenceClassification": ["right labels", "mixed float-labels"],
                "ForTokenClassification": ["mixed labels"],
            }
        ),
    ),
    CheckpointPlan(
        "chunked",
        {**TINY, "activation": "linear", "chunk_size_feed_forward": 2, "n_layers": 1, "num_labels": 2},
        cases({"Model": ["mixed T=6", "right T=8"]}),
        layout="base",
        note="feed-forward in chunks of 2; keys without the prefix",
    ),
    CheckpointPlan(
        "head-mask",
        {**TINY, "activation": "gelu_new"},
        cases(
            {
                "Model": ["mixed layer-head-mask states attentions", "right head-mask", "right head-mask embeds"],
                "ForMaskedLM": ["right layer-head-mask labels T=5"],
                "ForSequenceClassification": ["right head-mask labels"],
                "ForTokenClassification": ["right layer-head-mask labels"],
                "ForQuestionAnswering": ["right head-mask labels"],
            }
        ),
        reference="4.35.2",
    ),
]
