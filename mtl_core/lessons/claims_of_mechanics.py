"""Claims about time, memory and movement, and about how far one run can be trusted."""

from mtl_core.analysis.claim_rules import (
    Arm,
    Cheaper,
    KeptBytes,
    LowerMovesLess,
    OneSeed,
    Quantity,
    Still,
)
from mtl_core.lessons.claim import Chapter, Claim, Published
from mtl_core.lessons.experiments import EXPERIMENTS
from mtl_core.lessons.sources import BEN_ZAKEN, MERCHANT


def _standard(scenario: str) -> Arm:
    return Arm(experiment="standard", scenario=scenario)


_HEADS, _FULL = _standard("heads-only"), _standard("full")

CLAIMS_OF_MECHANICS = (
    Claim(
        id="faster",
        sentence="Freezing the backbone makes training several times faster.",
        tested="Seconds of training with the pass over frozen layers, full over heads only; three "
        "times or more",
        chapter=Chapter.COST,
        rule=Cheaper(quantity=Quantity.SECONDS, arm=_HEADS, against=_FULL, times=3),
    ),
    Claim(
        id="memory",
        sentence="Freezing the backbone needs less memory.",
        tested="Peak memory of the whole process, full over heads only",
        chapter=Chapter.COST,
        rule=Cheaper(quantity=Quantity.PEAK_MEMORY, arm=_HEADS, against=_FULL),
    ),
    Claim(
        id="kept-bytes",
        sentence="Training a tenth of a per cent of the parameters saves nearly all the memory.",
        tested="Bytes that a step keeps beside the weights on bert-base, 16 × 128, full over "
        "biases alone; a hundred times or more",
        chapter=Chapter.COST,
        rule=KeptBytes(
            checkpoint="bert-base-uncased", scenario="bitfit", against="full", times=100
        ),
        published=Published(text="under 0.1 % of the parameters learn", source=BEN_ZAKEN),
    ),
    Claim(
        id="still",
        sentence="Frozen layers do not move at all.",
        tested="Distance of the embeddings and layers 0 to 3 from their start, top 2 learning",
        chapter=Chapter.STAGES,
        rule=Still(
            arm=_standard("top-2"), groups=("embeddings", *(f"layer {n}" for n in range(4)))
        ),
    ),
    Claim(
        id="lower-moves-less",
        sentence="Where everything learns, lower layers move less than upper ones.",
        tested="Distance from the start, upper three layers over lower three, full",
        chapter=Chapter.STAGES,
        rule=LowerMovesLess(arm=_FULL),
        published=Published(text="fine-tuning affects the top layers most", source=MERCHANT),
    ),
    Claim(
        id="one-seed",
        sentence="One seed is enough to choose a plan.",
        tested="Share of seeds whose best of six plans for sentiment is the best on average",
        chapter=Chapter.EVIDENCE,
        rule=OneSeed(
            task="sentiment",
            arms=tuple(map(_standard, EXPERIMENTS["standard"].spec.scenarios)),
        ),
    ),
)
