from ..plan import CheckpointPlan, cases

TINY = {
    "vocab_size": 43,
    "d_model": 24,
    "d_kv": 6,
    "d_ff": 37,
    "num_layers": 2,
    "num_heads": 4,
    "decoder_start_token_id": 0,
}
GREEDY = {"do_sample": False, "max_new_tokens": 24}
LM = "ForConditionalGeneration"

PLANS = [
    CheckpointPlan(
        "base",
        TINY,
        cases(
            {
                "Model": [
                    "plain B=1 states attentions",
                    "right B=3 T=13 D=9 states attentions",
                    "mixed T=9 states attentions",
                    "mixed T=9 states attentions nocache",
                    "right dec-right T=9 D=8 states attentions nocache",
                    "right dec-left T=9 D=8 states",
                    "left embeds dec-embeds",
                    "plain B=2 T=150 D=140 nocache",
                    "mixed T=9 D=12 past=5 states attentions",
                    "right D=40 past=39",
                    "right dec-left D=9 past=4",
                ],
                LM: [
                    "right labels no-dec T=9",
                    "right labels dec-right nocache",
                    "right dense-labels dec-right nocache",
                    "mixed T=9 D=8 past=7",
                ],
                "EncoderModel": ["mixed T=9 states attentions", "right embeds", "plain T=70"],
            }
        ),
        generate=(
            (LM, "right B=4 T=9 no-dec", GREEDY),
            (LM, "mixed T=7 no-dec", {**GREEDY, "use_cache": False}),
            (LM, "plain B=1 T=1 no-dec", {"do_sample": False, "max_new_tokens": 64}),
            (LM, "right B=3 T=6 D=3", GREEDY),
            (LM, "left B=2 T=6 embeds no-dec", GREEDY),
            (LM, "plain B=2 T=5 no-dec", {**GREEDY, "eos_token_id": [7, 19], "pad_token_id": 3, "forced_eos_token_id": 5}),
        ),
    ),
    CheckpointPlan(
        "classes",
        {**TINY, "num_labels": 3},
        cases(
            {
                "ForSequenceClassification": ["right labels T=9 D=9", "plain float-labels D=7", "right no-dec nocache"],
                "ForTokenClassification": ["mixed T=9 states", "right labels", "right dense-labels"],
            }
        ),
    ),
    CheckpointPlan(
        "answers",
        {**TINY, "num_labels": 2},
        cases({"ForQuestionAnswering": ["right T=9 no-dec states", "right no-dec labels T=9", "plain D=6"]}),
    ),
    CheckpointPlan(
        "gated",
        {**TINY, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False, "relative_attention_num_buckets": 9, "relative_attention_max_distance": 20},
        cases({"Model": ["mixed T=30 D=25 states"], LM: ["right labels no-dec", "right D=6"]}),
        generate=((LM, "right B=3 T=9 no-dec", GREEDY),),
        note="its logits are not scaled, and its table is tied: what Transformers 5 makes of version 1.1",
    ),
    CheckpointPlan(
        "untied",
        {**TINY, "feed_forward_proj": "gated-silu", "tie_word_embeddings": False, "d_kv": 5, "num_decoder_layers": 3},
        cases({"Model": ["right T=9 states", "holes T=9"], LM: ["right labels no-dec", "left D=7 past=3"]}),
        reference="4.35.2",
        generate=((LM, "right B=3 T=9 no-dec", GREEDY),),
        note="a projection of its own; more layers in the decoder",
    ),
    CheckpointPlan(
        "head-mask",
        TINY,
        cases(
            {
                "Model": [
                    "right head-mask dec-head-mask cross-head-mask attentions",
                    "left layer-head-mask dec-head-mask nocache",
                ],
                "EncoderModel": ["right layer-head-mask states"],
            }
        ),
        reference="4.35.2",
    ),
    CheckpointPlan(
        "float16",
        {**TINY, "num_layers": 1, "feed_forward_proj": "gelu_new"},
        cases({LM: ["mixed T=5", "right labels no-dec"]}),
        dtype="float16",
        layout="sharded",
        note="the reference is these weights upcast",
    ),
]
