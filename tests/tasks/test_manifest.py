"""The manifest: what it may say, and how each mistake is answered."""

import re
from pathlib import Path

import pytest

from mtl_core.errors import DataError
from mtl_core.tasks.lines import DataFile
from mtl_core.tasks.manifest import MANIFEST_BYTES, TaskSource, read_manifest
from mtl_core.tasks.schemes import Scheme
from mtl_core.tasks.separated_values import Quoting
from mtl_core.tasks.task import TaskKind
from mtl_core.tasks.token_columns import TokenColumns

SENTIMENT = "kind: sentence, head: classifier, train: a.csv, validation: b.csv"


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    return tmp_path / "manifest.yaml"


def test_tasks_stand_in_the_order_of_the_file(manifest: Path) -> None:
    manifest.write_text(
        f"tasks:\n  sentiment: {{{SENTIMENT}, text: body, label: no}}\n"
        "  ner: {kind: token, head: ner, train: sub/c.conll, validation: ./d.conll}\n"
    )
    folder = manifest.parent
    assert read_manifest(manifest).tasks == (
        TaskSource(
            name="sentiment",
            kind=TaskKind.SENTENCE,
            head="classifier",
            train=DataFile(name="a.csv", path=folder / "a.csv"),
            validation=DataFile(name="b.csv", path=folder / "b.csv"),
            text="body",
            label="no",
        ),
        TaskSource(
            name="ner",
            kind=TaskKind.TOKEN,
            head="ner",
            train=DataFile(name="sub/c.conll", path=folder / "sub" / "c.conll"),
            validation=DataFile(name="./d.conll", path=folder / "d.conll"),
            text="tokens",
            label="tags",
        ),
    )


def test_the_columns_of_sentences_default_to_text_and_label(manifest: Path) -> None:
    manifest.write_text(f"tasks: {{sentiment: {{{SENTIMENT}}}}}")
    (task,) = read_manifest(manifest).tasks
    assert (task.text, task.label) == ("text", "label")


def test_json_lines_of_tokens_may_name_their_keys(manifest: Path) -> None:
    manifest.write_text(
        "tasks: {pos: {kind: token, head: pos, train: a.jsonl, validation: b.jsonl, label: upos}}"
    )
    (task,) = read_manifest(manifest).tasks
    assert (task.text, task.label) == ("tokens", "upos")


def test_a_link_inside_the_folder_is_followed(manifest: Path) -> None:
    (manifest.parent / "a.csv").symlink_to("real.csv")
    manifest.write_text(f"tasks: {{sentiment: {{{SENTIMENT}}}}}")
    (task,) = read_manifest(manifest).tasks
    assert task.train == DataFile(name="a.csv", path=manifest.parent / "real.csv")


def sentiment_with(change: str, value: str) -> str:
    return f"tasks:\n  sentiment: {{{SENTIMENT.replace(change, value)}}}\n"


FAULTS = {
    "no YAML": ("tasks: {a: [", "manifest.yaml, line 1: is not YAML (", "A manifest holds: tasks:"),
    "a tab": ("tasks:\n\tner: x\n", "line 2: is not YAML (found character '\\t'", "A manifest"),
    "two documents": ("tasks: {}\n---\ntasks: {}\n", "line 2: is not YAML (but found another", ""),
    "a control character": ("tasks: \x01", "is not YAML (special characters are not", "A manifest"),
    "nested too deeply": ("[" * 20_000, "line 1: is not YAML (nested too deeply", "A manifest"),
    "comments alone": ("# nothing\n", "contains only comments.", "A manifest holds"),
    "a list": ("- a\n", "line 1: the manifest must be keys with values.", "A manifest holds"),
    "a table instead": ("text,label\n", "line 1: the manifest must be keys with values.", ""),
    "no tasks": ("tasks: {}\n", "line 1: there are no tasks.", "A manifest holds"),
    "an unknown key": (
        "task: {}\n",
        "line 1: the manifest has an unknown key 'task'. Nearest: 'tasks'. Keys: 'name', 'tasks'.",
        "",
    ),
    "an unknown key of a task": (
        "tasks:\n  ner:\n    kind: token\n    heads: ner\n",
        "line 4: the task 'ner' has an unknown key 'heads'. Nearest: 'head'. Keys: 'kind', 'head'",
        "",
    ),
    "a repeated key": (
        "tasks:\n  ner:\n    kind: token\n    head: a\n    head: b\n",
        "line 5: the key 'head' is repeated in the task 'ner'. Remove one.",
        "",
    ),
    "a repeated task": (
        "tasks:\n  ner: {}\n  ner: {}\n",
        "line 3: the key 'ner' is repeated in 'tasks'. Remove one.",
        "",
    ),
    "a missing key": (
        "tasks:\n  ner: {train: a.conll}\n",
        "line 2: the task 'ner' lacks 'kind', 'head'.",
        "A manifest holds",
    ),
    "an unknown kind": (
        sentiment_with("sentence", "sentences"),
        "line 2: the task 'sentiment' has the kind 'sentences'. Nearest: 'sentence'. "
        "Kinds: 'sentence', 'token'.",
        "",
    ),
    "no value": (
        sentiment_with("head: classifier", "head:"),
        "line 2: 'head' of the task 'sentiment' must be a name or a path.",
        "",
    ),
    "a list as value": (
        sentiment_with("a.csv", "[a.csv]"),
        "line 2: 'train' of the task 'sentiment' must be a name or a path.",
        "",
    ),
    "a task's name with a blank": (
        "tasks:\n  a b: {}\n",
        "line 2: the task 'a b' is not a valid name. Begin with a letter",
        "",
    ),
    "a head with a dot": (
        sentiment_with("classifier", "a.b"),
        "line 2: the head 'a.b' of the task 'sentiment' is not a valid module name.",
        "Begin with a letter",
    ),
    "a head that is a word of Python": (sentiment_with("classifier", "class"), "the head 'c", ""),
    "a head with an underscore first": (sentiment_with("classifier", "_x"), "the head '_x'", ""),
    "an absolute path": (
        sentiment_with("a.csv", "/etc/passwd"),
        "line 2: the path '/etc/passwd' is absolute. Paths are relative to the manifest's folder.",
        "",
    ),
    "an absolute path of Windows": (
        sentiment_with("a.csv", "C:\\a.csv"),
        "the path 'C:\\a.csv' is absolute.",
        "",
    ),
    "a path that leads out": (
        sentiment_with("a.csv", "x/../../a.csv"),
        "line 2: the path 'x/../../a.csv' leads out of the manifest's folder. Put the file",
        "",
    ),
    "a path with a NUL": (
        sentiment_with("a.csv", '"a\\0.csv"'),
        "does not exist. Check its links and spelling.",
        "",
    ),
    "one column for both": (
        sentiment_with("validation: b.csv", "validation: b.csv, text: label"),
        "line 2: the task 'sentiment' reads text and label from one column, 'label'. Name two.",
        "",
    ),
    "columns of CoNLL": (
        "tasks:\n  ner: {kind: token, head: ner, train: a.conll, validation: b.conll, label: x}\n",
        "line 2: the task 'ner' names columns, but CoNLL columns are found by position",
        "Remove 'label'.",
    ),
}


