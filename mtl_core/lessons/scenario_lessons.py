"""What each scenario means, what it implies, and when to use it.

Where a sentence rests on a paper, the paper stands beside it. What rests on no source follows
from the mechanics (which tensors get a gradient) and can be checked in the table.
"""

from collections.abc import Callable

from mtl_core.errors import UnknownScenario
from mtl_core.freezing.scenarios import scenario_kind
from mtl_core.freezing.titles import task_title
from mtl_core.lessons.sources import (
    BEN_ZAKEN,
    DEVLIN,
    FELBO,
    HOWARD_RUDER_RATES,
    HOWARD_RUDER_THAW,
    KUMAR,
    LEE,
    PETERS,
    QI,
    SUN,
    Source,
)
from mtl_core.values import Frozen


class Lesson(Frozen):
    """The words beside one scenario, a sentence or two each."""

    scenario: str
    means: str
    implies: str
    when: str
    sources: tuple[Source, ...] = ()


def lesson(scenario: str) -> Lesson:
    """The lesson of a scenario by the name that `--scenario` takes.

    Raises UnknownScenario for a name without one.
    """
    kind, _ = scenario_kind(scenario)
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
        sources=(PETERS,),
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
        sources=(LEE,),
    )


def _bottom(scenario: str) -> Lesson:
    _, count = scenario_kind(scenario)
    layers, learn = ("layer", "learns") if count == "1" else (f"{count} layers", "learn")
    return Lesson(
        scenario=scenario,
        means=f"The first {layers} {learn} together with the heads. Embeddings and the layers "
        "above keep what pretraining taught them.",
        implies="No cheaper than training the whole stack below the heads: the gradient has to "
        "cross every frozen layer above to reach the bottom.",
        when="As the counterpart of top-N with as many layers: which end of the stack should "
        "move? Or where the text looks unlike the pretraining's, the task does not.",
    )


def _layernorm(scenario: str) -> Lesson:
    return Lesson(
        scenario=scenario,
        means="The heads and the scale and shift of every LayerNorm learn: how strongly each "
        "feature counts, not how features are made.",
        implies="Far under one per cent learns, yet the gradient crosses the whole stack: tiny "
        "files and optimizer state, not a cheap step. Rates are ten times the encoder's.",
        when="Many tasks or customers on one encoder, each with its own few thousand numbers. "
        "Compare with bitfit, which moves a few more.",
        sources=(QI,),
    )


def _bitfit(scenario: str) -> Lesson:
    return Lesson(
        scenario=scenario,
        means="The heads and every bias of the encoder learn; no weight matrix moves. A pooler's "
        "bias is selected too, and no gradient reaches it.",
        implies="About a tenth of a per cent learns, but the gradient crosses the whole stack, so "
        "memory and time fall little. Rates are ten times the encoder's.",
        when="Little to moderate data, where the paper finds it level with full fine-tuning; many "
        "tasks on one encoder. With much data the rest pays.",
        sources=(BEN_ZAKEN,),
    )


def _embeddings_frozen(scenario: str) -> Lesson:
    return Lesson(
        scenario=scenario,
        means="All learns but the embeddings. Words that the training data lack keep their place "
        "beside those they contain.",
        implies="Embeddings are 22 % of bert-base-uncased and 52 % of minilm-l6: so much less for "
        "AdamW to keep and move. The layers cost what they do in full.",
        when="As the cheaper form of full fine-tuning, above all for small encoders with large "
        "vocabularies, and where test words differ from training words.",
    )


def _lp_ft(scenario: str) -> Lesson:
    return Lesson(
        scenario=scenario,
        means="Linear probing, then fine-tuning: first the heads alone, on a frozen encoder; then "
        "everything, heads included, at one small rate.",
        implies="Heads that have settled send the encoder smaller, truer gradients, so pretrained "
        "features are distorted less. Each phase takes half of the epochs.",
        when="Test data that differ from the training data: there the paper finds it ahead of "
        "probing and of full fine-tuning. It costs little over full.",
        sources=(KUMAR,),
    )


def _chain_thaw(scenario: str) -> Lesson:
    return Lesson(
        scenario=scenario,
        means="The heads first; then embeddings and each layer alone, from the first up, all else "
        "frozen, heads too; at last everything at one rate.",
        implies="Every phase trains each part to its best in the paper; here the phases share the "
        "run's epochs evenly: twelve layers make 15 phases, few steps each.",
        when="Enough epochs for all phases, about one each, and small data: a layer at a time "
        "overfits less. A low layer alone still pays the full gradient.",
        sources=(FELBO,),
    )


def _ulmfit(scenario: str) -> Lesson:
    return Lesson(
        scenario=scenario,
        means="Heads, then one layer more a phase down to the first, then all. Layers 2.6 times "
        "slower than the one above; rates rise steeply and fall slowly.",
        implies="The triangle starts anew in each phase. The last takes half of the epochs, where "
        "the paper trains to convergence; heads keep a rate of their own.",
        when="Small data and patience: twice as many epochs as layers and heads give each phase "
        "the paper's one. On twelve layers 2.6 leaves the bottom still.",
        sources=(HOWARD_RUDER_RATES, HOWARD_RUDER_THAW),
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
        sources=(DEVLIN, KUMAR),
    )


def _gradual(scenario: str) -> Lesson:
    return Lesson(
        scenario=scenario,
        means="The heads learn first; then each phase thaws one layer more, down to the top three. "
        "The paper goes on to the bottom, as ulmfit does here.",
        implies="Random heads do not push noise into the encoder, since they have settled before "
        "it moves. Each phase costs more than the one before.",
        when="Little data, when full fine-tuning is unstable or forgets. The epochs are shared "
        "among the phases: give the run enough of them.",
        sources=(HOWARD_RUDER_THAW,),
    )


def _discriminative(scenario: str) -> Lesson:
    return Lesson(
        scenario=scenario,
        means="Everything learns, each layer at 1/2.6 of the rate of the layer above it: general "
        "layers at the bottom move least.",
        implies="Over twelve layers 2.6 leaves the bottom at 1/95,000 of the top's rate: frozen "
        "in all but name, at the full price of the backward pass.",
        when="Shallow stacks, or a gentler factor: 0.95 a layer (layer_decay: 1.0526 in a plan "
        "file) keeps a deep stack moving.",
        sources=(HOWARD_RUDER_RATES, SUN),
    )


_LESSONS: dict[str, Callable[[str], Lesson]] = {
    "frozen": _frozen,
    "heads-only": _heads_only,
    "layernorm": _layernorm,
    "bitfit": _bitfit,
    "top": _top,
    "bottom": _bottom,
    "freeze-head": _freeze_head,
    "embeddings-frozen": _embeddings_frozen,
    "full": _full,
    "lp-ft": _lp_ft,
    "gradual": _gradual,
    "discriminative": _discriminative,
    "ulmfit": _ulmfit,
    "chain-thaw": _chain_thaw,
}
