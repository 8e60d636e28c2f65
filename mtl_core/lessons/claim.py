"""A claim about freezing: what is said, how it is tested, and what was published."""

from enum import StrEnum

from mtl_core.analysis.claim_rules import Arm, Rule, arms_of
from mtl_core.lessons.experiments import EXPERIMENTS, needed_arms
from mtl_core.lessons.sources import Source
from mtl_core.values import Frozen


class Chapter(StrEnum):
    """The chapters of the guide, in their order."""

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
    """A published figure for the claim.

    `effect` is on the scale of the claim's own effect, None where only words were published.
    `checked` says whether the figure was seen at its source when it was written down here.
    """

    text: str
    source: Source
    effect: float | None = None
    checked: bool = True

    @property
    def note(self) -> str:
        """Where it stands, and whether it was looked up."""
        return self.source.short + ("" if self.checked else "; not checked here")


class Claim(Frozen):
    """One sentence that runs can support or contradict.

    `tested` says in words which figure is read on which runs; `chapter` is where the guide
    speaks of it.
    """

    id: str
    sentence: str
    tested: str
    chapter: Chapter
    rule: Rule
    published: Published | None = None

    @property
    def arms(self) -> tuple[Arm, ...]:
        """The arms whose runs the verdict is read from, after those that they go on from."""
        return needed_arms(arms_of(self.rule))

    @property
    def checkpoints(self) -> tuple[str, ...]:
        """The checkpoints whose weights its runs need."""
        names = (EXPERIMENTS[arm.experiment].spec.checkpoint for arm in self.arms)
        return tuple(dict.fromkeys(names))