@pytest.mark.parametrize(("content", "message", "remedy"), FAULTS.values(), ids=FAULTS)
def test_an_error_names_its_line_and_remedy(
    manifest: Path, content: str, message: str, remedy: str
) -> None:
    manifest.write_text(content)
    with pytest.raises(DataError, match=f"{re.escape(message)}.*{re.escape(remedy)}"):
        read_manifest(manifest)


def test_two_tasks_do_not_share_a_head(manifest: Path) -> None:
    manifest.write_text(f"tasks:\n  a: {{{SENTIMENT}}}\n  b: {{{SENTIMENT}}}\n")
    with pytest.raises(
        DataError, match=r"the tasks 'a', 'b' share the head 'classifier'\. Give each task a"
    ):
        read_manifest(manifest)


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside.csv").write_text("text,label\n")
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.csv").symlink_to("../outside.csv")
    (folder / "manifest.yaml").write_text(f"tasks:\n  sentiment: {{{SENTIMENT}}}\n")
    with pytest.raises(DataError, match=r"line 2: the path 'a\.csv' leads out of the manifest's"):
        read_manifest(folder / "manifest.yaml")


def test_aliases_that_multiply_are_never_built(manifest: Path) -> None:
    levels = ["a0: &a0 [x, x]"]
    levels += [f"a{level}: &a{level} [{f'*a{level - 1}, ' * 9}]" for level in range(1, 30)]
    manifest.write_text("\n".join(levels))
    with pytest.raises(DataError, match=r"line 1: the manifest has an unknown key 'a0'"):
        read_manifest(manifest)


def test_a_manifest_over_the_limit_is_not_read(manifest: Path) -> None:
    manifest.write_text("#" * (MANIFEST_BYTES + 1))
    with pytest.raises(DataError, match=r"has 65,537 bytes, over the limit of 65,536\."):
        read_manifest(manifest)


def test_a_missing_manifest_is_named(manifest: Path) -> None:
    with pytest.raises(DataError, match=r"There is no file .*manifest\.yaml\."):
        read_manifest(manifest)


def test_the_example_of_the_documentation_is_a_manifest(manifest: Path) -> None:
    documented = (Path(__file__).parents[2] / "docs" / "manifest.md").read_text(encoding="utf-8")
    example = documented.split("```yaml\n")[2].split("```")[0]
    manifest.write_text(example, encoding="utf-8")
    ner, sentiment = read_manifest(manifest).tasks
    assert ner.columns == TokenColumns(word=2, tag=4)
    assert ner.tags == (("0", "O"), ("1", "B-PER"), ("2", "I-PER"))
    assert ner.scheme is Scheme.IOB2
    assert sentiment.labels == (("Positive", "positive"),)
    assert sentiment.quoting is Quoting.NONE


def test_a_manifest_may_name_its_data(tmp_path: Path) -> None:
    file = tmp_path / "manifest.yaml"
    task = "tasks:\n  a: {kind: sentence, head: a, train: a.csv}\n"
    file.write_text(f"name: Reviews of 2026\n{task}")
    assert read_manifest(file).name == "Reviews of 2026"
    file.write_text(task)
    assert read_manifest(file).name is None
    file.write_text(f"name: {'x' * 61}\n{task}")
    with pytest.raises(DataError, match="'name' has 61 characters"):
        read_manifest(file)
