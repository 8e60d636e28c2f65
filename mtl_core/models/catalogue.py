"""The checkpoints the product knows by name: what each was pretrained on, and what it suits.

Rates: `minilm-l6` takes 3e-4, measured on the sample data (hidden size 384; small encoders want
larger steps). The others take 5e-5, the upper end of the range that Devlin et al. 2019,
appendix A.3, recommend for fine-tuning BERT (2e-5 to 5e-5).
"""

from functools import cache
from pathlib import Path

from mtl_core.errors import UnknownCheckpoint
from mtl_core.values import Frozen

_CONFIGS = Path(__file__).with_name("configs")

BERT_LEARNING_RATE = 5e-5
"""Devlin et al. 2019, A.3: the best of 5e-5, 3e-5, 2e-5; the largest, for short runs."""


class CatalogueEntry(Frozen):
    """One checkpoint known by name.

    `embedded`: its weights are installed with the product. `also_known_as` are older names that
    tutorials still use. `learning_rate` is a sensible start for the encoder when all of it learns.
    """

    name: str
    hub_id: str
    also_known_as: tuple[str, ...] = ()
    title: str
    summary: str
    licence: str
    learning_rate: float
    embedded: bool = False

    @property
    def config_file(self) -> Path:
        """The published configuration, shipped with the product."""
        return _CONFIGS / f"{self.name}.json"

    @property
    def names(self) -> tuple[str, ...]:
        """Everything this entry answers to, its own name first."""
        return (self.name, self.hub_id, *self.also_known_as)


_ENTRIES = (
    CatalogueEntry(
        name="minilm-l6",
        hub_id="sentence-transformers/all-MiniLM-L6-v2",
        also_known_as=("all-MiniLM-L6-v2",),
        title="MiniLM, 6 layers",
        summary="Distilled from a larger English encoder, then trained on a billion sentence "
        "pairs; small enough to fine-tune in a minute without a GPU.",
        licence="Apache-2.0",
        learning_rate=3e-4,
        embedded=True,
    ),
    CatalogueEntry(
        name="bert-base-uncased",
        hub_id="google-bert/bert-base-uncased",
        title="BERT base, uncased",
        summary="Pretrained on English Wikipedia and books, lower-cased; the usual baseline, "
        "weaker where capitals matter, as in names.",
        licence="Apache-2.0",
        learning_rate=BERT_LEARNING_RATE,
    ),
    CatalogueEntry(
        name="roberta-base",
        hub_id="FacebookAI/roberta-base",
        title="RoBERTa base",
        summary="BERT's design pretrained longer on ten times the English text (books, news, "
        "web), case kept; a strong general choice.",
        licence="MIT",
        learning_rate=BERT_LEARNING_RATE,
    ),
    CatalogueEntry(
        name="distilbert-base-uncased",
        hub_id="distilbert/distilbert-base-uncased",
        title="DistilBERT base, uncased",
        summary="BERT base distilled to half its layers on Wikipedia and books; suits tight "
        "budgets of time and memory.",
        licence="Apache-2.0",
        learning_rate=BERT_LEARNING_RATE,
    ),
    CatalogueEntry(
        name="biobert",
        hub_id="dmis-lab/biobert-v1.1",
        title="BioBERT 1.1",
        summary="BERT base, cased, pretrained further on PubMed abstracts; suits biomedical "
        "text such as names of genes, drugs and diseases.",
        licence="Apache-2.0",
        learning_rate=BERT_LEARNING_RATE,
    ),
    CatalogueEntry(
        name="legal-bert",
        hub_id="nlpaueb/legal-bert-base-uncased",
        title="LEGAL-BERT base, uncased",
        summary="BERT base pretrained from scratch on 12 GB of English legislation, court cases "
        "and contracts; suits legal text.",
        licence="CC-BY-SA-4.0",
        learning_rate=BERT_LEARNING_RATE,
    ),
)


def catalogue() -> tuple[CatalogueEntry, ...]:
    """Every entry, the embedded default first."""
    return _ENTRIES


def entry(name: str) -> CatalogueEntry:
    """The entry that answers to `name`: its own name, its hub id or an older hub id.

    Raises UnknownCheckpoint naming the catalogue.
    """
    found = _by_name().get(name)
    if found is None:
        listed = ", ".join(each.name for each in _ENTRIES)
        raise UnknownCheckpoint(f"'{name}' is not in the catalogue. It holds: {listed}.")
    return found


@cache
def _by_name() -> dict[str, CatalogueEntry]:
    return {name: each for each in _ENTRIES for name in each.names}
