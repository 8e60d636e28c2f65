"""The default learning rates of the scenarios, by kind of scenario and width of the encoder.

`benchmarks/tune_defaults.py` searches them on the validation split; docs/tuning.md has its results.
"""

from dataclasses import dataclass

HEADS_ALONE = 1e-2
"""Of heads in a phase of their own: linear heads on frozen features need a high rate."""

_NARROW = 512  # hidden size below which an encoder needs higher rates


@dataclass(frozen=True, slots=True)
class Rates:
    """The learning rates of a scenario.

    `encoder` is the rate of the highest layer that is trained, `heads` that of the heads. `lp-ft`
    and `chain-thaw` use `heads` in the phase in which the heads learn alone, and `encoder` for
    everything afterwards, as in the papers.
    """

    encoder: float
    heads: float


_FULL = Rates(1e-4, 1e-2)

_NARROW_RATES = {
    "frozen": Rates(3e-4, 1e-3),  # nothing is trained
    "heads-only": Rates(3e-4, 7.1e-3),  # the encoder is frozen
    "layernorm": Rates(5.5e-3, 1e-2),
    "bitfit": Rates(1.7e-3, 1e-2),
    "top": Rates(1e-3, 1e-3),
    "bottom": Rates(3e-4, 3e-2),
    "embeddings-frozen": Rates(3e-4, 5.5e-3),
    "full": _FULL,
    "freeze-head": _FULL,  # the plan of full without one head
    "lp-ft": Rates(1.7e-4, 1e-2),
    "gradual": Rates(1e-3, 3e-3),
    "discriminative": Rates(1e-3, 1e-2),
    "ulmfit": Rates(1e-3, 1e-3),
    "chain-thaw": Rates(1.7e-4, 1.7e-2),
}
"""By kind of scenario, searched on the included 384-wide encoder with the same number of trials for
each (docs/tuning.md). `top-2` was searched for all `top-N`, `bottom-3` for all `bottom-N`."""

_WIDE_RATES = {
    "layers": Rates(5e-5, 1e-3),
    "heads alone": Rates(5e-5, HEADS_ALONE),
    "small tensors": Rates(5e-4, 1e-2),
}
"""5e-5 is the top of the range in Devlin et al. 2019 (appendix A.3) for 768-wide BERT; biases and
LayerNorms alone need ten times as much (decision 8)."""

_WIDE_GROUPS = {
    "heads-only": "heads alone",
    "lp-ft": "heads alone",
    "chain-thaw": "heads alone",
    "layernorm": "small tensors",
    "bitfit": "small tensors",
}
"""The group of a kind of scenario that has other rates than "layers"."""


def default_rates(kind: str, hidden_size: int) -> Rates:
    """The rates of a kind of scenario (`top` for all top-N) for an encoder of this width.

    Raises KeyError for a kind that does not exist.
    """
    if hidden_size < _NARROW:
        return _NARROW_RATES[kind]
    return _WIDE_RATES[_WIDE_GROUPS.get(kind, "layers")]
