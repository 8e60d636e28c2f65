"""Switches of running in a config.json change neither the losses nor the model that is written."""

import json
import shutil

import pytest

SWITCHES = {
    "chunk_size_feed_forward": 5,
    "gradient_checkpointing": True,
    "layerdrop": 0.5,
    "output_attentions": True,
    "output_hidden_states": True,
    "return_dict": False,
    "torchscript": True,
}


@pytest.fixture
def switched(tiny_checkpoint, tiny_data, tmp_path, bench_of):
    """A bench with the tiny checkpoint, all of whose switches are set."""
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "switched")
    values = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**values, **SWITCHES}))
    return bench_of(folder, tiny_data)


def test_a_run_has_the_losses_without_the_switches_and_writes_its_model(
    bench, switched, tmp_path, of, moved, written, notes_of
):
    plain = bench.run(bench.spec("full"), tmp_path / "plain")
    events = switched.run(switched.spec("full"), tmp_path / "output")

    assert [each.loss for each in of(events, "step")] == [each.loss for each in of(plain, "step")]
    assert not moved(written(tmp_path / "plain"), written(tmp_path / "output"))
    config = json.loads((tmp_path / "output" / "config.json").read_text())
    assert config == json.loads((tmp_path / "plain" / "config.json").read_text())
    (note,) = notes_of(of(events, "run_started")[0])
    assert all(f"{name} {json.dumps(value)}" in note for name, value in SWITCHES.items())
