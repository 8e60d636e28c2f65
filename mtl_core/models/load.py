"""Loads weights and tokenizers from local safetensors checkpoints."""

import logging
from collections.abc import Collection
from copy import deepcopy
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from mtl_core.errors import DamagedCheckpoint, UnsupportedArchitecture, require_memory
from mtl_core.models.architecture import (
    prefix_of,
    quiet_transformers,
)
from mtl_core.models.base_weights import read_base
from mtl_core.models.cache import catalogue_description
from mtl_core.models.checkpoint import Checkpoint, require_weights
from mtl_core.models.configuration import read_architecture
from mtl_core.models.stored_tensors import (
    all_tensors,
    left_over,
    refusal,
    require_one_value,
    stored_types,
)
from mtl_core.tasks.tokenizer_file import tokenizer_faults
from mtl_core.text import one_line

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

_POOLER_SEED = 0
_log = logging.getLogger(__name__)


def load_backbone(checkpoint: Checkpoint) -> "PreTrainedModel":
    """Loads the bare pretrained encoder in float32 and evaluation mode on the CPU.

    A checkpoint saved from a masked language model has no pooler (roberta-base). The pooler is
    then initialised with a fixed seed and a warning is logged. Any other missing tensor is an
    error, because it would be random, and so is a tensor of the encoder that config.json does not
    define, because the encoder would compute another function without it. Heads in the files are
    not read. The global random state is preserved.
    Raises DamagedCheckpoint and the exceptions of `require_weights` and `read_architecture`.
    """
    folder = require_weights(checkpoint)
    _reject_adapter(checkpoint, folder)
    config = read_architecture(folder / "config.json")
    vars(config).pop(
        "transformers_weights", None
    )  # it would select another file than the one hashed
    merged = all_tensors(folder) if read_base(folder) else None
    try:
        with quiet_transformers(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(_POOLER_SEED)
            model, report = _pretrained(folder, config, merged)
    except Exception as error:  # safetensors, torch and transformers raise different ones
        require_memory(error)
        raise DamagedCheckpoint(_unreadable(checkpoint, folder, error)) from error
    _reject_missing(checkpoint, sorted(report["missing_keys"]))
    _reject_left_over(checkpoint, folder, model, report["unexpected_keys"])
    _reject_other_model(checkpoint, model)
    model.eval()
    return model


def _pretrained(
    folder: Path, config: "PreTrainedConfig", merged: "dict[str, Tensor] | None"
) -> "tuple[PreTrainedModel, dict[str, Collection[str]]]":
    """Load the encoder from the weight files in `folder`, or from `merged` tensors.

    transformers' report on missing and unexpected tensors is returned beside it.
    """
    from transformers import AutoModel

    if merged is None:
        found: tuple[PreTrainedModel, dict[str, Collection[str]]] = AutoModel.from_pretrained(
            folder,
            config=config,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
        return found
    with torch.device("meta"):  # AutoModel itself does not accept tensors
        encoder = type(AutoModel.from_config(deepcopy(config), trust_remote_code=False))
    model, report = encoder.from_pretrained(
        None, config=config, state_dict=merged, dtype=torch.float32, output_loading_info=True
    )
    return model, report


def init_backbone(checkpoint: Checkpoint, seed: int) -> "PreTrainedModel":
    """Initialises the bare encoder with random weights from `seed`.

    Only the configuration is needed. The model is in float32 and evaluation mode on the CPU. The
    global random state is preserved. Raises the exceptions of `read_architecture`.
    """
    config = read_architecture(checkpoint.config_file)
    from transformers import AutoModel

    with quiet_transformers(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: PreTrainedModel = AutoModel.from_config(
            config, dtype=torch.float32, trust_remote_code=False
        )
    _reject_other_model(checkpoint, model)
    model.eval()
    return model


def load_tokenizer(checkpoint: Checkpoint) -> "PreTrainedTokenizerFast":
    """Loads the checkpoint's fast tokenizer, which can align word pieces with words.

    Tokenizers that mark the space before a word (RoBERTa) also add a space before the first word.
    A word is then split the same way at every position, which pre-split sentences require.
    Raises MissingWeights if there are no files of the checkpoint, DamagedCheckpoint if its
    tokenizer files are missing or belong to another model, and UnsupportedArchitecture if the
    tokenizer is not fast.
    """
    folder = checkpoint.folder or require_weights(checkpoint)
    config = read_architecture(folder / "config.json")
    config.name_or_path = str(folder)
    from transformers import AutoTokenizer

    options = {"trust_remote_code": False, "local_files_only": True, "config": config}
    problem = f"The tokenizer of '{checkpoint.name}' cannot be loaded from {folder}"
    remedy = "It needs tokenizer.json and tokenizer_config.json."
    with tokenizer_faults(problem, remedy), quiet_transformers():
        tokenizer = AutoTokenizer.from_pretrained(folder, **options)
        if _joins_first_word(tokenizer):
            tokenizer = AutoTokenizer.from_pretrained(folder, add_prefix_space=True, **options)
            # Some tokenizer classes ignore the option, such as the generic one of ModernBERT.
            tokenizer.backend_tokenizer.pre_tokenizer.add_prefix_space = True
    if not tokenizer.is_fast:
        raise UnsupportedArchitecture(
            f"'{checkpoint.name}' has only a slow tokenizer ({type(tokenizer).__name__}), which "
            "cannot align word pieces with words. Choose a checkpoint with tokenizer.json."
        )
    _reject_foreign(checkpoint, folder, tokenizer, config.vocab_size)
    return tokenizer


def _reject_foreign(
    checkpoint: Checkpoint, folder: Path, tokenizer: "PreTrainedTokenizerFast", rows: int
) -> None:
    """Raise DamagedCheckpoint if the tokenizer files are missing or belong to another model.

    `rows` is the size of the model's embedding table.
    transformers would use an empty vocabulary, or ids outside the embedding table.
    """
    names = {"tokenizer.json", *type(tokenizer).vocab_files_names.values()}
    if not any((folder / name).is_file() for name in names):
        raise DamagedCheckpoint(
            f"'{checkpoint.name}' has no tokenizer: {folder} contains none of "
            f"{', '.join(sorted(names))}. Copy them from the source of the checkpoint."
        )
    with tokenizer_faults(f"The tokenizer of '{checkpoint.name}' cannot be applied"):
        special = tokenizer("a")["input_ids"]  # their ids need not be in the vocabulary
        highest = max(*tokenizer.get_vocab().values(), *special, 0, 0)  # ids may have holes
    if highest >= rows:
        raise DamagedCheckpoint(
            f"The tokenizer of '{checkpoint.name}' has ids up to {highest:,}, but its model has "
            f"{rows:,} rows, with ids up to {rows - 1:,}. They do not belong together: copy the "
            "checkpoint again."
        )


def _joins_first_word(tokenizer: "PreTrainedTokenizerFast") -> bool:
    """Whether the first word of a sentence is split differently from the same word later on."""
    if not tokenizer.is_fast:
        return False
    before_words = tokenizer.backend_tokenizer.pre_tokenizer
    return getattr(before_words, "add_prefix_space", True) is False


def _reject_adapter(checkpoint: Checkpoint, folder: Path) -> None:
    if (folder / "adapter_config.json").is_file():
        raise UnsupportedArchitecture(
            f"'{checkpoint.name}' is an adapter of another model (adapter_config.json). Merge it "
            "into that model first: merge_and_unload(), then save_pretrained()."
        )


def _reject_missing(checkpoint: Checkpoint, missing: list[str]) -> None:
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
            "The weights of '%s' have no pooler; it is initialised with a fixed seed. "
            "Only heads with the sentence vector 'pooler' read it.",
            checkpoint.name,
        )


def _reject_left_over(
    checkpoint: Checkpoint, folder: Path, model: "PreTrainedModel", unused: Collection[str]
) -> None:
    """Raise DamagedCheckpoint for stored weights of the encoder that were not loaded."""
    prefix = prefix_of(model)
    names = [f"{prefix}.{name}" for name, _ in model.named_parameters(remove_duplicate=False)]
    require_one_value(folder, names, prefix)
    left = left_over(unused, stored_types(folder), names, prefix).encoder
    if left:
        raise DamagedCheckpoint(
            f"The weights of '{checkpoint.name}' have {refusal(left, names, prefix)}"
        )


def _reject_other_model(checkpoint: Checkpoint, model: "PreTrainedModel") -> None:
    """Raise DamagedCheckpoint if a catalogue checkpoint differs from its shipped description."""
    if checkpoint.entry is None:
        return
    description = catalogue_description(checkpoint.entry)
    expected = [(tensor.name, tensor.shape) for tensor in description.tensors if not tensor.tied_to]
    prefix = prefix_of(model)
    found = [(f"{prefix}.{name}", tuple(each.shape)) for name, each in model.named_parameters()]
    if found != expected:
        ours, theirs = next(pair for pair in zip_longest(found, expected) if pair[0] != pair[1])
        raise DamagedCheckpoint(
            f"The copy of '{checkpoint.name}' in {checkpoint.folder} differs from the "
            f"published model: {_shown(ours)} where {_shown(theirs)} was expected. Download it "
            "again, or give its folder to use it unchanged."
        )


def _shown(tensor: tuple[str, tuple[int, ...]] | None) -> str:
    return "nothing" if tensor is None else f"{tensor[0]} {list(tensor[1])}"


def _unreadable(checkpoint: Checkpoint, folder: Path, error: Exception) -> str:
    return (
        f"The weights of '{checkpoint.name}' in {folder} cannot be loaded: "
        f"{one_line(error)} Check that config.json and the weights belong together, or "
        "download the checkpoint again."
    )
