"""The plan of every family: its checkpoints in order, a small set that reaches every head, option and config field."""

from .albert import PLANS as ALBERT
from .bart import PLANS as BART
from .bert import PLANS as BERT
from .camembert import PLANS as CAMEMBERT
from .distilbert import PLANS as DISTILBERT
from .electra import PLANS as ELECTRA
from .gpt2 import PLANS as GPT2
from .llama import PLANS as LLAMA
from .modernbert import PLANS as MODERNBERT
from .mpnet import PLANS as MPNET
from .qwen2 import PLANS as QWEN2
from .roberta import PLANS as ROBERTA
from .t5 import PLANS as T5
from .xlm_roberta import PLANS as XLM_ROBERTA

PLANS = {
    "bert": BERT,
    "roberta": ROBERTA,
    "xlm-roberta": XLM_ROBERTA,
    "camembert": CAMEMBERT,
    "distilbert": DISTILBERT,
    "mpnet": MPNET,
    "electra": ELECTRA,
    "albert": ALBERT,
    "modernbert": MODERNBERT,
    "gpt2": GPT2,
    "llama": LLAMA,
    "qwen2": QWEN2,
    "t5": T5,
    "bart": BART,
}
