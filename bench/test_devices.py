"""Simulating and programming whole arrays of devices.

Limits are ratios to the reference, 0.5 s, 1.5 s and 3 s on a machine on which that takes 12.06 ms.
"""

import pytest
import torch
from conftest import clock, record, within

from memnb.bh.crossbar import Crossbar
from memnb.bh.crossbar.Program import program_array
from memnb.bh.memristor import VTEAM, Stanford_PKU, Yakopcic

STEPS, SHAPE = 1000, (256, 256)


@pytest.fixture(scope="module")
def reference():
    "Seconds of one step's least work: an in-place multiply-add of an array of this size."
    x, y = torch.rand(SHAPE), torch.rand(SHAPE)
    for _ in range(100):
        x.addcmul_(y, y, value=1e-9)
    start = clock()
    for _ in range(STEPS):
        x.addcmul_(y, y, value=1e-9)
    return clock() - start


@pytest.mark.parametrize(("exponents", "limit"), [("integer", 41), ("any", 124)])
def test_vteam(exponents, limit, reference):
    generator = torch.Generator().manual_seed(0)
    vary = lambda mean: mean * (1 + 0.05 * torch.randn(SHAPE, generator=generator))
    means = {"r_on": 50, "r_off": 1000, "k_on": -1e-3, "k_off": 5e-4, "v_on": -0.2, "v_off": 0.02}
    parameters = {name: vary(mean) for name, mean in means.items()}
    if exponents == "any":
        parameters |= {"alpha_on": vary(3), "alpha_off": vary(1)}
    voltage = 0.5 * torch.randn(STEPS, SHAPE[0], 1, generator=generator)
    times = []
    for _ in range(3):
        array = VTEAM(**parameters, shape=SHAPE)
        start = clock()
        array.simulate(voltage)
        times.append(clock() - start)
    seconds = sorted(times)[1]
    record(
        f"VTEAM, 65,536 devices with their own parameters, {STEPS} steps, {exponents} exponents",
        1e3 * seconds,
        1e3 * reference,
        seconds / reference,
        "as many addcmul_ of this size",
        str(limit),
    )
    assert within(seconds / reference, limit)


@pytest.mark.parametrize(("model", "signal"), [(Stanford_PKU, (1.2, -1.2, 1.5)), (Yakopcic, (0.5, -0.5, 0.5))])
def test_a_million(model, signal, reference):
    array = model(shape=(1000, 1000))
    array.g = 1 / array.r_off + (1 / array.r_on - 1 / array.r_off) * torch.rand(1000, 1000)
    start = clock()
    array.simulate(torch.tensor(signal))
    seconds = clock() - start
    name = f"1,000,000 {model.__name__} devices, {len(signal)} steps"
    record(name, 1e3 * seconds, 1e3 * reference, seconds / reference, "1000 addcmul_ of 65,536", "3000 ms")


def test_programming(reference):
    crossbar = Crossbar(VTEAM, VTEAM.preset("programmable"), (128, 128))
    target = 1e-3 + 15e-3 * torch.rand(128, 128, generator=torch.Generator().manual_seed(0))
    start = clock()
    result = program_array(crossbar, target, progress=False)
    seconds = clock() - start
    record(
        "program 128x128 to 1 %, V/2 half-select",
        1e3 * seconds,
        1e3 * reference,
        seconds / reference,
        "1000 addcmul_ of 65,536",
        "249",
    )
    each, pulse = 1e6 * seconds / target.numel(), 1e6 * seconds / result.pulses.sum().item()
    record("the same, for each device and pulse", f"{each:.1f} and {pulse:.1f} µs")
    assert result.converged.all() and within(seconds / reference, 249)
