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


_GROUPS = {
    "heads-only": "heads alone",
    "lp-ft": "heads alone",
    "chain-thaw": "heads alone",
    "layernorm": "small tensors",
    "bitfit": "small tensors",
}
"""The group of a kind of scenario that has other rates than "layers"."""

_NARROW_RATES = {
    "layers": Rates(3e-4, 1e-3),
    "heads alone": Rates(3e-4, HEADS_ALONE),
    "small tensors": Rates(3e-3, 1e-2),
}
"""3e-4 was measured on the included 384-wide encoder (`docs/log.md`); biases and LayerNorms alone
need ten times as much (decision 8)."""

_WIDE_RATES = {
    "layers": Rates(5e-5, 1e-3),
    "heads alone": Rates(5e-5, HEADS_ALONE),
    "small tensors": Rates(5e-4, 1e-2),
}
"""5e-5 is the top of the range in Devlin et al. 2019 (appendix A.3) for 768-wide BERT."""


def default_rates(kind: str, hidden_size: int) -> Rates:
    """The rates of a kind of scenario (`top` for all top-N) for an encoder of this width."""
    rates = _NARROW_RATES if hidden_size < _NARROW else _WIDE_RATES
    return rates[_GROUPS.get(kind, "layers")]
