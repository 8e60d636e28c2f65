"""Facts for choosing a checkpoint: size, memory, compute, pretraining text and licence."""

from dataclasses import dataclass
from math import prod

from mtl_core.file_access import NO_FILE, FileAccess
from mtl_core.models.cache import catalogue_description
from mtl_core.models.catalogue import CatalogueEntry, Domain, TokenizerFamily, catalogue
from mtl_core.models.checkpoint import has_weights, resolve_checkpoint
from mtl_core.models.description import BackboneDescription, BackboneTensor, Role
from mtl_core.models.sentence_vector import SentenceVector

FLOAT32_BYTES = 4
TRAINING_BYTES_PER_PARAMETER = 4 * FLOAT32_BYTES
"""A trainable parameter's weight, its gradient, and AdamW's two moments, each in float32."""


@dataclass(frozen=True, slots=True)
class CheckpointFacts:
    """The facts of one checkpoint of the catalogue.

    Counts refer to the bare encoder, each tensor counted once, and come from the shipped
    description. `layers` is the depth; `layers_of_their_own` is the number of different sets of
    layer weights. `max_tokens` is the maximum text length; None if there is no limit.
    `sentence_vector` is the default of its runs. `weights_here`: safetensors weights are on this
    machine.
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
    sentence_vector: SentenceVector
    weights_here: bool

    @property
    def download_bytes(self) -> int:
        """Size of the encoder in float32.

        The published file may differ: it is slightly larger with a pretraining head, and half as
        large in half precision.
        """
        return self.parameters * FLOAT32_BYTES

    @property
    def download_megabytes(self) -> int:
        """`download_bytes` in whole megabytes of 1,000,000 bytes."""
        return round(self.download_bytes / 1_000_000)

    @property
    def training_bytes(self) -> int:
        """Memory for training all parameters, without activations."""
        return training_bytes(self.parameters)

    @property
    def embedding_share(self) -> float:
        """The embeddings' share of the parameters, 0 to 1."""
        return self.embedding_parameters / self.parameters


def checkpoint_facts(access: FileAccess = NO_FILE) -> tuple[CheckpointFacts, ...]:
    """The facts of every checkpoint of the catalogue, in its order. Does not import torch.

    `access` decides in which folders weights are looked for, beside the cache of the hub.
    """
    return tuple(_facts_of(known, access) for known in catalogue())


def _facts_of(known: CatalogueEntry, access: FileAccess) -> CheckpointFacts:
    """The facts of one catalogue entry."""
    backbone = catalogue_description(known.name)
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
        sentence_vector=known.sentence_vector,
        weights_here=has_weights(resolve_checkpoint(known.name, access)),
    )


def training_bytes(parameters: int) -> int:
    """Bytes held while AdamW trains `parameters`, without activations.

    The memory of activations grows with the batch size and the length of the texts.
    """
    return parameters * TRAINING_BYTES_PER_PARAMETER


def embedding_parameters(backbone: BackboneDescription) -> int:
    """Number of parameters below the layer stack. They are looked up, not multiplied."""
    return sum(
        prod(tensor.shape) for tensor in backbone.tensors if _is_unique(tensor, Role.EMBEDDINGS)
    )


def multiplications_per_token(backbone: BackboneDescription) -> int:
    """Multiplications per token in the layers' matrices during a forward pass.

    Each matrix entry is one multiplication per token. Shared layer weights count once per layer.
    Attention between tokens is not included; it grows with the length of the text. The backward
    pass of full fine-tuning costs about twice as much, so ratios also hold for training.
    """
    unique = sum(
        prod(tensor.shape)
        for tensor in backbone.tensors
        if _is_unique(tensor, Role.LAYER) and len(tensor.shape) == 2
    )
    return unique * backbone.depth // backbone.layers


def _is_unique(tensor: BackboneTensor, role: Role) -> bool:
    return tensor.role is role and tensor.tied_to is None
