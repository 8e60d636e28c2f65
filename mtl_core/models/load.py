"""Load a checkpoint's weights and tokenizer: safetensors, local files, transformers' own code."""

import logging
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from mtl_core.errors import DamagedCheckpoint, UnsupportedArchitecture
from mtl_core.models.architecture import (
    one_line,
    prefix_of,
    quiet_transformers,
    read_architecture,
)
from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.checkpoint import Checkpoint, require_weights

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

_POOLER_SEED = 0
_log = logging.getLogger(__name__)


def load_backbone(checkpoint: Checkpoint) -> "PreTrainedModel":
    """The bare pretrained encoder in float32, in evaluation mode, on the CPU.

    A checkpoint saved from a masked-language model has no pooler (roberta-base): it is drawn from
    a fixed seed and a warning is logged. Any other tensor missing is an error, for it would be
    random and train all the same. torch's random stream is left as it was.
    Raises what `require_weights` and `read_architecture` raise, and DamagedCheckpoint.
    """
    folder = require_weights(checkpoint)
    _refuse_adapter(checkpoint, folder)
    config = read_architecture(folder / "config.json")
    vars(config).pop("transformers_weights", None)  # would load another file than the one digested
    from transformers import AutoModel

    try:
        with quiet_transformers(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(_POOLER_SEED)
            model, report = AutoModel.from_pretrained(
                folder,
                config=config,
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                dtype=torch.float32,
                output_loading_info=True,
            )
    except Exception as error:  # safetensors, torch and transformers each raise their own
        raise DamagedCheckpoint(_unreadable(checkpoint, folder, error)) from error
    _refuse_missing(checkpoint, sorted(report["missing_keys"]))
    _refuse_other_model(checkpoint, model)
    model.eval()
    return model


def draw_backbone(checkpoint: Checkpoint, seed: int) -> "PreTrainedModel":
    """The bare encoder with weights drawn from `seed` as its architecture initialises them.

    Needs the configuration alone. In float32, in evaluation mode, on the CPU; torch's random
    stream is left as it was. Raises what `read_architecture` raises.
    """
    config = read_architecture(checkpoint.config_file)
    from transformers import AutoModel

    with quiet_transformers(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: PreTrainedModel = AutoModel.from_config(
            config, dtype=torch.float32, trust_remote_code=False
        )
    _refuse_other_model(checkpoint, model)
    model.eval()
    return model


def load_tokenizer(checkpoint: Checkpoint) -> "PreTrainedTokenizerFast":
    """The checkpoint's fast tokenizer, able to align pieces with the words they come from.

    Tokenizers that mark the space before a word (RoBERTa's) are told to put one before the first
    word too, so that a word is cut the same way wherever it stands, as split sentences need.
    Raises MissingWeights if nothing of the checkpoint is here, DamagedCheckpoint if its tokenizer
    files are missing or not those of this model, UnsupportedArchitecture if none is fast.
    """
    folder = checkpoint.folder or require_weights(checkpoint)
    from transformers import AutoTokenizer

    options = {"use_fast": True, "trust_remote_code": False, "local_files_only": True}
    try:
        with quiet_transformers():
            tokenizer = AutoTokenizer.from_pretrained(folder, **options)
            if _joins_first_word(tokenizer):
                tokenizer = AutoTokenizer.from_pretrained(folder, add_prefix_space=True, **options)
                # Only some tokenizer classes heed the option; ModernBERT's generic one does not.
                tokenizer.backend_tokenizer.pre_tokenizer.add_prefix_space = True
    except Exception as error:  # each tokenizer class has its own ways to miss a file
        raise DamagedCheckpoint(_no_tokenizer(checkpoint, folder, error)) from error
    if not tokenizer.is_fast:
        raise UnsupportedArchitecture(
            f"'{checkpoint.name}' has only a slow tokenizer ({type(tokenizer).__name__}), which "
            "cannot say which word a piece comes from. Choose a checkpoint with tokenizer.json."
        )
    _refuse_foreign(checkpoint, folder, tokenizer)
    return tokenizer


def _refuse_foreign(
    checkpoint: Checkpoint, folder: Path, tokenizer: "PreTrainedTokenizerFast"
) -> None:
    """Without its files transformers makes up an empty vocabulary; with others' files, ids that
    the embedding has no row for."""
    names = {"tokenizer.json", *type(tokenizer).vocab_files_names.values()}
    if not any((folder / name).is_file() for name in names):
        raise DamagedCheckpoint(
            f"'{checkpoint.name}' has no tokenizer: {folder} holds none of "
            f"{', '.join(sorted(names))}. Copy them there from where the checkpoint came from."
        )
    rows = read_architecture(folder / "config.json").vocab_size
    if len(tokenizer) > rows:
        raise DamagedCheckpoint(
            f"The tokenizer of '{checkpoint.name}' has {len(tokenizer):,} entries and its model "
            f"knows {rows:,}. They do not belong together: copy the checkpoint again."
        )


def _joins_first_word(tokenizer: "PreTrainedTokenizerFast") -> bool:
    """Whether the first word of a sentence is cut differently from the same word later on."""
    if not tokenizer.is_fast:
        return False
    before_words = tokenizer.backend_tokenizer.pre_tokenizer
    return getattr(before_words, "add_prefix_space", True) is False


def _refuse_adapter(checkpoint: Checkpoint, folder: Path) -> None:
    if (folder / "adapter_config.json").is_file():
        raise UnsupportedArchitecture(
            f"'{checkpoint.name}' holds an adapter (adapter_config.json), a change to another "
            "model. Merge it into that model first: merge_and_unload(), then save_pretrained()."
        )


def _refuse_missing(checkpoint: Checkpoint, missing: list[str]) -> None:
    pooler = [name for name in missing if name.partition(".")[0] == "pooler"]
    needed = [name for name in missing if name not in pooler]
    if needed:
        more = f" and {len(needed) - 3} more" if len(needed) > 3 else ""
        raise DamagedCheckpoint(
            f"The weights of '{checkpoint.name}' lack {len(needed)} tensors of the encoder: "
            f"{', '.join(needed[:3])}{more}. They would be random. Check that config.json and "
            "the weights belong together, or download the checkpoint again."
        )
    if pooler:
        _log.warning(
            "The weights of '%s' hold no pooler; it is drawn from a fixed seed. "
            "No task reads it: heads stand on the last hidden state.",
            checkpoint.name,
        )


def _refuse_other_model(checkpoint: Checkpoint, model: "PreTrainedModel") -> None:
    """What the catalogue says of a checkpoint must hold for the copy on this machine."""
    if checkpoint.entry is None:
        return
    description = read_description(shipped_description(checkpoint.entry))
    expected = [(tensor.name, tensor.shape) for tensor in description.tensors if not tensor.tied_to]
    prefix = prefix_of(model)
    found = [(f"{prefix}.{name}", tuple(each.shape)) for name, each in model.named_parameters()]
    if found != expected:
        ours, theirs = next(pair for pair in zip_longest(found, expected) if pair[0] != pair[1])
        raise DamagedCheckpoint(
            f"The copy of '{checkpoint.name}' in {checkpoint.folder} is another model than the "
            f"published one: {_shown(ours)} where {_shown(theirs)} was expected. Download it "
            "again, or name its folder to use it as it is."
        )


def _shown(tensor: tuple[str, tuple[int, ...]] | None) -> str:
    return "nothing" if tensor is None else f"{tensor[0]} {list(tensor[1])}"


def _unreadable(checkpoint: Checkpoint, folder: Path, error: Exception) -> str:
    return (
        f"The weights of '{checkpoint.name}' in {folder} cannot be loaded: "
        f"{one_line(error)} Check that config.json and the weights belong together, or "
        "download the checkpoint again."
    )


def _no_tokenizer(checkpoint: Checkpoint, folder: Path, error: Exception) -> str:
    return (
        f"'{checkpoint.name}' has no tokenizer that can be loaded from {folder}: "
        f"{one_line(error)} It needs tokenizer.json and tokenizer_config.json there."
    )
