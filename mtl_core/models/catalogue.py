"""The catalogue of checkpoints: pretraining text, tokenizer, licence and recommended use."""

from enum import StrEnum
from functools import cache
from pathlib import Path

from mtl_core.errors import UnknownCheckpoint
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.values import Frozen

_CONFIGS = Path(__file__).with_name("configs")


class Domain(StrEnum):
    """The kind of text a checkpoint was pretrained on."""

    GENERAL = "general"  # English of books, Wikipedia and the web
    BIOMEDICAL = "biomedical"
    LEGAL = "legal"
    MULTILINGUAL = "multilingual"


class TokenizerFamily(StrEnum):
    """The tokenization algorithm of a checkpoint."""

    WORDPIECE = "WordPiece"  # longest match from the left; continuations start with ##
    BPE = "BPE"  # merges of bytes; no unknown tokens
    SENTENCEPIECE = "SentencePiece"  # pieces of raw text, including the space


class CatalogueEntry(Frozen):
    """One checkpoint of the catalogue.

    `embedded`: its weights are installed with Freeze Lab. `also_known_as` are older names that
    tutorials still use. `suits` is the recommended use in a few words. `cased`: the tokenizer
    distinguishes upper and lower case. `sentence_vector` is the default of its runs.
    """

    name: str
    hub_id: str
    also_known_as: tuple[str, ...] = ()
    title: str
    summary: str
    suits: str
    licence: str
    domain: Domain = Domain.GENERAL
    cased: bool
    tokenizer: TokenizerFamily = TokenizerFamily.WORDPIECE
    embedded: bool = False
    sentence_vector: SentenceVector = SentenceVector.FIRST_TOKEN

    @property
    def config_file(self) -> Path:
        """The published configuration, shipped with the product."""
        return _CONFIGS / f"{self.name}.json"

    @property
    def names(self) -> tuple[str, ...]:
        """All names of this entry, its catalogue name first."""
        return (self.name, self.hub_id, *self.also_known_as)


EMBEDDED = "minilm-l6"
"""The checkpoint whose weights are installed with Freeze Lab: the default everywhere."""

