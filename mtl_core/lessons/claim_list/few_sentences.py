"""Claims about little data and wrong labels."""

from mtl_core.analysis.claim_rules import (
    Arm,
    Better,
    Collapses,
    LosesMore,
    NeedsData,
    Size,
    SpreadsMore,
)
from mtl_core.lessons.claim import Chapter, Claim, Published
from mtl_core.lessons.claim_list.arms import ACCURACY, F1, FULL, HEADS, first_token
from mtl_core.lessons.sources import DODGE, SUN

_REGULARIZATION = "Regularization: reduces the risk of overfitting"
_DESTABILIZES = "Updating all layers at once can destabilize training, especially on small datasets"
_HIGH_RATE = "A high learning rate on small or noisy data causes forgetting"
_SAME = (
    "same sentences, drawn anew for each seed; same epochs and seeds; each plan with its tuned "
    "rates"
)


def _of_size(scenario: str, sentences: int) -> Arm:
    if sentences == 100:
        return Arm(experiment="100 sentences", scenario=scenario)
    return Arm(experiment="few sentences", scenario=f"{scenario}, {sentences} sentences")


def _wrong_labels(scenario: str) -> Arm:
    return Arm(experiment="wrong labels", scenario=scenario)


def _few(sentences: int) -> Claim:
    return Claim(
        id=f"few-{sentences}",
        sentence=f"With {sentences} sentences, training only the heads is better than full for "
        "sentiment.",
        statement=_REGULARIZATION,
        tested=f"Sentiment accuracy on {sentences} sentences per task: heads only minus full",
        control=_SAME,
        chapter=Chapter.DEPTH,
        rule=Better(
            task="sentiment",
            arm=_of_size("heads-only", sentences),
            against=_of_size("full", sentences),
            margin=ACCURACY,
        ),
        stated_effect=0.05,
    )


def _few_first_token(sentences: int) -> Claim:
    arm, against = (
        first_token(f"{scenario}, {sentences} sentences") for scenario in ("heads-only", "full")
    )
    plain = _few(sentences)
    return plain.model_copy(
        update={
            "id": f"{plain.id}-first-token",
            "sentence": f"With the first token and {sentences} sentences, training only the heads "
            "is better than full for sentiment.",
            "tested": plain.tested.replace("accuracy on", "accuracy with the first token on"),
            "rule": Better(task="sentiment", arm=arm, against=against, margin=ACCURACY),
        }
    )


def _needs_data(name: str, task: str, words: str, margin: float) -> Claim:
    sizes = [
        Size(sentences=n, arm=_of_size("full", n), against=_of_size("heads-only", n))
        for n in (50, 100, 200)
    ]
    return Claim(
        id=name,
        sentence=f"For {words}, full fine-tuning needs data: on few sentences training only the "
        "heads is better, on many full is.",
        statement="Full: unfreeze all layers once sufficient data is available",
        tested="Number of sentences per task at which heads only and full have equal scores, from "
        "curves over 50, 100, 200 and 400",
        control=_SAME,
        chapter=Chapter.DEPTH,
        rule=NeedsData(
            task=task,
            sizes=(*sizes, Size(sentences=400, arm=FULL, against=HEADS)),
            margin=margin,
        ),
        stated_effect=0.05,
    )


def _noise(name: str, words: str, arms: tuple[Arm, Arm, Arm, Arm]) -> Claim:
    arm, changed, other, other_changed = arms
    return Claim(
        id=name,
        sentence=f"{words}rong labels harm full fine-tuning more than training only the heads.",
        statement=_REGULARIZATION,
        tested="Sentiment accuracy lost with 30 % wrong labels: full minus heads only",
        control="the same wrong labels for both plans, drawn from the seed",
        chapter=Chapter.FORGETTING,
        rule=LosesMore(
            task="sentiment",
            arm=arm,
            arm_changed=changed,
            other=other,
            other_changed=other_changed,
            margin=ACCURACY,
        ),
        stated_effect=0.05,
    )


def _destabilizes(control: str, words: str, task: str) -> Claim:
    metric = {"sentiment": "sentiment accuracy", "ner": "NER entity F1"}[task]
    return Claim(
        id=f"spread-{control}-{task}",
        sentence=f"Training all layers at once varies more between seeds than {words} "
        f"({'sentiment' if task == 'sentiment' else 'entities'}).",
        statement=_DESTABILIZES,
        tested=f"Standard deviation over 20 seeds of {metric} on 100 sentences per task: full "
        f"divided by {control}",
        control=_SAME,
        chapter=Chapter.GRADUAL if control == "gradual" else Chapter.RATES,
        rule=SpreadsMore(task=task, arm=_of_size("full", 100), against=_of_size(control, 100)),
        published=Published(text="on small datasets, many fine-tuning runs diverge", source=DODGE),
        stated_effect=2.0,
    )


FEW_SENTENCES_CLAIMS: tuple[Claim, ...] = (
    *(_few(sentences) for sentences in (50, 100, 200)),
    *(_few_first_token(sentences) for sentences in (50, 100, 200)),
    _needs_data("needs-data-sentiment", "sentiment", "sentiment", ACCURACY),
    _needs_data("needs-data-ner", "ner", "entities", F1),
    *(_destabilizes("gradual", "gradual unfreezing", task) for task in ("sentiment", "ner")),
    *(
        _destabilizes("discriminative", "smaller rates for lower layers", task)
        for task in ("sentiment", "ner")
    ),
    Claim(
        id="high-rate-little-data",
        sentence="With little data, a high learning rate lowers the quality.",
        statement=_HIGH_RATE,
        tested="Sentiment accuracy of full on 100 sentences per task: at its tuned rate minus at "
        "3e-3",
        control="only the rate of the encoder differs",
        chapter=Chapter.FORGETTING,
        rule=Better(
            task="sentiment",
            arm=_of_size("full", 100),
            against=_of_size("full, high rate", 100),
            margin=ACCURACY,
        ),
        published=Published(
            text="BERT on IMDb: training fails at 4e-4, 20 times the usual rate",
            source=SUN.model_copy(update={"part": "section 5.3.3"}),
            checked=False,
        ),
        stated_effect=0.05,
    ),
    Claim(
        id="high-rate-collapses",
        sentence="With little data and a high learning rate, training often collapses.",
        statement=_HIGH_RATE,
        tested="Share of 20 seeds of full at 3e-3 on 100 sentences per task with an accuracy of at "
        "most 0.55, where 0.50 is chance. More than one in five, and more than at the tuned rate",
        control="only the rate of the encoder differs; the same seeds",
        chapter=Chapter.FORGETTING,
        rule=Collapses(
            task="sentiment",
            arm=_of_size("full, high rate", 100),
            against=_of_size("full", 100),
            level=0.55,
        ),
        published=Published(text="on small datasets, many fine-tuning runs diverge", source=DODGE),
        stated_effect=0.53,
    ),
    _noise(
        "noise",
        "W",
        (FULL, _wrong_labels("full"), HEADS, _wrong_labels("heads-only")),
    ),
    _noise(
        "noise-first-token",
        "With the first token, w",
        (
            first_token("full"),
            _wrong_labels("full, first token"),
            first_token("heads-only"),
            _wrong_labels("heads-only, first token"),
        ),
    ),
)
