"""The guide's chapters on how to train: stages, thawing, rates, forgetting, and what to believe."""

from mtl_core.lessons.claim import Chapter
from mtl_core.lessons.guide_chapter import GuideChapter
from mtl_core.lessons.sources import (
    FELBO,
    HOWARD_RUDER_RATES,
    HOWARD_RUDER_THAW,
    KUMAR,
    MERCHANT,
    SUN,
)

CHAPTERS_OF_TRAINING = (
    GuideChapter(
        chapter=Chapter.STAGES,
        title="Protect, specialize, prevent forgetting",
        paragraphs=(
            "**Protect.** Keep the low layers frozen. They hold what serves every task: spelling, "
            "word forms, grammar.",
            "**Specialize.** Let the high layers and the heads learn. They are nearest to the "
            "answer and take on what is special to the task.",
            "**Prevent forgetting.** If more is to learn, thaw it step by step, when the layers "
            "above have settled, so that no large error runs down into layers that were good.",
        ),
        scenarios=("top-2", "lp-ft"),
        sources=(KUMAR, MERCHANT),
    ),
    GuideChapter(
        chapter=Chapter.GRADUAL,
        title="Gradual unfreezing in five steps",
        paragraphs=("Each step ends when the validation loss no longer falls.",),
        steps=(
            "Freeze the whole encoder.",
            "Train the heads, at about 1e-2.",
            "Thaw the last layer and train it with the heads, at a small rate.",
            "Thaw the layer below, and go on downward one layer at a time.",
            "If you like, give lower layers smaller rates than upper ones.",
        ),
        scenarios=("gradual", "chain-thaw"),
        sources=(HOWARD_RUDER_THAW, FELBO),
    ),
    GuideChapter(
        chapter=Chapter.RATES,
        title="A rate for each layer",
        paragraphs=(
            "A layer can be held back without being frozen: give it a smaller learning rate. "
            "Howard and Ruder divide by 2.6 from each layer to the one below, on three layers.",
            "On a deep stack that is a strong brake. Over twelve layers the lowest learns 95,000 "
            "times slower than the top: frozen, at the price of training. A factor of 0.95 a "
            "layer is gentler.",
        ),
        scenarios=("discriminative",),
        sources=(HOWARD_RUDER_RATES, SUN),
    ),
    GuideChapter(
        chapter=Chapter.ULMFIT,
        title="ULMFiT",
        paragraphs=(
            "Universal Language Model Fine-tuning (2018) made transfer usual in language work. It "
            "has three stages: pretrain a language model on general text, go on with it on the "
            "text of the task, then train the classifier.",
            "The last stage joins three habits: thaw from the top, smaller rates below, and a "
            "rate that rises quickly and falls slowly. Its model was an LSTM; whether its figures "
            "hold for a transformer is a question for runs.",
        ),
        scenarios=("ulmfit",),
        sources=(HOWARD_RUDER_RATES, HOWARD_RUDER_THAW),
    ),
    GuideChapter(
        chapter=Chapter.FORGETTING,
        title="Catastrophic forgetting and its three causes",
        paragraphs=(
            "A network forgets when training for one thing overwrites what served another. What "
            "is lost need not show in the loss that is being lowered.",
            "**All layers at once.** Random heads send large errors into every layer before they "
            "have learned anything.",
            "**A high rate on little or noisy data.** Each step is large, and a few sentences or "
            "wrong labels decide where it leads.",
            "**Text of another kind.** From encyclopedia to reviews, or from reviews to posts: "
            "what is learned in one register may be wrong in the other.",
            "A frozen head is no protection by itself. Its weights stay, to the bit, but it reads "
            "what the encoder puts out, and the encoder has moved.",
        ),
        scenarios=("freeze-head:ner",),
        sources=(HOWARD_RUDER_THAW, KUMAR, MERCHANT),
    ),
    GuideChapter(
        chapter=Chapter.EVIDENCE,
        title="How sure is a comparison?",
        paragraphs=(
            "Two runs that differ in nothing but the seed end with different scores. So a "
            "difference counts here only if its 95 % interval leaves out what the claim excludes; "
            "otherwise it is within noise, whichever way it points.",
            "Verdicts are of this checkpoint and this data. A claim that does not hold here may "
            "hold elsewhere, and the other way round: the settings are shown so that you can "
            "judge how far they reach.",
        ),
    ),
)
