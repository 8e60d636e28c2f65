"""The lines that parent and child exchange."""

import inspect
import logging

import pytest

from mtl_core import errors
from mtl_core.engine.protocol import (
    Described,
    EventMessage,
    Ready,
    RequestFailed,
    StartingMessage,
    Stop,
    Train,
    decode_from_child,
    decode_to_child,
    encode,
)
from mtl_core.errors import FreezeLabError, InternalError, UnsupportedArchitecture
from mtl_core.file_access import ANY_FILE
from mtl_core.models.cache import read_description, shipped_description
from mtl_core.training.events import Step
from mtl_core.training.starting import Stage, Starting

STEP = Step(
    elapsed_seconds=0.1 + 0.2,
    phase="Köpfe\nund mehr",
    step=1,
    epoch=0.1,
    loss={"sentiment": 0.0, "ner": None},
    learning_rates={"heads": 1e-3},
)
ERRORS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, FreezeLabError)
]


@pytest.mark.parametrize(
    "message",
    [
        Ready(),
        EventMessage(run="r", event=STEP),
        StartingMessage(run="r", starting=Starting(stage=Stage.FROZEN_OUTPUTS, done=3, total=9)),
        RequestFailed(kind="BadInput", reason="no"),
    ],
)
def test_a_message_of_a_child_arrives_whole_in_one_line(
    message: Ready | EventMessage | StartingMessage | RequestFailed,
) -> None:
    line = encode(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode_from_child(line) == message


def test_a_description_arrives_whole() -> None:
    answer = Described(description=read_description(shipped_description("minilm-l6")))
    assert decode_from_child(encode(answer)) == answer


def test_a_message_of_the_parent_arrives_whole(spec_of) -> None:  # type: ignore[no-untyped-def]
    request = Train(run="r", spec=spec_of("a plan"), output="/folder with spaces", access=ANY_FILE)
    assert decode_to_child(encode(request)) == request


@pytest.mark.parametrize(
    "line",
    [
        b"Downloading: 100%|#####| 3/3\n",
        b"\xff\xfe\n",
        b"[]\n",
        b'{"message": "dance"}\n',
        b'{"message": "event", "run": "r"}\n',
        encode(Stop(run="r")),
        encode(Ready())[:-4],
    ],
    ids=["text", "bytes", "list", "unknown", "incomplete", "other way", "cut off"],
)
def test_a_line_that_is_no_message_is_logged_and_ignored(
    line: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert decode_from_child(line) is None
    assert "Ignored an invalid message" in caplog.text


def test_an_empty_line_is_ignored(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert decode_from_child(b"\n") is None
    assert caplog.text == ""


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_keeps_its_class_and_words_over_the_pipe(kind: type[FreezeLabError]) -> None:
    sent = decode_from_child(encode(RequestFailed.from_error(kind("what, and what to do"))))
    assert isinstance(sent, RequestFailed)
    error = sent.to_error()
    assert type(error) is kind
    assert str(error) == "what, and what to do"


def test_an_error_of_another_kind_becomes_an_internal_one() -> None:
    error = RequestFailed.from_error(KeyError("x")).to_error()
    assert type(error) is InternalError
    assert str(error) == "Unexpected KeyError: 'x'"


@pytest.mark.parametrize("kind", ["Path", "nothing", "__name__", "inspect"])
def test_only_our_own_errors_are_looked_up_by_name(kind: str) -> None:
    assert type(RequestFailed(kind=kind, reason="no").to_error()) is InternalError


def test_the_error_tree_is_found_by_name() -> None:
    assert UnsupportedArchitecture in ERRORS
