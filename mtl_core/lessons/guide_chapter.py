"""One chapter of the guide, as a value."""

from mtl_core.lessons.claim import Chapter
from mtl_core.lessons.sources import Source
from mtl_core.values import Frozen


class GuideChapter(Frozen):
    """A title, a few paragraphs, perhaps steps to follow, and where they rest.

    `scenarios` are those whose lessons the chapter shows.
    """

    chapter: Chapter
    title: str
    paragraphs: tuple[str, ...]
    steps: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
