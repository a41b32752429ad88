"Training with the hardware in the loop, and calibration."

import copy
import statistics

import pytest
import torch
from conftest import clock, record, within

from memnb.bh.crossbar.Crossbar import crossbars_of
from memnb.bh.crossbar.Scheme import Scheme
from memnb.bh.memristor import VTEAM
from memnb.bh.nonideality import ProgrammingError
from memnb.insitu import InSituSGD
from memnb.map.Input import calibrate
from memnb.map.Module import tune_on
from memnb.mn.Fused import NoisyPair
from memnb.mn.Hardware import Hardware
from memnb.mn.Module import patch_model
from memnb.train import WeightNoise

SETTINGS = {"max_input_voltage": 0.3, "ADC_resolution": 8, "verbose": False}


def sgd(parameters):
    return torch.optim.SGD(parameters, 0.01)


def networks():
    torch.manual_seed(0)
    plain = torch.nn.Sequential(torch.nn.Linear(784, 512), torch.nn.ReLU(), torch.nn.Linear(512, 10))
    return plain, patch_model(copy.deepcopy(plain), VTEAM, VTEAM.preset("illustrative"), [torch.nn.Linear], **SETTINGS)


def step_of(model, optimiser, x, y):
    "Return a function that takes a step of training."
    optimiser = optimiser(model.parameters())

    def step():
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimiser.step()

    return step


@pytest.mark.parametrize(("name", "optimiser"), [("Adam", torch.optim.Adam), ("SGD", sgd)])
def test_training_step(compare, name, optimiser):
    "At most half as much again as what the noise alone takes, which differs between processors."
    plain, ours = networks()
    with torch.enable_grad():
        ours.tune_()
        for crossbar in crossbars_of(ours):
            crossbar.add_effect(ProgrammingError(0.05))
        batch = torch.randn(64, 784), torch.randint(0, 10, (64,))
        steps = [step_of(model, optimiser, *batch) for model in (ours, plain)]
        what = f"training step, 784-512-10, batch 64, {name}; noise on each device, 8-bit ADC"
        _, ratio = compare(what, *steps, "a plain step", "1.5 times the least", 200)
        what = f"least: a plain step, 784-512-10, batch 64, {name}, that draws 2 normal numbers for each weight"
        _, least = compare(what + ", and puts them there", *drawing(optimiser, batch, 2, True), "a plain step", "", 200)
    assert ratio <= 1.5 * least


@pytest.mark.parametrize(("patched", "limit"), [(True, 2.5), (False, 1.7)])
def test_weight_noise(compare, patched, limit):
    plain, ours = networks()
    model = ours if patched else copy.deepcopy(plain)
    with torch.enable_grad(), WeightNoise(model, sigma=0.05):
        ours.tune_()
        batch = torch.randn(64, 784), torch.randint(0, 10, (64,))
        steps = [step_of(one, torch.optim.Adam, *batch) for one in (model, plain)]
        kind = "noise on each weight, 8-bit ADC" if patched else "noise on each weight, not patched"
        what = f"training step, 784-512-10, batch 64, Adam; {kind}"
        _, ratio = compare(what, *steps, "a plain step", str(limit), 200)
    assert within(ratio, limit)


def weighed(w, noise, gradient):
    "Take the passes over memory that noise on weights takes, and do nothing with what they give."
    if len(noise) == 2:
        pair = NoisyPair.apply(w.requires_grad_(), 1e-4, 1e-6, noise[0], 5e-6, noise[1], 5e-6)
        return w.aminmax(), torch.autograd.grad(pair, w, gradient)
    noisy = torch.addcmul(w, noise[0], torch.maximum(w.amax(1), -w.amin(1))[:, None], value=0.05)
    return w.aminmax(), noisy * 1e-4, gradient * 1e-4


def drawing(optimiser, batch, draws, passes):
    "Return a step of a plain network that draws normal numbers, `passes` over memory or not, and one that doesn't."
    models = [networks()[0] for _ in range(2)]
    w, shape = torch.rand(512, 784) - 0.5, (784, 512) if draws == 2 else (512, 784)
    gradient, noise = torch.randn(shape), [torch.empty(shape) for _ in range(draws)]
    step, plain = (step_of(model, optimiser, *batch) for model in models)
    return lambda: [step(), *(one.normal_() for one in noise), passes and weighed(w, noise, gradient)], plain


@pytest.mark.parametrize(("draws", "passes"), [(1, False), (1, True), (2, False)])
def test_least_noise(compare, draws, passes):
    "A plain step that draws as many normal numbers as noise takes, without and with the passes over memory besides."
    batch = torch.randn(64, 784), torch.randint(0, 10, (64,))
    with torch.enable_grad():
        what = f"least: a plain step, 784-512-10, batch 64, Adam, that draws {draws} normal numbers for each weight"
        steps = drawing(torch.optim.Adam, batch, draws, passes)
        compare(what + ", and puts them there" * passes, *steps, "a plain step", rounds=200)


@pytest.mark.parametrize("adjust", [calibrate, tune_on])
def test_one_pass(adjust):
    plain, ours = networks()
    batches = torch.randn(2048, 784).split(128)
    times = []
    for _ in range(5):
        start = clock()
        adjust(ours, batches, verbose=False)
        middle = clock()
        for batch in batches:
            plain(batch)
        times.append((middle - start, clock() - middle))
    ms, reference = (1e3 * statistics.median(column) for column in zip(*times, strict=True))
    what = f"{adjust.__name__}: 2048 samples of 784-512-10"
    record(what, ms, reference, ms / reference, "a digital pass over them")


@pytest.mark.parametrize(("update", "limit"), [("PulsedSGD", 8), ("TikiTaka2", 12)])
def test_in_situ_step(compare, update, limit):
    torch.manual_seed(0)
    plain = torch.nn.Sequential(torch.nn.Linear(784, 512), torch.nn.ReLU(), torch.nn.Linear(512, 10))
    hardware = Hardware(VTEAM, VTEAM.preset("illustrative", r_on=1e4, r_off=1e5), scheme=Scheme.SingleColumn, seed=0)
    ours = patch_model(copy.deepcopy(plain), hardware=hardware, verbose=False)
    with torch.enable_grad():
        ours.tune_()
        batch = torch.randn(64, 784), torch.randint(0, 10, (64,))
        pulsed = InSituSGD(ours, 0.01, update, "ReRAM, Gong 2018, exponential", seed=0)
        steps = [step_of(ours, lambda _: pulsed, *batch), step_of(plain, sgd, *batch)]
        what = f"training on the chip, 784-512-10, batch 64, {update}, ReRAM"
        _, ratio = compare(what, *steps, "a plain step", str(limit), 60)
    assert within(ratio, limit)
