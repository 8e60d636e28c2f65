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


_NARROW_RATES = {
    "frozen": Rates(3e-4, 1e-3),
    "heads-only": Rates(3e-4, HEADS_ALONE),
    "layernorm": Rates(3e-3, 1e-2),
    "bitfit": Rates(3e-3, 1e-2),
    "top": Rates(3e-4, 1e-3),
    "bottom": Rates(3e-4, 1e-3),
    "freeze-head": Rates(3e-4, 1e-3),
    "embeddings-frozen": Rates(3e-4, 1e-3),
    "full": Rates(3e-4, 1e-3),
    "lp-ft": Rates(3e-4, HEADS_ALONE),
    "gradual": Rates(3e-4, 1e-3),
    "discriminative": Rates(3e-4, 1e-3),
    "ulmfit": Rates(3e-4, 1e-3),
    "chain-thaw": Rates(3e-4, HEADS_ALONE),
}
"""3e-4 was measured on the included 384-wide encoder (`docs/log.md`); biases and LayerNorms alone
need ten times as much (decision 8)."""

_WIDE_RATES = {
    "frozen": Rates(5e-5, 1e-3),
    "heads-only": Rates(5e-5, HEADS_ALONE),
    "layernorm": Rates(5e-4, 1e-2),
    "bitfit": Rates(5e-4, 1e-2),
    "top": Rates(5e-5, 1e-3),
    "bottom": Rates(5e-5, 1e-3),
    "freeze-head": Rates(5e-5, 1e-3),
    "embeddings-frozen": Rates(5e-5, 1e-3),
    "full": Rates(5e-5, 1e-3),
    "lp-ft": Rates(5e-5, HEADS_ALONE),
    "gradual": Rates(5e-5, 1e-3),
    "discriminative": Rates(5e-5, 1e-3),
    "ulmfit": Rates(5e-5, 1e-3),
    "chain-thaw": Rates(5e-5, HEADS_ALONE),
}
"""5e-5 is the top of the range in Devlin et al. 2019 (appendix A.3) for 768-wide BERT."""


def default_rates(kind: str, hidden_size: int) -> Rates:
    """The rates of a kind of scenario (`top` for all top-N) for an encoder of this width."""
    return (_NARROW_RATES if hidden_size < _NARROW else _WIDE_RATES)[kind]
