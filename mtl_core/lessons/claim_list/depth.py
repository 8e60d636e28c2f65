"""Claims about how much of the encoder to train."""

from mtl_core.analysis.claim_rules import Arm, Better, UpperChangesMore, UpperProbesChangeMore
from mtl_core.freezing.rates import default_rates
from mtl_core.lessons.claim import Chapter, Claim, Published
from mtl_core.lessons.claim_list.arms import (
    A_QUARTER,
    ACCURACY,
    CLOSE,
    F1,
    FULL,
    FULL_BUDGET,
    HEADS,
    METRICS,
    first_token,
    recipe,
    standard,
)
from mtl_core.lessons.experiments import EMBEDDED_HIDDEN_SIZE
from mtl_core.lessons.sources import HOWARD_RUDER_ABLATION, HOWARD_RUDER_PRETRAINING, MERCHANT

_HEADS_PUBLISHED = Published(
    text="IMDb, with an LSTM: error 6.49 for the last layer alone, 6.87 for full",
    source=HOWARD_RUDER_ABLATION,
    checked=False,
)
_PARTIAL = "Partial: unfreeze the top 1 to 3 blocks, keep the lower blocks frozen"
_SPECIALIZE = "Higher layers are more task-adaptive"
_LAYERS = "Lower layers capture universal features, upper layers are specialised"
_ROUNDED = "A quarter of 6 layers is 1.5: rounded "
_TOP, _BOTTOM = (default_rates(name, EMBEDDED_HIDDEN_SIZE) for name in ("top", "bottom"))
_SAME_SIZE = (
    "the same number of layers and parameters is trained, each with rates of the same search: "
    f"{_TOP.encoder:g} and {_TOP.heads:g} for the heads at the top, {_BOTTOM.encoder:g} and "
    f"{_BOTTOM.heads:g} at the bottom, which are those of the bottom 3. Place and rates differ"
)
_SHARED_SENTENCES = (
    "the same probes for every layer, on 48 training and 200 validation sentences. Descriptive: "
    "all seeds share these sentences, and a layer inherits the changes of the layers below it"
)


def _reaches(name: str, task: str, words: str, arm: Arm, rounded: str) -> Claim:
    count = arm.scenario.removeprefix("top-")
    layers = "layer of 6" if count == "1" else f"{count} of 6 layers"
    return Claim(
        id=name,
        sentence=f"For {words}, training the top {layers} reaches 90 % of full.",
        statement=_PARTIAL,
        tested=f"{METRICS[task]}: {arm.scenario} minus 90 % of full. {_ROUNDED}{rounded}",
        control=FULL_BUDGET,
        chapter=Chapter.DEPTH,
        rule=Better(task=task, arm=arm, against=FULL, keeps=0.9),
        published=A_QUARTER,
        stated_effect=0.0,
    )


def _alone(task: str) -> Arm:
    words = {"sentiment": "sentiment alone", "ner": "entities alone"}[task]
    return Arm(experiment="strong task alone", scenario=words)


def _specialises(task: str, words: str, margin: float) -> Claim:
    return Claim(
        id=f"upper-specialise-{task}",
        sentence=f"Training on {words} adds more of the task to the upper layers than to the lower "
        "ones.",
        statement=_LAYERS,
        tested="Linear probes on the outputs of each layer, after minus before full fine-tuning on "
        f"{words} alone: mean of the upper three layers minus mean of the lower three",
        control=f"{_SHARED_SENTENCES}; one rate for all layers",
        chapter=Chapter.STAGES,
        rule=UpperProbesChangeMore(task=task, arm=_alone(task), margin=margin),
        stated_effect=0.08,
    )


def _universal(task: str, words: str, other: str, margin: float) -> Claim:
    return Claim(
        id=f"lower-universal-{task}",
        sentence=f"Training on {words} removes more of another task from the upper layers than "
        "from the lower ones.",
        statement=_LAYERS,
        tested=f"Linear probes for the other task on the outputs of each layer, before minus after "
        f"full fine-tuning on {words} alone: mean of the upper three layers minus mean of the "
        "lower three",
        control=f"{_SHARED_SENTENCES}; the other task's loss is off",
        chapter=Chapter.STAGES,
        rule=UpperProbesChangeMore(task=other, arm=_alone(task), margin=margin, loses=True),
        stated_effect=0.08,
    )


