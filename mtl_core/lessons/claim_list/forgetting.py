"""Claims about other kinds of text."""

from mtl_core.analysis.claim_rules import Arm, Better, Loses
from mtl_core.lessons.claim import Chapter, Claim, Published
from mtl_core.lessons.claim_list.arms import ACCURACY, FULL, FULL_BUDGET, HEADS, first_token
from mtl_core.lessons.experiments import POSTS
from mtl_core.lessons.sources import KUMAR

_SHIFT = "Domain shift causes forgetting"
_LINEAR_PROBING = Published(
    text="Ten shifts of image data: linear probing 7 % better than full", source=KUMAR, effect=0.07
)

FORGETTING_CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="posts",
        sentence="On social posts, a model trained on reviews is worse than one trained on posts.",
        statement=_SHIFT,
        tested="Sentiment accuracy on social posts: full trained on 200 posts minus full trained "
        "on 200 reviews",
        control="same test posts, plan, number of sentences and steps; only the training sentences "
        "differ, and every seed reads the same ones",
        chapter=Chapter.FORGETTING,
        rule=Better(
            task="sentiment",
            arm=Arm(experiment="posts", scenario="full"),
            against=Arm(experiment="200 reviews", scenario="full"),
            margin=ACCURACY,
            data=POSTS,
        ),
        stated_effect=0.08,
    ),
    Claim(
        id="posts-after-reviews",
        sentence="Training on reviews makes a model worse on the posts that it was trained on.",
        statement=_SHIFT,
        tested="Sentiment accuracy on social posts of a model trained on posts: before minus after "
        "training on reviews",
        control="the same model and test posts before and after",
        chapter=Chapter.FORGETTING,
        rule=Loses(
            task="sentiment",
            arm=Arm(experiment="reviews after posts", scenario="full"),
            margin=ACCURACY,
            data=POSTS,
        ),
        stated_effect=0.08,
    ),
    Claim(
        id="posts-heads",
        sentence="On a different kind of text, a frozen encoder beats full fine-tuning.",
        statement=_SHIFT,
        tested="Sentiment accuracy on social posts: heads only minus full",
        control=FULL_BUDGET,
        chapter=Chapter.FORGETTING,
        rule=Better(task="sentiment", arm=HEADS, against=FULL, margin=ACCURACY, data=POSTS),
        published=_LINEAR_PROBING,
    ),
    Claim(
        id="posts-heads-first-token",
        sentence="With the first token, a frozen encoder beats full fine-tuning on a different "
        "kind of text.",
        statement=_SHIFT,
        tested="Sentiment accuracy on social posts with the first token: heads only minus full",
        control=FULL_BUDGET,
        chapter=Chapter.FORGETTING,
        rule=Better(
            task="sentiment",
            arm=first_token("heads-only"),
            against=first_token("full"),
            margin=ACCURACY,
            data=POSTS,
        ),
        published=_LINEAR_PROBING,
    ),
)
