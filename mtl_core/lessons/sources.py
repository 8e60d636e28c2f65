"""The papers cited by the guide."""

from mtl_core.values import Frozen


class Source(Frozen):
    """A paper and the part of it that is cited."""

    authors: str
    year: int
    title: str
    part: str
    url: str

    @property
    def short(self) -> str:
        """A short citation: `Howard & Ruder 2018, section 3.3`. The abstract is not named."""
        where = "" if self.part == "abstract" else f", {self.part}"
        return f"{self.authors} {self.year}{where}"


HOWARD_RUDER_RATES = Source(
    authors="Howard & Ruder",
    year=2018,
    title="Universal Language Model Fine-tuning for Text Classification",
    part="section 3.2",
    url="https://aclanthology.org/P18-1031/",
)
HOWARD_RUDER_THAW = HOWARD_RUDER_RATES.model_copy(update={"part": "section 3.3"})
HOWARD_RUDER_PRETRAINING = HOWARD_RUDER_RATES.model_copy(update={"part": "table 4"})
HOWARD_RUDER_ABLATION = HOWARD_RUDER_RATES.model_copy(update={"part": "table 7"})
DEVLIN = Source(
    authors="Devlin et al.",
    year=2019,
    title="BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding",
    part="appendix A.3",
    url="https://aclanthology.org/N19-1423/",
)
LEE = Source(
    authors="Lee, Tang & Lin",
    year=2019,
    title="What Would Elsa Do? Freezing Layers During Transformer Fine-Tuning",
    part="abstract",
    url="https://arxiv.org/abs/1911.03090",
)
KUMAR = Source(
    authors="Kumar et al.",
    year=2022,
    title="Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution",
    part="abstract",
    url="https://arxiv.org/abs/2202.10054",
)
PETERS = Source(
    authors="Peters, Ruder & Smith",
    year=2019,
    title="To Tune or Not to Tune? Adapting Pretrained Representations to Diverse Tasks",
    part="abstract",
    url="https://aclanthology.org/W19-4302/",
)
FELBO = Source(
    authors="Felbo et al.",
    year=2017,
    title="Using Millions of Emoji Occurrences to Learn Any-domain Representations for Detecting "
    "Sentiment, Emotion and Sarcasm",
    part="section 3.3",
    url="https://aclanthology.org/D17-1169/",
)
BEN_ZAKEN = Source(
    authors="Ben Zaken, Goldberg & Ravfogel",
    year=2022,
    title="BitFit: Simple Parameter-efficient Fine-tuning for Transformer-based Masked "
    "Language-models",
    part="abstract",
    url="https://aclanthology.org/2022.acl-short.1/",
)
QI = Source(
    authors="Qi et al.",
    year=2022,
    title="Parameter-Efficient Tuning on Layer Normalization for Pre-trained Language Models",
    part="abstract",
    url="https://arxiv.org/abs/2211.08682",
)
SUN = Source(
    authors="Sun et al.",
    year=2019,
    title="How to Fine-Tune BERT for Text Classification?",
    part="section 5.3.4",
    url="https://arxiv.org/abs/1905.05583",
)
MERCHANT = Source(
    authors="Merchant et al.",
    year=2020,
    title="What Happens To BERT Embeddings During Fine-tuning?",
    part="abstract",
    url="https://arxiv.org/abs/2004.14448",
)
DODGE = Source(
    authors="Dodge et al.",
    year=2020,
    title="Fine-Tuning Pretrained Language Models: Weight Initializations, Data Orders, and Early "
    "Stopping",
    part="abstract",
    url="https://arxiv.org/abs/2002.06305",
)
