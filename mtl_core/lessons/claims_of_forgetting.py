"""Claims about what is kept and what is lost: forgetting, noise, and text of another kind."""

from mtl_core.analysis.claim_rules import Arm, Better, Carries, Keeps, LosesMore
from mtl_core.lessons.claim import Chapter, Claim, Published
from mtl_core.lessons.experiments import POSTS
from mtl_core.lessons.sources import KUMAR


def _arm(experiment: str, scenario: str) -> Arm:
    return Arm(experiment=experiment, scenario=scenario)


_HEADS, _FULL = _arm("standard", "heads-only"), _arm("standard", "full")
_THEN = _arm("then sentiment", "freeze-head:ner")
_THEN_FAST = _arm("then sentiment, high rate", "freeze-head:ner")

CLAIMS_OF_FORGETTING = (
    Claim(
        id="frozen-head",
        sentence="Freezing a head keeps its task while everything else learns on.",
        tested="NER entity F1 after three epochs of sentiment alone, its head frozen, less before; "
        "a tenth may be lost",
        chapter=Chapter.FORGETTING,
        rule=Keeps(task="ner", arm=_THEN),
    ),
    Claim(
        id="frozen-head-fast",
        sentence="A frozen head keeps its task even where the encoder learns fast.",
        tested="NER entity F1 after three epochs of sentiment alone at 1e-3, its head frozen, less "
        "before; a tenth may be lost",
        chapter=Chapter.FORGETTING,
        rule=Keeps(task="ner", arm=_THEN_FAST),
    ),
    Claim(
        id="high-rate-forgets",
        sentence="A high learning rate forgets more.",
        tested="NER entity F1 after three epochs of sentiment alone, at 3e-4 less at 1e-3",
        chapter=Chapter.FORGETTING,
        rule=Better(
            task="ner",
            arm=_THEN,
            against=_THEN_FAST,
        ),
    ),
    Claim(
        id="gradual-forgets-less",
        sentence="Thawing layer by layer forgets less than training all layers at once.",
        tested="NER entity F1 after three epochs of sentiment alone, gradual less all at once",
        chapter=Chapter.FORGETTING,
        rule=Better(task="ner", arm=_arm("then sentiment, gradual", "gradual"), against=_THEN),
    ),
    Claim(
        id="high-rate-little-data",
        sentence="A high rate on little data does harm.",
        tested="Sentiment accuracy of full on 100 sentences a task, at 3e-4 less at 1e-3",
        chapter=Chapter.FORGETTING,
        rule=Better(
            task="sentiment",
            arm=_arm("little data", "full"),
            against=_arm("little data, high rate", "full"),
        ),
    ),
    Claim(
        id="noise",
        sentence="Wrong labels harm full fine-tuning more than the heads alone.",
        tested="Sentiment accuracy lost to 30 % wrong labels, full less heads only",
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
        sentence="What is learned on reviews does not carry over to posts whole.",
        tested="Sentiment accuracy of full, on reviews less on social posts",
        chapter=Chapter.FORGETTING,
        rule=Carries(task="sentiment", arm=_FULL, data=POSTS),
    ),
    Claim(
        id="posts-heads",
        sentence="On text of another kind, a frozen encoder does better than full fine-tuning.",
        tested="Sentiment accuracy on social posts, heads only less full",
        chapter=Chapter.FORGETTING,
        rule=Better(task="sentiment", arm=_HEADS, against=_FULL, data=POSTS),
        published=Published(
            text="Over ten shifts of image data: linear probing 7 % better than full",
            source=KUMAR,
            effect=0.07,
        ),
    ),
    Claim(
        id="posts-lp-ft",
        sentence="On text of another kind, heads first and then everything beats full at once.",
        tested="Sentiment accuracy on social posts, LP-FT less full",
        chapter=Chapter.STAGES,
        rule=Better(task="sentiment", arm=_arm("recipes", "lp-ft"), against=_FULL, data=POSTS),
        published=Published(
            text="Over ten shifts of image data: 10 % better than full", source=KUMAR, effect=0.10
        ),
    ),
)
