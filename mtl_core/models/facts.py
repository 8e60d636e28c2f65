"""What is compared before a checkpoint is chosen: size, text, licence, and what it suits."""

from dataclasses import dataclass

from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.catalogue import CatalogueEntry, Domain, TokenizerFamily, catalogue
from mtl_core.models.checkpoint import has_weights, resolve_checkpoint
from mtl_core.models.costs import (
    FLOAT32_BYTES,
    embedding_parameters,
    multiplications_per_token,
    training_bytes,
)


@dataclass(frozen=True, slots=True)
class CheckpointFacts:
    """One checkpoint of the catalogue, in the terms a reader compares.

    Counts are of the bare encoder, each tensor once, and come from the shipped description.
    `layers` is how many a token passes through, `layers_of_their_own` how many sets of weights
    they are (1 where all share one). `embedding_parameters` are the tensors below the stack: what
    a vocabulary costs. `multiplications_per_token` is one pass through the stack. `max_tokens`: the
    longest text, None without a limit. `weights_here`: safetensors weights are on this machine.
    """

    name: str
    title: str
    hub_id: str
    licence: str
    domain: Domain
    cased: bool
    tokenizer: TokenizerFamily
    summary: str
    suits: str
    architecture: str
    layers: int
    layers_of_their_own: int
    hidden_size: int
    vocabulary_size: int
    max_tokens: int | None
    parameters: int
    embedding_parameters: int
    multiplications_per_token: int
    weights_here: bool

    @property
    def download_bytes(self) -> int:
        """What the encoder weighs in float32.

        The published file may differ: with its pretraining head it is a little larger, in half
        precision half as large.
        """
        return self.parameters * FLOAT32_BYTES

    @property
    def download_megabytes(self) -> int:
        """`download_bytes` in whole megabytes of 1,000,000 bytes."""
        return round(self.download_bytes / 1_000_000)

    @property
    def training_bytes(self) -> int:
        """What training all of it keeps in memory, activations left out: `costs.training_bytes`."""
        return training_bytes(self.parameters)

    @property
    def embedding_share(self) -> float:
        """The embeddings' share of the parameters, 0 to 1."""
        return self.embedding_parameters / self.parameters


def checkpoint_facts() -> tuple[CheckpointFacts, ...]:
    """The facts of every checkpoint of the catalogue, in its order. No torch; milliseconds each."""
    return tuple(facts_of(known) for known in catalogue())


def facts_of(known: CatalogueEntry) -> CheckpointFacts:
    """The facts of one entry: what it states, its description counted, its weights looked for."""
    backbone = read_description(shipped_description(known.name))
    return CheckpointFacts(
        name=known.name,
        title=known.title,
        hub_id=known.hub_id,
        licence=known.licence,
        domain=known.domain,
        cased=known.cased,
        tokenizer=known.tokenizer,
        summary=known.summary,
        suits=known.suits,
        architecture=backbone.architecture,
        layers=backbone.depth,
        layers_of_their_own=backbone.layers,
        hidden_size=backbone.hidden_size,
        vocabulary_size=backbone.vocabulary_size,
        max_tokens=backbone.max_positions,
        parameters=backbone.total,
        embedding_parameters=embedding_parameters(backbone),
        multiplications_per_token=multiplications_per_token(backbone),
        weights_here=has_weights(resolve_checkpoint(known.name)),
    )
