"""The claims about freezing that runs can test, in the order of the guide's chapters."""

from enum import StrEnum

from mtl_core.analysis.claim_rules import (
    Arm,
    Better,
    Carries,
    Cheaper,
    Keeps,
    KeptBytes,
    LosesMore,
    LowerMovesLess,
    OneSeed,
    Quantity,
    Rule,
    Still,
    arms_of,
)
from mtl_core.errors import BadInput
from mtl_core.lessons.experiments import EXPERIMENTS, POSTS, with_start_arms
from mtl_core.lessons.sources import (
    BEN_ZAKEN,
    HOWARD_RUDER_ABLATION,
    HOWARD_RUDER_PRETRAINING,
    KUMAR,
    LEE,
    MERCHANT,
    Source,
)
from mtl_core.nearest import nearest_names
from mtl_core.values import Frozen


class Chapter(StrEnum):
    """The chapters of the guide, in reading order."""

    SCENARIOS = "scenarios"
    CHECKPOINT = "checkpoint"
    DEPTH = "depth"
    COST = "cost"
    STAGES = "stages"
    GRADUAL = "gradual"
    RATES = "rates"
    ULMFIT = "ulmfit"
    FORGETTING = "forgetting"
    EVIDENCE = "evidence"


class Published(Frozen):
    """A published result that a claim is compared with.

    `effect` uses the scale of the claim's own effect; None if the paper states it in words only.
    `checked` is False if the figure was not verified in the paper.
    """

    text: str
    source: Source
    effect: float | None = None
    checked: bool = True

    @property
    def note(self) -> str:
        """The source, with a remark if the figure was not verified."""
        return self.source.short + ("" if self.checked else "; not checked here")


class Claim(Frozen):
    """A statement about freezing that runs can support or contradict.

    `tested` describes the measured quantity and the runs; `chapter` is the guide's chapter that
    covers the topic.
    """

    id: str
    sentence: str
    tested: str
    chapter: Chapter
    rule: Rule
    published: Published | None = None

    @property
    def arms(self) -> tuple[Arm, ...]:
        """The arms that the rule reads, each preceded by the arm that its runs start from."""
        return with_start_arms(arms_of(self.rule))

    @property
    def checkpoints(self) -> tuple[str, ...]:
        """The checkpoints whose weights the runs need."""
        names = (EXPERIMENTS[arm.experiment].spec.checkpoint for arm in self.arms)
        return tuple(dict.fromkeys(names))


def claim_by_id(name: str) -> Claim:
    """The claim with this id. Raises BadInput that lists the nearest ids."""
    known = {claim.id: claim for claim in CLAIMS}
    if name not in known:
        nearest = nearest_names(name, known) or list(known)
        raise BadInput(f"There is no claim '{name}'. There are: {', '.join(nearest)}.")
    return known[name]


def _arm(experiment: str, scenario: str) -> Arm:
    return Arm(experiment=experiment, scenario=scenario)


def _standard(scenario: str) -> Arm:
    return _arm("standard", scenario)


def _recipe(scenario: str) -> Arm:
    return _arm("recipes", scenario)


