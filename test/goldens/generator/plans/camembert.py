from ..plan import CheckpointPlan, cases
from .roberta import TINY

PLANS = [
    CheckpointPlan(
        "base",
        {**TINY, "hidden_act": "leaky_relu"},
        cases(
            {
                "Model": [
                    "plain B=2 states attentions",
                    "mixed pads types T=9 states",
                    "right row-positions",
                    "left embeds",
                ],
                "ForMaskedLM": ["right labels T=5", "mixed T=5 pads"],
                "ForSequenceClassification": ["right labels", "mixed float-labels"],
                "ForTokenClassification": ["right labels", "mixed labels"],
                "ForQuestionAnswering": ["right", "mixed labels"],
            }
        ),
    ),
    CheckpointPlan(
        "choice",
        {**TINY, "hidden_act": "hardswish", "num_attention_heads": 1, "num_labels": 1, "pad_token_id": 4},
        cases(
            {
                "Model": ["mixed pads"],
                "ForMultipleChoice": ["right labels B=2", "plain N=2 B=2 states", "mixed labels pads"],
                "ForSequenceClassification": ["right labels B=4"],
            }
        ),
    ),
    CheckpointPlan(
        "head-mask",
        {**TINY, "hidden_act": "mish", "num_hidden_layers": 1, "position_embedding_type": "relative_key_query"},
        cases(
            {
                "Model": ["mixed layer-head-mask pads states attentions", "mask3d head-mask"],
                "ForMaskedLM": ["right head-mask labels T=5"],
                "ForTokenClassification": ["right layer-head-mask labels"],
            }
        ),
        reference="4.35.2",
    ),
]
