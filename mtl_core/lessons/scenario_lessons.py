"""The lesson on each scenario: its meaning, its consequences, and when to use it.

A statement taken from a paper names the paper. All others follow from the mechanics of training
(which tensors receive a gradient) and can be checked in the parameter table.
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
    """The explanation of one scenario, one to three sentences per field."""

    scenario: str
    means: str
    implies: str
    when: str
    sources: tuple[Source, ...] = ()


def lesson(scenario: str) -> Lesson:
    """The lesson on a scenario, given its name as in `--scenario`.

    Raises UnknownScenario if there is none.
    """
    kind, _ = scenario_kind(scenario)
    if kind not in _LESSONS:
        listed = ", ".join(_LESSONS)
        raise UnknownScenario(f"There is no lesson on '{scenario}'. There are: {listed}.")
    return _LESSONS[kind](scenario)


def own_plan_lesson(name: str) -> Lesson:
    """The explanation of a user's own plan, which no scenario describes."""
    return Lesson(
        scenario=name,
        means="Your own plan. The selectors of each phase define what is trained; everything else "
        "is frozen. Parameters listed under freeze stay frozen in all phases.",
        implies="The lowest trainable tensor determines the cost of a step: the gradient has to "
        "reach it, through frozen layers too.",
        when="No scenario fits: you need other parts, other learning rates or your own phases. "
        "Check the parameter counts of each phase before training.",
    )


def _frozen(scenario: str) -> Lesson:
    return Lesson(
        scenario=scenario,
        means="No tensor changes, including the heads. The model only computes features. Untrained "
        "heads predict at chance level.",
        implies="There is no backward pass, no optimizer state and no forgetting. Nothing is "
        "learned, whatever the data and the number of epochs.",
        when="As the baseline of a comparison, to extract features for another program, or to "
        "serve a model that is already trained.",
    )


def _heads_only(scenario: str) -> Lesson:
    return Lesson(
        scenario=scenario,
        means="The encoder keeps its pretrained weights. Each task trains one linear layer on the "
        "output of the encoder.",
        implies="No gradient enters the encoder, so a step costs little more than a forward pass. "
        "The heads can only use what the encoder already computes.",
        when="Little data, many tasks on one encoder, or a first baseline. Use a high learning "
        "rate, as this plan does: at an encoder's rate the results look worse than they are.",
        sources=(PETERS,),
    )


def _top(scenario: str) -> Lesson:
    count = scenario.removeprefix("top-")
    layers, are = ("layer", "is") if count == "1" else (f"{count} layers", "are")
    return Lesson(
        scenario=scenario,
        means=f"The last {layers} {are} trained together with the heads. The layers below and the "
        "embeddings keep their pretrained weights.",
        implies="The backward pass stops at the lowest trained layer. No activation below it is "
        "held, so a step is cheaper the higher this layer is.",
        when="Moderate data, and a task for which a linear head is not enough. A quarter of the "
        "layers often gives most of the quality of full fine-tuning.",
        sources=(LEE,),
    )


def _bottom(scenario: str) -> Lesson:
    _, count = scenario_kind(scenario)
    layers, are = ("layer", "is") if count == "1" else (f"{count} layers", "are")
    return Lesson(
        scenario=scenario,
        means=f"The first {layers} {are} trained together with the heads. The embeddings and the "
        "layers above keep their pretrained weights.",
        implies="This is only somewhat cheaper than training all layers: the frozen layers above "
        "have no gradients of weights and no optimizer state, but the gradient crosses them.",
        when="As the counterpart of top-N with the same number of layers. Or if the text differs "
        "from the pretraining text, but the task does not.",
    )


def _layernorm(scenario: str) -> Lesson:
    return Lesson(
        scenario=scenario,
        means="The heads and the scale and shift of every LayerNorm are trained. They change how "
        "strongly each feature counts, not how it is computed.",
        implies="Far less than 1 % is trained, but the gradient crosses all layers. Optimizer "
        "state is small, but a step is not cheap. Rates are ten times the encoder's.",
        when="Many tasks or customers on one encoder, each with a few thousand parameters of its "
        "own. Compare with bitfit, which trains slightly more.",
        sources=(QI,),
    )


def _bitfit(scenario: str) -> Lesson:
    return Lesson(
        scenario=scenario,
        means="The heads and every bias of the encoder are trained; no weight matrix is. A "
        "pooler's bias is selected too, but receives no gradient.",
        implies="About 0.1 % is trained, but the gradient crosses all layers: a step holds most "
        "activations and takes most of the time. Learning rates are about ten times higher.",
        when="Little to moderate data, where the paper finds it equal to full fine-tuning, or many "
        "tasks on one encoder. With much data, train more.",
        sources=(BEN_ZAKEN,),
    )


