"""Claims about the order and the rates in which layers are trained, and about seeds."""

from mtl_core.analysis.claim_rules import Arm, Better, OneSeed
from mtl_core.lessons.claim import Chapter, Claim, Published
from mtl_core.lessons.claim_list.arms import (
    ACCURACY,
    FULL,
    FULL_BUDGET,
    nine_epochs,
    recipe,
    standard,
)
from mtl_core.lessons.experiments import EXPERIMENTS, GRADUAL_ALL, POSTS
from mtl_core.lessons.sources import HOWARD_RUDER_ABLATION, KUMAR

_GRADUAL = "Gradually unfreeze earlier layers"
_LP_FT = "Start with all layers frozen, train the head, then unfreeze"
_DISCRIMINATIVE = "Discriminative learning rates: smaller for early layers"


def _howard(words: str, effect: float) -> Published:
    return Published(
        text=f"IMDb, with an LSTM: error {words}, 6.87 for full",
        source=HOWARD_RUDER_ABLATION,
        effect=effect,
        checked=False,
    )


def _better(
    name: str,
    sentence: str,
    statement: str,
    tested: str,
    chapter: Chapter,
    arm: Arm,
    against: Arm,
    published: Published,
) -> Claim:
    """A claim whose margin is at most the published effect."""
    return Claim(
        id=name,
        sentence=sentence,
        statement=statement,
        tested=f"Sentiment accuracy: {tested}",
        control=FULL_BUDGET,
        chapter=chapter,
        rule=Better(
            task="sentiment",
            arm=arm,
            against=against,
            margin=min(ACCURACY, published.effect or ACCURACY),
        ),
        published=published,
    )


UNFREEZING_CLAIMS: tuple[Claim, ...] = (
    _better(
        "lp-ft",
        "Training the heads first, then everything, beats training everything at once.",
        _LP_FT,
        "LP-FT minus full",
        Chapter.STAGES,
        recipe("lp-ft"),
        FULL,
        Published(
            text="Images, test data like the training data: 1 % better than full",
            source=KUMAR,
            effect=0.01,
        ),
    ),
    Claim(
        id="posts-lp-ft",
        sentence="On a different kind of text, training the heads first, then everything, beats "
        "training everything at once.",
        statement=_LP_FT,
        tested="Sentiment accuracy on social posts: LP-FT minus full",
        control=FULL_BUDGET,
        chapter=Chapter.STAGES,
        rule=Better(
            task="sentiment", arm=recipe("lp-ft"), against=FULL, margin=ACCURACY, data=POSTS
        ),
        published=Published(
            text="Ten shifts of image data: 10 % better than full", source=KUMAR, effect=0.10
        ),
    ),
    _better(
        "gradual",
        "Unfreezing the top three layers one by one is better than training everything at once.",
        _GRADUAL,
        "gradual unfreezing of the top 3 layers minus full",
        Chapter.GRADUAL,
        standard("gradual"),
        FULL,
        _howard("6.37", 0.005),
    ),
    _better(
        "gradual-all",
        "Unfreezing all layers one by one is better than training everything at once.",
        _GRADUAL,
        "gradual unfreezing of all layers minus full, nine epochs each",
        Chapter.GRADUAL,
        nine_epochs(GRADUAL_ALL),
        nine_epochs("full"),
        _howard("6.37", 0.005),
    ),
    _better(
        "chain-thaw",
        "Training one layer at a time is better than training everything at once.",
        _GRADUAL,
        "chain-thaw minus full, nine epochs each: one for each of its phases",
        Chapter.GRADUAL,
        nine_epochs("chain-thaw"),
        nine_epochs("full"),
        _howard("5.39", 0.0148),
    ),
    _better(
        "discriminative",
        "Smaller learning rates for lower layers help.",
        _DISCRIMINATIVE,
        "discriminative learning rates minus one rate for all layers",
        Chapter.RATES,
        standard("discriminative"),
        FULL,
        _howard("5.57", 0.013),
    ),
    _better(
        "ulmfit",
        "ULMFiT's three techniques together are better than full fine-tuning.",
        "ULMFiT",
        "ULMFiT minus full, nine epochs each",
        Chapter.ULMFIT,
        nine_epochs("ulmfit"),
        nine_epochs("full"),
        _howard("5.00", 0.0187),
    ),
    Claim(
        id="one-seed",
        sentence="One seed is enough to choose a plan.",
        statement="A comparison needs several seeds",
        tested="Share of seeds whose best plan of six by validation accuracy is, over the other "
        "seeds, within 0.03 of the best by test accuracy. More than two of three",
        control="the plan is chosen on validation sentences and judged on other seeds and test "
        "sentences, so equal scores do not count as agreement. Descriptive: the seeds share these "
        "sentences, so that the interval is approximate",
        chapter=Chapter.EVIDENCE,
        rule=OneSeed(
            task="sentiment",
            arms=tuple(map(standard, EXPERIMENTS["standard"].spec.arm_names)),
            at_least=0.667,
            margin=ACCURACY,
        ),
        stated_effect=0.9,
    ),
)
