"""The spans of a row as an export of doccano or Label Studio has them.

doccano: `{"text": "Anna left", "label": [[0, 4, "PER"]]}`; the list is called `label`, `labels` or
`entities`, and its spans may be objects with `start_offset`, `end_offset` and `label`. Label
Studio: `data` and `annotations`, whose `result` has spans; or, as JSON-MIN, a list of objects with
`start`, `end` and `labels`.
Sources: the formats "JSONL" and "JSONL(relation)" of doccano 1.8; "Label Studio JSON format of
annotated tasks" in the documentation of Label Studio.
"""

from dataclasses import dataclass
from typing import Any

from mtl_core.nearest import quoted
from mtl_core.tasks.aligned_spans import WrittenSpan
from mtl_core.tasks.keyed_rows import Row, string, value
from mtl_core.tasks.lines import DataFile
from mtl_core.tasks.reading_limits import check_label

SPAN_COLUMNS = ("text", "label", "labels", "entities", "data", "annotations")
_TEXT, *_LISTS = SPAN_COLUMNS[:4]


@dataclass(frozen=True, slots=True)
class Document:
    """A text with its spans. `others` counts the results that are no spans, such as relations."""

    line: int
    text: str
    spans: tuple[WrittenSpan, ...]
    others: int = 0


@dataclass(frozen=True, slots=True)
class SpanKeys:
    """The keys of the text and of the spans; in tasks of Label Studio, `label` is a control."""

    text: str
    label: str
    tasks: bool = False

    @property
    def words(self) -> str:
        """The keys as the reading of a file states them."""
        if self.tasks:
            return f"tasks of Label Studio, text '{self.text}'"
        return f"keys '{self.text}' and '{self.label}'"


def span_keys(file: DataFile, row: Row, text: str, label: str) -> SpanKeys | None:
    """The keys of a row with spans, or None if it has words and tags.

    `text` and `label` are the keys of a row with words and tags, or those that the manifest names.
    Raises DataError for several lists of spans.
    """
    line, values = row
    if isinstance(values.get("annotations"), list) and isinstance(values.get("data"), dict):
        data = values["data"]
        return SpanKeys(text if text in data else _TEXT, label, tasks=True)
    if text not in values and isinstance(values.get(_TEXT), str):
        text = _TEXT
    if not isinstance(values.get(text), str):
        return None
    if label in values:
        return SpanKeys(text, label) if _are_spans(values[label]) else None
    lists = [key for key in _LISTS if isinstance(values.get(key), list)]
    if len(lists) > 1:
        raise file.fault(
            line,
            f"there are spans in {quoted(lists)}. Name one in the manifest: label: {lists[0]}.",
        )
    others = [key for key in _LISTS if key in values]  # refused as no list of spans
    return SpanKeys(text, (lists or others)[0]) if lists or others else None


def document(file: DataFile, row: Row, keys: SpanKeys) -> Document | None:
    """The text and the spans of a row; None for a task of Label Studio without an annotation.

    Raises DataError for a row of another kind, and for annotations that differ.
    """
    line, values = row
    if keys.tasks:
        return _task(file, line, values, keys)
    text = string(file, line, keys.text, value(file, line, values, keys.text))
    key = keys.label
    found = value(file, line, values, key)
    if not isinstance(found, list):
        raise file.fault(line, f"'{key}' holds no list of spans. Write [] for a text without any.")
    spans = [span for each in found for span in _spans(file, line, key, each)]
    return Document(line, text, tuple(spans))


def _are_spans(found: Any) -> bool:
    return isinstance(found, list) and all(isinstance(each, list | dict) for each in found)


def _spans(file: DataFile, line: int, key: str, found: Any) -> list[WrittenSpan]:
    """One span for each of its types: `[0, 4, "PER"]`, or an object with start, end and labels."""
    if isinstance(found, list) and len(found) == 3:
        start, end, types = found
        text = None
    elif isinstance(found, dict):
        start, end = (found.get(each, found.get(f"{each}_offset")) for each in ("start", "end"))
        types, text = found.get("labels", found.get("label")), found.get("text")
    else:
        raise file.fault(
            line, f"an entry of '{key}' is no span. Write [start, end, type], such as [0, 4, PER]."
        )
    if not all(isinstance(each, int) and not isinstance(each, bool) for each in (start, end)):
        raise file.fault(
            line,
            f"a span in '{key}' has the offsets {start!r:.40} and {end!r:.40}. Write two whole "
            "numbers: code points from 0, the end not included.",
        )
    types = types if isinstance(types, list) else [types]
    names = [string(file, line, f"the type in '{key}'", each).strip() for each in types]
    check_label(file, line, max(names, key=len, default=""))
    if not names or not all(names):
        raise file.fault(line, f"a span in '{key}' has no type. Write one, or remove the span.")
    stated = text if isinstance(text, str) else None
    return [WrittenSpan(start, end, name, stated) for name in names]


def _task(file: DataFile, line: int, task: dict[str, Any], keys: SpanKeys) -> Document | None:
    """A task of Label Studio; cancelled annotations are none."""
    data, annotations = task.get("data"), task.get("annotations")
    if not isinstance(data, dict) or not isinstance(annotations, list):
        raise file.fault(line, "is no task of Label Studio: it has 'data' and 'annotations'.")
    text = string(file, line, keys.text, value(file, line, data, keys.text))
    given = [each for each in annotations if isinstance(each, dict) and not _cancelled(each)]
    if not given:
        return None
    first, *others = (_annotation(file, line, text, each, keys.label) for each in given)
    if any(set(each.spans) != set(first.spans) for each in others):
        raise file.fault(
            line,
            f"the task has {len(given)} annotations that differ, so it is unknown which is right. "
            "Remove all but one.",
        )
    return first


def _cancelled(annotation: dict[str, Any]) -> bool:
    return bool(annotation.get("was_cancelled"))


def _annotation(
    file: DataFile, line: int, text: str, annotation: dict[str, Any], control: str
) -> Document:
    """The spans of one annotation: those of the control, if it has one of this name."""
    results = annotation.get("result")
    if not isinstance(results, list) or not all(isinstance(each, dict) for each in results):
        raise file.fault(line, "an annotation has no list called 'result'. Export the task again.")
    spans = [each for each in results if "labels" in str(each.get("type", "labels"))]
    controls = sorted({str(each.get("from_name")) for each in spans})
    if control in controls:
        spans = [each for each in spans if each.get("from_name") == control]
    elif len(controls) > 1:
        raise file.fault(
            line,
            f"the task has spans of {quoted(controls)}. Name one in the manifest: "
            f"label: {controls[0]}.",
        )
    written = [span for each in spans for span in _spans(file, line, "result", each.get("value"))]
    return Document(line, text, tuple(written), len(results) - len(spans))