_HEADS, _FULL = _standard("heads-only"), _standard("full")
_THEN = _arm("then sentiment", "freeze-head:ner")
_THEN_FAST = _arm("then sentiment, high rate", "freeze-head:ner")
_A_QUARTER = Published(text="a quarter of the layers reaches 90 %", source=LEE)
_CLOSE = Published(text="competitive with full on small to medium data", source=BEN_ZAKEN)

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="pretraining",
        sentence="A frozen encoder is useful because it is pretrained.",
        tested="NER entity F1 of heads only: pretrained encoder minus random encoder",
        chapter=Chapter.CHECKPOINT,
        rule=Better(task="ner", arm=_HEADS, against=_arm("random encoder", "heads-only")),
        published=Published(
            text="IMDb, all layers trained: error 5.00 with pretraining, 5.63 without",
            source=HOWARD_RUDER_PRETRAINING,
            effect=0.0063,
        ),
    ),
    Claim(
        id="heads-sentiment",
        sentence="For sentiment, training only the heads reaches 90 % of full.",
        tested="Sentiment accuracy: heads only minus full. A loss of up to 10 % is allowed",
        chapter=Chapter.DEPTH,
        rule=Better(task="sentiment", arm=_HEADS, against=_FULL, keeps=0.9),
        published=Published(
            text="IMDb, with an LSTM: error 6.49 for the last layer alone, 6.87 for full",
            source=HOWARD_RUDER_ABLATION,
            effect=0.0038,
            checked=False,
        ),
    ),
    Claim(
        id="heads-ner",
        sentence="For entities, training only the heads reaches 90 % of full.",
        tested="NER entity F1: heads only minus full. A loss of up to 10 % is allowed",
        chapter=Chapter.DEPTH,
        rule=Better(task="ner", arm=_HEADS, against=_FULL, keeps=0.9),
    ),
    Claim(
        id="quarter-sentiment",
        sentence="For sentiment, training the top quarter of the layers reaches 90 % of full.",
        tested="Sentiment accuracy: top 2 of 6 layers minus full. A loss of up to 10 % is allowed",
        chapter=Chapter.DEPTH,
        rule=Better(task="sentiment", arm=_standard("top-2"), against=_FULL, keeps=0.9),
        published=_A_QUARTER,
    ),
    Claim(
        id="quarter-ner",
        sentence="For entities, training the top quarter of the layers reaches 90 % of full.",
        tested="NER entity F1: top 2 of 6 layers minus full. A loss of up to 10 % is allowed",
        chapter=Chapter.DEPTH,
        rule=Better(task="ner", arm=_standard("top-2"), against=_FULL, keeps=0.9),
        published=_A_QUARTER,
    ),
    Claim(
        id="quarter-bert-base",
        sentence="On bert-base, training 3 of 12 layers reaches 90 % of full for sentiment.",
        tested="Sentiment accuracy: top 3 of 12 layers minus full. A loss of up to 10 % is allowed",
        chapter=Chapter.DEPTH,
        rule=Better(
            task="sentiment",
            arm=_arm("bert-base", "top-3"),
            against=_arm("bert-base", "full"),
            keeps=0.9,
        ),
        published=_A_QUARTER,
    ),
    Claim(
        id="biases-sentiment",
        sentence="For sentiment, training only the biases and heads comes close to full.",
        tested="Sentiment accuracy: BitFit minus full. A loss of up to 5 % is allowed",
        chapter=Chapter.DEPTH,
        rule=Better(task="sentiment", arm=_recipe("bitfit"), against=_FULL, keeps=0.95),
        published=_CLOSE,
    ),
    Claim(
        id="biases-ner",
        sentence="For entities, training only the biases and heads comes close to full.",
        tested="NER entity F1: BitFit minus full. A loss of up to 5 % is allowed",
        chapter=Chapter.DEPTH,
        rule=Better(task="ner", arm=_recipe("bitfit"), against=_FULL, keeps=0.95),
        published=_CLOSE,
    ),
    Claim(
        id="faster",
        sentence="Freezing the encoder makes training at least three times faster.",
        tested="Training seconds, including the pass over frozen layers: full divided by heads "
        "only. At least 3",
        chapter=Chapter.COST,
        rule=Cheaper(quantity=Quantity.SECONDS, arm=_HEADS, against=_FULL, times=3),
    ),
    Claim(
        id="memory",
        sentence="Freezing the encoder reduces memory use.",
        tested="Peak memory of the process: full divided by heads only",
        chapter=Chapter.COST,
        rule=Cheaper(quantity=Quantity.PEAK_MEMORY, arm=_HEADS, against=_FULL),
    ),
    Claim(
        id="kept-bytes",
        sentence="Training 0.1 % of the parameters saves nearly all the memory.",
        tested="Bytes that a step holds in addition to the weights (bert-base, batch 16, length "
        "128): full divided by BitFit. At least 100",
        chapter=Chapter.COST,
        rule=KeptBytes(
            checkpoint="bert-base-uncased", scenario="bitfit", against="full", times=100
        ),
        published=Published(text="under 0.1 % of the parameters learn", source=BEN_ZAKEN),
    ),
    Claim(
        id="still",
        sentence="Frozen layers do not change at all.",
        tested="Distance of the embeddings and layers 0 to 3 from their initial weights while the "
        "top 2 layers are trained",
        chapter=Chapter.STAGES,
        rule=Still(
            arm=_standard("top-2"), groups=("embeddings", *(f"layer {n}" for n in range(4)))
        ),
    ),
    Claim(
        id="lower-moves-less",
        sentence="In full fine-tuning, lower layers change less than upper layers.",
        tested="Distance from the initial weights in full: upper three layers divided by lower "
        "three",
        chapter=Chapter.STAGES,
        rule=LowerMovesLess(arm=_FULL),
        published=Published(text="fine-tuning affects the top layers most", source=MERCHANT),
    ),
    Claim(
        id="lp-ft",
        sentence="Training the heads first, then everything, beats training everything at once.",
        tested="Sentiment accuracy: LP-FT minus full",
        chapter=Chapter.STAGES,
        rule=Better(task="sentiment", arm=_recipe("lp-ft"), against=_FULL),
        published=Published(
            text="Images, test data like the training data: 1 % better than full",
            source=KUMAR,
            effect=0.01,
        ),
    ),
    Claim(
        id="posts-lp-ft",
        sentence="On a different kind of text, training the heads first, then everything, beats "
        "training everything at once.",
        tested="Sentiment accuracy on social posts: LP-FT minus full",
        chapter=Chapter.STAGES,
        rule=Better(task="sentiment", arm=_recipe("lp-ft"), against=_FULL, data=POSTS),
        published=Published(
            text="Ten shifts of image data: 10 % better than full",
            source=KUMAR,
            effect=0.10,
        ),
    ),
    Claim(
        id="gradual",
        sentence="Unfreezing layer by layer is better than training everything at once.",
        tested="Sentiment accuracy: gradual unfreezing of the top 3 layers minus full",
        chapter=Chapter.GRADUAL,
        rule=Better(task="sentiment", arm=_standard("gradual"), against=_FULL),
        published=Published(
            text="IMDb, with an LSTM: error 6.37, 6.87 for full",
            source=HOWARD_RUDER_ABLATION,
            effect=0.005,
            checked=False,
        ),
    ),
    Claim(
        id="chain-thaw",
        sentence="Training one layer at a time is better than training everything at once.",
        tested="Sentiment accuracy: chain-thaw minus full",
        chapter=Chapter.GRADUAL,
        rule=Better(task="sentiment", arm=_recipe("chain-thaw"), against=_FULL),
        published=Published(
            text="IMDb, with an LSTM: error 5.39, 6.87 for full",
            source=HOWARD_RUDER_ABLATION,
            effect=0.0148,
            checked=False,
        ),
    ),
    Claim(
        id="discriminative",
        sentence="Smaller learning rates for lower layers help.",
        tested="Sentiment accuracy: discriminative learning rates minus one rate for all layers",
        chapter=Chapter.RATES,
        rule=Better(task="sentiment", arm=_standard("discriminative"), against=_FULL),
    ),
    Claim(
        id="ulmfit",
        sentence="ULMFiT's three techniques together are better than full fine-tuning.",
        tested="Sentiment accuracy: ULMFiT minus full",
        chapter=Chapter.ULMFIT,
        rule=Better(task="sentiment", arm=_recipe("ulmfit"), against=_FULL),
        published=Published(
            text="IMDb, with an LSTM: error 5.00, 6.87 for full",
            source=HOWARD_RUDER_ABLATION,
            effect=0.0187,
            checked=False,
        ),
    ),
    Claim(
        id="frozen-head",
        sentence="Freezing a head preserves its task while everything else is trained.",
        tested="NER entity F1 with its head frozen, after minus before three epochs on sentiment "
        "alone. A loss of up to 10 % is allowed",
        chapter=Chapter.FORGETTING,
        rule=Keeps(task="ner", arm=_THEN),
    ),
    Claim(
        id="frozen-head-fast",
        sentence="Freezing a head preserves its task even at a high learning rate.",
        tested="NER entity F1 with its head frozen, after minus before three epochs on sentiment "
        "alone at 1e-3. A loss of up to 10 % is allowed",
        chapter=Chapter.FORGETTING,
        rule=Keeps(task="ner", arm=_THEN_FAST),
    ),
    Claim(
        id="high-rate-forgets",
        sentence="A higher learning rate causes more forgetting.",
        tested="NER entity F1 after three epochs on sentiment alone: at 3e-4 minus at 1e-3",
        chapter=Chapter.FORGETTING,
        rule=Better(task="ner", arm=_THEN, against=_THEN_FAST),
    ),
    Claim(
        id="gradual-forgets-less",
        sentence="Unfreezing layer by layer forgets less than training all layers at once.",
        tested="NER entity F1 after three epochs on sentiment alone: gradual minus all layers at "
        "once",
        chapter=Chapter.FORGETTING,
        rule=Better(task="ner", arm=_arm("then sentiment, gradual", "gradual"), against=_THEN),
    ),
    Claim(
        id="high-rate-little-data",
        sentence="With little data, a high learning rate lowers the quality.",
        tested="Sentiment accuracy of full on 100 sentences per task: at 3e-4 minus at 1e-3",
        chapter=Chapter.FORGETTING,
        rule=Better(
            task="sentiment",
            arm=_arm("little data", "full"),
            against=_arm("little data, high rate", "full"),
        ),
    ),
    Claim(
        id="noise",
        sentence="Wrong labels harm full fine-tuning more than training only the heads.",
        tested="Sentiment accuracy lost with 30 % wrong labels: full minus heads only",
        chapter=Chapter.FORGETTING,
        rule=LosesMore(
            task="sentiment",
            arm=_FULL,
            arm_changed=_arm("noisy labels", "full"),
            other=_HEADS,
            other_changed=_arm("noisy labels", "heads-only"),
        ),
    ),
    Claim(
        id="posts",
        sentence="A model trained on reviews scores lower on social posts.",
        tested="Sentiment accuracy of full: on reviews minus on social posts",
        chapter=Chapter.FORGETTING,
        rule=Carries(task="sentiment", arm=_FULL, data=POSTS),
    ),
    Claim(
        id="posts-heads",
        sentence="On a different kind of text, a frozen encoder beats full fine-tuning.",
        tested="Sentiment accuracy on social posts: heads only minus full",
        chapter=Chapter.FORGETTING,
        rule=Better(task="sentiment", arm=_HEADS, against=_FULL, data=POSTS),
        published=Published(
            text="Ten shifts of image data: linear probing 7 % better than full",
            source=KUMAR,
            effect=0.07,
        ),
    ),
    Claim(
        id="one-seed",
        sentence="One seed is enough to choose a plan.",
        tested="Share of seeds whose best plan for sentiment, of six, is also the best on average",
        chapter=Chapter.EVIDENCE,
        rule=OneSeed(
            task="sentiment",
            arms=tuple(map(_standard, EXPERIMENTS["standard"].spec.arm_names)),
        ),
    ),
)
"""All claims; their order is that of `Chapter`."""
