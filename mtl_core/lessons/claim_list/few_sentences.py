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
from mtl_core.lessons.claim_list.arms import (
    ACCURACY,
    F1,
    FULL,
    HEADS,
    METRICS,
    SEARCHED,
    first_token,
    nine_epochs,
    recipe,
)
from mtl_core.lessons.sources import DODGE, SUN

_REGULARIZATION = "Regularization: reduces the risk of overfitting"
_DESTABILIZES = "Updating all layers at once can destabilize training, especially on small datasets"
_HIGH_RATE = "A high learning rate on small or noisy data causes forgetting"
_SAME = (
    "same sentences for both plans: each seed draws another subset of the 400; about 150 steps, as "
    f"with 400; {SEARCHED}"
)
_SAME_100 = f"the same 100 sentences for every seed, six epochs; {SEARCHED}"


def _of_size(scenario: str, sentences: int) -> Arm:
    return Arm(experiment="few sentences", scenario=f"{scenario}, {sentences} sentences")


def _of_100(scenario: str) -> Arm:
    return Arm(experiment="100 sentences", scenario=scenario)


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
        for n in (50, 200)
    ]
    return Claim(
        id=name,
        sentence=f"For {words}, full fine-tuning needs data: on few sentences training only the "
        "heads is better, on many full is.",
        statement="Full: unfreeze all layers once sufficient data is available",
        tested="Number of sentences per task at which heads only and full have equal scores, from "
        "curves over 50, 200 and 400",
        control=_SAME + "; with 400 sentences every seed reads the same",
        chapter=Chapter.DEPTH,
        rule=NeedsData(
            task=task,
            sizes=(*sizes, Size(sentences=400, arm=FULL, against=HEADS)),
            margin=margin,
        ),
        stated_effect=0.05,
    )


def _destabilizes(control: str, words: str, task: str) -> Claim:
    return Claim(
        id=f"spread-{control}-{task}",
        sentence=f"Training all layers at once varies more between seeds than {words} "
        f"({'sentiment' if task == 'sentiment' else 'entities'}).",
        statement=_DESTABILIZES,
        tested=f"{METRICS[task]} on 100 sentences per task: its spread over 20 seeds, full divided "
        f"by {control}",
        control=f"{_SAME_100}, so that the encoder has ten times the rate of full under {control}",
        chapter=Chapter.GRADUAL if control == "gradual" else Chapter.RATES,
        rule=SpreadsMore(task=task, arm=_of_100("full"), against=_of_100(control)),
        published=Published(text="on small datasets, many fine-tuning runs diverge", source=DODGE),
        stated_effect=2.0,
    )


FEW_SENTENCES_CLAIMS: tuple[Claim, ...] = (
    *(_few(sentences) for sentences in (50, 200)),
    *(_few_first_token(sentences) for sentences in (50, 200)),
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
        "ten times that rate",
        control="only the rate of the encoder differs; the same 100 sentences for every seed",
        chapter=Chapter.FORGETTING,
        rule=Better(
            task="sentiment",
            arm=_of_100("full"),
            against=_of_100("full, high rate"),
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
        tested="Share of 20 seeds of full at ten times its tuned rate on 100 sentences per task "
        "with an accuracy of at most 0.55, where 0.50 is chance. More than one in five, and more "
        "than at the tuned rate",
        control="only the rate of the encoder differs; the same seeds",
        chapter=Chapter.FORGETTING,
        rule=Collapses(
            task="sentiment",
            arm=_of_100("full, high rate"),
            against=_of_100("full"),
            level=0.55,
        ),
        published=Published(text="on small datasets, many fine-tuning runs diverge", source=DODGE),
        stated_effect=0.4,
    ),
    Claim(
        id="high-rate-needs-little-data",
        sentence="A high learning rate costs more with little data than with much.",
        statement=_HIGH_RATE,
        tested="Sentiment accuracy lost by ten times the tuned rate of full: on 100 sentences per "
        "task minus on 400",
        control="the same two rates; 78 steps with 100 sentences and 150 with 400",
        chapter=Chapter.FORGETTING,
        rule=LosesMore(
            task="sentiment",
            arm=_of_100("full"),
            arm_changed=_of_100("full, high rate"),
            other=FULL,
            other_changed=recipe("full, high rate"),
            margin=ACCURACY,
        ),
        stated_effect=0.05,
    ),
    Claim(
        id="noise",
        sentence="Wrong labels harm full fine-tuning more than training only the heads.",
        statement=_REGULARIZATION,
        tested="Sentiment accuracy lost in nine epochs with 30 % wrong labels of sentiment: full "
        "minus heads only",
        control="the same wrong labels for both plans, drawn from the seed; nine epochs, so that "
        "they can be memorised",
        chapter=Chapter.FORGETTING,
        rule=LosesMore(
            task="sentiment",
            arm=nine_epochs("full"),
            arm_changed=_wrong_labels("full"),
            other=nine_epochs("heads-only"),
            other_changed=_wrong_labels("heads-only"),
            margin=ACCURACY,
        ),
        stated_effect=0.05,
    ),
)
