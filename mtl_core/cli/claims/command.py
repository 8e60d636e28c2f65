"""The `claims` command: prints the verdicts of the included runs, or of runs made here."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Annotated

import typer

from mtl_core.analysis.claim_verdicts import (
    ClaimVerdict,
    Finding,
    after_holm,
    holm_adjusted,
)
from mtl_core.cli.claims.options import (
    Checkpoint,
    Data,
    DomainCheckpoint,
    Epochs,
    HiddenClaim,
    MaxLength,
    Names,
    Run,
    Ship,
)
from mtl_core.cli.console import plain_console, plain_table, print_json
from mtl_core.errors import BadInput, FreezeLabError
from mtl_core.lessons.claim import Claim, missing_weights
from mtl_core.lessons.claim_results import NOT_TESTED, ClaimResult, RunsMade, shipped_results
from mtl_core.lessons.claims import CLAIMS, claim_by_id
from mtl_core.lessons.experiments import EXPERIMENTS, Experiments, experiments_with
from mtl_core.lessons.verdict_text import (
    SIGNS,
    basis_text,
    effect_text,
    interval_text,
    published_text,
)
from mtl_core.models.checkpoint import require_weights, resolve_checkpoint
from mtl_core.nearest import quoted
from mtl_core.settings import Settings
from mtl_core.text import listed

_COLUMNS = ("claim", "verdict", "effect", "95 % interval", "seeds, sentences, bar", "with Holm")
"""The last: the verdict if those of all claims in the table are to hold together."""


class ClaimFormat(StrEnum):
    """The output formats of `claims`."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"


def claims(
    names: Names = None,
    claim: HiddenClaim = None,
    run: Run = False,
    checkpoint: Checkpoint = None,
    domain_checkpoint: DomainCheckpoint = None,
    data: Data = None,
    epochs: Epochs = None,
    max_length: MaxLength = None,
    ship: Ship = False,
    form: Annotated[ClaimFormat, typer.Option("--format")] = ClaimFormat.TABLE,
) -> None:
    """Print the verdicts on the claims about freezing, from the runs that are included.

    With --run, train the runs that are missing on this machine instead, and print the verdicts of
    its runs. Claims share runs. Finished runs are not repeated: start the command again to resume.
    """
    selected = _selected([*(names or ()), *(claim or ())])
    changes = {
        "checkpoint": checkpoint,
        "domain_checkpoint": domain_checkpoint,
        "data": data,
        "epochs": epochs,
        "max_length": max_length,
    }
    _require_run((name for name, value in changes.items() if value is not None), run, ship)
    experiments = (
        experiments_with(Settings.from_environment().owner_access, **changes)
        if run
        else EXPERIMENTS
    )
    _print(selected, _results(selected, experiments, run, ship), experiments, form, not run)


def _results(
    claims: Sequence[Claim], experiments: Experiments, run: bool, ship: bool
) -> list[ClaimResult]:
    """The results of claims, after the missing runs have been made if that is requested."""
    if run or ship:  # not needed to print the included verdicts
        from mtl_core.cli.claims.missing_runs import run_claims, ship_claims

        return ship_claims(claims) if ship else run_claims(claims, experiments)
    shipped = shipped_results()
    return [shipped.get(each.id, NOT_TESTED) for each in claims]


def _selected(names: Sequence[str]) -> list[Claim]:
    """The claims of these names, all without a name."""
    return [claim_by_id(name) for name in dict.fromkeys(names)] if names else list(CLAIMS)


def _require_run(given: Iterable[str], run: bool, ship: bool) -> None:
    """Raise BadInput for options that do not go together; `given` change how claims are tested."""
    if run and ship:
        raise BadInput(
            "--run uses the runs of this machine, --ship the included runs: give only one of them."
        )
    options = [f"--{name.replace('_', '-')}" for name in given]
    if options and ship:
        raise BadInput(
            f"--ship does not change the settings of the claims: omit {quoted(options)}, or use "
            "--run."
        )
    if options and not run:
        raise BadInput(
            "Without --run, `claims` prints the verdicts of the included runs: add --run to use "
            f"{quoted(options)}."
        )


