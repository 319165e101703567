from ..plan import CheckpointPlan, cases

TINY = {
    "vocab_size": 43,
    "embedding_size": 10,
    "hidden_size": 18,
    "num_hidden_layers": 3,
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
                    "mask3d states",
                    "plain B=1 T=1",
                    "plain B=1 T=24",
                ],
                "ForMaskedLM": ["right labels types T=5", "right dense-labels T=5", "mixed T=5"],
                "ForSequenceClassification": ["right types labels states", "mixed labels", "right float-labels"],
                "ForTokenClassification": ["right types labels", "mixed labels"],
                "ForQuestionAnswering": ["right types", "right labels", "mixed", "plain labels outside B=4"],
                "ForPreTraining": ["right types labels T=5", "right partial labels T=5", "mixed T=5 labels"],
            }
        ),
    ),
    CheckpointPlan(
        "groups",
        {
            **TINY,
            "num_hidden_layers": 5,
            "num_hidden_groups": 2,
            "inner_group_num": 2,
            "hidden_act": "relu",
            "num_labels": 3,
        },
        cases(
            {
                "Model": ["mixed types states attentions", "right states"],
                "ForSequenceClassification": ["right labels", "mixed float-labels"],
                "ForTokenClassification": ["mixed labels"],
            }
        ),
        # 5.18.0 has hidden states after every inner layer; where versions differ this package goes by 4.57.6.
        reference="4.57.6",
        note="5 layers from 2 groups of 2 inner layers each; hidden states after every layer, attentions of every inner one",
    ),
    CheckpointPlan(
        "choice",
        {**TINY, "num_hidden_groups": 3, "hidden_act": "gelu", "num_attention_heads": 2, "num_labels": 1},
        cases(
            {
                "Model": ["mixed types"],
                "ForMultipleChoice": [
                    "right types labels B=2",
                    "plain N=2 B=3 states attentions",
                    "mixed labels",
                    "left embeds B=2 N=2",
                ],
                "ForSequenceClassification": ["right labels B=4"],
            }
        ),
        note="a group for each layer",
    ),
    CheckpointPlan(
        "untied",
        {**TINY, "embedding_size": 20, "hidden_act": "silu", "num_attention_heads": 1, "tie_word_embeddings": False},
        cases({"ForMaskedLM": ["right T=5 labels", "mixed T=5 types"], "ForPreTraining": ["right T=5 labels"]}),
    ),
    CheckpointPlan(
        "no-pooler",
        {**TINY, "hidden_act": "tanh", "chunk_size_feed_forward": 7},
        cases({"Model": ["right types", "mixed"]}),
        layout="base",
        note="loaded with add_pooling_layer false; feed-forward in chunks of 7",
        model_kwargs={"add_pooling_layer": False},
    ),
    CheckpointPlan(
        "relative-key",
        {**TINY, "position_embedding_type": "relative_key", "num_attention_heads": 2},
        cases({"Model": ["mixed types states", "right layer-head-mask"], "ForMaskedLM": ["right labels T=5"]}),
        reference="4.35.2",
    ),
    CheckpointPlan(
        "relative-key-query",
        {**TINY, "position_embedding_type": "relative_key_query", "num_hidden_layers": 2},
        cases({"Model": ["mixed types", "right head-mask"], "ForQuestionAnswering": ["right labels head-mask"]}),
        reference="4.35.2",
    ),
    CheckpointPlan(
        "head-mask",
        {**TINY, "num_hidden_layers": 4, "num_hidden_groups": 2},
        cases(
            {
                "Model": ["mixed layer-head-mask attentions", "right head-mask states", "right head-mask embeds"],
                "ForMaskedLM": ["right layer-head-mask labels T=5"],
                "ForSequenceClassification": ["right head-mask labels"],
                "ForTokenClassification": ["right layer-head-mask labels"],
                "ForPreTraining": ["right head-mask labels T=5"],
            }
        ),
        reference="4.35.2",
        note="all layers of a group take the group's first row of a head_mask of layers",
    ),
]
