"""Which runs can be trained together."""

from typing import Any

from mtl_core.training.spec import RunSpec

_OWN_FIELDS = frozenset({"arm", "seed", "label_noise", "weight_decay", "max_grad_norm", "plan"})
_RECORDED = frozenset(
    {
        *("weights_digest", "data_digests", "other_data_digests"),
        *("versions", "processor", "trained_together"),
    }
)
"""Filled in when a run starts; each spec is checked against what is loaded."""

_OWN_RATES = frozenset({"learning_rate", "head_learning_rate", "thawed_learning_rate"})


class NotTogether(Exception):
    """Raised if runs cannot be trained together, before any of them has begun."""


def trains_together(one: RunSpec, other: RunSpec) -> bool:
    """Whether two runs of a comparison can be trained together.

    They may differ in seed, label noise, learning rates, weight decay and the maximum gradient
    norm. Only heads may learn, on stored outputs of the same sentences, on the CPU. The
    selectors of the plan decide, so a plan that names heads by a glob is trained alone.
    """
    return only_heads_learn(one) and _shared(one) == _shared(other)


def only_heads_learn(spec: RunSpec) -> bool:
    """Whether a run trains only heads, on stored outputs, on the CPU.

    Both are float32 in any precision of the run.
    """
    selectors = [selector for phase in spec.plan.phases for selector in phase.train]
    return (
        spec.reuses_prefix
        and not spec.random_backbone
        and not spec.resample  # each seed reads other sentences
        and not spec.others_each_epoch
        and not spec.probe_layers
        and spec.epochs >= 1  # in a shorter run outputs may not pay
        and spec.device == "cpu"
        and all(phase.train for phase in spec.plan.phases)
        and all(each == "heads" or each.startswith("head:") for each in selectors)
    )


def _shared(spec: RunSpec) -> dict[str, Any]:
    """Everything in which runs that train together are equal."""
    plan = spec.plan.model_dump(exclude=set(_OWN_RATES))
    phases = [
        {name: value for name, value in phase.items() if name not in _OWN_RATES}
        for phase in plan["phases"]
    ]
    own = spec.model_dump(exclude=set(_OWN_FIELDS | _RECORDED))
    return {**own, "plan": {**plan, "phases": phases}}
