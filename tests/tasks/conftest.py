"""Small labelled data, written as files into a temporary folder."""

from collections.abc import Callable
from pathlib import Path

import pytest

MANIFEST = """\
tasks:
  sentiment: {kind: sentence, head: classifier, train: a.train.csv, validation: a.dev.csv}
  ner: {kind: token, head: ner, train: b.train.conll, validation: b.dev.conll}
"""
FILES = {
    "manifest.yaml": MANIFEST,
    "a.train.csv": "text,label\nA fine day.,positive\nA dull day.,negative\nGood.,positive\n",
    "a.dev.csv": "text,label\nNot bad.,positive\n",
    "b.train.conll": "Ann\tPER\nsaw\tO\nParis\tLOC\n\nIt\tO\nrains\tO\n",
    "b.dev.conll": "Ann\tPER\nleft\tO\n",
}

WriteData = Callable[[dict[str, str | bytes]], Path]


@pytest.fixture
def write_data(tmp_path: Path) -> WriteData:
    """Write FILES, some of them replaced or added to; returns the path of the manifest."""

    def write(changed: dict[str, str | bytes]) -> Path:
        for name, content in {**FILES, **changed}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path / "manifest.yaml"

    return write
