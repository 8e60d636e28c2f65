"""How many runs are trained at once: cores, memory, devices, and runs that measure time."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mtl_core.engine.capacity import (
    Capacity,
    Demand,
    capacity_here,
    computes_on_accelerator,
    free_times,
    has_room,
    in_use,
    runs_at_once,
)
from mtl_core.engine.demand import PROCESS_BYTES, demand_of, peak_memory_bytes
from mtl_core.engine.machine import (
    accelerator_exists,
    free_memory_bytes,
    gpu_count,
    multiplies_fast_in_bfloat16,
    usable_cores,
    usable_devices,
)
from mtl_core.file_access import ANY_FILE
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.models.cache import (
    FORMAT,
    config_key,
    read_description,
    shipped_description,
    write_description,
)
from mtl_core.models.description import ModelDescription
from mtl_core.settings import HEAD_ROWS_BYTES, Settings, available_cores
from mtl_core.store.record import PlannedRun, RunRole
from mtl_core.store.runs import RunStore
from mtl_core.tasks.data_sources import owner_dataset
from mtl_core.tasks.task import DEFAULT_TASKS
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.training.spec import RunSpec

FOUR_CORES = Capacity(runs=4, cores=4, memory_bytes=1000)
SMALL = Demand(threads=1, memory_bytes=100)


@pytest.mark.parametrize(
    ("job", "running", "fits"),
    [
        (Demand(threads=9, memory_bytes=5000), (), True),
        (SMALL, (SMALL,), True),
        (SMALL, (SMALL,) * 3, True),
        (SMALL, (SMALL,) * 4, False),
        (Demand(threads=2, memory_bytes=0), (Demand(threads=2, memory_bytes=0),), True),
        (Demand(threads=3, memory_bytes=0), (Demand(threads=2, memory_bytes=0),), False),
        (Demand(threads=1, memory_bytes=900), (SMALL,), True),
        (Demand(threads=1, memory_bytes=901), (SMALL,), False),
        (Demand(threads=1, memory_bytes=None), (SMALL,), False),
        (SMALL, (Demand(threads=1, memory_bytes=None),), False),
        (Demand(threads=1, accelerated=True), (SMALL,), True),
        (Demand(threads=1, accelerated=True), (Demand(threads=1, accelerated=True),), False),
        (Demand(threads=1, alone=True), (), True),
        (Demand(threads=1, alone=True), (SMALL,), False),
        (SMALL, (Demand(threads=1, alone=True),), False),
    ],
)
def test_a_job_fits_beside_others_within_cores_memory_and_device(
    job: Demand, running: tuple[Demand, ...], fits: bool
) -> None:
    assert has_room(job, running, FOUR_CORES) is fits


def test_the_number_of_runs_is_limited_and_unknown_memory_sets_no_limit() -> None:
    assert not has_room(SMALL, (SMALL,), Capacity(runs=1, cores=4))
    assert has_room(SMALL, (SMALL,), Capacity(runs=2, cores=4, memory_bytes=None))
    assert has_room(Demand(1, None), (SMALL,), Capacity(runs=2, cores=4, memory_bytes=None))


def write(root: Path, **files: str) -> None:
    """Write files of the kernel below `root`; two underscores are a slash."""
    for name, text in files.items():
        file = root / name.replace("__", "/").replace("_dot_", ".")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def test_cores_are_limited_by_the_quota_of_any_control_group_around_the_process(
    tmp_path: Path,
) -> None:
    assert usable_cores(tmp_path) == available_cores()
    group = "sys__fs__cgroup__outer"
    write(
        tmp_path,
        proc__self__cgroup="0::/outer/inner\n",
        **{f"{group}__inner__cpu_dot_max": "max 100000\n", f"{group}__cpu_dot_max": "50000 100000"},
    )
    assert usable_cores(tmp_path) == 1


def test_cores_are_limited_by_a_quota_of_the_older_kind(tmp_path: Path) -> None:
    old = "sys__fs__cgroup__cpu__cpu_dot_cfs_"
    write(tmp_path, **{f"{old}quota_us": "100000", f"{old}period_us": "100000"})
    assert usable_cores(tmp_path) == 1
    write(tmp_path, **{f"{old}quota_us": "-1"})
    assert usable_cores(tmp_path) == available_cores()


def test_free_memory_is_the_least_of_system_and_group_less_a_tenth(tmp_path: Path) -> None:
    assert free_memory_bytes(root=tmp_path) is None
    write(tmp_path, proc__meminfo="MemTotal: 9000 kB\nMemAvailable:    1000 kB\n")
    assert free_memory_bytes(root=tmp_path) == 921_600
    write(
        tmp_path,
        proc__self__cgroup="0::/\n",
        sys__fs__cgroup__memory_dot_max="1000000\n",
        sys__fs__cgroup__memory_dot_current="600000\n",
        sys__fs__cgroup__memory_dot_stat="anon 500000\ninactive_file 100000\n",
    )
    assert free_memory_bytes(root=tmp_path) == 450_000
    write(tmp_path, sys__fs__cgroup__memory_dot_max="max\n")
    assert free_memory_bytes(root=tmp_path) == 921_600


def test_the_memory_of_running_trainers_is_at_the_disposal_of_runs(tmp_path: Path) -> None:
    write(
        tmp_path,
        proc__meminfo="MemAvailable: 1000 kB\n",
        proc__7__statm="90 20 5 1 0 9 0\n",
        proc__8__statm="90 20 5 1 0 9 0\n",
        proc__8__task__8__children="9 10 ",
        proc__9__statm="990 300 5 1 0 9 0\n",
    )
    page_bytes = os.sysconf("SC_PAGE_SIZE")
    assert free_memory_bytes((7, 8, 11), tmp_path) == 921_600 + (20 + 300) * page_bytes


def test_a_gpu_is_recognised_by_its_device_file(tmp_path: Path) -> None:
    assert not accelerator_exists(tmp_path)
    write(tmp_path, dev__nvidiactl="")
    assert accelerator_exists(tmp_path)
    assert [computes_on_accelerator(each) for each in ("cpu", "cuda", "mps")] == [False, True, True]
    assert computes_on_accelerator("auto") is accelerator_exists()
    assert usable_devices(tmp_path) == ("cpu", "cuda")


def test_the_gpus_are_those_with_a_device_file_or_those_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert gpu_count(tmp_path) == 1
    write(tmp_path, dev__nvidiactl="", dev__nvidia0="", dev__nvidia1="")
    (tmp_path / "dev/nvidia-uvm").write_text("")
    assert gpu_count(tmp_path) == 2
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1, GPU-8932f937,4")
    assert gpu_count(tmp_path) == 3


@pytest.mark.parametrize(
    ("line", "is_fast"),
    [
        ("flags\t\t: fpu avx512f avx512_bf16 clflushopt", True),
        ("flags\t\t: fpu amx_bf16 amx_tile", True),
        ("Features\t: fp asimd bf16", True),
        ("flags\t\t: fpu avx512f avx2", False),
        ("model name\t: bf16 processor", False),
    ],
)
def test_a_processor_with_instructions_for_bfloat16_is_recognised_by_its_flags(
    tmp_path: Path, line: str, is_fast: bool
) -> None:
    write(tmp_path, proc__cpuinfo=f"processor\t: 0\n{line}\n")
    assert multiplies_fast_in_bfloat16(tmp_path) is is_fast


def test_this_machine_has_cores_and_memory(settings: Settings) -> None:
    here = capacity_here(settings.model_copy(update={"parallel_runs": 3}), (os.getpid(),))
    assert here.runs == 3
    assert 1 <= here.cores <= available_cores()
    assert here.memory_bytes is not None
    assert here.memory_bytes > 0


def test_full_fine_tuning_needs_more_memory_than_the_heads(settings: Settings) -> None:
    model = ModelDescription(read_description(shipped_description("minilm-l6")), DEFAULT_TASKS)
    heads, full = (
        peak_memory_bytes(
            RunSpec(checkpoint="minilm-l6", plan=scenario_plan(name, model), tasks=DEFAULT_TASKS),
            settings,
            ANY_FILE,
            owner_dataset,
        )
        for name in ("heads-only", "full")
    )
    assert heads is not None
    assert full is not None
    weights = 4 * model.backbone.total
    fixed = PROCESS_BYTES + HEAD_ROWS_BYTES
    assert fixed + weights < heads < fixed + 2 * weights
    assert full > fixed + 4 * weights


def test_costs_that_were_not_traced_are_estimated_from_the_description(
    settings: Settings, tiny_checkpoint: Path, spec_of: Callable[[str], RunSpec]
) -> None:
    spec = spec_of("heads").model_copy(update={"checkpoint": str(tiny_checkpoint)})
    assert peak_memory_bytes(spec, settings, ANY_FILE, owner_dataset) is None
    backbone = read_description(shipped_description("minilm-l6"))
    key = config_key(tiny_checkpoint / "config.json", FORMAT, ["transformers"])
    write_description(settings.descriptions / f"{key}.json", backbone)
    tokens = spec.max_length
    layer = spec.batch_size * tokens * (68 * 384 + 10 * 12 * tokens)
    assert (
        peak_memory_bytes(spec, settings, ANY_FILE, owner_dataset)
        == PROCESS_BYTES + HEAD_ROWS_BYTES + 16 * backbone.total + 6 * layer
    )


def test_a_run_that_measures_an_epoch_runs_alone(
    settings: Settings, store: RunStore, spec_of: Callable[[str], RunSpec]
) -> None:
    spec = spec_of("quick").model_copy(update={"threads": 3, "device": "cuda"})
    compared = ComparisonSpec(checkpoint="minilm-l6", scenarios=("full",), seeds=(0,))
    pace = PlannedRun(spec, RunRole.PACE)
    made = store.add_comparison(compared, [pace, PlannedRun(spec)])
    measuring, result = made.trial_runs[0], made.runs[0]
    assert demand_of(measuring, settings, ANY_FILE, owner_dataset).alone
    assert demand_of(result, settings, ANY_FILE, owner_dataset) == Demand(
        threads=3,
        memory_bytes=peak_memory_bytes(spec, settings, ANY_FILE, owner_dataset),
        accelerated=True,
    )


def test_runs_at_once_share_the_cores() -> None:
    capacity, threads = Capacity(runs=3, cores=8), (1, 3, 4, 5, 9)
    assert [runs_at_once(each, "cpu", capacity) for each in threads] == [3, 2, 2, 1, 1]


def test_a_gpu_trains_one_run_at_a_time() -> None:
    assert runs_at_once(1, "cuda", Capacity(runs=3, cores=8)) == 1


def test_the_memory_of_another_process_is_counted_by_what_is_free() -> None:
    there = Demand(threads=1, memory_bytes=700)
    here = Capacity(runs=2, cores=2, memory_bytes=800)  # 700 of 1,500 are used already
    assert not has_room(there, [there], here)
    assert has_room(there, [in_use(there)], here)
    assert not has_room(there, [in_use(Demand(threads=2))], here)
    unknown = Demand(threads=1, memory_bytes=None)
    assert not has_room(there, [in_use(unknown)], here)


@pytest.mark.parametrize(
    ("running", "waiting", "at_once", "free"),
    [
        ((), (), 1, [0.0]),
        ((), (3.0, 2.0), 1, [5.0]),
        ((), (3.0, 2.0, 2.0), 2, [3.0, 4.0]),
        ((5.0,), (3.0, 2.0), 2, [5.0, 5.0]),
        ((4.0, 9.0), (1.0,), 1, [10.0]),
        ((4.0, 9.0, 6.0), (), 2, [6.0, 9.0]),
    ],
)
def test_waiting_runs_start_in_order_as_soon_as_a_place_is_free(
    running: tuple[float, ...], waiting: tuple[float, ...], at_once: int, free: list[float]
) -> None:
    assert free_times(running, waiting, at_once) == free
