"""Finds out whether the first token of a sentence can have information about the rest of it.

In a causal model each token attends only to earlier ones, so a sentence head on the first token
cannot learn. transformers' lists of architectures do not help: XLNet is listed as a causal language
model and is none, CLIP's text encoder is causal. A trial decides: of two sentences that differ only
in their last word, the first token has the same state in a causal model.
"""

import copy
from typing import TYPE_CHECKING

import torch

from mtl_core.errors import UnsupportedArchitecture
from mtl_core.models.architecture import build_backbone, example_tokens, quiet_transformers

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

MAX_PARAMETERS = 2**27
"""Largest model that is tried, in parameters. Its weights take half a gigabyte."""

_TOKENS = 8
_LAYERS, _VOCABULARY = (2, 1), 512
_NOISE = 0.02  # the standard deviation of BERT's weights

_CAUSAL = (
    "it is causal. Each token attends only to earlier tokens, so the first token, which the "
    "sentence head reads, has the same state whatever follows it"
)
_APART = (
    "on this machine its tokens do not attend to each other, so none has information about the "
    "sentence. The architecture may need a kernel that is not installed"
)


def require_two_directions(config: "PreTrainedConfig") -> None:
    """Raise UnsupportedArchitecture if tokens of an architecture attend only to earlier ones.

    Needs no weights: the first layers of `config`, with a small vocabulary and random weights, are
    tried. For an architecture whose layers are too large, the lists of transformers decide.
    """
    model = _small_model(config)
    reason = _listed(config) if model is None else _tried(model)
    if reason is not None:
        raise UnsupportedArchitecture(
            f"'{config.model_type}' cannot be used: {reason}. Choose an encoder, e.g. bert, "
            "roberta, distilbert, deberta-v2, electra or modernbert."
        )


def _tried(model: "PreTrainedModel") -> str | None:
    """Why the first token has the same state in two sentences with other last words; None if not.

    MRA needs a CUDA kernel. Without it, its attention returns zeros, also for the last token.
    """
    ids = example_tokens(model, _TOKENS)
    if ids.shape[1] < 2:
        return None
    other_last, other_first = ids.clone(), ids.clone()
    other_last[0, -1], other_first[0, 0] = ids[0, 0], ids[0, -1]
    try:
        with torch.no_grad(), quiet_transformers():
            states, without_last, without_first = (
                model(input_ids=each).last_hidden_state[0]
                for each in (ids, other_last, other_first)
            )
    except Exception:  # `traced` gives the reason why it does not run
        return None
    if not torch.equal(states[0], without_last[0]):
        return None
    return _APART if torch.equal(states[-1], without_first[-1]) else _CAUSAL


def _small_model(config: "PreTrainedConfig") -> "PreTrainedModel | None":
    """A model of the first layers of `config` in evaluation mode; None if that is too large.

    Noise is added to all weights, because some architectures begin with zeros.
    """
    models = (_built(config, layers) for layers in (*_LAYERS, None))
    model = next(filter(None, models), None)
    if model is not None:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(0)
            for each in model.parameters():
                each.add_(torch.randn_like(each), alpha=_NOISE)
    return model


def _built(config: "PreTrainedConfig", layers: int | None) -> "PreTrainedModel | None":
    """A model of the first `layers` with random weights; None if it is too large or not possible.

    Without `layers` it has all of them, and the whole vocabulary.
    """
    try:
        small = config if layers is None else _first_layers(config, layers)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            size = sum(each.numel() for each in build_backbone(small, "meta").parameters())
            return build_backbone(small, "cpu") if size <= MAX_PARAMETERS else None
    except Exception:  # configurations raise any exception, e.g. Funnel's for a number of layers
        return None


def _first_layers(config: "PreTrainedConfig", layers: int) -> "PreTrainedConfig":
    """The configuration with fewer layers and a small vocabulary."""
    small = copy.deepcopy(config)
    with quiet_transformers():
        small.num_hidden_layers = min(layers, getattr(config, "num_hidden_layers", layers))
        small.vocab_size = min(_VOCABULARY, getattr(config, "vocab_size", _VOCABULARY))
    pad_id = getattr(config, "pad_token_id", None)
    if pad_id is not None and pad_id >= small.vocab_size:
        vars(small)["pad_token_id"] = 0  # past the type check of some configurations
    return small


def _listed(config: "PreTrainedConfig") -> str | None:
    """The reason for an architecture that transformers lists for causal language modelling only."""
    from transformers.models.auto import modeling_auto as auto

    kind = config.model_type
    masked = kind in auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES
    return _CAUSAL if kind in auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and not masked else None