def _embeddings_frozen(scenario: str) -> Lesson:
    return Lesson(
        scenario=scenario,
        means="Everything except the embeddings is trained. Words that are not in the training "
        "data stay comparable to words that are.",
        implies="Embeddings are 22 % of bert-base-uncased and 52 % of minilm-l6: AdamW stores and "
        "updates that much less. The layers cost as much as in full.",
        when="As a cheaper form of full fine-tuning, above all for small encoders with large "
        "vocabularies, or if test words differ from training words.",
    )


def _lp_ft(scenario: str) -> Lesson:
    return Lesson(
        scenario=scenario,
        means="Linear probing, then fine-tuning: first only the heads, on a frozen encoder. Then "
        "everything, including the heads, at one small learning rate.",
        implies="Trained heads send smaller, more accurate gradients into the encoder, so its "
        "features are distorted less. Each phase takes half of the epochs.",
        when="Test data that differ from the training data: there the paper finds it better than "
        "probing and full fine-tuning. For the same epochs it costs less than full.",
        sources=(KUMAR,),
    )


def _chain_thaw(scenario: str) -> Lesson:
    return Lesson(
        scenario=scenario,
        means="First the heads. Then the embeddings and each layer alone, from the bottom up, with "
        "all else frozen. Finally everything at one learning rate.",
        implies="The paper trains each part until it stops improving. Here the phases share the "
        "run's epochs evenly: twelve layers make 15 phases with few steps each.",
        when="Small data, and about one epoch per phase. Training a layer at a time overfits less. "
        "A low layer alone still costs the full backward pass.",
        sources=(FELBO,),
    )


def _ulmfit(scenario: str) -> Lesson:
    return Lesson(
        scenario=scenario,
        means="The heads, then one more layer per phase from the top, then everything. The rate "
        "of each layer is 1/2.6 of that above. Rates rise quickly and fall slowly.",
        implies="The rate schedule restarts in each phase. The last phase takes half of the "
        "epochs; the paper trains to convergence. Heads have their own learning rate.",
        when="Small data. With 14 epochs on six layers, each of the first phases gets one epoch "
        "as in the paper. With twelve layers, the lowest hardly change.",
        sources=(HOWARD_RUDER_RATES, HOWARD_RUDER_THAW),
    )


def _freeze_head(scenario: str) -> Lesson:
    task = task_title(scenario.partition(":")[2])
    return Lesson(
        scenario=scenario,
        means=f"Everything except the {task} head is trained. The head stays bit-identical; with a "
        "new checkpoint it is random, and the encoder adapts to it.",
        implies=f"A frozen head does not protect its task: {task} predictions change when the "
        "encoder changes. Only a frozen encoder keeps them the same.",
        when="To keep a head that other systems depend on while the rest is trained. Monitor its "
        "task, use small learning rates, or freeze the encoder too.",
    )


def _full(scenario: str) -> Lesson:
    return Lesson(
        scenario=scenario,
        means="Every tensor between the words and a head is trained. A pooler that no head reads "
        "is trainable too, but receives no gradient.",
        implies="The gradient crosses all layers, and AdamW stores two numbers per parameter. "
        "Little data or high learning rates can distort pretrained features.",
        when="Enough labels and time, or a task far from the pretraining text. Use small rates: "
        "2e-5 to 5e-5 for BERT base. Smaller encoders tolerate more.",
        sources=(DEVLIN, KUMAR),
    )


def _gradual(scenario: str) -> Lesson:
    return Lesson(
        scenario=scenario,
        means="First the heads are trained. Then each phase unfreezes one more layer, down to the "
        "top three. The paper continues to the bottom, as ulmfit does here.",
        implies="The heads are trained before the encoder changes, so random heads do not disturb "
        "it. Each phase costs more than the one before.",
        when="Little data, or if full fine-tuning is unstable or forgets. The phases share the "
        "epochs of the run, so allow enough of them.",
        sources=(HOWARD_RUDER_THAW,),
    )


def _discriminative(scenario: str) -> Lesson:
    return Lesson(
        scenario=scenario,
        means="Everything is trained, each layer at 1/2.6 of the learning rate of the layer above. "
        "The general layers at the bottom change least.",
        implies="With twelve layers, the lowest has 1/37,000 of the top's rate and the embeddings "
        "1/95,000: they are almost frozen but cost the full backward pass.",
        when="Models with few layers. Deeper models need a gentler factor, such as 0.95 per layer "
        "(layer_decay: 1.0526 in a plan file).",
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
