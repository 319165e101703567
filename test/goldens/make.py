"""Make the goldens of the model families from a pinned Transformers.

Three references are needed, each in an environment of its own:

    5.18.0   pip install torch==2.13.0 transformers==5.18.0
    4.57.6   pip install torch==2.13.0 transformers==4.57.6
    4.35.2   pip install torch==2.1.2 transformers==4.35.2 "numpy<2"

    python test/goldens/make.py --reference 5.18.0 [family ...]
    python test/goldens/make.py --reference 4.57.6 [family ...]
    python test/goldens/make.py --reference 4.35.2 [family ...]

Each run rewrites the checkpoints of its own reference, byte for byte the same, and leaves the others alone. README.md
beside this file describes what is written.
"""

import argparse
import logging
import warnings
from pathlib import Path

import torch
import transformers
from generator.build import build_checkpoint
from generator.plans import PLANS

PINS = {
    "5.18.0": {"transformers": "5.18.0", "torch": "2.13.0"},
    "4.57.6": {"transformers": "4.57.6", "torch": "2.13.0"},
    "4.35.2": {"transformers": "4.35.2", "torch": "2.1.2"},
}


def check_pins(reference: str) -> None:
    for module in (transformers, torch):
        found = module.__version__.split("+")[0]
        wanted = PINS[reference][module.__name__]
        assert found == wanted, f"{module.__name__} {wanted} makes the goldens of {reference}, but {found} is installed"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", required=True, choices=sorted(PINS))
    parser.add_argument("families", nargs="*", metavar="family", help=f"of {', '.join(PLANS)}; all when none is named")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.families) - set(PLANS))
    if unknown:
        parser.error(f"no such family: {', '.join(unknown)}")

    check_pins(arguments.reference)
    quieten()
    root = Path(__file__).resolve().parent
    for family in arguments.families or PLANS:
        for plan in PLANS[family]:
            if plan.reference == arguments.reference:
                size, count = build_checkpoint(root / family / plan.name, family, plan)
                print(f"{family}/{plan.name}: {count} cases, {size / 1024:.0f} KiB", flush=True)


def quieten() -> None:
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    transformers.utils.logging.disable_progress_bar()


if __name__ == "__main__":
    main()
