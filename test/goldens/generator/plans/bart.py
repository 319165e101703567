from ..plan import CheckpointPlan, cases

TINY = {
    "vocab_size": 43,
    "d_model": 24,
    "encoder_layers": 3,
    "decoder_layers": 2,
    "encoder_ffn_dim": 37,
    "decoder_ffn_dim": 29,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 3,
    "max_position_embeddings": 160,
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
                    "right dec-right T=9 D=8 states attentions nocache",
                    "right dec-left T=9 D=8 states",
                    "left embeds dec-embeds",
                    "plain B=2 T=150 D=140 nocache",
                    "mixed T=9 D=12 past=5 states attentions",
                    "right dec-left D=9 past=4",
                    "right no-dec T=9 states",
                ],
                LM: [
                    "right labels no-dec T=9",
                    "right labels dec-right nocache",
                    "right dense-labels dec-right nocache",
                    "mixed T=9 D=8 past=7",
                    "right no-dec T=8",
                ],
            }
        ),
        generate=(
            (LM, "right B=4 T=9 no-dec", GREEDY),
            (LM, "mixed T=7 no-dec", {**GREEDY, "use_cache": False}),
            (LM, "plain B=1 T=2 no-dec", {"do_sample": False, "max_new_tokens": 64}),
            (LM, "right B=3 T=6 D=3", {**GREEDY, "forced_bos_token_id": 7}),
            (LM, "left B=2 T=6 embeds no-dec", GREEDY),
            (LM, "plain B=2 T=5 no-dec", {**GREEDY, "eos_token_id": [7, 19], "forced_bos_token_id": 9, "forced_eos_token_id": 5}),
        ),
    ),
    CheckpointPlan(
        "classes",
        {**TINY, "scale_embedding": True, "activation_function": "relu"},
        cases(
            {
                "ForSequenceClassification": ["right labels T=9 D=9", "plain float-labels D=7", "right no-dec nocache"],
                "ForQuestionAnswering": ["plain D=6"],
            }
        ),
        note="three labels, as is BART's default; answers have two all the same",
    ),
    CheckpointPlan(
        "answers",
        {**TINY, "num_labels": 2},
        cases({"ForQuestionAnswering": ["right T=9 no-dec states", "right no-dec labels T=9", "plain D=6"]}),
    ),
    CheckpointPlan(
        "decoder",
        {**TINY, "scale_embedding": True},
        cases(
            {
                "ForCausalLM": [
                    "right T=9 states attentions nocache",
                    "mixed T=9 labels nocache",
                    "left embeds T=8",
                    "right T=9 past=4 states",
                    "plain T=70",
                ]
            }
        ),
        generate=(
            ("ForCausalLM", "left B=3 T=6", GREEDY),
            ("ForCausalLM", "plain B=2 T=4", {**GREEDY, "use_cache": False, "forced_eos_token_id": 5}),
            ("ForCausalLM", "plain B=2 T=4 embeds", GREEDY),
        ),
        note="the decoder alone, which has no cross-attention then",
    ),
    CheckpointPlan(
        "head-mask",
        {**TINY, "encoder_layers": 2, "decoder_layers": 3},
        cases(
            {
                "Model": [
                    "right layer-head-mask dec-head-mask cross-head-mask attentions",
                    "left layer-head-mask dec-head-mask nocache",
                ],
                LM: ["right labels no-dec"],
            }
        ),
        reference="4.35.2",
        generate=((LM, "right B=3 T=9 no-dec", GREEDY),),
    ),
    CheckpointPlan(
        "float16",
        {**TINY, "activation_function": "gelu_new"},
        cases({LM: ["mixed T=5", "right labels no-dec"]}),
        dtype="float16",
        layout="sharded",
        note="the reference is these weights upcast",
    ),
]
