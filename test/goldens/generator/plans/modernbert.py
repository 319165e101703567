from ..plan import CheckpointPlan, cases

TINY = {
    "vocab_size": 43,
    "hidden_size": 18,
    "num_hidden_layers": 4,
    "num_attention_heads": 3,
    "intermediate_size": 29,
    "max_position_embeddings": 64,
    "local_attention": 6,
    "pad_token_id": 1,
    "bos_token_id": 2,
    "eos_token_id": 3,
    "cls_token_id": 2,
    "sep_token_id": 3,
}

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
                    "left T=9",
                    "holes positions T=9",
                    "mixed T=9 states attentions",
                    "right row-positions pads T=9",
                    "right embeds",
                    "plain B=1 T=1",
                    "plain B=1 T=40",
                ],
                "ForMaskedLM": ["right labels T=9", "right dense-labels T=5", "mixed T=9"],
                "ForSequenceClassification": ["right labels T=9", "mixed labels T=9", "right float-labels"],
                "ForTokenClassification": ["right labels T=9", "right dense-labels", "mixed labels T=9 attentions"],
                "ForQuestionAnswering": ["right T=9", "right labels T=9", "plain labels outside B=4"],
            }
        ),
        note="a global layer, two with a window of 3 to each side, a global one",
    ),
    CheckpointPlan(
        "choice",
        {**TINY, "num_hidden_layers": 2, "hidden_activation": "relu", "num_attention_heads": 9, "num_labels": 1},
        cases(
            {
                "ForMultipleChoice": [
                    "right labels B=2 T=9",
                    "plain N=2 B=3 states attentions",
                    "mixed labels",
                    "left B=2 N=2 T=9",
                ],
                "ForSequenceClassification": ["right labels B=4"],
            }
        ),
    ),
    CheckpointPlan(
        "mean-biases",
        {
            **TINY,
            "num_attention_heads": 1,
            "num_labels": 3,
            "classifier_pooling": "mean",
            "classifier_activation": "silu",
            "classifier_bias": True,
            "norm_bias": True,
            "attention_bias": True,
            "mlp_bias": True,
            "decoder_bias": False,
            "norm_eps": 1e-3,
            "tie_word_embeddings": False,
            "hidden_activation": "gelu_new",
            "layer_types": ["sliding_attention", "full_attention", "sliding_attention", "sliding_attention"],
        },
        cases(
            {
                "Model": ["mixed T=9 states"],
                "ForMaskedLM": ["right T=9 labels"],
                "ForSequenceClassification": ["right T=9 labels", "left T=9 float-labels", "holes T=9", "plain T=9"],
                "ForTokenClassification": ["right T=9 labels"],
            }
        ),
    ),
    CheckpointPlan(
        "hub-config",
        {
            **TINY,
            "num_hidden_layers": 3,
            "global_attn_every_n_layers": 2,
            "global_rope_theta": 500.0,
            "local_rope_theta": 20.0,
            "local_attention": 4,
            "layer_norm_eps": 1e-5,
            "position_embedding_type": "absolute",
            "torch_dtype": "float32",
        },
        cases({"Model": ["mixed T=11 states", "right T=50 B=2"], "ForMaskedLM": ["right T=9"]}),
        note="the config as the first ModernBERT checkpoints write it",
        verbatim_config=True,
    ),
    CheckpointPlan(
        "rope-parameters",
        {
            **TINY,
            "num_hidden_layers": 2,
            "rope_parameters": {
                "full_attention": {"rope_type": "default", "rope_theta": 300.0},
                "sliding_attention": {"rope_type": "default", "rope_theta": 30.0},
            },
        },
        cases({"Model": ["mixed T=11", "right positions T=9"]}),
        layout="base",
    ),
    CheckpointPlan(
        "sparse",
        {**TINY, "num_hidden_layers": 1, "sparse_prediction": True},
        cases({"ForMaskedLM": ["right labels T=9", "right T=9"]}),
        note="with labels, logits only where a label counts",
    ),
]
