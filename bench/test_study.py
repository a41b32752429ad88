"Studies: a thousand chips, and what the bookkeeping costs."

import statistics
import time

import pytest
import torch
from conftest import clock, record, within

from memnb import study
from memnb.bh.memristor import VTEAM
from memnb.map.Module import analytic_tune, naive_tune
from memnb.study.Run import chip_seed

CHIPS = {"ADC_resolution": [8], "ProgrammingError.sigma": [0.05], "Faults.lrs": [0.01], "Faults.hrs": [0.02]}


@pytest.fixture(scope="module")
def digits():
    "A network of the size of the digits' MLP, and 360 images."
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
    x = torch.rand(360, 64, generator=torch.Generator().manual_seed(0))
    recipe = study.Recipe(model, VTEAM, VTEAM.preset("illustrative", r_on=1e4, r_off=1e6), tuning_routine=analytic_tune)
    return recipe, model, study.Accuracy(x, model(x).argmax(1))


def test_thousand_chips(digits, tmp_path):
    recipe, model, metric = digits
    arguments = (recipe, CHIPS, metric)
    study.run(*arguments, chips=10, storage=None, workers=1, progress=False)
    times = []
    for k in range(3):
        start = clock()
        study.run(*arguments, chips=1000, name="bench", storage=tmp_path / f"{k}.sqlite", workers=1, progress=False)
        middle = clock()
        for _ in range(1000):
            metric(model)
        times.append((middle - start, clock() - middle))
    ours, reference = (1e3 * sorted(column)[1] for column in zip(*times, strict=True))
    what = "study of 1,000 chips of 64-64-10: programmed, tuned, 360 images each"
    record(what, ours, reference, ours / reference, "1,000 digital passes", "3000 ms")
    assert within(ours, 3000)


def stacked(model, x, tuning_routine, chips):
    "Return the seconds that a study of chips takes, and those of as many digital passes."
    recipe = study.Recipe(
        model, VTEAM, VTEAM.preset("illustrative", r_on=1e4, r_off=1e6), tuning_routine=tuning_routine
    )
    metric, grid = study.Accuracy(x, model(x).argmax(1)), {"ADC_resolution": [8], "ProgrammingError.sigma": [0.05]}
    start = clock()
    study.run(recipe, grid, metric, chips=chips, storage=None, workers=1, progress=False)
    middle = clock()
    for _ in range(chips):
        metric(model)
    return middle - start, clock() - middle


def tuning_reads(chips, samples=4098):
    "Return the seconds of the least work that default tuning takes for chips of 64-64-10, as plain torch does it."
    x, seconds = torch.rand(samples, 64), 0
    for columns, together in ((64, 1), (10, 5)):  # of the second layer some chips fit into the processor's memory
        w, half = torch.randn(64, columns * together), torch.full((), 0.5)
        digital, out = torch.randn(samples * columns * together), torch.empty(samples, columns * together)
        start = clock()
        for _ in range(chips // together):
            largest = torch.mm(x, w, out=out).aminmax().max.item()
            c = torch.add(half, out, alpha=128 / largest, out=out).floor_().flatten()
            c.sum(), torch.dot(c, c), torch.dot(c, digital)
        seconds += clock() - start
    return seconds


def test_default_tuning(digits):
    "Chips of the MLP, tuned by the default routine, against those tuned analytically, and the least that this takes."
    _, model, metric = digits
    stacked(model, metric.x, naive_tune, 2)
    routines, rounds = (naive_tune, analytic_tune), []
    for _ in range(7):
        rounds.append([*(stacked(model, metric.x, r, 200)[0] for r in routines), tuning_reads(200)])
    ratio, floor = (
        statistics.median(f(*one) for one in rounds) for f in (lambda a, b, _: a / b, lambda _, b, c: 1 + c / b)
    )
    default, analytic, reads = (5e3 * statistics.median(column) for column in zip(*rounds, strict=True))
    record("study of 1,000 chips of 64-64-10, default tuning", default, analytic, ratio, "with analytic tuning", "3")
    what = "the same, least: analytic tuning, and the reads of 4,098 inputs and their sums in plain torch"
    record(what, analytic + reads, analytic, floor, "with analytic tuning")
    assert within(ratio, 3)


def test_convolutional():
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        *(torch.nn.Conv2d(1, 8, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2)),
        *(torch.nn.Conv2d(8, 16, 3, padding=1), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(256, 10)),
    )
    x = torch.rand(360, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    stacked(model, x, naive_tune, 2)
    pairs = [stacked(model, x, naive_tune, 100) for _ in range(5)]
    ratio = statistics.median(a / b for a, b in pairs)
    ours, reference = (1e4 * statistics.median(column) for column in zip(*pairs, strict=True))
    what = "study of 1,000 chips of a CNN (Conv 1-8, Conv 8-16, Linear 256-10), default tuning, 360 images each"
    record(what, ours, reference, ratio, "1,000 digital passes", "6")
    assert within(ratio, 6)


def test_overhead(digits, tmp_path):
    "Trials of a second, against a loop written by hand; they sleep, so that what is measured is the bookkeeping."
    recipe, _, metric = digits

    def slow(chip):
        time.sleep(0.1)
        return metric(chip)

    start = time.perf_counter()
    found = study.run(
        recipe, CHIPS, slow, 30, chunk=10, name="bench", storage=tmp_path / "s.sqlite", workers=1, progress=False
    )
    middle = time.perf_counter()
    seeds = [chip_seed(0, chip) for chip in range(30)]
    configuration = {name: values[0] for name, values in CHIPS.items()}
    with torch.no_grad():
        by_hand = [slow(chip) for chip in recipe.chips(configuration, seeds)]
    ours, reference = 1e3 * (middle - start), 1e3 * (time.perf_counter() - middle)
    assert found.table.slow.tolist() == by_hand
    record("study of three trials of 1 s each", ours, reference, ours / reference, "the loop by hand", "1.05")
    assert within(ours, 1.05 * reference)
