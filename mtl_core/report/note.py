"""The note: the sections of a report under a title, in a form that a design document can adopt."""

from datetime import datetime

from mtl_core import __version__
from mtl_core.lessons.claim_runs import comparison_name
from mtl_core.report.blocks import Note
from mtl_core.report.compared import facts_of
from mtl_core.report.load import Report
from mtl_core.report.run_words import facts, moment
from mtl_core.report.sections import Place, sections_of


def note_of(report: Report, now: datetime) -> Note:
    """Builds the note on a report, dated `now`."""
    return Note(
        title=report.headline,
        facts=tuple(_facts(report)),
        warnings=report.unfinished,
        sections=tuple(sections_of(report, Place.NOTE)),
        made_with=f"Freeze Lab {__version__}, {moment(now)}",
    )


def _facts(report: Report) -> list[str]:
    if len(report.runs) == 1:
        run = report.runs[0]
        return facts(run.record, run.summary)
    name = [comparison_name(report.record)] if report.record else []
    return [*name, *facts_of(report.compared)]
