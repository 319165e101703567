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


def scaled(name: str, words: dict, **rope) -> CheckpointPlan:
    """A checkpoint whose rotary positions are scaled, with rows shorter and longer than what it was trained on."""
    return CheckpointPlan(
        name,
        {**TINY, "head_dim": 16, "max_position_embeddings": 24, "rope_parameters": {"rope_theta": 500.0, **rope}},
        cases(words),
        generate=((LM, "left B=3 T=11", {"do_sample": False, "max_new_tokens": 30}),) if LM in words else (),
    )


LENGTHS = {
    "Model": ["plain B=2 T=9 states", "right B=3 T=40 nocache", "left T=24 past=20", "plain B=1 T=26 past=24"],
    LM: ["plain B=1 T=60"],
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
                    "left T=9 states attentions",
                    "mixed T=9 states attentions",
                    "mixed T=9 states attentions nocache",
                    "right row-positions nocache",
                    "right positions",
                    "right embeds nocache",
                    "plain row-positions nocache T=9",
                    "plain B=1 T=1",
                    "plain B=2 T=70",
                    "left T=12 past=5 states attentions",
                    "plain T=40 past=39",
                    "holes T=9 past=1",
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
        "answers",
        {**TINY, "num_hidden_layers": 2},
        cases({"ForQuestionAnswering": ["right T=9", "right labels T=9", "plain labels outside B=4", "left T=9", "plain positions T=9"]}),
        note="the one head whose base model is called transformer",
    ),
    CheckpointPlan(
        "biases",
        {
            **TINY,
            "num_key_value_heads": 4,
            "head_dim": 10,
            "attention_bias": True,
            "mlp_bias": True,
            "hidden_act": "gelu",
            "rms_norm_eps": 1e-3,
            "tie_word_embeddings": True,
            "num_labels": 3,
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
        "one-key-head",
        {**TINY, "num_key_value_heads": 1, "num_hidden_layers": 2, "tie_word_embeddings": True},
        cases({"Model": ["mixed T=9 states", "left T=12 past=5"], LM: ["left T=9"]}),
        layout="base",
    ),
    CheckpointPlan(
        "hub-config",
        {
            **TINY,
            "num_key_value_heads": 4,
            "rope_theta": 300.0,
            "rope_scaling": {"type": "linear", "factor": 2.0},
            "max_sequence_length": 64,
            "pretraining_tp": 1,
            "torch_dtype": "float32",
        },
        cases({"Model": ["mixed T=11 states"], LM: ["right T=9"]}),
        note="the config as Llama's first checkpoints write it",
        verbatim_config=True,
    ),
    CheckpointPlan(
        "bfloat16",
        {**TINY, "num_hidden_layers": 1},
        cases({"Model": ["mixed T=5"], LM: ["right labels T=5"]}),
        dtype="bfloat16",
        layout="sharded",
        note="the reference is these weights upcast; two shards and an index",
    ),
    scaled("linear", LENGTHS, rope_type="linear", factor=3.0),
    scaled("dynamic", LENGTHS, rope_type="dynamic", factor=2.0),
    scaled("yarn", LENGTHS, rope_type="yarn", factor=4.0, original_max_position_embeddings=16),
    scaled(
        "yarn-mscale",
        {"Model": ["plain B=2 T=30"]},
        rope_type="yarn",
        factor=8.0,
        original_max_position_embeddings=12,
        beta_fast=8.0,
        beta_slow=2.0,
        mscale=0.9,
        mscale_all_dim=0.6,
        truncate=False,
    ),
    scaled(
        "longrope",
        LENGTHS,
        rope_type="longrope",
        factor=4.0,
        original_max_position_embeddings=20,
        short_factor=[1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7],
        long_factor=[1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0],
    ),
    scaled(
        "llama3",
        LENGTHS,
        rope_type="llama3",
        factor=8.0,
        low_freq_factor=1.0,
        high_freq_factor=4.0,
        original_max_position_embeddings=20,
    ),
]
