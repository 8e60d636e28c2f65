"""The findings on the claims with the origin of their runs, and the file with the shipped ones.

`docs/reference.py` writes the file from the shipped runs, so that `claims` prints the verdicts
without reading hundreds of runs.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from pydantic import Field, TypeAdapter

from mtl_core.analysis.claim_rules import Arm, arms_of
from mtl_core.analysis.claim_verdicts import ClaimVerdict, Finding
from mtl_core.lessons.claim import Claim
from mtl_core.store.record import RunRecord
from mtl_core.values import Frozen

FILE = Path(__file__).with_name("shipped") / "verdicts.json"


class RunsMade(Frozen):
    """When and on what runs were made. `versions` has all versions of each package."""

    first: datetime | None = None
    last: datetime | None = None
    processors: tuple[str, ...] = ()
    versions: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    @classmethod
    def of(cls, runs: Sequence[RunRecord]) -> "RunsMade":
        """The origin of these runs. A run of an earlier version has no processor."""
        started = sorted(run.started_at or run.created_at for run in runs)
        versions = [run.spec.versions.items() for run in runs]
        return cls(
            first=started[0] if started else None,
            last=started[-1] if started else None,
            processors=tuple(sorted({run.spec.processor for run in runs if run.spec.processor})),
            versions=_joined((name, (each,)) for items in versions for name, each in items),
        )

    @classmethod
    def joined(cls, parts: Sequence["RunsMade"]) -> "RunsMade":
        """The origin of all runs of `parts`."""
        return cls(
            first=min((each.first for each in parts if each.first), default=None),
            last=max((each.last for each in parts if each.last), default=None),
            processors=tuple(sorted({name for each in parts for name in each.processors})),
            versions=_joined(item for each in parts for item in each.versions.items()),
        )


class ClaimResult(Frozen):
    """The finding on a claim, the origin of the runs behind it, and their ids."""

    finding: Finding
    made: RunsMade
    runs: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, claim: Claim, finding: Finding, runs: Mapping[Arm, Mapping[int, RunRecord]]
    ) -> "ClaimResult":
        """The result of a claim; `runs` has those of its arms by seed."""
        made = [run for arm in claim.arms for run in runs.get(arm, {}).values()]
        return cls(finding=finding, made=RunsMade.of(made), runs=judged_runs(claim, runs))


NOT_TESTED = ClaimResult(finding=Finding(ClaimVerdict.OPEN), made=RunsMade())
"""The result of a claim that the included runs do not have."""


def judged_runs(claim: Claim, runs: Mapping[Arm, Mapping[int, RunRecord]]) -> tuple[str, ...]:
    """The ids of the finished and diverged runs that the claim is judged by, by arm and seed."""
    return tuple(
        run.id
        for arm in arms_of(claim.rule)
        for _, run in sorted(runs.get(arm, {}).items())
        if run.has_result
    )


_Results = TypeAdapter(dict[str, ClaimResult])


def shipped_results(file: Path = FILE) -> dict[str, ClaimResult]:
    """The result of each claim by its id, as judged from the shipped runs."""
    return _Results.validate_json(file.read_bytes())


def results_json(results: Mapping[str, ClaimResult]) -> str:
    """The content of the file for these results."""
    return _Results.dump_json(dict(results), indent=1).decode() + "\n"


def _joined(items: Iterable[tuple[str, tuple[str, ...]]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {}
    for name, versions in items:
        found.setdefault(name, set()).update(versions)
    return {name: tuple(sorted(versions)) for name, versions in found.items()}
