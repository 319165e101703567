"""The plan of every family: its checkpoints in order, smallest set that reaches every head, option and config field."""

from .bert import PLANS as BERT

PLANS = {"bert": BERT}
