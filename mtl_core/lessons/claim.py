"""A claim about freezing: its sentence and source, the rule that tests it, its planned effect."""

from enum import StrEnum

from mtl_core.analysis.claim_rules import Arm, Rule, arms_of
from mtl_core.file_access import FileAccess
from mtl_core.lessons.experiments import EXPERIMENTS, Experiments, with_start_arms
from mtl_core.lessons.sources import Source
from mtl_core.models.checkpoint import has_weights, resolve_checkpoint
from mtl_core.values import Frozen


class Chapter(StrEnum):
    """The chapters of the guide, in reading order."""

    SCENARIOS = "scenarios"
    CHECKPOINT = "checkpoint"
    DEPTH = "depth"
    COST = "cost"
    STAGES = "stages"
    GRADUAL = "gradual"
    RATES = "rates"
    ULMFIT = "ulmfit"
    FORGETTING = "forgetting"
    EVIDENCE = "evidence"


class Published(Frozen):
    """A published result that a claim is compared with.

    `effect` uses the scale of the claim's own effect; None if the paper states it in words only.
    `checked` is False if the figure was not verified in the paper.
    """

    text: str
    source: Source
    effect: float | None = None
    checked: bool = True

    @property
    def note(self) -> str:
        """The source, with a remark if the figure was not verified."""
        return self.source.short + ("" if self.checked else "; not checked here")


class Claim(Frozen):
    """A statement about freezing that runs can support or contradict.

    `statement` is the statement of the textbook text that it belongs to. `tested` describes the
    measured quantity and the runs, `control` what the runs share, so that the effect has one cause.
    `chapter` is the guide's chapter that covers the topic. `stated_effect` is the effect that the
    number of seeds was planned for, where none was published for such runs.
    """

    id: str
    sentence: str
    statement: str
    tested: str
    control: str
    chapter: Chapter
    rule: Rule
    published: Published | None = None
    stated_effect: float | None = None

    @property
    def arms(self) -> tuple[Arm, ...]:
        """The arms that the rule reads, each preceded by the arm that its runs start from."""
        return with_start_arms(arms_of(self.rule))

    @property
    def planned_effect(self) -> float | None:
        """The stated effect, or the published one."""
        if self.stated_effect is not None:
            return self.stated_effect
        return None if self.published is None else self.published.effect


def missing_weights(
    claim: Claim, access: FileAccess, experiments: Experiments = EXPERIMENTS
) -> tuple[str, ...]:
    """The checkpoints of a claim, in these experiments, whose weights are not on this machine."""
    arms = (arm for arm in claim.arms if arm.experiment in experiments)
    specs = (experiments[arm.experiment].spec.with_arms({arm.scenario}) for arm in arms)
    names = dict.fromkeys(name for spec in specs for name in spec.checkpoints)
    return tuple(name for name in names if not has_weights(resolve_checkpoint(name, access)))
