"Arrays with wire resistance: effective conductances, single solves, and a layer, on two threads in double precision."

import statistics
import time
import warnings

import pytest
import torch
from conftest import peer, record, within

import memnb
from memnb.bh.crossbar.Merging import effective_conductance
from memnb.bh.crossbar.Passive import solve
from memnb.bh.memristor import VTEAM

SOURCE, LINE = 20.0, 2.0


def array(*shape):
    return 1e-6 + 1e-4 * torch.rand(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def timed(f, rounds=7):
    f()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        f()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def matmul_of(flops):
    "Milliseconds of matrix products with so many operations, measured now."
    a = torch.rand(512, 512, dtype=torch.float64)
    return timed(lambda: a @ a) * flops / (2 * 512**3)


@pytest.mark.parametrize(("n", "limit"), [(64, 12), (128, 45), (256, 200)])
def test_effective_conductance(n, limit):
    g = array(n, n)
    ms, reference = timed(lambda: effective_conductance(g, SOURCE, LINE)), matmul_of(105 * n**3)
    record(f"G_eff of a {n}x{n} array", ms, reference, ms / reference, "matmul of 105 n^3 flops", f"{limit} ms")
    with torch.enable_grad():
        learned = g.clone().requires_grad_()
        both = timed(lambda: effective_conductance(learned, SOURCE, LINE).sum().backward(), 3)
    record(f"the same, forward and backward, {n}x{n}", both, ms, both / ms, "forward", "3")


def test_tiles():
    g = array(64, 64, 64)
    ms, reference = (timed(lambda: effective_conductance(g, SOURCE, LINE), 3) / 64, matmul_of(105 * 64**3))
    record("64 tiles of 64x64 in one batch, per tile", ms, reference, ms / reference, "matmul of 105 n^3 flops", "8 ms")


def test_single_solve():
    g, v = array(128, 128), torch.rand(128, dtype=torch.float64)
    ms, reference = timed(lambda: solve(g, v, None, SOURCE, LINE)), matmul_of(105 * 128**3)
    record(
        "one input, all voltages and currents, 128x128",
        ms,
        reference,
        ms / reference,
        "matmul of 105 n^3 flops",
        "5 ms",
    )


def test_many_inputs_of_a_large_array():
    g, v = array(512, 512), torch.rand(20, 512, dtype=torch.float64)
    ms, reference = timed(lambda: solve(g, v, None, SOURCE, LINE), 3), matmul_of(105 * 512**3)
    record("20 inputs, all voltages, 512x512", ms, reference, ms / reference, "matmul of 105 n^3 flops", "3000 ms")


def test_many_inputs_against_badcrossbar():
    badcrossbar = peer("badcrossbar")
    g, v = array(128, 128), torch.rand(256, 128, dtype=torch.float64)
    ms = timed(lambda: v @ effective_conductance(g, SOURCE, SOURCE))
    volts, ohms = v.T.numpy(), (1 / g).numpy()
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        badcrossbar.compute(volts, ohms, r_i=SOURCE)  # it knows one resistance for all stretches
    other = 1e3 * (time.perf_counter() - start)
    record("128x128, 256 inputs, wires of 20 ohm", ms, other, ms / other, "badcrossbar", "1/25")


def test_layer_with_wires():
    plain, x = torch.nn.Linear(784, 512), torch.randn(128, 784)
    reference = timed(lambda: plain(x))

    def build():
        parameters = VTEAM.preset("illustrative", r_on=1e4, r_off=1e6)
        wires = {"source_resistance": SOURCE, "line_resistance": LINE}
        layer = memnb.mn.Linear(plain, VTEAM, parameters, tile_shape=(64, 64), **wires)
        return layer(x)

    ms = timed(build, 3)
    record(
        "Linear(784, 512) with wires, 208 tiles of 64x64, ready",
        ms,
        reference,
        ms / reference,
        "nn.Linear(784, 512)",
        "2000 ms",
    )
    assert within(ms, 2000)
