"""Write the reference pages from the program itself: help texts, schemas and docstrings.

`.venv/bin/python docs/reference.py`; with --check it only says whether the pages are true.
"""

import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from typer.testing import CliRunner

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

# The tree this file lies in, installed or not.
from mtl_core.cli.entry import app  # noqa: E402
from mtl_core.freezing import selectors  # noqa: E402
from mtl_core.freezing.plan import Phase, Plan, Schedule  # noqa: E402
from mtl_core.freezing.plan_file import plan_to_yaml  # noqa: E402
from mtl_core.freezing.scenarios import scenario_plan  # noqa: E402
from mtl_core.models.cache import read_description, shipped_description  # noqa: E402
from mtl_core.models.description import ModelDescription  # noqa: E402
from mtl_core.tasks import manifest  # noqa: E402
from mtl_core.tasks.task import DEFAULT_TASKS  # noqa: E402
from mtl_core.values import Frozen  # noqa: E402

WRITTEN = "Written by `docs/reference.py` from the program."

COMMANDS = (
    *("checkpoints", "scenarios", "inspect", "cost", "plan", "train", "compare"),
    *("runs list", "runs show", "runs delete", "predict", "claims", "export", "serve"),
)
EXIT_CODES = """
Exit codes: 0 done, 2 bad input (one message on stderr), 1 our fault, 130 interrupted.
`--format json` and `jsonl` write nothing but JSON to stdout; numbers keep all their digits.
"""


def main() -> int:
    """Write the pages, or with --check compare them; the exit code."""
    pages = {
        ROOT / "docs" / "command-line.md": command_line(),
        ROOT / "docs" / "plan-file.md": plan_file(),
        ROOT / "docs" / "manifest.md": manifest_file(),
    }
    if "--check" in sys.argv:
        return int(any(not p.exists() or p.read_text("utf-8") != t for p, t in pages.items()))
    for page, text in pages.items():
        page.write_text(text, encoding="utf-8")
    return 0


def command_line() -> str:
    """Every command's help."""
    parts = ["# The command line", WRITTEN, EXIT_CODES]
    parts += [f"## {command}\n\n```\n{help_of(command)}\n```" for command in COMMANDS]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def plan_file() -> str:
    """The plan file: its keys, its selectors, and a whole one."""
    model = ModelDescription(read_description(shipped_description("minilm-l6")), DEFAULT_TASKS)
    example = plan_to_yaml(scenario_plan("gradual", model))
    parts = [
        "# The plan file",
        WRITTEN,
        "`python -m mtl_core plan --checkpoint minilm-l6 --scenario gradual` prints this one:",
        f"```yaml\n{example.strip()}\n```",
        f"## Keys of a plan\n\n{inspect.getdoc(Plan)}\n\n{keys_of(Plan)}",
        f"## Keys of a phase\n\n{inspect.getdoc(Phase)}\n\n{keys_of(Phase)}",
        f"## Schedules\n\n{', '.join(f'`{each}`' for each in Schedule)}. "
        f"{inspect.getdoc(Schedule)}",
        f"## Selectors\n\n```\n{inspect.getdoc(selectors)}\n```",
        "Unknown and repeated keys are refused, and so is a selector that matches nothing.",
    ]
    return "\n\n".join(parts) + "\n"


def manifest_file() -> str:
    """The manifest: its keys and the formats of its files."""
    sample = (Path(manifest.__file__).parent / "sample" / "manifest.yaml").read_text("utf-8")
    keys = [name for name in manifest.TaskSource.model_fields if name != "name"]
    parts = [
        "# The manifest",
        WRITTEN,
        "Labelled data is named by a manifest beside its files. The sample's own:",
        f"```yaml\n{sample.strip()}\n```",
        f"A task has the keys {', '.join(f'`{key}`' for key in keys)}. `kind` is `sentence` or "
        "`token`; `head` is a name of its own. `text` and `label` name the columns of a table or "
        "the keys of JSON lines; CoNLL columns go by their place.",
        "Sentences: CSV or TSV with a header, or JSON lines (one object a line). Tokens: CoNLL "
        "columns (token first, tag last, a blank line between sentences; a token may begin with "
        "`#`), or JSON lines with `tokens` and `tags`. Tags: IOB2, IOB1 (converted) or IO (bare "
        "types). Paths are relative to the manifest and stay inside its folder.",
    ]
    return "\n\n".join(parts) + "\n"


def keys_of(model: type[Frozen]) -> str:
    """A table of a model's keys: kind, default, limits, as its JSON schema has them."""
    schema = model.model_json_schema()
    required = schema.get("required", [])
    lines = ["| key | kind | default | limits |", "|---|---|---|---|"]
    for key, facts in schema["properties"].items():
        default = "required" if key in required else default_of(facts)
        lines.append(f"| `{key}` | {kind_of(facts)} | {default} | {limits_of(facts)} |")
    return "\n".join(lines)


def default_of(facts: Mapping[str, Any]) -> str:
    """What holds where a key is left out."""
    default = facts.get("default")
    return "none" if default in (None, [], {}) else f"`{default}`"


def kind_of(facts: Mapping[str, Any]) -> str:
    """What a key holds, in a word or two."""
    if "anyOf" in facts:
        return " or ".join(kind_of(each) for each in facts["anyOf"] if each.get("type") != "null")
    if "$ref" in facts:
        return str(facts["$ref"]).rpartition("/")[2].lower()
    if facts.get("type") == "array":
        return f"list of {kind_of(facts['items'])}"
    names = {"string": "text", "number": "number", "object": "keys with numbers"}
    return names.get(str(facts.get("type")), str(facts.get("type")))


def limits_of(facts: Mapping[str, Any]) -> str:
    """The limits a value has to keep."""
    where = next((each for each in facts.get("anyOf", ()) if each.get("type") != "null"), facts)
    for unit, least, most in (
        (" characters", "minLength", "maxLength"),
        (" entries", "minItems", "maxItems"),
        ("", "minimum", "maximum"),
    ):
        if least in where and most in where:
            return f"{where[least]:g} to {where[most]:,g}{unit}"
    if "exclusiveMinimum" in where:
        return f"above {where['exclusiveMinimum']:g}, at most {where['maximum']:,g}"
    return ""


def help_of(command: str) -> str:
    """What `--help` prints, at 100 columns."""
    environment = {"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}
    words = [*command.split(), "--help"]
    said = CliRunner().invoke(app, words, env=environment, prog_name="python -m mtl_core")
    if said.exit_code:
        raise typer.Exit(said.exit_code)
    return "\n".join(line.rstrip() for line in said.output.strip().splitlines())


if __name__ == "__main__":
    sys.exit(main())
