"""The `checkpoints` command: lists the checkpoints of the catalogue."""

from typing import Annotated

import typer

from mtl_core.cli.console import plain_console, plain_table, print_json
from mtl_core.cli.options import ListFormat
from mtl_core.models.facts import CheckpointFacts, checkpoint_facts
from mtl_core.settings import Settings


def checkpoints(
    output: Annotated[ListFormat, typer.Option("--format")] = ListFormat.TABLE,
) -> None:
    """List the checkpoints known by name, and whether their weights are on this machine."""
    known = checkpoint_facts(Settings.from_environment().owner_access)
    if output is ListFormat.JSON:
        print_json([_as_json(each) for each in known])
        return
    columns = ("name", "architecture", "layers>", "hidden>", "parameters>", "MB>", "licence")
    table = plain_table(*columns, "weights", "suits")
    for each in known:
        table.add_row(
            each.name,
            each.architecture,
            *(f"{number:,}" for number in (each.layers, each.hidden_size, each.parameters)),
            f"{each.download_megabytes:,}",
            each.licence,
            "ready" if each.weights_here else "missing",
            each.suits,
        )
    plain_console().print(table)


def _as_json(facts: CheckpointFacts) -> dict[str, object]:
    return {
        "name": facts.name,
        "architecture": facts.architecture,
        "layers": facts.layers,
        "hidden": facts.hidden_size,
        "parameters": facts.parameters,
        "weights": facts.weights_here,
        "summary": facts.summary,
        "licence": facts.licence,
        "hub_id": facts.hub_id,
        "title": facts.title,
        "suits": facts.suits,
        "domain": facts.domain,
        "cased": facts.cased,
        "tokenizer": facts.tokenizer,
        "sentence_vector": facts.sentence_vector,
        "layers_of_their_own": facts.layers_of_their_own,
        "vocabulary": facts.vocabulary_size,
        "max_tokens": facts.max_tokens,
        "embedding_parameters": facts.embedding_parameters,
        "download_megabytes": facts.download_megabytes,
    }
