"""Claims about cost: seconds, memory and steps."""

from mtl_core.analysis.claim_rules import (
    Cheaper,
    KeptBytes,
    NoSteps,
    Quantity,
    Sooner,
    Still,
    Unchanged,
)
from mtl_core.lessons.claim import Chapter, Claim
from mtl_core.lessons.claim_list.arms import (
    FULL,
    HEADS,
    SEARCHED,
    nine_epochs,
    recipe,
    standard,
)

_SAME_PROCESS = "each run in a process of its own; same sentences, epochs and threads"
_NINE = f"nine epochs each, same sentences and seeds; {SEARCHED}"

COST_CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="frozen-cost",
        sentence="With everything frozen, nothing is trained.",
        statement="Zero fine-tuning cost: no backpropagation",
        tested="Optimizer steps and trainable parameters when everything is frozen",
        control="exact: it is counted, not estimated",
        chapter=Chapter.SCENARIOS,
        rule=NoSteps(arm=recipe("frozen")),
    ),
    Claim(
        id="frozen-scores",
        sentence="With everything frozen, no prediction changes.",
        statement="No task adaptation",
        tested="Predictions on the test sentences that differ before and after the run",
        control="exact: it is counted, not estimated",
        chapter=Chapter.SCENARIOS,
        rule=Unchanged(arm=recipe("frozen")),
    ),
    Claim(
        id="faster",
        sentence="Freezing the encoder and storing its outputs makes training at least three times "
        "faster.",
        statement="Freezing results in faster training",
        tested="Training seconds, including the pass over frozen layers: full divided by heads "
        "only. The interval must be above 3",
        control=f"{_SAME_PROCESS}. The pass over the frozen layers is measured once, for the first "
        "seed, and counted for each; its own variation is not in the interval",
        chapter=Chapter.COST,
        rule=Cheaper(quantity=Quantity.SECONDS, arm=HEADS, against=FULL, times=3),
        stated_effect=5.0,
    ),
    Claim(
        id="memory",
        sentence="Freezing the encoder reduces memory use.",
        statement="Freezing suits a tight compute budget",
        tested="Peak memory of the process: full divided by heads only",
        control=_SAME_PROCESS,
        chapter=Chapter.COST,
        rule=Cheaper(quantity=Quantity.PEAK_MEMORY, arm=HEADS, against=FULL),
        stated_effect=1.4,
    ),
    Claim(
        id="kept-bytes",
        sentence="Training 0.1 % of the parameters saves 99 % of the memory.",
        statement="Freezing suits a tight compute budget",
        tested="Bytes that a step holds in addition to the weights (bert-base, batch 16, length "
        "128): full divided by BitFit. More than 100",
        control="counted for the same batch; exact",
        chapter=Chapter.COST,
        rule=KeptBytes(
            checkpoint="bert-base-uncased", scenario="bitfit", against="full", times=100
        ),
    ),
    Claim(
        id="fast-sentiment",
        sentence="For sentiment, training only the heads converges in fewer epochs than full.",
        statement="Fast convergence",
        tested="Epochs until 98 % of the final validation accuracy: full minus heads only",
        control=_NINE,
        chapter=Chapter.COST,
        rule=Sooner(task="sentiment", arm=nine_epochs("heads-only"), against=nine_epochs("full")),
        stated_effect=1.0,
    ),
    Claim(
        id="fast-ner",
        sentence="For entities, training only the heads converges in fewer epochs than full.",
        statement="Fast convergence",
        tested="Epochs until 98 % of the final validation F1: full minus heads only",
        control=_NINE,
        chapter=Chapter.COST,
        rule=Sooner(task="ner", arm=nine_epochs("heads-only"), against=nine_epochs("full")),
        stated_effect=1.0,
    ),
    Claim(
        id="still",
        sentence="Frozen layers do not change at all.",
        statement="Protect: frozen layers preserve their knowledge",
        tested="Distance of the embeddings and of all layers but the top 2 from their initial "
        "weights while the top 2 layers are trained",
        control="exact: it is counted, not estimated",
        chapter=Chapter.STAGES,
        rule=Still(arm=standard("top-2"), trained=2),
    ),
)