DEPTH_CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="pretraining",
        sentence="A frozen encoder is useful because it is pretrained.",
        statement="Retain the general language knowledge of pretraining",
        tested="NER entity F1 of heads only: pretrained encoder minus random encoder",
        control="same heads, rates and budget; only the encoder's weights differ",
        chapter=Chapter.CHECKPOINT,
        rule=Better(
            task="ner",
            arm=HEADS,
            against=Arm(experiment="random encoder", scenario="heads-only"),
            margin=F1,
        ),
        published=Published(
            text="IMDb, all layers trained: error 5.00 with pretraining, 5.63 without",
            source=HOWARD_RUDER_PRETRAINING,  # no effect: here the encoder is frozen
        ),
        stated_effect=0.10,
    ),
    Claim(
        id="domain-checkpoint",
        sentence="A checkpoint of the domain beats a general one.",
        statement="Domain-specific checkpoints start from specialized vocabulary and style",
        tested="First task of the data: full on the domain checkpoint minus full on the general "
        "one",
        control="same sentences, epochs and seeds; only the checkpoint differs, each with its own "
        "tokenizer and sentence vector",
        chapter=Chapter.CHECKPOINT,
        rule=Better(
            task=None,
            arm=Arm(experiment="general or domain", scenario="domain"),
            against=Arm(experiment="general or domain", scenario="general"),
            margin=None,
        ),
        stated_effect=0.05,
    ),
    Claim(
        id="heads-sentiment",
        sentence="For sentiment, training only the heads reaches 90 % of full.",
        statement="Heads only: task specialization of frozen embeddings",
        tested="Sentiment accuracy: heads only minus 90 % of full",
        control=FULL_BUDGET,
        chapter=Chapter.DEPTH,
        rule=Better(task="sentiment", arm=HEADS, against=FULL, keeps=0.9),
        published=_HEADS_PUBLISHED,
        stated_effect=0.0,
    ),
    Claim(
        id="heads-sentiment-first-token",
        sentence="With the first token, training only the heads reaches 90 % of full for "
        "sentiment.",
        statement="Heads only: task specialization of frozen embeddings",
        tested="Sentiment accuracy with the first token: heads only minus 90 % of full",
        control=FULL_BUDGET,
        chapter=Chapter.DEPTH,
        rule=Better(
            task="sentiment",
            arm=first_token("heads-only"),
            against=first_token("full"),
            keeps=0.9,
        ),
        published=_HEADS_PUBLISHED,
        stated_effect=0.0,
    ),
    Claim(
        id="heads-ner",
        sentence="For entities, training only the heads reaches 90 % of full.",
        statement="Heads only: task specialization of frozen embeddings",
        tested="NER entity F1: heads only minus 90 % of full",
        control=FULL_BUDGET,
        chapter=Chapter.DEPTH,
        rule=Better(task="ner", arm=HEADS, against=FULL, keeps=0.9),
        stated_effect=0.0,
    ),
    _reaches("quarter-1-sentiment", "sentiment", "sentiment", standard("top-1"), "down"),
    _reaches("quarter-2-sentiment", "sentiment", "sentiment", standard("top-2"), "up"),
    _reaches("quarter-1-ner", "ner", "entities", standard("top-1"), "down"),
    _reaches("quarter-2-ner", "ner", "entities", standard("top-2"), "up"),
    Claim(
        id="quarter-bert-base",
        sentence="On bert-base, training 3 of 12 layers reaches 90 % of full for sentiment.",
        statement=_PARTIAL,
        tested="Sentiment accuracy: top 3 of 12 layers minus 90 % of full",
        control=FULL_BUDGET,
        chapter=Chapter.DEPTH,
        rule=Better(
            task="sentiment",
            arm=Arm(experiment="bert-base", scenario="top-3"),
            against=Arm(experiment="bert-base", scenario="full"),
            keeps=0.9,
        ),
        published=A_QUARTER,
        stated_effect=0.0,
    ),
    Claim(
        id="biases-sentiment",
        sentence="For sentiment, training only the biases and heads reaches 95 % of full.",
        statement=_PARTIAL,
        tested="Sentiment accuracy: BitFit minus 95 % of full",
        control=FULL_BUDGET,
        chapter=Chapter.DEPTH,
        rule=Better(task="sentiment", arm=recipe("bitfit"), against=FULL, keeps=0.95),
        published=CLOSE,
        stated_effect=0.0,
    ),
    Claim(
        id="biases-ner",
        sentence="For entities, training only the biases and heads reaches 95 % of full.",
        statement=_PARTIAL,
        tested="NER entity F1: BitFit minus 95 % of full",
        control=FULL_BUDGET,
        chapter=Chapter.DEPTH,
        rule=Better(task="ner", arm=recipe("bitfit"), against=FULL, keeps=0.95),
        published=CLOSE,
        stated_effect=0.0,
    ),
    Claim(
        id="upper-layers-sentiment",
        sentence="For sentiment, training the top 2 layers is better than training the bottom 2.",
        statement=_SPECIALIZE,
        tested="Sentiment accuracy: top 2 minus bottom 2",
        control=_SAME_SIZE,
        chapter=Chapter.STAGES,
        rule=Better(
            task="sentiment", arm=standard("top-2"), against=recipe("bottom-2"), margin=ACCURACY
        ),
        stated_effect=0.05,
    ),
    Claim(
        id="upper-layers-ner",
        sentence="For entities, training the top 2 layers is better than training the bottom 2.",
        statement=_SPECIALIZE,
        tested="NER entity F1: top 2 minus bottom 2",
        control=_SAME_SIZE,
        chapter=Chapter.STAGES,
        rule=Better(task="ner", arm=standard("top-2"), against=recipe("bottom-2"), margin=F1),
        stated_effect=0.08,
    ),
    Claim(
        id="upper-changes-more",
        sentence="In full fine-tuning, the outputs of the upper layers, which inherit the changes "
        "below them, change more than those of the lower layers.",
        statement=_LAYERS,
        tested="1 − CKA of a layer's outputs before and after full: upper three layers divided by "
        "lower three",
        control="one rate for all layers; CKA instead of the distance of the weights, which AdamW "
        "makes nearly equal. Descriptive: a layer inherits the changes of the layers below it",
        chapter=Chapter.STAGES,
        rule=UpperChangesMore(arm=FULL),
        published=Published(text="fine-tuning affects the top layers most", source=MERCHANT),
        stated_effect=2.0,
    ),
    _specialises("sentiment", "sentiment", ACCURACY),
    _specialises("ner", "entities", F1),
    _universal("sentiment", "sentiment", "ner", F1),
    _universal("ner", "entities", "sentiment", ACCURACY),
)
