"""Opens pages on a store with many runs, and measures the first and the second visit.

    python benchmarks/large_store.py [--runs 5000] [--events 1000] [--home FOLDER]

Repeats an included comparison with new ids until the store has `--runs` runs, each with about
`--events` events. With --home the store is kept and filled only once. Each page is opened over a
websocket in a server that has just started, as a browser opens it. Prints a Markdown table.
"""

import argparse
import asyncio
import json
import os
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.visitor import Visitor
from benchmarks.visitors import dashboard
from mtl_core.lessons.shipped_runs import import_shipped
from mtl_core.settings import Settings
from mtl_core.store.runs import RunStore

PAGES = ("train", "compare", "freeze", "predict", "guide")
_VISITS = 2


def main() -> None:
    """Fill the store, serve the dashboard, and print the times."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=5000)
    parser.add_argument("--events", type=int, default=1000, help="of each run")
    parser.add_argument("--home", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        home = arguments.home or Path(temporary)
        os.environ["FREEZE_LAB_HOME"] = str(home)
        stored = fill(arguments.runs, arguments.events)
        with dashboard() as (port, _server):
            seconds = asyncio.run(_visits(port))
    print(f"{stored[0]:,} runs, {stored[1]:,} events, {stored[2] / 1e6:,.0f} MB\n")
    print("| page | first visit s | second visit s |\n|---|--:|--:|")
    for page, times in seconds.items():
        print(f"| {page} | {' | '.join(f'{each:.2f}' for each in times)} |")


def fill(runs: int, events: int) -> tuple[int, int, int]:
    """Add copies of the included runs; the numbers of runs and events, and the store's bytes."""
    file = Settings.from_environment().home / "runs.sqlite"
    import_shipped(RunStore(file))
    store = sqlite3.connect(file)
    store.row_factory = sqlite3.Row
    with store:
        missing = runs - store.execute("SELECT count(*) FROM runs").fetchone()[0]
        included = store.execute("SELECT * FROM runs WHERE shipped").fetchall()
        for copy, start in enumerate(range(0, missing, len(included))):
            _copy(store, included[: missing - start], copy, events)
    counts = [store.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in _TABLES]  # noqa: S608
    store.close()
    return counts[0], counts[1], file.stat().st_size


_TABLES = ("runs", "events")


def _copy(store: sqlite3.Connection, rows: Sequence[sqlite3.Row], copy: int, events: int) -> None:
    """Copy runs with their comparisons; they ended some hours after those of the last copy."""
    later = timedelta(hours=copy + 1)
    comparisons: dict[str, str] = {}
    for row in rows:
        if row["comparison"] and row["comparison"] not in comparisons:
            comparisons[row["comparison"]] = f"{row['comparison']}-{copy}"
            old = store.execute("SELECT * FROM comparisons WHERE id = ?", [row["comparison"]])
            changes = {"id": comparisons[row["comparison"]], "shipped": 0}
            _insert(store, "comparisons", {**dict(old.fetchone()), **changes, "number": None})
        changes = {
            "number": None,
            "id": f"{row['id']}-{copy}",
            "shipped": 0,
            "comparison": comparisons.get(row["comparison"]),
            "finished_at": _moved(row["finished_at"], later),
        }
        number = _insert(store, "runs", {**dict(row), **changes})
        bodies = store.execute(
            "SELECT kind, body FROM events WHERE run = ? ORDER BY number", [row["number"]]
        ).fetchall()
        lengthened = list(_lengthened(bodies, events))
        store.executemany(
            "INSERT INTO events (run, number, kind, body) VALUES (?, ?, ?, ?)",
            [(number, place, *each) for place, each in enumerate(lengthened, start=1)],
        )
        count = [len(lengthened), number]
        store.execute("UPDATE runs SET last_event = ? WHERE number = ?", count)


def _lengthened(events: Sequence[sqlite3.Row], count: int) -> Iterator[tuple[str, str]]:
    """The events of a run, whose steps are repeated so that there are about `count`."""
    steps = sum(kind == "step" for kind, _ in events)
    times = max(1, (count - len(events) + steps) // max(steps, 1))
    step = 0
    for kind, body in events:
        for _ in range(times if kind == "step" else 1):
            values = json.loads(body)
            if "step" in values and kind == "step":
                step += 1
            yield kind, json.dumps({**values, "step": step}) if "step" in values else body


def _moved(moment: str | None, by: timedelta) -> str | None:
    """A stored time, later."""
    if moment is None:
        return None
    return (datetime.fromisoformat(moment) + by).isoformat(timespec="microseconds")


def _insert(store: sqlite3.Connection, table: str, values: dict[str, object]) -> int:
    names = ", ".join(values)
    places = ", ".join("?" * len(values))
    added = store.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", [*values.values()])  # noqa: S608
    assert added.lastrowid is not None
    return added.lastrowid


async def _visits(port: int) -> dict[str, list[float]]:
    """Seconds from the click to the last element, by page."""
    seconds: dict[str, list[float]] = {page: [] for page in PAGES}
    for _ in range(_VISITS):
        for page in PAGES:
            async with Visitor(port) as visitor:
                await visitor.open("")
                start = monotonic()
                await visitor.open(page)
                seconds[page].append(monotonic() - start)
    return seconds


if __name__ == "__main__":
    main()
