"""What each scenario means, what it implies, and when to use it.

Where a sentence rests on a paper, the paper stands beside it. What rests on no source follows
from the mechanics (which tensors get a gradient) and can be checked in the table.
"""

from collections.abc import Callable

from mtl_core.errors import UnknownScenario
from mtl_core.lessons.titles import task_title
from mtl_core.values import Frozen


class Source(Frozen):
    """A paper, and the part of it that a lesson rests on."""

    authors: str
    year: int
    title: str
    part: str
    url: str

    @property
    def short(self) -> str:
        """`Howard & Ruder 2018, section 3.3`; the abstract goes without saying."""
        where = "" if self.part == "abstract" else f", {self.part}"
        return f"{self.authors} {self.year}{where}"


class Lesson(Frozen):
    """The words beside one scenario, a sentence or two each."""

    scenario: str
    means: str
    implies: str
    when: str
    sources: tuple[Source, ...] = ()


_HOWARD_RUDER_RATES = Source(
    authors="Howard & Ruder",
    year=2018,
    title="Universal Language Model Fine-tuning for Text Classification",
    part="section 3.2",
    url="https://aclanthology.org/P18-1031/",
)
_HOWARD_RUDER_THAW = _HOWARD_RUDER_RATES.model_copy(update={"part": "section 3.3"})
_DEVLIN = Source(
    authors="Devlin et al.",
    year=2019,
    title="BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding",
    part="appendix A.3",
    url="https://aclanthology.org/N19-1423/",
)
_LEE = Source(
    authors="Lee, Tang & Lin",
    year=2019,
    title="What Would Elsa Do? Freezing Layers During Transformer Fine-Tuning",
    part="abstract",
    url="https://arxiv.org/abs/1911.03090",
)
_KUMAR = Source(
    authors="Kumar et al.",
    year=2022,
    title="Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution",
    part="abstract",
    url="https://arxiv.org/abs/2202.10054",
)
_PETERS = Source(
    authors="Peters, Ruder & Smith",
    year=2019,
    title="To Tune or Not to Tune? Adapting Pretrained Representations to Diverse Tasks",
    part="abstract",
    url="https://aclanthology.org/W19-4302/",
)


def lesson(scenario: str) -> Lesson:
    """The lesson of a scenario by the name that `--scenario` takes.

    Raises UnknownScenario for a name without one.
    """
    kind = "top" if scenario.startswith("top-") else scenario.partition(":")[0]
    if kind not in _LESSONS:
        listed = ", ".join(_LESSONS)
        raise UnknownScenario(f"There is no lesson on '{scenario}'. There are: {listed}.")
    return _LESSONS[kind](scenario)


def own_plan_lesson(name: str) -> Lesson:
    """The words beside a plan of one's own, which no scenario describes."""
    return Lesson(
        scenario=name,
        means="Your own plan: in each phase its selectors say what learns, everything else is "
        "frozen, and what stands under freeze stays frozen throughout.",
        implies="The deepest tensor that learns sets the cost of a step: the gradient has to "
        "travel down to it, through frozen layers too.",
        when="Where no scenario fits: other parts, other rates, or phases of your own. Step "
        "through the phases and check the counts before training.",
    )


def _frozen(scenario: str) -> Lesson:
    return Lesson(
        scenario=scenario,
        means="Every tensor keeps its value, heads included. The model only computes features; "
        "heads that were never trained answer at chance.",
        implies="There is no backward pass, no optimizer state and nothing to forget. Nothing is "
        "learned either, whatever the data and the number of epochs.",
        when="As the zero line of a comparison, to take features for another program, or to "
        "serve a model that has been trained before.",
    )


def _heads_only(scenario: str) -> Lesson:
    return Lesson(
        scenario=scenario,
        means="The encoder keeps its pretrained weights. Each task learns one linear map on what "
        "the encoder puts out.",
        implies="No gradient enters the encoder: a step is little more than a forward pass. What "
        "the encoder does not put out, no head can find.",
        when="Little data, many tasks on one encoder, a first baseline. Give heads alone about "
        "1e-2: at an encoder's rate this choice looks worse than it is.",
        sources=(_PETERS,),
    )


def _top(scenario: str) -> Lesson:
    count = scenario.removeprefix("top-")
    layers = "layer" if count == "1" else f"{count} layers"
    learn = "learns" if count == "1" else "learn"
    return Lesson(
        scenario=scenario,
        means=f"The last {layers} {learn} together with the heads. The layers below, and the "
        "embeddings, keep what pretraining taught them.",
        implies="The gradient stops below the last layer that learns: nothing under it is kept "
        "for the backward pass, and a step is cheaper the higher it stops.",
        when="Moderate data, and a task that asks for more than a linear reading. A quarter of "
        "the layers often brings most of what all of them would.",
        sources=(_LEE,),
    )


def _freeze_head(scenario: str) -> Lesson:
    task = task_title(scenario.partition(":")[2])
    return Lesson(
        scenario=scenario,
        means=f"All learns but the {task} head. Its weights stay bit-identical; from a fresh "
        "checkpoint that is their random start, to which the encoder then adapts.",
        implies=f"A frozen head does not protect its task: {task} still drifts when the encoder "
        "under it moves. Only a frozen encoder keeps its answers as they are.",
        when="To keep a head that other systems rely on while the rest learns. Watch its task "
        "through the run, and use small rates, or freeze the encoder too.",
    )


def _full(scenario: str) -> Lesson:
    return Lesson(
        scenario=scenario,
        means="Every tensor on the way from the words to a head learns. A pooler that no head "
        "reads is set to learn too, but no gradient ever reaches it.",
        implies="The gradient crosses the whole stack and AdamW keeps two numbers a parameter. "
        "Little data or high rates can distort what was pretrained.",
        when="Enough labels and time, or a task far from the pretraining text. Small rates: "
        "2e-5 to 5e-5 for BERT base; smaller encoders bear more.",
        sources=(_DEVLIN, _KUMAR),
    )


def _gradual(scenario: str) -> Lesson:
    return Lesson(
        scenario=scenario,
        means="The heads learn first; then each phase thaws one layer more, from the top down. "
        "Layers below the last phase's stay frozen.",
        implies="Random heads do not push noise into the encoder, since they have settled before "
        "it moves. Each phase costs more than the one before.",
        when="Little data, when full fine-tuning is unstable or forgets. The epochs are shared "
        "among the phases: give the run enough of them.",
        sources=(_HOWARD_RUDER_THAW,),
    )


def _discriminative(scenario: str) -> Lesson:
    return Lesson(
        scenario=scenario,
        means="Everything learns, each layer at 1/2.6 of the rate of the layer above it: general "
        "layers at the bottom move least.",
        implies="Over twelve layers 2.6 leaves the bottom at 1/95,000 of the top's rate: frozen "
        "in all but name, at the full price of the backward pass.",
        when="Shallow stacks, or a gentler factor: 0.95 a layer (layer_decay 1.05 in a plan "
        "file) keeps a deep stack moving.",
        sources=(_HOWARD_RUDER_RATES,),
    )


_LESSONS: dict[str, Callable[[str], Lesson]] = {
    "frozen": _frozen,
    "heads-only": _heads_only,
    "top": _top,
    "freeze-head": _freeze_head,
    "full": _full,
    "gradual": _gradual,
    "discriminative": _discriminative,
}
