"""The note: the sections of a report under a title, in a form that a design document can adopt."""

from datetime import datetime

from mtl_core import __version__
from mtl_core.lessons.claim_runs import comparison_name
from mtl_core.report.blocks import Figures, Note, Section, Table
from mtl_core.report.compared import facts_of
from mtl_core.report.load import Report
from mtl_core.report.run_words import facts, moment
from mtl_core.report.sections import TOPICS, Place, sections_of
from mtl_core.store.record import comparison_name as default_name

_SCORES = next(topic.title for topic in TOPICS if topic.name == "table")
_FIRST_FIGURES = 2  # one row, of the first tasks


def note_of(report: Report, now: datetime) -> Note:
    """Builds the note on a report, dated `now`."""
    return Note(
        title=report.headline,
        facts=tuple(_facts(report)),
        warnings=report.unfinished,
        sections=with_first_page(tuple(sections_of(report, Place.NOTE))),
        made_with=f"Freeze Lab {__version__}, {moment(now)}",
    )


def with_first_page(sections: tuple[Section, ...]) -> tuple[Section, ...]:
    """Puts the first figures and the table of scores, with how it was decided, into one section.

    It is the first page of a printed note. All other content stays in its section. Returns the
    sections unchanged if one of the two is missing.
    """
    scores = next((each for each in sections if each.title == _SCORES), None)
    leading = ((each, each.blocks[0]) for each in sections)
    pictured, first = next(
        ((each, block) for each, block in leading if isinstance(block, Figures)), (None, None)
    )
    if scores is None or pictured is None or first is None:
        return sections
    tables = [place for place, each in enumerate(scores.blocks) if isinstance(each, Table)]
    end = tables[1] if len(tables) > 1 else len(scores.blocks)
    lead = Section("Result", (Figures(first.drawings[:_FIRST_FIGURES]), *scores.blocks[:end]))
    later = first.drawings[_FIRST_FIGURES:]
    rest = {
        pictured.title: (*((Figures(later),) if later else ()), *pictured.blocks[1:]),
        scores.title: scores.blocks[end:],
    }
    others = (Section(each.title, rest.get(each.title, each.blocks)) for each in sections)
    return (lead, *(section for section in others if section.blocks))


def _facts(report: Report) -> list[str]:
    if len(report.runs) == 1:
        run = report.runs[0]
        return facts(run.record, run.summary)
    record, compared = report.record, facts_of(report.compared)
    if record is None or (name := comparison_name(record)) == default_name(record.spec):
        return list(compared)  # they have all that the default name has
    return [name, *compared]
