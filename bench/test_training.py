"Training with the hardware in the loop, and calibration."

import copy
import statistics
import time

import pytest
import torch
from conftest import record, within

from memnb.bh.crossbar.Crossbar import crossbars_of
from memnb.bh.memristor import VTEAM
from memnb.bh.nonideality import ProgrammingError
from memnb.map.Input import calibrate
from memnb.map.Module import tune_on
from memnb.mn.Module import patch_model

SETTINGS = {"max_input_voltage": 0.3, "ADC_resolution": 8, "verbose": False}


def networks():
    torch.manual_seed(0)
    plain = torch.nn.Sequential(torch.nn.Linear(784, 512), torch.nn.ReLU(), torch.nn.Linear(512, 10))
    return plain, patch_model(copy.deepcopy(plain), VTEAM, {}, [torch.nn.Linear], **SETTINGS)


@pytest.mark.parametrize(
    ("name", "optimiser", "limit"),
    [("Adam", lambda p: torch.optim.Adam(p), 4), ("SGD", lambda p: torch.optim.SGD(p, 0.01), 5.5)],
)
def test_training_step(compare, name, optimiser, limit):
    plain, ours = networks()
    with torch.enable_grad():
        ours.tune_()
        for crossbar in crossbars_of(ours):
            crossbar.add_effect(ProgrammingError(0.05))
        x, y, steps = torch.randn(64, 784), torch.randint(0, 10, (64,)), []
        for model in (ours, plain):

            def step(model=model, optimiser=optimiser(model.parameters())):
                optimiser.zero_grad()
                torch.nn.functional.cross_entropy(model(x), y).backward()
                optimiser.step()

            steps.append(step)
        what = f"training step, 784-512-10, batch 64, {name}; noise on each device, 8-bit ADC"
        _, ratio = compare(what, *steps, "a plain step", str(limit), 200)
    assert within(ratio, limit)


@pytest.mark.parametrize("adjust", [calibrate, tune_on])
def test_one_pass(adjust):
    plain, ours = networks()
    batches = torch.randn(2048, 784).split(128)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        adjust(ours, batches, verbose=False)
        middle = time.perf_counter()
        for batch in batches:
            plain(batch)
        times.append((middle - start, time.perf_counter() - middle))
    ms, reference = (1e3 * statistics.median(column) for column in zip(*times, strict=True))
    what = f"{adjust.__name__}: 2048 samples of 784-512-10"
    record(what, ms, reference, ms / reference, "a digital pass over them")
