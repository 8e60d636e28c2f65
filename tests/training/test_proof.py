"""Digests that show when one bit of a frozen tensor changed."""

import shutil

import pytest
import torch
from safetensors.torch import save_file

from mtl_core.errors import DamagedCheckpoint, FreezeBroken
from mtl_core.training.proof import (
    digests,
    file_digests,
    fixed_names,
    require_identical,
    tensor_digest,
)


@pytest.fixture(scope="module")
def finished(bench, tmp_path_factory):
    """The folder that a heads-only run wrote."""
    folder = tmp_path_factory.mktemp("finished") / "output"
    bench.run(bench.spec("heads-only"), folder)
    return folder


@pytest.fixture
def backbone_names(bench):
    return [tensor.name for tensor in bench.description.backbone.tensors]


def flip_lowest_bit(tensor):
    tensor.view(torch.int32).flatten()[3] ^= 1


def test_a_digest_changes_with_a_single_bit():
    tensor = torch.linspace(-1.0, 1.0, 12).reshape(3, 4)
    before = tensor_digest(tensor)

    flip_lowest_bit(tensor)
    assert tensor_digest(tensor) != before

    flip_lowest_bit(tensor)
    assert tensor_digest(tensor) == before


def test_a_digest_tells_zero_from_minus_zero():
    assert tensor_digest(torch.zeros(2)) != tensor_digest(-torch.zeros(2))


def test_a_digest_depends_on_shape_and_type_and_not_on_the_layout_in_memory():
    tensor = torch.arange(6.0).reshape(2, 3)

    assert tensor_digest(tensor) != tensor_digest(tensor.reshape(3, 2))
    assert tensor_digest(tensor) != tensor_digest(tensor.view(torch.int32))
    assert tensor_digest(tensor) == tensor_digest(tensor.t().contiguous().t())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int64])
def test_tensors_of_other_types_and_without_a_dimension_have_digests(dtype):
    assert tensor_digest(torch.ones((), dtype=dtype)) != tensor_digest(torch.zeros((), dtype=dtype))


def test_what_may_not_move_is_what_is_frozen_or_unreached(bench):
    (table,) = bench.tables(bench.plan(["all"], freeze=("head:ner",)))

    assert fixed_names(table) == {
        "bert.pooler.dense.weight",
        "bert.pooler.dense.bias",
        "ner.weight",
        "ner.bias",
    }


def test_equal_digests_pass():
    require_identical({"a": "1", "b": "2"}, {"a": "1", "b": "2", "c": "3"}, "here")


def test_a_changed_tensor_is_named_with_where_it_changed():
    with pytest.raises(
        FreezeBroken, match=r"1 of 2 tensors that were frozen changed in phase 'x': b\. This is"
    ):
        require_identical({"a": "1", "b": "2"}, {"a": "1", "b": "9"}, "in phase 'x'")


def test_a_tensor_that_is_gone_counts_as_changed_and_three_are_named():
    before = dict.fromkeys("edcba", "1")

    with pytest.raises(FreezeBroken, match=r"5 of 5 tensors .* changed there: a, b, c, …\."):
        require_identical(before, {}, "there")


def test_a_written_file_holds_the_backbone_bit_for_bit(bench, finished, backbone_names):
    """The source bears the bare names, the written file those with the prefix."""
    source = file_digests(bench.checkpoint, backbone_names, "bert")
    written = file_digests(finished, backbone_names, "bert")

    assert set(source) == set(written) == set(backbone_names)
    assert source == written
    assert source == digests(dict(bench.model().named_parameters()), backbone_names)


def test_a_tampered_file_is_found_out_by_name(bench, finished, backbone_names, tmp_path, written):
    folder = tmp_path / "tampered"
    shutil.copytree(finished, folder)
    tensors = written(folder)
    flip_lowest_bit(tensors["bert.encoder.layer.1.attention.self.query.weight"])
    save_file(tensors, folder / "model.safetensors")

    with pytest.raises(FreezeBroken, match=r"1 of 39 .*: bert\.encoder\.layer\.1\.attention\.self"):
        require_identical(
            file_digests(bench.checkpoint, backbone_names, "bert"),
            file_digests(folder, backbone_names, "bert"),
            "in the written file",
        )


def test_names_that_a_file_lacks_are_left_out(finished):
    found = file_digests(finished, ["bert.pooler.dense.bias", "bert.of.nothing"], "bert")

    assert list(found) == ["bert.pooler.dense.bias"]


def test_half_precision_weights_are_compared_as_the_float32_they_are_loaded_as(
    bench_of, changed_checkpoint, tiny_data, tmp_path, of
):
    def halve(tensors):
        tensors.update({name: each.half() for name, each in tensors.items()})

    bench = bench_of(changed_checkpoint(halve), tiny_data)

    events = bench.run(bench.spec("heads-only"), tmp_path / "output")

    assert of(events, "run_finished")[0].frozen_identical is True


def test_a_file_beside_the_weights_is_no_part_of_the_proof(
    bench_of, changed_checkpoint, tiny_data, tmp_path, of, written
):
    folder = changed_checkpoint(lambda _: None)
    others = {name: each + 1 for name, each in written(folder).items()}
    save_file(others, folder / "older.safetensors")
    bench = bench_of(folder, tiny_data)

    events = bench.run(bench.spec("heads-only"), tmp_path / "output")

    assert of(events, "run_finished")[0].frozen_identical is True


def test_a_frozen_head_is_not_held_against_a_head_of_that_name_in_the_checkpoint(
    bench_of, finished, tiny_data, tmp_path, of, written
):
    """A finished run is a checkpoint too: its heads are not loaded, new ones are drawn."""
    bench = bench_of(finished, tiny_data)

    events = bench.run(bench.spec("freeze-head:ner"), tmp_path / "output")

    assert of(events, "run_finished")[0].frozen_identical is True
    drawn = bench.start()["ner.weight"]
    assert torch.equal(written(tmp_path / "output")["ner.weight"], drawn)
    assert not torch.equal(written(finished)["ner.weight"], drawn)


def test_a_tensor_under_two_names_is_read_once_and_is_no_false_alarm(
    bench, bench_of, changed_checkpoint, tiny_data, tmp_path, of
):
    """Files of task models and of bare encoders were merged: both names, the same values."""
    name = "encoder.layer.0.output.dense.weight"
    merged = bench_of(
        changed_checkpoint(lambda tensors: tensors.update({f"bert.{name}": tensors[name].clone()})),
        tiny_data,
    )
    plan = bench.plan(["layer:0"])

    events = merged.run(merged.spec(plan), tmp_path / "output")

    assert of(events, "run_finished")[0].frozen_identical is True
    once = of(bench.run(bench.spec(plan)), "measured")[0]
    moved = of(events, "measured")[0].groups["layer 0"].moved
    assert moved == pytest.approx(once.groups["layer 0"].moved, rel=1e-12)


def test_a_frozen_tensor_with_two_values_is_refused_before_training(
    bench_of, changed_checkpoint, tiny_data
):
    name = "encoder.layer.0.output.dense.weight"
    bench = bench_of(
        changed_checkpoint(lambda tensors: tensors.update({f"bert.{name}": tensors[name] + 1})),
        tiny_data,
    )

    with pytest.raises(
        DamagedCheckpoint, match=rf"different values under two names .*: bert\.{name} and {name}\."
    ):
        bench.run(bench.spec("heads-only"))