_ENTRIES = (
    CatalogueEntry(
        name=EMBEDDED,
        hub_id="sentence-transformers/all-MiniLM-L6-v2",
        also_known_as=("all-MiniLM-L6-v2",),
        title="MiniLM, 6 layers",
        summary="Distilled from a larger English encoder, then trained on a billion sentence "
        "pairs. Fine-tuning takes about a minute without a GPU.",
        suits="a first, quick try",
        licence="Apache-2.0",
        cased=False,
        embedded=True,
        sentence_vector=SentenceVector.MEAN,
    ),
    CatalogueEntry(
        name="bert-base-uncased",
        hub_id="google-bert/bert-base-uncased",
        title="BERT base, uncased",
        summary="Pretrained on lower-cased English Wikipedia and books. The usual baseline; weaker "
        "if capitals matter, as in names.",
        suits="the usual baseline",
        licence="Apache-2.0",
        cased=False,
    ),
    CatalogueEntry(
        name="roberta-base",
        hub_id="FacebookAI/roberta-base",
        title="RoBERTa base",
        summary="BERT's design pretrained longer on ten times as much English text (books, news, "
        "web), cased. A strong general choice.",
        suits="general English",
        licence="MIT",
        cased=True,
        tokenizer=TokenizerFamily.BPE,
    ),
    CatalogueEntry(
        name="distilbert-base-uncased",
        hub_id="distilbert/distilbert-base-uncased",
        title="DistilBERT base, uncased",
        summary="BERT base distilled to half its layers on Wikipedia and books; suits tight "
        "budgets of time and memory.",
        suits="tight time and memory",
        licence="Apache-2.0",
        cased=False,
    ),
    CatalogueEntry(
        name="biobert",
        hub_id="dmis-lab/biobert-v1.1",
        title="BioBERT 1.1",
        summary="BERT base, cased, pretrained further on PubMed abstracts; suits biomedical "
        "text such as names of genes, drugs and diseases.",
        suits="biomedical text",
        licence="Apache-2.0",
        domain=Domain.BIOMEDICAL,
        cased=True,
    ),
    CatalogueEntry(
        name="legal-bert",
        hub_id="nlpaueb/legal-bert-base-uncased",
        title="LEGAL-BERT base, uncased",
        summary="BERT base pretrained from scratch on 12 GB of English legislation, court cases "
        "and contracts; suits legal text.",
        suits="legal text",
        licence="CC-BY-SA-4.0",
        domain=Domain.LEGAL,
        cased=False,
    ),
    CatalogueEntry(
        name="minilm-l12",
        hub_id="sentence-transformers/all-MiniLM-L12-v2",
        also_known_as=("all-MiniLM-L12-v2",),
        title="MiniLM, 12 layers",
        summary="MiniLM at BERT base's depth and half its width, trained on the same sentence "
        "pairs as the one with 6 layers; many layers to choose from at little cost.",
        suits="many cheap layers",
        licence="Apache-2.0",
        cased=False,
    ),
    CatalogueEntry(
        name="bert-large-uncased",
        hub_id="google-bert/bert-large-uncased",
        title="BERT large, uncased",
        summary="BERT with 24 wide layers, pretrained like BERT base. Stronger, but needs a GPU; "
        "freezing saves the most here.",
        suits="quality; needs a GPU",
        licence="Apache-2.0",
        cased=False,
    ),
    CatalogueEntry(
        name="electra-small",
        hub_id="google/electra-small-discriminator",
        title="ELECTRA small",
        summary="Pretrained on lower-cased English to tell replaced words from real ones; 12 "
        "layers of width 256 with embeddings of width 128, an eighth of the size of BERT base.",
        suits="the smallest layers",
        licence="Apache-2.0",
        cased=False,
    ),
    CatalogueEntry(
        name="deberta-v3-small",
        hub_id="microsoft/deberta-v3-small",
        title="DeBERTa v3 small",
        summary="Six layers that attend to content and relative position separately. The "
        "vocabulary of 128,100 has 70 % of the parameters. Strong for its depth.",
        suits="quality in few layers",
        licence="MIT",
        cased=True,
        tokenizer=TokenizerFamily.SENTENCEPIECE,
    ),
    CatalogueEntry(
        name="albert-base-v2",
        hub_id="albert/albert-base-v2",
        title="ALBERT base v2",
        summary="One layer used twelve times, pretrained on Wikipedia and books: a small file, but "
        "as slow as BERT base. All layers are trained or frozen together.",
        suits="a very small file",
        licence="Apache-2.0",
        cased=False,
        tokenizer=TokenizerFamily.SENTENCEPIECE,
    ),
    CatalogueEntry(
        name="xlm-roberta-base",
        hub_id="FacebookAI/xlm-roberta-base",
        title="XLM-RoBERTa base",
        summary="RoBERTa's design pretrained on web text in 100 languages. 70 % of its "
        "parameters are the embeddings of 250,002 word pieces.",
        suits="100 languages",
        licence="MIT",
        domain=Domain.MULTILINGUAL,
        cased=True,
        tokenizer=TokenizerFamily.SENTENCEPIECE,
    ),
    CatalogueEntry(
        name="modernbert-base",
        hub_id="answerdotai/ModernBERT-base",
        title="ModernBERT base",
        summary="BERT rebuilt in 2024: 22 layers, rotary positions, two trillion tokens of English "
        "and code, texts of up to 8,192 tokens.",
        suits="long texts, and code",
        licence="Apache-2.0",
        cased=True,
        tokenizer=TokenizerFamily.BPE,
    ),
)


def catalogue() -> tuple[CatalogueEntry, ...]:
    """All entries, the embedded default first."""
    return _ENTRIES


def entry(name: str) -> CatalogueEntry:
    """The entry with this catalogue name, hub id or older name.

    Raises UnknownCheckpoint that lists the catalogue.
    """
    found = _by_name().get(name)
    if found is None:
        listed = ", ".join(each.name for each in _ENTRIES)
        raise UnknownCheckpoint(f"'{name}' is not in the catalogue. Available: {listed}.")
    return found


@cache
def _by_name() -> dict[str, CatalogueEntry]:
    return {name: each for each in _ENTRIES for name in each.names}
