"""Triton's kernels compiled for a GPU, which takes none: what their machine code does.

Run by ``test_triton.py``: ``.venv-triton/bin/python -m pytest tests/deep_potential/compiled.py``.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource, CompiledKernel
from triton.runtime import driver
from triton.runtime.jit import JITFunction

from aisteer.deep_potential import triton_kernels as kernels
from aisteer.deep_potential.device import has_kernels
from aisteer.deep_potential.fast import PRECISIONS
from aisteer.deep_potential.fitting import Room
from aisteer.deep_potential.kernels import Pairs, Weight
from aisteer.deep_potential.triton_loops import TritonLoops, TritonPasses, try_kernels

CPU = torch.device("cpu")

INTEGERS = {"starts", "neighbours", "atoms", "reach", "order", "left", "right", "table"}
DOUBLES = {"offsets", "positions", "constants", "pulls", "forces", "virials"}
NUMBERS = {"plane", "pairs"}  # of which there may be more than 2³¹
REALS = {
    "scalars", "vectors", "by_scalars", "by_vectors", "columns", "by_products", "out", "values", "bias", "step", "given"
}  # fmt: skip

PAIRS, BETWEEN = {"ATOMS": 2, "BLOCK": 32}, {"ATOMS": 1, "BLOCK": 128}
OPTIONS = {
    "moment_sums": {"TERMS": 32, **PAIRS},
    "pair_pulls": {"TERMS": 32, "REAL": tl.float64, **PAIRS},
    "force_sums": PAIRS,
    "products": BETWEEN,
    "columns_back": BETWEEN,
    "activation": {"PASSES": True, **BETWEEN},
}


@dataclass(frozen=True)
class Code:
    meant: str  # what Triton makes of the source, before anything is simplified
    ptx: str
    used: str

    @property
    def operations(self) -> set[str]:
        return set(re.findall(r"^\s+(?:@%p\d+ )?([a-z]\w*(?:\.\w+)+)", self.ptx, flags=re.MULTILINE))


@cache
def compiled(name: str, real: str = "fp64", capability: int = 90, **fixed: object) -> Code:
    """Of a kernel for arguments of that precision; numbers in `fixed` are known beforehand, as Triton has it of 1."""
    kernel = getattr(kernels, name)
    given = {**OPTIONS[name], **fixed}
    if name == "pair_pulls" and real == "fp32":
        given.setdefault("series", tl.float32)
        given["REAL"] = given.pop("series")
    signature = {}
    for argument in kernel.arg_names:
        if argument in given:
            signature[argument] = "constexpr"
        elif argument in INTEGERS:
            signature[argument] = "*i64"
        elif argument in DOUBLES:
            signature[argument] = "*fp64"
        elif argument in REALS:
            signature[argument] = f"*{real}"
        else:
            signature[argument] = "i64" if argument in NUMBERS else "i32"
    made = triton.compile(
        ASTSource(kernel, signature, constexprs=given),
        target=GPUTarget("cuda", capability, 32),
        options={"num_warps": 1},
    )
    with tempfile.TemporaryDirectory() as folder:
        machine_code = Path(folder, "kernel.cubin")
        machine_code.write_bytes(made.asm["cubin"])
        told = subprocess.run(
            [triton.knobs.nvidia.cuobjdump.path, "--dump-resource-usage", machine_code],
            capture_output=True,
            text=True,
            check=True,
        )
    return Code(made.asm["source"], made.asm["ptx"], told.stdout)


@pytest.mark.parametrize("capability", [80, 90])
@pytest.mark.parametrize("name", OPTIONS)
def test_double_precision_is_double_in_every_operation(name, capability):
    """An argument that Triton took for a float32 would show as a conversion, or as arithmetic, in single precision."""
    code = compiled(name, "fp64", capability)
    single = {each for each in code.operations if ".f32" in each}
    if name == "activation":  # NVIDIA's exp looks at the upper half of its argument for how large it is
        single -= {each for each in single if each.split(".")[0] in {"abs", "setp"}}
    assert not single
    assert any(each.endswith(".f64") for each in code.operations)


@pytest.mark.parametrize("name", OPTIONS)
def test_constants_of_double_precision_are_rounded_nowhere(name):
    """Triton has literals in float32 first. Widened before the program runs, they leave no trace but what they lost."""
    found = re.findall(
        r"arith\.constant (?:dense<)?([^\s>]+)>? : (?:tensor<[\dx]+x)?f32", compiled(name).meant
    )
    assert found
    assert all(re.fullmatch(r"-?\d\.\d+e[+-]\d+", each) for each in found)
    assert all(float(each).is_integer() and abs(float(each)) < 100 for each in found)


@pytest.mark.parametrize("name", ["moment_sums", "pair_pulls"])
def test_distances_are_in_double_precision_whatever_the_series_are_in(name):
    operations = compiled(name, "fp32").operations
    assert {"sqrt.rn.f64", "fma.rn.f64", "fma.rn.f32", "cvt.rn.f32.f64"} <= operations
    assert "sqrt.approx.f32" not in operations


def test_series_stay_in_double_precision_where_only_the_products_are_in_single():
    operations = compiled("pair_pulls", "fp32", series=tl.float64).operations
    assert "cvt.f64.f32" in operations  # what the products gave
    assert not {each for each in operations if each.endswith(".f32") and each.split(".")[0] in {"fma", "mul"}}


@pytest.mark.parametrize("real", ["fp64", "fp32"])
@pytest.mark.parametrize("name", OPTIONS)
def test_no_two_programs_add_to_one_place(name, real):
    operations = {each.split(".")[0] for each in compiled(name, real).operations}
    assert {"ld", "st"} <= operations
    assert not operations & {"atom", "red"}


@pytest.mark.parametrize("real", ["fp64", "fp32"])
@pytest.mark.parametrize("name", OPTIONS)
def test_registers_suffice(name, real):
    """What does not fit in them would stand on a stack in slow memory."""
    assert " STACK:0 " in compiled(name, real).used


@pytest.mark.parametrize("name", ["products", "columns_back", "activation"])
def test_a_single_member_and_a_single_column_compile_too(name):
    """Numbers that are 1 are constants to Triton."""
    known = {"members": 1, "rank": 1, "number": 1, "narrow": 1, "wide": 1, "stride": 1, "given_stride": 1}
    names = getattr(kernels, name).arg_names
    assert compiled(name, **{each: 1 for each in known if each in names}).ptx


@pytest.mark.parametrize("lanes", [16, 64])
@pytest.mark.parametrize("name", ["moment_sums", "pair_pulls", "force_sums"])
def test_groups_of_any_width_compile(name, lanes):
    assert " STACK:0 " in compiled(name, ATOMS=64 // lanes, BLOCK=lanes).used


class Absent:
    """What Triton asks a driver before it compiles, answered as for a GPU of compute capability 9.0."""

    def get_current_target(self) -> GPUTarget:
        return GPUTarget("cuda", 90, 32)

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, _device: int) -> int:
        return 0


@pytest.fixture
def launched(monkeypatch) -> dict[str, CompiledKernel]:
    """What Triton makes of each launch, up to the launch itself."""
    made = {}

    def compile_only(self, *args, **options):
        made[self.__name__] = compiled = run(self, *args, **{**options, "warmup": True})
        return compiled

    run = JITFunction.run
    monkeypatch.setattr(JITFunction, "run", compile_only)
    monkeypatch.setattr(driver, "_active", Absent())
    return made


def test_kernels_compile_as_they_are_launched_on_trial(launched):
    try_kernels(CPU)
    assert set(launched) == set(kernels.__all__)
    assert all(each.asm["cubin"] for each in launched.values())


@pytest.mark.parametrize("precision", ["fp64", "mixed", "fp32"])
@pytest.mark.parametrize(("wide", "warps"), [(32, 1), (512, 8), (1024, 16)])
def test_kernels_compile_as_they_are_launched(launched, wide, warps, precision):
    """Triton looks at what it is given: which numbers are multiples of 16, and how wide an address is."""
    series, real = PRECISIONS[precision]
    neighbours = np.repeat(np.arange(2), wide)
    pairs = Pairs(np.array([0, wide, 2 * wide]), neighbours, np.zeros((2 * wide, 3)), np.eye(2, 3))
    room = Room(CPU)
    loops = TritonLoops(pairs, Weight(6.0, 1.0, 1.0, np.ones(1)), 2, 2, CPU, everyone=True, room=room)
    loops.moments(np.arange(2), torch.ones(2, 34, dtype=series), torch.ones(3, 2, 32, dtype=series))
    loops.spread(torch.ones(2, 2, 32, dtype=real), torch.ones(2, 3, 2, 32, dtype=real), 0)
    loops.sums()
    passes, columns, products = (
        TritonPasses(),
        torch.ones(4, 2, 2, wide, dtype=real),
        torch.ones(2, 2, wide, dtype=real),
    )
    places = torch.zeros(2, wide, dtype=torch.int64)
    passes.multiply(columns, places, places, products)
    passes.pull_back(
        columns, products, places[:, None].expand(2, wide, wide), torch.ones(2, 4, 2, wide, dtype=real)
    )
    passes.activate(products, products[0], products[1], products, torch.ones(2, 2, wide, dtype=real))
    assert set(launched) == set(kernels.__all__)
    assert all(each.asm["cubin"] for each in launched.values())
    assert launched["pair_pulls"].metadata.num_warps == warps


@pytest.mark.skipif(torch.cuda.is_available(), reason="kernels run on the GPU that is here")
def test_where_kernels_cannot_run_plain_pytorch_is_taken_and_that_is_said():
    has_kernels.cache_clear()
    with pytest.warns(UserWarning, match="The same is computed in plain PyTorch"):
        assert not has_kernels(torch.device("cuda"))
