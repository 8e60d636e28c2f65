"""Staged training: the table of stages that led to a run, and the backward transfer."""

from collections.abc import Iterator

from mtl_core.analysis.chain import Chain, Stage, TaskInStage
from mtl_core.freezing.titles import task_title
from mtl_core.report.blocks import Block, Text, table_of
from mtl_core.report.data_words import within
from mtl_core.report.load import Report
from mtl_core.text import UNDEFINED, listed

_PHASES_NAMED = 3
_UNKNOWN = "–"


def blocks(report: Report) -> Iterator[Block]:
    """The note's section: the stages of each run that starts from an earlier run.

    A plan with several seeds is represented by its run with the lowest seed.
    """
    for label, run in report.one_of_each:
        if run.chain is None:
            continue
        seed = f", seed {run.record.spec.seed}" if report.compared.several_seeds else ""
        yield Text(f"{label}{seed}: {chain_title(run.chain)}.")
        yield table_of(chain_rows(run.chain), left=("Stage", "Run", "Trained"))
        for line in chain_lines(run.chain):
            yield Text(line)


def chain_title(chain: Chain) -> str:
    """`This run is stage 2: it starts from 261124-0655-heads-only-3f9a`."""
    stages = chain.stages
    before = stages[-2].run if len(stages) > 1 else chain.missing
    number = f" is stage {len(stages)}: it" if len(stages) > 1 and chain.missing is None else ""
    return f"This run{number} starts from {before}"


def chain_rows(chain: Chain) -> list[dict[str, str]]:
    """One row per stage: its run, what it trained, each task's score at its start and end."""
    return [_row(stage, chain) for stage in chain.stages]


def chain_lines(chain: Chain) -> tuple[str, ...]:
    """The sentences below the table: the backward transfer or why it is missing, deleted runs."""
    lines = []
    if chain.transfers:
        lines.append(_transfer(chain))
        used = [within(each.task.name) for each in chain.transfers if each.loss_used_since]
        if used:
            lines.append(
                f"The head was frozen, but the loss of {listed(used)} still trained the encoder. "
                "The change is therefore not the effect of the other tasks alone. A task weight "
                "of 0 in the plan excludes a loss."
            )
    elif not chain.same_sentences:
        lines.append(
            "Backward transfer is not available: the stages were scored on different sentences "
            "or with different maximum lengths."
        )
    if chain.missing is not None:
        lines.append(f"The first stage listed starts from run {chain.missing}, which was deleted.")
    return tuple(lines)


def _row(stage: Stage, chain: Chain) -> dict[str, str]:
    is_last = stage is chain.stages[-1]
    row = {
        "Stage": str(stage.number),
        "Run": f"{stage.run} (this run)" if is_last else stage.run,
        "Trained": _learned(stage),
    }
    for task in chain.tasks:
        found = stage.task(task.name)
        column = f"{task_title(task.name)} {found.metric}" if found else task_title(task.name)
        row[column] = _scores(found) if found else _UNKNOWN
    return row


def _learned(stage: Stage) -> str:
    """The phases by name; with more than three, the first, the count and the last."""
    names = stage.learning
    if len(names) > _PHASES_NAMED:
        names = (names[0], f"… ({len(names)} phases)", names[-1])
    return ", then ".join(names) or _UNKNOWN


def _scores(found: TaskInStage) -> str:
    before, after = (
        _UNKNOWN if each is None else f"{each:.3f}" for each in (found.before, found.after)
    )
    scores = UNDEFINED if found.undefined else f"{before} → {after}"
    if found.trained is not False:
        return scores
    return f"{scores}, {'head frozen' if found.loss_used else 'not trained'}"


def _transfer(chain: Chain) -> str:
    changes = [
        f"{within(each.task.name)} {each.metric} {_signed(each.change)} since stage "
        f"{each.trained_in}"
        for each in chain.transfers
    ]
    mean = chain.backward_transfer
    over = f"; mean {_signed(mean)}" if mean is not None and len(changes) > 1 else ""
    so_far = "" if chain.ended else " so far"
    return (
        f"Backward transfer{so_far}, the change since the stage that last trained a task's head: "
        f"{listed(changes)}{over}."
    )


def _signed(change: float) -> str:
    """Three digits with a sign and a true minus; `0.000` for a change that rounds to 0."""
    return f"{change:+.3f}".replace("-", "\N{MINUS SIGN}") if round(change, 3) else "0.000"
