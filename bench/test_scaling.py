"How cost grows: with the size of a layer, with the batch, with the number of tiles and of chips."

import math
import time

import numpy as np
import pytest
import torch
from conftest import SLOPES

from memnb import study
from memnb.bh.memristor import VTEAM
from memnb.map.Module import analytic_tune
from memnb.mn.Linear import Linear

ADC = {"max_input_voltage": 0.3, "ADC_resolution": 8}


def layer(plain, tile=128):
    return Linear(plain, VTEAM, VTEAM.preset("illustrative"), tile_shape=(tile, tile), verbose=False, **ADC)


def convert(n):
    plain = torch.nn.Linear(n, n)
    return lambda: layer(plain)


def read(n, batch, tile):
    made, x = layer(torch.nn.Linear(n, n), tile), torch.randn(batch, n)
    made.transform_output = analytic_tune(made, verbose=False)
    return lambda: made(x)


def study_of(chips):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
    recipe = study.Recipe(model, VTEAM, VTEAM.preset("illustrative"), tuning_routine=analytic_tune)
    x = torch.rand(360, 64)
    metric = study.Accuracy(x, model(x).argmax(1))
    grid = {"ADC_resolution": [8], "ProgrammingError.sigma": [0.05]}
    settings = {"storage": None, "workers": 1, "progress": False}
    return lambda: study.run(recipe, grid, metric, chips, **settings)


# what is varied, its values, a function that makes what is timed, and the slope that work alone would have
CASES = {
    ("convert", "inputs = outputs"): ([125, 250, 500, 1000, 2000], convert, 2),
    ("read", "inputs = outputs"): ([125, 250, 500, 1000, 2000], lambda n: read(n, 128, 128), 2),
    ("read", "batch"): ([32, 64, 128, 256, 512, 1024], lambda b: read(512, b, 128), 1),
    ("read", "row tiles"): ([1, 2, 4, 8, 16], lambda t: read(512, 128, 512 // t), 1),
    ("study", "chips"): ([10, 30, 100, 300], study_of, 1),
}


@pytest.mark.parametrize("case", CASES, ids=" against ".join)
def test_slope(case):
    "The exponent of the cost at its largest values, by a line through the logarithms, is that of the work at most."
    values, make, most = CASES[case]
    functions, times = [make(v) for v in values], [[] for _ in values]
    for f in functions:
        f()
    for _ in range(5):
        for f, kept in zip(functions, times, strict=True):
            start = time.perf_counter()
            f()
            kept.append(time.perf_counter() - start)
    ms = [1e3 * min(kept) for kept in times]
    slope = float(np.polyfit(np.log(values[-3:]), np.log(ms[-3:]), 1)[0])
    what, grows = case
    SLOPES.append({"what": what, "grows": grows, "values": values, "ms": ms, "slope": slope})
    print(f"{what}: {grows} to the power of {slope:.2f}")
    assert math.isfinite(slope) and slope <= most + 0.35