def _print(
    claims: Sequence[Claim],
    results: Sequence[ClaimResult],
    experiments: Experiments,
    form: ClaimFormat,
    included: bool,
) -> None:
    rows = [(claim, result.finding) for claim, result in zip(claims, results, strict=True)]
    if form is ClaimFormat.JSON:
        source = {"source": "included" if included else "this machine"}
        print_json(
            [
                _as_json(*row, adjusted) | {"runs": source | result.made.model_dump(mode="json")}
                for row, adjusted, result in zip(rows, _adjusted(rows), results, strict=True)
            ]
        )
    elif form is ClaimFormat.MARKDOWN:
        print(markdown(rows))
    else:
        table = plain_table("id", *_COLUMNS)
        for (each, finding), adjusted in zip(rows, _adjusted(rows), strict=True):
            table.add_row(each.id, *_cells(each, finding, adjusted))
        plain_console().print(table)
        print(f"\n{_made_text(RunsMade.joined([each.made for each in results]), included)}")
        if untested := _weights_text(rows, experiments):
            print(untested)


def markdown(rows: Sequence[tuple[Claim, Finding]]) -> str:
    """Format claims and their findings as a Markdown table."""
    lines = [f"| {' | '.join((*_COLUMNS, 'published'))} |", "|---|---|--:|---|---|---|---|"]
    for (claim, finding), adjusted in zip(rows, _adjusted(rows), strict=True):
        published = published_text(claim) if claim.published else ""
        lines.append(f"| {' | '.join((*_cells(claim, finding, adjusted), published))} |")
    return "\n".join(lines)


def _adjusted(rows: Sequence[tuple[Claim, Finding]]) -> tuple[float | None, ...]:
    return holm_adjusted([finding.p_value for _, finding in rows])


def _cells(claim: Claim, finding: Finding, adjusted: float | None) -> tuple[str, ...]:
    verdict = f"{SIGNS[finding.verdict]} {finding.verdict}"
    basis = "" if finding.verdict is ClaimVerdict.OPEN else basis_text(finding)
    together = "" if adjusted is None else after_holm(finding, adjusted)
    effect, interval = effect_text(finding), interval_text(finding)
    return claim.sentence, verdict, effect, interval, basis, together


def _as_json(claim: Claim, finding: Finding, adjusted: float | None) -> dict[str, object]:
    return {
        "id": claim.id,
        "sentence": claim.sentence,
        "statement": claim.statement,
        "tested": claim.tested,
        "control": claim.control,
        "chapter": claim.chapter,
        "verdict": finding.verdict,
        "scale": finding.scale,
        "effect": finding.effect,
        "low": finding.low,
        "high": finding.high,
        "bar": finding.bar,
        "margin": finding.margin,
        "p_value": finding.p_value,
        "holm_p_value": adjusted,
        "with_holm": after_holm(finding, adjusted),
        "detects": finding.detects,
        "seeds": finding.seeds,
        "sentences": finding.sentences,
        "detail": finding.remark,
        "published": published_text(claim) if claim.published else None,
    }


def _made_text(made: RunsMade, included: bool) -> str:
    if made.last is None:
        return "Without runs."
    processors = listed(made.processors) or "an unknown processor"
    versions = listed([f"{name} {'/'.join(each)}" for name, each in made.versions.items()])
    runs = "Included runs" if included else "Runs of this machine"
    return f"{runs}, the last of {made.last.day} {made.last:%b %Y}, on {processors}: {versions}."


def _weights_text(rows: Sequence[tuple[Claim, Finding]], experiments: Experiments) -> str:
    """How to get the weights that claims need which were not tested; empty if all are here."""
    access = Settings.from_environment().owner_access
    names = dict.fromkeys(
        name
        for claim, finding in rows
        if finding.verdict is ClaimVerdict.OPEN
        for name in missing_weights(claim, access, experiments)
    )
    lines = []
    for name in names:
        try:
            require_weights(resolve_checkpoint(name, access))
        except FreezeLabError as problem:
            lines.append(f"Not tested here: {problem}")
    return "\n".join(lines)
