"""The chapters of the guide: short texts in plain words, each with its sources.

What rests on a paper names it. What rests on none follows from the mechanics, and the claims
beside a chapter are where runs say whether it is so.
"""

from mtl_core.lessons.chapters_of_training import CHAPTERS_OF_TRAINING
from mtl_core.lessons.claim import Chapter
from mtl_core.lessons.guide_chapter import GuideChapter
from mtl_core.lessons.sources import DEVLIN, LEE, PETERS

_CHAPTERS = (
    GuideChapter(
        chapter=Chapter.SCENARIOS,
        title="What may learn",
        paragraphs=(
            "A multi-task model has one encoder that reads the sentence and one small head for "
            "each task. Freezing decides which of these may change. Three choices stand at the "
            "corners: nothing learns, only the heads learn, or all but one head learns. The "
            "others lie between them.",
        ),
        scenarios=("frozen", "heads-only", "freeze-head:ner", "full"),
    ),
    GuideChapter(
        chapter=Chapter.CHECKPOINT,
        title="Choosing a checkpoint",
        paragraphs=(
            "Everything that is frozen is taken over as it is, so the checkpoint matters more the "
            "less of it learns. Look at three things: the text it was pretrained on, how its "
            "tokenizer cuts the words of your field, and what a step costs.",
            "For everyday English a general encoder of moderate size is the place to start. For "
            "medical papers or contracts, one that was pretrained on such text knows their words: "
            "biobert and legal-bert. For several languages, xlm-roberta-base.",
        ),
        sources=(DEVLIN, PETERS),
    ),
    GuideChapter(
        chapter=Chapter.DEPTH,
        title="Heads only, a part, or everything",
        paragraphs=(
            "**Heads only.** The encoder puts out fixed numbers and each head learns to read "
            "them. Quick, hard to spoil, and bounded by what those numbers say.",
            "**A part.** The top layers learn along, mostly one to three. They shape what the "
            "heads read, while the layers below stay as pretraining left them.",
            "**Everything.** The most room to adapt, the most to pay, and the most to lose. It "
            "asks for labels enough to steer that many numbers.",
            "How far down one has to go depends on the task: naming a mood needs less of the "
            "encoder than finding where a name begins and ends.",
        ),
        scenarios=("top-1", "bitfit"),
        sources=(LEE, PETERS),
    ),
    GuideChapter(
        chapter=Chapter.COST,
        title="What freezing saves",
        paragraphs=(
            "Time and memory do not follow the share of parameters that learn. They follow the "
            "depth of the lowest tensor that learns: the gradient has to travel down to it, and "
            "all activations on the way must be kept.",
            "Below that depth the encoder gives the same numbers for a sentence every time, so "
            "they can be computed once and kept. This is where most of the speed comes from.",
        ),
    ),
)

CHAPTERS: tuple[GuideChapter, ...] = (*_CHAPTERS, *CHAPTERS_OF_TRAINING)
"""In the order in which they are read."""
