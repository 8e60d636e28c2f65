"""The order of the queue: visitors take turns, and so do a visitor's single runs and comparisons.

The next run is that of the visitor with the fewest running jobs; of those, of the visitor whose
last job started the longest ago. Within a visitor, single runs and the runs of comparisons take
turns in the same way. Otherwise, runs start in the order in which they were added. Runs of the
machine's own user, who is no visitor, count as those of one visitor.
"""

from sqlalchemy import ColumnElement, Select, Subquery, Text, case, func, literal_column, select

from mtl_core.store.record import RunState
from mtl_core.store.rows import KEPT
from mtl_core.store.schema import RunRow

_VISITOR = func.coalesce(RunRow.visitor, literal_column("''", Text))
_LANE = case(
    (RunRow.comparison.is_(None), literal_column("0")), else_=literal_column("1")
)  # single runs first, where all is equal


def waiting_in_order(*conditions: ColumnElement[bool]) -> Select[RunRow]:
    """The query for the waiting runs with these conditions, the next one first."""
    lanes = _served_by(_VISITOR, _LANE)
    visitors = _served_by(_VISITOR)
    waiting = (
        select(
            RunRow.number,
            _VISITOR.label("visitor"),
            _LANE.label("lane"),
            func.row_number()
            .over(partition_by=(_VISITOR, _LANE), order_by=RunRow.number)
            .label("place"),
        )
        .where(RunRow.state == RunState.WAITING, KEPT, *conditions)
        .subquery()
    )
    of_lane = (lanes.c.visitor == waiting.c.visitor) & (lanes.c.lane == waiting.c.lane)
    turns = (
        select(
            waiting.c.number,
            waiting.c.visitor,
            func.row_number()
            .over(
                partition_by=waiting.c.visitor,
                order_by=(
                    waiting.c.place + func.coalesce(lanes.c.jobs, 0),
                    lanes.c.last_start.nulls_first(),
                    waiting.c.lane,
                ),
            )
            .label("turn"),
        )
        .join_from(waiting, lanes, of_lane, isouter=True)
        .subquery()
    )
    return (
        select(RunRow)
        .join(turns, turns.c.number == RunRow.number)
        .join(visitors, visitors.c.visitor == turns.c.visitor, isouter=True)
        .order_by(
            turns.c.turn + func.coalesce(visitors.c.jobs, 0),
            visitors.c.last_start.nulls_first(),
            RunRow.number,
        )
    )


def _served_by(*groups: ColumnElement[str] | ColumnElement[int]) -> Subquery:
    """The number of running jobs and the latest start by visitor, or by visitor and lane."""
    names = ("visitor", "lane")
    running = case((RunRow.state == RunState.RUNNING, RunRow.started_at))
    return (
        select(
            *(group.label(name) for group, name in zip(groups, names, strict=False)),
            func.count(running.distinct()).label("jobs"),
            func.max(RunRow.started_at).label("last_start"),
        )
        .where(~RunRow.shipped, RunRow.started_at.is_not(None))
        .group_by(*groups)
        .subquery()
    )
