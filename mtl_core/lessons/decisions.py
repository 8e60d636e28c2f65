"""The page "How Freeze Lab decides": its text and the examples of its pictures and tables.

The examples are judged by the same functions as the comparisons (`analysis.outcomes`), and the
numbers in the text come from the constants that these use. Formulas: docs/measures.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import comb

from mtl_core.analysis.outcomes import MARGINS, outcome
from mtl_core.analysis.paired.components import Components
from mtl_core.analysis.paired.intervals import ERROR, PairedDifference, level_of_pair
from mtl_core.analysis.paired.looks import level_of_look, spent_error
from mtl_core.analysis.paired.planning import POWER, expected_interval
from mtl_core.tasks.task import TaskKind
from mtl_core.text import listed, percent, signed, signed_range
from mtl_core.training.comparison import DECIDING_SEEDS
from mtl_core.values import Frozen

TITLE = "How Freeze Lab decides"
MARGIN = MARGINS[TaskKind.SENTENCE]
"""The margin of the pictures: that of accuracy."""

_MARGIN_WORDS = f"± {MARGIN:g} of accuracy and ± {MARGINS[TaskKind.TOKEN]:g} of entity F1"
_SIX = comb(6, 2)


class Example(StrEnum):
    """What is drawn beside a section."""

    OUTCOMES = "outcomes"
    DESIGNS = "designs"
    LOOKS = "looks"


class DecisionSection(Frozen):
    """A section of the page: title, paragraphs in Markdown, list items and an example."""

    title: str
    paragraphs: tuple[str, ...]
    items: tuple[str, ...] = ()
    example: Example | None = None


@dataclass(frozen=True, slots=True)
class ExampleInterval:
    """An interval of a picture and its label, with the verdict that it gives."""

    label: str
    difference: PairedDifference


DECISIONS: tuple[DecisionSection, ...] = (
    DecisionSection(
        title="Scores vary",
        paragraphs=(
            "Train a plan twice with different seeds, and its scores differ: the heads start from "
            "other random numbers, and the sentences come in another order. Evaluate it on other "
            "sentences, and the scores differ again. A difference between two plans can be due to "
            "such chance alone.",
            "Each plan is therefore trained with several seeds. All plans share the seeds and the "
            "test sentences. Two plans are compared seed by seed and sentence by sentence, so that "
            "what makes a sentence hard for both does not count.",
            "**One seed gives differences and no verdict**, because it does not show how much the "
            "scores vary from seed to seed.",
        ),
    ),
    DecisionSection(
        title="An interval and a margin decide",
        paragraphs=(
            "Each difference from the best plan has a **95 % interval**. If the comparison were "
            "repeated many times with new seeds and new sentences, all its intervals together "
            "would contain the true differences in about 95 % of the repetitions.",
            "The **margin** is the largest difference that does not matter. It is "
            f"{_MARGIN_WORDS}, unless you set another one. Set it before you see the scores. "
            "The position of the interval relative to zero and to the margin is the verdict:",
        ),
        items=(
            "**Equivalent**: the whole interval is inside the margin. This also holds if it "
            "excludes zero: the plans differ, but too little to matter.",
            "**Below**: the whole interval is below zero, and not inside the margin.",
            "**Above**: the whole interval is above zero, and not inside the margin. This occurs "
            "only against a plan that you choose: no plan is above the best.",
            "**Undecided**: neither. The plans may differ or be equal. These runs do not show "
            "which, so an undecided plan is never recommended as the cheaper one.",
        ),
        example=Example.OUTCOMES,
    ),
    DecisionSection(
        title="What an undecided plan needs",
        paragraphs=(
            "An undecided interval is too wide. **More seeds** reduce the part of its width that "
            "comes from training, **more test sentences** the part that comes from the sentences.",
            "For each undecided plan, Compare shows the smallest difference that its runs would "
            f"find in {percent(POWER)} of comparisons, and about how many seeds or sentences would "
            "decide. If the true difference is close to the margin, neither alone is enough.",
        ),
        example=Example.DESIGNS,
    ),
    DecisionSection(
        title="The cost of repeated looks",
        paragraphs=(
            "If you add seeds until a difference is found, you find one too often, even between "
            "equal plans: each look at the results is another chance to be wrong. All looks "
            f"therefore share the error of {percent(ERROR)}, and later looks have wider intervals. "
            f"With {DECIDING_SEEDS} seeds it is used up.",
            "So decide on the number of seeds before the first look. Five seeds at once give a "
            "narrower interval than five seeds after a look at three.",
        ),
        example=Example.LOOKS,
    ),
    DecisionSection(
        title="Many plans",
        paragraphs=(
            "Of several equal plans, the one that happens to score highest is the best, and the "
            "others look worse than they are. The intervals are therefore valid for all pairs of "
            f"plans together. With two plans the interval misses the true difference in "
            f"at most {percent(ERROR)} of comparisons; with six plans each of the {_SIX} intervals "
            f"in at most {percent(level_of_pair(ERROR, _SIX), 2)}, so it is wider. Compare fewer "
            "plans to find smaller differences.",
            "Each pair has its own variance. A plan that varies from seed to seed makes its own "
            "intervals wide, not those of the others.",
        ),
    ),
    DecisionSection(
        title="Baselines",
        paragraphs=(
            "Two baselines use no encoder: the most frequent label (**majority class**) and a "
            "**bag of words**, a classifier that counts the words. Each plan is compared with "
            "both, sentence by sentence, with intervals and the same outcomes. If no plan is above "
            "the higher of the two, that is the title of the page, and no plan is recommended: "
            "the best of several plans that learned nothing is not a good choice.",
        ),
    ),
    DecisionSection(
        title="Which sentences are used",
        paragraphs=(
            "Learning rates are chosen on the **validation** sentences. The best of many rates "
            "scores higher on the sentences that chose it than on others. Plans are therefore "
            "compared on **test** sentences, which are not used to choose anything. Without a test "
            "split, the validation sentences are used for both. The caption names the split.",
        ),
    ),
    DecisionSection(
        title="Claims of the Guide",
        paragraphs=(
            "A claim compares an effect with a **bar** and has a margin. Both were written before "
            "the runs. It **holds** if the whole 95 % interval is above the bar. Otherwise it "
            "**does not hold** if the whole interval is below the bar plus the margin: the effect "
            "is then negative, or too small to matter. Otherwise it is **undecided**. A claim that "
            "something prevents a loss is also undecided if there was no loss without it.",
            "Each of these verdicts is judged on its own. Of many verdicts at 95 %, some are "
            "wrong. `freeze-lab claims` also shows which verdicts remain if all are to hold "
            "together with 95 % (Holm 1979).",
        ),
    ),
    DecisionSection(
        title="What a verdict does not cover",
        paragraphs=(
            "A verdict is about this checkpoint, these training sentences and these settings. The "
            "intervals cover other seeds and other test sentences of the same kind. They cover "
            "other training sentences only if each seed draws its own: “Resample training "
            "sentences”, or `--resample` on the command line. If a plan fails with one seed in "
            "five, five seeds may show no failure.",
        ),
    ),
)
"""In reading order."""

_OUTCOMES = (  # effect, low, high; remark
    ((-0.004, -0.022, 0.014), ""),
    ((-0.015, -0.026, -0.004), ", although it excludes zero"),
    ((-0.068, -0.095, -0.041), ""),
    ((-0.032, -0.056, -0.008), ", although partly inside the margin"),
    ((0.055, 0.027, 0.083), " a plan that you chose"),
    ((-0.025, -0.074, 0.024), ""),
)
_DESIGNS = ((3, 200), (5, 200), (10, 200), (5, 800))  # seeds, sentences
_PARTS = Components(
    effect=-0.038,
    seeds=5,
    sentences=200,
    between_seeds=0.0012,
    rest=0.0006,
    of_sentences=0.0001,
)
_LOOKS = (3, 5, DECIDING_SEEDS)
LOOKS_CAPTION = (
    f"Two plans, looks with {listed([str(seeds) for seeds in _LOOKS])} seeds. Level: how often the "
    "interval of the look misses the true difference. At once: if it is the first look."
)


def outcome_examples() -> tuple[ExampleInterval, ...]:
    """An interval for each outcome, and two that show how zero and the margin combine."""
    found = [(PairedDifference(*each, 5, 200), remark) for each, remark in _OUTCOMES]
    return tuple(
        ExampleInterval(f"{outcome(each, MARGIN)}{remark}", each) for each, remark in found
    )


def design_examples() -> tuple[ExampleInterval, ...]:
    """The same difference with more seeds and with more sentences, in a comparison of two plans."""
    effect, (seeds, sentences) = _PARTS.effect, (_PARTS.seeds, _PARTS.sentences)
    found = PairedDifference(effect, effect, effect, seeds, sentences, parts=_PARTS)
    return tuple(_designed(found, *design) for design in _DESIGNS)


def _designed(found: PairedDifference, seeds: int, sentences: int) -> ExampleInterval:
    at_level = replace(found, level=level_of_look((seeds,), ERROR))
    interval = expected_interval(at_level, seeds, sentences)
    design = f"{seeds} seeds × {sentences} sentences"
    return ExampleInterval(f"{design}: {outcome(interval, MARGIN)}", interval)


def look_rows() -> tuple[dict[str, str], ...]:
    """A table of looks with 3, 5 and 10 seeds: the error spent, and the level of each interval."""
    return tuple(
        {
            "Seeds": str(seeds),
            "Error spent": percent(spent_error(seeds, ERROR), 1),
            "Level": percent(level_of_look(_LOOKS[: place + 1], ERROR), 1),
            "Level at once": percent(level_of_look((seeds,), ERROR), 1),
        }
        for place, seeds in enumerate(_LOOKS)
    )


def interval_words(example: ExampleInterval) -> str:
    """An example as text: `equivalent, −0.004 (−0.022 to +0.014)`."""
    found = example.difference
    interval = signed_range(found.low, found.high)
    return f"{example.label}, {signed(found.effect)} ({interval})"


def described(examples: Sequence[ExampleInterval]) -> str:
    """The alternative text of a picture of intervals."""
    return f"Margin ± {MARGIN:g}. {'; '.join(interval_words(each) for each in examples)}."
