"""Every command and code block of the documents runs here, or a short form of it.

A block in a language, or a command of a program, that the tables below do not have is an error, so
a new one cannot go untested. All commands are parsed by the program that they call. Those of Freeze
Lab that train nothing run as they are; those that train run on a tiny encoder and tiny data.
"""

import inspect
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pytest
import yaml
from typer.main import get_command

from mtl_core.cli.entry import application
from mtl_core.file_access import ANY_FILE
from mtl_core.freezing.plan_file import parse_plan
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.selectors import __doc__ as selectors_text
from mtl_core.settings import Settings
from mtl_core.store.record import RunState
from mtl_core.store.runs import RunStore
from mtl_core.tasks.dataset import load_dataset
from mtl_core.training.events import RunEvent
from tests.browser.serving import save_fixed_speed
from tests.commands import Answer, run_in_home
from tests.conftest import write_bert
from tests.run_story import minilm

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    each
    for each in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("mtl_core/**/*.md")]
    if each.name != "CHANGELOG.md"  # of earlier versions
)
HISTORY = {"log.md"}  # its text describes an earlier tree; its blocks are run
FENCED = re.compile(r"^( *)(```+|~~~+)([^\n]*)\n(.*?)^ *\2 *$", re.MULTILINE | re.DOTALL)
VARIABLE = re.compile(r"[A-Z_]+=")
"""Of the environment, before a command."""
INDENTED = re.compile(r"\n\n {4}(?! |[-*\d])[^\n]+\n")
INLINE = re.compile(r"`((?:freeze-lab|make|python|pip|docker|\.venv/bin/python)\s[^`]+)`")


class Block(NamedTuple):
    """A code block and the place where it begins, such as `README.md:20`."""

    place: str
    language: str
    text: str

    def __str__(self) -> str:
        return self.place


class Command(NamedTuple):
    """The words of a command without what the shell reads: redirections, comments and `&`."""

    place: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.place} {' '.join(self.words)}"[:100]


def blocks_of(document: Path) -> Iterator[Block]:
    text = document.read_text(encoding="utf-8")
    for found in FENCED.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        body = re.sub(rf"^{found[1]}", "", found[4], flags=re.MULTILINE)
        yield Block(f"{document.relative_to(ROOT)}:{line}", found[3].strip(), body)


def inline_commands(document: Path) -> Iterator[Command]:
    text = FENCED.sub(lambda block: "\n" * block[0].count("\n"), document.read_text("utf-8"))
    for found in INLINE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        written = re.sub(r"[\[\]]", "", " ".join(found[1].split()))  # [--optional]
        yield from commands_in(f"{document.relative_to(ROOT)}:{line}", written)


def commands_in(place: str, script: str) -> Iterator[Command]:
    for line in script.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = list(lexer)
        if words[-1:] == ["&"]:
            words.pop()
        if words[-2:-1] == [">"]:
            words = words[:-2]
        assert not set("".join(words[:1] + words[-1:])) & set("|;&<>"), f"{place}: {line}"
        if words:
            yield Command(place, tuple(words))


BLOCKS = [block for document in DOCUMENTS for block in blocks_of(document)]
SHELL = [block for block in BLOCKS if block.language == "bash"]
WRITTEN = [command for block in SHELL for command in commands_in(block.place, block.text)]
NAMED = [
    command
    for document in DOCUMENTS
    if document.name not in HISTORY
    for command in inline_commands(document)
]


# --- What accepts a command -----------------------------------------------------------------------


def accepted_by_freeze_lab(arguments: list[str]) -> None:
    """Parse the arguments as `freeze-lab` does, without running the command."""
    name, command, context = "freeze-lab", get_command(application(arguments[0])), None
    while True:
        context = command.make_context(name, list(arguments), parent=context)
        if not hasattr(command, "resolve_command"):
            return
        name, command, arguments = command.resolve_command(context, arguments)
        if not arguments:  # the text names a command
            return


