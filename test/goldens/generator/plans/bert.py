from ..plan import CheckpointPlan, cases

TINY = {
    "vocab_size": 67,
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 37,
    "max_position_embeddings": 24,
    "type_vocab_size": 2,
}
SMALL = {**TINY, "hidden_size": 12, "intermediate_size": 20, "vocab_size": 41, "num_attention_heads": 3}

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
                    "left types attentions",
                    "holes positions",
                    "mixed types T=9 states attentions",
                    "zeros T=5 attentions",
                    "right row-positions pads",
                    "right embeds types",
                    "plain embeds B=1 T=1",
                    "plain B=1 T=24",
                ],
                "ForMaskedLM": [
                    "right labels types",
                    "right dense-labels T=5",
                    "mixed T=5 states",
                    "plain labels B=1",
                    "left embeds",
                ],
                "ForNextSentencePrediction": ["right types labels", "mixed", "plain labels B=2 states attentions"],
                "ForSequenceClassification": ["right types labels", "mixed labels", "right float-labels"],
                "ForTokenClassification": ["right types labels", "right dense-labels attentions", "mixed labels"],
                "ForQuestionAnswering": ["right types", "right labels", "mixed", "plain labels outside B=4"],
                "ForPreTraining": ["right types labels T=5", "right partial labels T=5", "mixed T=5 labels"],
            }
        ),
    ),
    CheckpointPlan(
        "choice",
        {**SMALL, "hidden_act": "relu", "num_attention_heads": 1, "num_labels": 1},
        cases(
            {
                "Model": ["mixed attentions"],
                "ForMultipleChoice": [
                    "right types labels B=2",
                    "plain N=2 B=3 states attentions",
                    "mixed labels",
                    "left embeds B=2 N=2",
                    "right positions row-positions B=2 N=2",
                ],
                "ForSequenceClassification": ["right types labels B=4", "left labels B=1"],
                "ForTokenClassification": ["right labels"],
            }
        ),
    ),
    CheckpointPlan(
        "untied",
        {
            **SMALL,
            "hidden_size": 30,
            "num_attention_heads": 5,
            "type_vocab_size": 3,
            "layer_norm_eps": 1e-3,
            "hidden_act": "gelu_new",
            "num_labels": 5,
            "tie_word_embeddings": False,
            "chunk_size_feed_forward": 3,
            "pad_token_id": None,
        },
        cases(
            {
                "Model": ["mixed types T=6 states", "right T=9 B=2"],
                "ForMaskedLM": ["right T=6 labels", "mixed types T=6"],
                "ForSequenceClassification": ["right types T=6 labels", "mixed T=6 float-labels"],
                "ForTokenClassification": ["mixed T=6 labels states"],
            }
        ),
        note="tie_word_embeddings false: decoder and bias are weights of their own; feed-forward in chunks of 3",
    ),
    CheckpointPlan(
        "regression",
        {**SMALL, "hidden_act": "silu", "num_labels": 3, "problem_type": "regression", "num_hidden_layers": 1},
        cases({"ForSequenceClassification": ["right float-labels types", "plain float-labels B=1"]}),
    ),
    CheckpointPlan(
        "multi-label",
        {
            **SMALL,
            "hidden_act": "prelu",
            "num_labels": 4,
            "problem_type": "multi_label_classification",
            "num_hidden_layers": 1,
        },
        cases({"ForSequenceClassification": ["right float-labels types", "left float-labels"]}),
        note="prelu has a learned slope in each layer",
    ),
    CheckpointPlan(
        "relative-key",
        {**SMALL, "position_embedding_type": "relative_key", "hidden_act": "gelu_accurate", "num_attention_heads": 2},
        cases(
            {
                "Model": ["mixed types states attentions", "right layer-head-mask", "mask3d states", "plain B=1 T=24"],
                "ForMaskedLM": ["right labels head-mask"],
                "ForQuestionAnswering": ["right labels", "left"],
            }
        ),
        reference="4.35.2",
    ),
    CheckpointPlan(
        "relative-key-query",
        {**SMALL, "position_embedding_type": "relative_key_query", "hidden_act": "gelu_fast", "num_attention_heads": 4},
        cases(
            {
                "Model": ["mixed types states attentions", "right head-mask row-positions", "mask3d", "holes embeds"],
                "ForSequenceClassification": ["right labels types", "mixed layer-head-mask"],
                "ForTokenClassification": ["right labels"],
            }
        ),
        reference="4.35.2",
    ),
    CheckpointPlan(
        "head-mask",
        {**SMALL, "hidden_act": "gelu_python"},
        cases(
            {
                "Model": [
                    "right head-mask states attentions",
                    "mixed layer-head-mask types states attentions",
                    "mask3d types states attentions",
                    "mask3d layer-head-mask embeds",
                    "plain head-mask B=1",
                ],
                "ForMaskedLM": ["right head-mask labels T=5", "mask3d labels T=5"],
                "ForNextSentencePrediction": ["right layer-head-mask labels"],
                "ForSequenceClassification": ["right layer-head-mask labels", "mask3d"],
                "ForTokenClassification": ["right head-mask labels"],
                "ForQuestionAnswering": ["right layer-head-mask labels", "mask3d labels"],
                "ForPreTraining": ["right head-mask labels T=5"],
            }
        ),
        reference="4.35.2",
    ),
    CheckpointPlan(
        "head-mask-choice",
        {**SMALL, "hidden_act": "gelu_pytorch_tanh", "num_labels": 1, "num_hidden_layers": 1},
        cases({"ForMultipleChoice": ["right layer-head-mask labels B=2", "plain head-mask B=2 N=2"]}),
        reference="4.35.2",
    ),
    CheckpointPlan(
        "legacy",
        {**SMALL, "hidden_act": "relu6"},
        cases({"Model": ["mixed"], "ForMaskedLM": ["right T=5"], "ForPreTraining": ["mixed T=5"]}),
        layout="legacy",
        note="LayerNorm.gamma and .beta, a position_ids tensor, a stored copy of the tied decoder weight",
    ),
    CheckpointPlan(
        "no-prefix",
        {**SMALL, "hidden_act": "quick_gelu", "num_hidden_layers": 3, "num_attention_heads": 2},
        cases({"Model": ["mixed types states attentions", "right"]}),
        layout="base",
        note="saved from the base model, keys without its prefix",
    ),
    CheckpointPlan(
        "no-pooler",
        {**SMALL, "hidden_act": "mish", "output_hidden_states": True},
        cases({"Model": ["right", "mixed types"]}),
        layout="base",
        note="loaded with add_pooling_layer false; the config asks for hidden states",
        model_kwargs={"add_pooling_layer": False},
    ),
    CheckpointPlan(
        "float16",
        {**SMALL, "hidden_size": 64, "num_attention_heads": 1, "num_hidden_layers": 1, "hidden_act": "tanh"},
        cases({"Model": ["mixed T=5"], "ForMaskedLM": ["right labels T=5"]}),
        dtype="float16",
        layout="sharded",
        note="the reference is these weights upcast; two shards and an index",
    ),
    CheckpointPlan(
        "bfloat16",
        {**SMALL, "hidden_act": "xielu"},
        cases({"Model": ["mixed"], "ForSequenceClassification": ["right labels"]}),
        dtype="bfloat16",
        note="the reference is these weights upcast; xielu has learned parameters in each layer",
    ),
    CheckpointPlan(
        "long",
        {**SMALL, "hidden_size": 16, "num_attention_heads": 2, "max_position_embeddings": 150, "hidden_act": "sigmoid"},
        cases({"Model": ["right B=3 T=133", "holes B=1 T=70"]}),
        note="longer than the blocks that kernels work in",
    ),
]
