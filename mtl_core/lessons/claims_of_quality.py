"""Claims about quality: how little of a model has to learn, and in which order."""

from mtl_core.analysis.claim_rules import Arm, Better
from mtl_core.lessons.claim import Chapter, Claim, Published
from mtl_core.lessons.sources import (
    BEN_ZAKEN,
    HOWARD_RUDER_ABLATION,
    HOWARD_RUDER_PRETRAINING,
    KUMAR,
    LEE,
)


def _standard(scenario: str) -> Arm:
    return Arm(experiment="standard", scenario=scenario)


def _recipe(scenario: str) -> Arm:
    return Arm(experiment="recipes", scenario=scenario)


FULL = _standard("full")

_A_QUARTER = Published(text="a quarter of the layers reaches 90 %", source=LEE)
_CLOSE = Published(text="competitive with full on small to medium data", source=BEN_ZAKEN)

CLAIMS_OF_QUALITY = (
    Claim(
        id="heads-sentiment",
        sentence="For sentiment, the heads alone keep 90 % of full's quality.",
        tested="Sentiment accuracy, heads only less full; a tenth may be lost",
        chapter=Chapter.DEPTH,
        rule=Better(task="sentiment", arm=_standard("heads-only"), against=FULL, keeps=0.9),
        published=Published(
            text="On IMDb, with an LSTM: error 6.49 for the last layer alone, 6.87 for full",
            source=HOWARD_RUDER_ABLATION,
            effect=0.0038,
            checked=False,
        ),
    ),
    Claim(
        id="heads-ner",
        sentence="For entities, the heads alone keep 90 % of full's quality.",
        tested="NER entity F1, heads only less full; a tenth may be lost",
        chapter=Chapter.DEPTH,
        rule=Better(task="ner", arm=_standard("heads-only"), against=FULL, keeps=0.9),
    ),
    Claim(
        id="quarter-sentiment",
        sentence="For sentiment, the top quarter of the layers reaches 90 % of full.",
        tested="Sentiment accuracy, top 2 of 6 layers less full; a tenth may be lost",
        chapter=Chapter.DEPTH,
        rule=Better(task="sentiment", arm=_standard("top-2"), against=FULL, keeps=0.9),
        published=_A_QUARTER,
    ),
    Claim(
        id="quarter-ner",
        sentence="For entities, the top quarter of the layers reaches 90 % of full.",
        tested="NER entity F1, top 2 of 6 layers less full; a tenth may be lost",
        chapter=Chapter.DEPTH,
        rule=Better(task="ner", arm=_standard("top-2"), against=FULL, keeps=0.9),
        published=_A_QUARTER,
    ),
    Claim(
        id="quarter-bert-base",
        sentence="On bert-base, three of twelve layers reach 90 % of full for sentiment.",
        tested="Sentiment accuracy, top 3 of 12 layers less full; a tenth may be lost",
        chapter=Chapter.DEPTH,
        rule=Better(
            task="sentiment",
            arm=Arm(experiment="bert-base", scenario="top-3"),
            against=Arm(experiment="bert-base", scenario="full"),
            keeps=0.9,
        ),
        published=_A_QUARTER,
    ),
    Claim(
        id="biases-sentiment",
        sentence="For sentiment, training the biases alone comes close to full fine-tuning.",
        tested="Sentiment accuracy, biases and heads less full; a twentieth may be lost",
        chapter=Chapter.DEPTH,
        rule=Better(task="sentiment", arm=_recipe("bitfit"), against=FULL, keeps=0.95),
        published=_CLOSE,
    ),
    Claim(
        id="biases-ner",
        sentence="For entities, training the biases alone comes close to full fine-tuning.",
        tested="NER entity F1, biases and heads less full; a twentieth may be lost",
        chapter=Chapter.DEPTH,
        rule=Better(task="ner", arm=_recipe("bitfit"), against=FULL, keeps=0.95),
        published=_CLOSE,
    ),
    Claim(
        id="pretraining",
        sentence="It is the pretraining that makes a frozen encoder useful.",
        tested="NER entity F1, heads on the pretrained encoder less heads on a random one",
        chapter=Chapter.CHECKPOINT,
        rule=Better(
            task="ner",
            arm=_standard("heads-only"),
            against=Arm(experiment="random encoder", scenario="heads-only"),
        ),
        published=Published(
            text="On IMDb, all layers learning: error 5.00 with pretraining, 5.63 without",
            source=HOWARD_RUDER_PRETRAINING,
            effect=0.0063,
        ),
    ),
    Claim(
        id="gradual",
        sentence="Thawing layer by layer is better than training everything at once.",
        tested="Sentiment accuracy, gradual (down to the top 3) less full",
        chapter=Chapter.GRADUAL,
        rule=Better(task="sentiment", arm=_standard("gradual"), against=FULL),
        published=Published(
            text="On IMDb, with an LSTM: error 6.37, 6.87 for full",
            source=HOWARD_RUDER_ABLATION,
            effect=0.005,
            checked=False,
        ),
    ),
    Claim(
        id="chain-thaw",
        sentence="Thawing one layer at a time, each alone, is better than all at once.",
        tested="Sentiment accuracy, chain-thaw less full",
        chapter=Chapter.GRADUAL,
        rule=Better(task="sentiment", arm=_recipe("chain-thaw"), against=FULL),
        published=Published(
            text="On IMDb, with an LSTM: error 5.39, 6.87 for full",
            source=HOWARD_RUDER_ABLATION,
            effect=0.0148,
            checked=False,
        ),
    ),
    Claim(
        id="discriminative",
        sentence="Smaller rates for lower layers help.",
        tested="Sentiment accuracy, discriminative rates less one rate for all",
        chapter=Chapter.RATES,
        rule=Better(task="sentiment", arm=_standard("discriminative"), against=FULL),
    ),
    Claim(
        id="ulmfit",
        sentence="ULMFiT's three habits together are better than full fine-tuning.",
        tested="Sentiment accuracy, ULMFiT less full",
        chapter=Chapter.ULMFIT,
        rule=Better(task="sentiment", arm=_recipe("ulmfit"), against=FULL),
        published=Published(
            text="On IMDb, with an LSTM: error 5.00, 6.87 for full",
            source=HOWARD_RUDER_ABLATION,
            effect=0.0187,
            checked=False,
        ),
    ),
    Claim(
        id="lp-ft",
        sentence="Training the heads first and then everything is better than full at once.",
        tested="Sentiment accuracy, LP-FT less full",
        chapter=Chapter.STAGES,
        rule=Better(task="sentiment", arm=_recipe("lp-ft"), against=FULL),
        published=Published(
            text="On images, where the test data are like the training data: 1 % better",
            source=KUMAR,
            effect=0.01,
        ),
    ),
)