def accepted_by_make(arguments: list[str]) -> None:
    known = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    targets = [each for each in arguments if "=" not in each]
    assert set(targets) <= set(known), f"the Makefile has {', '.join(known)}"
    subprocess.run(["make", "-n", *arguments], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def accepted_by_pip(arguments: list[str]) -> None:
    """Of pip's own parser: nothing is installed."""
    from pip._internal.commands import create_command

    command, *rest = arguments
    _, targets = create_command(command).parse_args(rest)
    assert all((ROOT / target / "pyproject.toml").exists() for target in targets if target == ".")


DOCKER = {
    "build": {"-t": 1, "--build-arg": 1},
    "run": {"--rm": 0, "--read-only": 0, "--tmpfs": 1, "-p": 1, "-v": 1},
    "pull": {},
    "inspect": {"--format": 1},
}
"""The options of Docker that the documents use, and how many values each has."""


def accepted_by_docker(arguments: list[str]) -> None:
    """Compare the arguments with the Dockerfile; nothing is built."""
    file = (ROOT / "Dockerfile").read_text("utf-8")
    verb, *left = arguments
    options: list[tuple[str, str]] = []
    while left and left[0].startswith("-"):
        name = left.pop(0)
        options.append((name, left.pop(0) if DOCKER[verb][name] else ""))
    (target,) = left
    if verb == "build":
        assert (ROOT / target / "Dockerfile").exists()
    for name, value in options:
        if name == "--build-arg":
            assert re.search(rf"^ARG {value.partition('=')[0]}\b", file, re.MULTILINE)
        if name == "-p":
            assert re.search(rf"^EXPOSE {value.partition(':')[2]}$", file, re.MULTILINE)
        if name == "-v":
            assert re.search(rf"^VOLUME {value.partition(':')[2]}$", file, re.MULTILINE)
    if verb in ("pull", "inspect"):
        assert f"ARG BASE={target}\n" in file


PARSED_ONLY = """
import argparse, json, runpy, sys
sys.path.insert(0, ".")
class Parsed(Exception): pass
parse = argparse.ArgumentParser.parse_args
def parse_only(self, *given):
    parse(self, *given)
    raise Parsed
argparse.ArgumentParser.parse_args = parse_only
for script, arguments in json.load(sys.stdin):
    sys.argv = [script, *arguments]
    try:
        if script.startswith("-m "):
            runpy.run_module(script[3:], run_name="__main__")
        else:
            runpy.run_path(script, run_name="__main__")
    except Parsed:
        continue
    sys.exit(f"{script} parsed nothing")
"""
WITHOUT_OPTIONS = {"benchmarks/planned_variances.py"}


def accepted_by_scripts(calls: list[list[str]]) -> None:
    """Let each script parse its arguments, all in one process that imports torch once."""
    done = subprocess.run(
        [sys.executable, "-c", PARSED_ONLY],
        input=json.dumps([[script, arguments] for script, *arguments in calls]),
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr


def accepted_by_sh(arguments: list[str]) -> None:
    """Of the script of a bundle, which passes its arguments on."""
    script, *rest = arguments
    assert script.endswith("/repeat.sh")
    accepted_by_freeze_lab(["repeat", "bundle", *rest])


def accepted_by_ray(arguments: list[str]) -> None:
    """Of Ray's own parser: nothing is started."""
    from ray.scripts.scripts import cli

    cli.commands[arguments[0]].make_context("ray", arguments[1:])


PARSERS: dict[str, Callable[[list[str]], None]] = {
    "freeze-lab": accepted_by_freeze_lab,
    "make": accepted_by_make,
    "pip": accepted_by_pip,
    "docker": accepted_by_docker,
    "ray": accepted_by_ray,
    "sh": accepted_by_sh,
}
FRAGMENTS = {
    ("docker", "run", "-p"),
    ("python", "-X", "importtime"),
    ("pip", "install", "--extra-index-url", "…"),
}
"""Parts of commands that the text names."""


def called(command: Command) -> tuple[str, list[str]]:
    """The program and its arguments; a script is called `python`."""
    words = list(command.words)
    while VARIABLE.match(words[0]):
        words.pop(0)
    if words[0] == "taskset":
        words = words[3:]
    program, *arguments = words
    if program == ".venv/bin/python":
        program = "python"
    if program == "python" and arguments[0] == "-X":
        arguments = arguments[2:]
    if program == "python" and arguments[:2] == ["-m", "mtl_core"]:
        return "freeze-lab", arguments[2:]
    if program == "python" and arguments[0] == "-m":
        return "python", [f"-m {arguments[1]}", *arguments[2:]]
    return program, arguments


COMPLETE = [each for each in WRITTEN + NAMED if each.words not in FRAGMENTS]


@pytest.mark.parametrize(
    "command", [each for each in COMPLETE if called(each)[0] != "python"], ids=str
)
def test_a_command_is_accepted_by_the_program_it_calls(command: Command) -> None:
    program, arguments = called(command)
    assert program in PARSERS, "add its parser to PARSERS"
    if arguments:
        PARSERS[program](arguments)


def test_every_script_accepts_the_options_that_it_is_called_with() -> None:
    calls = [call for program, call in map(called, COMPLETE) if program == "python"]
    assert len(calls) > 20
    for script, *_ in calls:
        assert script.startswith("-m mtl_core.") or (ROOT / script).exists(), script
    accepted_by_scripts([call for call in calls if call[0] not in WITHOUT_OPTIONS])


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("freeze-lab", ["train", "--scenarios", "full"]),
        ("freeze-lab", ["trains"]),
        ("freeze-lab", ["compare", "--epochs", "many"]),
        ("make", ["runs"]),
        ("pip", ["install", "--constrained", "x"]),
        ("docker", ["run", "-p", "8501:80", "freeze-lab"]),
        ("docker", ["run", "--privileged", "freeze-lab"]),
        ("docker", ["build", "--build-arg", "BAS=x", "."]),
    ],
)
def test_a_command_that_the_program_does_not_have_is_found(
    program: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises((Exception, SystemExit)):
        PARSERS[program](arguments)


def test_an_option_that_a_script_does_not_have_is_found() -> None:
    with pytest.raises(AssertionError, match="unrecognized arguments: --nothing"):
        accepted_by_scripts([["benchmarks/scenarios.py", "--nothing"]])


# --- Commands that run ----------------------------------------------------------------------------

TINY = ("--checkpoint", "models/base", "--max-length", "16", "--epochs", "2")
SHORTER = {
    "--seeds": "1",
    "--examples": "2,all",
    "--sweep": "1,3",
}
"""Values in place of those of a command that trains."""
TRAINS = {
    "train": (*TINY, "--batch-size", "4"),
    "compare": (*TINY, "--batch-size", "4"),
    "claims": TINY,
}
"""What is added to a command that trains. A later option wins."""
ONLY_PARSED = {
    "serve": "tests/cli/test_serve.py serves",
    "serve --port 8600": "the same",
    "serve --address 0.0.0.0": "the same",
    "claims --run": "trains for hours; `claims --run heads-ner` is the same with one claim",
    "repeat FOLDER": "tests/cli/test_repeat.py repeats",
    "train": "the name of a command",
    "runs stop": "the name of a command",
    "runs delete": "the name of a command",
}
"""Commands that the parser alone checks, and why. All others run."""


CODES = {"doctor": (0, 2)}
"""Exit codes of commands that others than 0 are right for: 2 if the machine lacks something."""


class Workspace(NamedTuple):
    """A folder with the files that the commands name, and a store with runs."""

    folder: Path
    home: Path
    runs: tuple[str, str]
    cut_off: str

    def answer(self, *arguments: str) -> Answer:
        return run_in_home(self.home, *arguments)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, tiny_data: Path) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("documented")
    home = folder / "home"
    save_fixed_speed(Settings(home=home, threads=1))
    write_bert(folder / "models" / "base", layers=4, width=16, positions=32)  # as plans name them
    shutil.copytree(folder / "models" / "base", folder / "models" / "tiny")
    for place in (folder, folder / "my-data"):
        shutil.copytree(tiny_data.parent, place, dirs_exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, scenario in (("plan", "gradual"), ("mine", "top-1"), ("other", "bitfit")):
            plan = run_in_home(home, "plan", "--scenario", scenario)
            (folder / f"{name}.yaml").write_text(plan.out, encoding="utf-8")
        one = trained(home, "one", "heads-only")
        two = trained(home, "two", "top-1")
        with closing(RunStore(home / "runs.sqlite")) as store:
            cut_off = store.add(store.run(one).spec).id
            store.request_stop(cut_off)
        yield Workspace(folder, home, (one, two), cut_off)


def trained(home: Path, name: str, scenario: str) -> str:
    short = (*TRAINS["train"], "--data", "manifest.yaml", "--format", "jsonl")
    answer = run_in_home(home, "train", "--scenario", scenario, "--output", name, *short)
    assert answer.code == 0, answer.err
    return str(answer.events[0]["run"])


@pytest.fixture(scope="module")
def comparison(workspace: Workspace) -> str:
    """A finished comparison of the workspace's store."""
    arms = ("--scenarios", "heads-only,full", "--seeds", "0", "--data", "manifest.yaml")
    answer = workspace.answer("compare", *arms, *TRAINS["compare"])
    assert answer.code == 0, answer.err
    with closing(RunStore(workspace.home / "runs.sqlite")) as store:
        return store.listed_comparisons(limit=1)[0].id


def short_form(arguments: list[str]) -> list[str]:
    """The command on a tiny encoder and tiny data, if it trains."""
    verb, *rest = arguments
    if not trains(arguments):
        return arguments
    options = zip(["", *rest], rest, strict=False)
    short = [verb, *(SHORTER.get(option, value) for option, value in options)]
    if "--resume" in rest:
        return short
    if "--data" not in rest:
        short += ["--data", "manifest.yaml"]
    if verb == "compare" and "--seeds" not in rest:
        short += ["--seeds", "1"]
    return [*short, *TRAINS[verb]]


def trains(arguments: list[str]) -> bool:
    verb, *rest = arguments
    return verb in TRAINS and (verb != "claims" or "--run" in rest)


def with_ids(arguments: list[str], runs: Iterator[str], comparison: str) -> list[str]:
    """The arguments with ids for RUN and COMPARISON."""
    named = {"RUN": lambda: next(runs), "COMPARISON": lambda: comparison}
    return [named[each]() if each in named else each for each in arguments]


RUNNABLE = [
    (command, arguments)
    for command in COMPLETE
    for program, arguments in [called(command)]
    if program == "freeze-lab" and arguments and " ".join(arguments) not in ONLY_PARSED
]
FAST = [
    each
    for each in RUNNABLE
    if not trains(each[1]) or (each[1][0] == "train" and each[0] in WRITTEN)
]
COMPARED = [each for each in RUNNABLE if each not in FAST]


@pytest.mark.parametrize(("command", "arguments"), FAST, ids=lambda it: str(it)[:60])
def test_a_command_of_the_documents_runs(
    command: Command, arguments: list[str], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran(arguments, workspace, monkeypatch)


@pytest.mark.long
@pytest.mark.parametrize(("command", "arguments"), COMPARED, ids=lambda it: str(it)[:60])
def test_a_command_that_compares_runs_too(
    command: Command,
    arguments: list[str],
    workspace: Workspace,
    comparison: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran(arguments, workspace, monkeypatch, comparison)


@pytest.mark.long
def test_a_comparison_of_the_readme_runs(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of those above, with its output."""
    ((_, arguments),) = [
        each for each in COMPARED if each[0].place.startswith("README") and each[1][0] == "compare"
    ]
    ran(arguments, workspace, monkeypatch)
    assert (workspace.folder / "bundle" / "note.html").exists()


def ran(
    arguments: list[str],
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    comparison: str = "",
) -> None:
    monkeypatch.chdir(workspace.folder)
    for option, value in pairwise(arguments):
        if option == "--output":
            shutil.rmtree(value, ignore_errors=True)
    runs = iter([workspace.cut_off] if arguments[:2] == ["runs", "resume"] else workspace.runs)
    answer = workspace.answer(*with_ids(short_form(arguments), runs, comparison))
    assert answer.code in CODES.get(arguments[0], (0,)), answer.err
    assert answer.out


# --- Blocks of other languages --------------------------------------------------------------------

SENTENCES = [("good food", 0), ("a bad film", 1), ("the hotel is great", 0), ("awful food", 1)]
LABELS = {"train.tsv": ("Positive", "negative")}
"""The labels in the files of a manifest, if they are others than its names."""


def write_files(manifest: dict[str, Any], folder: Path) -> None:
    """Write the files that a manifest names, as it describes them."""
    for task in manifest["tasks"].values():
        for split in ("train", "validation", "test"):
            if split in task:
                written = sentences if task["kind"] == "sentence" else tokens
                (folder / task[split]).write_text(written(task, task[split]), encoding="utf-8")


def sentences(task: dict[str, Any], name: str) -> str:
    labels = [*task.get("labels", {"positive": ""}), "negative"]
    rows = [("text", "label"), *((text, labels[label]) for text, label in SENTENCES)]
    return "".join(("\t" if name.endswith(".tsv") else ",").join(row) + "\n" for row in rows)


def tokens(task: dict[str, Any], name: str) -> str:
    names = task.get("tags", {})
    tags = {tag: str(written) for written, tag in names.items()}
    columns = task.get("columns", {"word": 1, "tag": 2})
    lines = []
    for word, tag in (("anna", "B-PER"), ("ben", "I-PER"), ("said", "O"), ("", ""), ("oslo", "O")):
        row = ["-"] * max(columns.values())
        row[columns["word"] - 1], row[columns["tag"] - 1] = word, tags.get(tag, tag)
        lines.append("\t".join(row) if word else "")
    return "\n".join(lines) + "\n"


def run_yaml(block: Block, folder: Path) -> None:
    """Read a plan, and resolve it on the included checkpoint, or a manifest with its files."""
    content = yaml.safe_load(block.text)
    if "phases" in content:
        text = block.text if "name" in content else f"name: of the text\n{block.text}"
        plan = parse_plan(text)
        assert len(parameter_tables(plan, minilm())) == len(content["phases"])
        return
    write_files(content, folder)
    (folder / "manifest.yaml").write_text(block.text, encoding="utf-8")
    dataset = load_dataset(str(folder / "manifest.yaml"), ANY_FILE)
    assert [task.name for task in dataset.tasks] == list(content["tasks"])


STAND_INS = {
    "spacy": """
class Word:
    def __init__(self, text, iob, kind): self.text, self.ent_iob_, self.ent_type_ = text, iob, kind
def blank(language): return type("Language", (), {"vocab": language})
""",
    "spacy.tokens": """
from spacy import Word
class DocBin:
    def from_disk(self, path): return self
    def get_docs(self, vocab):
        yield [Word("anna", "B", "PER"), Word("is", "O", ""), Word("here", "O", "")]
        yield [Word("oslo", "B", "LOC")]
""",
}
"""Of libraries that are not installed: the attributes that the blocks use."""


def run_python(block: Block, folder: Path) -> None:
    """Run a block in a process of its own; what it writes is read as data."""
    for name, text in STAND_INS.items():
        package = folder.joinpath(*name.split("."))
        package.mkdir(exist_ok=True)
        (package / "__init__.py").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", block.text], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    task = {"kind": "token", "head": "ner", "train": "train.jsonl", "validation": "train.jsonl"}
    (folder / "manifest.yaml").write_text(json.dumps({"tasks": {"ner": task}}), encoding="utf-8")
    dataset = load_dataset(str(folder / "manifest.yaml"), ANY_FILE)
    first, second = dataset.train
    assert (first.words, first.labels["ner"]) == (("anna", "is", "here"), ("B-PER", "O", "O"))
    assert (second.words, second.labels["ner"]) == (("oslo",), ("B-LOC",))


def run_mermaid(block: Block, folder: Path) -> None:
    """Every arrow of a flow chart leads from a node to a node that has a label."""
    kind, *lines = block.text.splitlines()
    assert kind.startswith("flowchart ")
    node = r"(\w+)(?:\[[^\]]+\]|\[\([^)]+\)\])?"
    arrows = [re.fullmatch(rf" *{node} --(?: \w+ --)?> {node}", line) for line in lines]
    assert all(arrows), block.text
    named = {name for arrow in arrows if arrow for name in arrow.groups()}
    assert named == set(re.findall(r"(\w+)\[", block.text))


def run_text(block: Block, folder: Path) -> None:
    document, _, _ = block.place.partition(":")
    TEXTS[document](block.text)


def a_generated_text(text: str) -> None:
    """`tests/test_house.py` compares it with the program."""
    if not text.startswith("Usage: "):
        assert text.strip() == inspect.cleandoc(str(selectors_text)).strip()


def a_text_of_the_store(text: str) -> None:
    """A drawing of the states, or the files of the folder."""
    if text.startswith("waiting "):
        assert set(re.findall(r"─([a-z]+_[a-z]+)─", text)) <= set(event_kinds())
        states = set(re.findall(r"(?:^|► )([a-z]+)\b", text, re.MULTILINE))
        assert states == {str(state) for state in RunState}
        return
    source = "".join(file.read_text("utf-8") for file in (ROOT / "mtl_core").rglob("*.py"))
    for name in re.findall(r"^([\w.]+)/?|([\w]+\.(?:json|safetensors))", text, re.MULTILINE):
        assert f'"{"".join(name)}"' in source, name


def event_kinds() -> list[str]:
    events = get_args(get_args(RunEvent)[0])
    return [event.model_fields["event"].default for event in events]


TEXTS = {
    "docs/command-line.md": a_generated_text,
    "docs/plan-file.md": a_generated_text,
    "docs/storage.md": a_text_of_the_store,
}
LANGUAGES = {
    "yaml": run_yaml,
    "python": run_python,
    "mermaid": run_mermaid,
    "text": run_text,
}


@pytest.mark.parametrize("block", [each for each in BLOCKS if each.language != "bash"], ids=str)
def test_a_block_runs(block: Block, tmp_path: Path) -> None:
    assert block.language in LANGUAGES, f"{block.place}: name the language of the block"
    LANGUAGES[block.language](block, tmp_path)


def test_every_block_is_fenced() -> None:
    for document in DOCUMENTS:
        text = FENCED.sub("", document.read_text(encoding="utf-8"))
        assert not INDENTED.search(text), document
