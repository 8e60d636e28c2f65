"""The chapters of the guide: short texts with their sources.

A statement taken from a paper names the paper. All others follow from the mechanics of training,
and the claims of the chapter test them with runs.
"""

from mtl_core.analysis.training_losses import training_loss_note
from mtl_core.lessons.claim import Chapter
from mtl_core.lessons.sources import (
    DEVLIN,
    FELBO,
    HOWARD_RUDER_RATES,
    HOWARD_RUDER_THAW,
    KUMAR,
    LEE,
    MERCHANT,
    PETERS,
    SUN,
    Source,
)
from mtl_core.values import Frozen


class GuideChapter(Frozen):
    """A chapter: title, paragraphs, optional numbered steps and sources.

    `scenarios` are the scenarios whose lessons the chapter shows.
    """

    chapter: Chapter
    title: str
    paragraphs: tuple[str, ...]
    steps: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()


CHAPTERS: tuple[GuideChapter, ...] = (
    GuideChapter(
        chapter=Chapter.SCENARIOS,
        title="What to train and what to freeze",
        paragraphs=(
            "A multi-task model has one encoder that reads the sentence and one small head for "
            "each task. Freezing decides which of these parts can change during training.",
            "Three choices are the extremes: train nothing, train only the heads, or train "
            "everything. All other choices lie between them, such as training everything except "
            "one head.",
        ),
        scenarios=("frozen", "heads-only", "freeze-head:ner", "full"),
    ),
    GuideChapter(
        chapter=Chapter.CHECKPOINT,
        title="Choosing a checkpoint",
        paragraphs=(
            "Frozen parts are used exactly as they were pretrained. The less you train, the more "
            "the checkpoint matters. Check three things: the text it was pretrained on, how its "
            "tokenizer splits the words of your field, and the cost of a training step.",
            "For everyday English, start with a general encoder of moderate size. For medical "
            "papers or contracts, use one that was pretrained on such text: biobert or "
            "legal-bert. For several languages, use xlm-roberta-base.",
            "A sentence head needs one vector for the whole sentence. BERT's task models read the "
            "state of the **first token**. Encoders for sentence similarity, such as minilm-l6, "
            "were trained with the **mean of all tokens**; their first token was never trained to "
            "represent the sentence. A frozen encoder cannot adapt, so its heads should read what "
            "it was trained with. That is the default here; “Sentence vector” on the Train page "
            "and `--sentence-vector` on the command line change it. Claims that a frozen encoder "
            "is better or worse for sentiment are tested with both.",
        ),
        sources=(DEVLIN, PETERS),
    ),
    GuideChapter(
        chapter=Chapter.DEPTH,
        title="Heads only, the top layers, or everything",
        paragraphs=(
            "**Heads only.** The encoder produces fixed features, and each head is trained on "
            "them. Training is fast and stable. The quality is limited by what these features "
            "contain.",
            "**The top layers.** The top one to three layers are trained together with the heads. "
            "They adapt the features that the heads read. The layers below keep their pretrained "
            "weights.",
            "**Everything.** The model can adapt the most. It also costs the most, can forget "
            "the most, and needs enough labels for so many parameters.",
            "How many layers to train depends on the task. Classifying the sentiment of a sentence "
            "needs fewer of them than finding where a name begins and ends.",
            str(training_loss_note()),
        ),
        scenarios=("top-1", "bitfit"),
        sources=(LEE, PETERS),
    ),
    GuideChapter(
        chapter=Chapter.COST,
        title="What freezing saves",
        paragraphs=(
            "Time and memory depend less on the share of trainable parameters than on the depth of "
            "the lowest trainable tensor. The gradient has to reach it, and all activations on the "
            "way are held in memory. The share decides how much the gradients and the optimizer "
            "hold.",
            "Below that depth the encoder computes the same output for a sentence in every epoch. "
            "Freeze Lab computes it once and reuses it. Most of the speed-up comes from this.",
        ),
    ),
    GuideChapter(
        chapter=Chapter.STAGES,
        title="Protect, specialize, prevent forgetting",
        paragraphs=(
            "**Protect.** Keep the low layers frozen. They hold knowledge that every task uses: "
            "spelling, word forms, grammar.",
            "**Specialize.** Train the high layers and the heads. They are closest to the output "
            "and adapt to the task.",
            "**Prevent forgetting.** To train more, unfreeze the layers step by step, after the "
            "layers above have been trained. Then the lower layers receive smaller gradients.",
        ),
        scenarios=("top-2", "lp-ft"),
        sources=(KUMAR, MERCHANT),
    ),
    GuideChapter(
        chapter=Chapter.GRADUAL,
        title="Gradual unfreezing in five steps",
        paragraphs=(
            "Howard and Ruder train each step for one epoch. Here the steps share the epochs of a "
            "run.",
        ),
        steps=(
            "Freeze the whole encoder.",
            "Train the heads at a learning rate of about 1e-2.",
            "Unfreeze the last layer and train it with the heads at a small learning rate.",
            "Unfreeze the layer below. Continue downward, one layer at a time.",
            "Optional: use smaller learning rates for lower layers.",
        ),
        scenarios=("gradual", "chain-thaw"),
        sources=(HOWARD_RUDER_THAW, FELBO),
    ),
    GuideChapter(
        chapter=Chapter.RATES,
        title="A learning rate for each layer",
        paragraphs=(
            "Instead of freezing a layer, you can give it a smaller learning rate. Howard and "
            "Ruder divide the rate by 2.6 from each layer to the one below, on three layers.",
            "On a deep model, the rates of the lower layers become too small. With twelve layers, "
            "the lowest has 1/37,000 of the top's rate and the embeddings 1/95,000: they are "
            "almost frozen but cost the full backward pass. A factor of 0.95 per layer reduces the "
            "rates less.",
        ),
        scenarios=("discriminative",),
        sources=(HOWARD_RUDER_RATES, SUN),
    ),
    GuideChapter(
        chapter=Chapter.ULMFIT,
        title="ULMFiT",
        paragraphs=(
            "Universal Language Model Fine-tuning (2018) made transfer learning common in natural "
            "language processing. It has three stages: pretrain a language model on general text, "
            "continue on the text of the task, then train the classifier.",
            "The last stage combines three techniques: gradual unfreezing from the top, smaller "
            "learning rates for lower layers, and a learning rate that rises quickly and falls "
            "slowly. The paper used an LSTM. Whether its results hold for a transformer is an "
            "open question that runs can answer.",
        ),
        scenarios=("ulmfit",),
        sources=(HOWARD_RUDER_RATES, HOWARD_RUDER_THAW),
    ),
    GuideChapter(
        chapter=Chapter.FORGETTING,
        title="Catastrophic forgetting and its three causes",
        paragraphs=(
            "A network forgets when training on one task overwrites weights that served another. "
            "The loss of the task in training does not show this.",
            "**All layers at once.** Untrained heads send large errors into every layer.",
            "**A high learning rate on little or noisy data.** Each step is large, and a few "
            "sentences or wrong labels decide its direction.",
            "**A different kind of text.** From encyclopedias to reviews, or from reviews to "
            "social posts: what a model learns on one kind may be wrong on another.",
            "Freezing a head does not protect its task. The weights of the head stay "
            "bit-identical, but the encoder output that it reads changes.",
        ),
        scenarios=("freeze-head:ner",),
        sources=(HOWARD_RUDER_THAW, KUMAR, MERCHANT),
    ),
    GuideChapter(
        chapter=Chapter.EVIDENCE,
        title="How reliable is a comparison?",
        paragraphs=(
            "Two runs that differ only in the seed end with different scores. A claim therefore "
            "**holds** only if its whole 95 % interval lies above the required value. It **does "
            "not hold** if the whole interval is below the smallest effect that matters. "
            "Otherwise it is **undecided**: these runs do not show which. Bar, margin and number "
            "of seeds were written before the runs.",
            "Each verdict alone is wrong with a probability of at most 5 %. Among dozens of "
            "claims, some are then wrong by chance. Holm's adjustment shows which verdicts hold "
            "together.",
            "A comparison of plans calls each plan **equivalent** to the best, **below** it or "
            "**undecided**. A difference that was not found does not make two plans equal: "
            "“Decisions” explains the verdicts with pictures.",
            "A verdict applies to this checkpoint and this data. A claim that does not hold here "
            "may hold elsewhere, and vice versa. The settings are shown so that you can judge "
            "whether a verdict applies to your case.",
        ),
    ),
)
"""In reading order."""
