"""Time converting and running linear layers, against torch and against other simulators.

Every timing has a ratio to a plain layer.
"""

import copy
import time

import pytest
import torch
from conftest import THREADS, peer, record, within

import memnb
from memnb.bh.Converter import ADC, DAC
from memnb.bh.crossbar.Read import Product
from memnb.bh.memristor import VTEAM
from memnb.mn.Module import patch_model

TILED = {"tile_shape": (128, 128), "max_input_voltage": 0.3, "ADC_resolution": 8}
INPUT = "nn.Linear(784, 512), batch 128"


@pytest.fixture(scope="module")
def plain():
    torch.manual_seed(0)
    return torch.nn.Linear(784, 512)


@pytest.fixture(scope="module")
def x():
    return torch.randn(128, 784, generator=torch.Generator().manual_seed(0))


def convert(plain, **options):
    layer = memnb.mn.Linear(plain, VTEAM, VTEAM.preset("illustrative"), verbose=False, **options)
    layer.tune()
    return layer.eval()


def test_convert(compare, plain, x):
    build = lambda: memnb.mn.Linear(plain, VTEAM, VTEAM.preset("illustrative"), tile_shape=(128, 128), verbose=False)
    ms, _ = compare("convert Linear(784, 512), 803 thousand devices", build, lambda: plain(x), INPUT, "30 ms", 20)
    assert within(ms, 30)


def test_memory(plain, x):
    layer = convert(plain, **TILED)
    layer(x)
    found, tensors = [*layer.buffers(), *(kept[3] for kept in layer._cache._kept.values())], []
    while found:  # what is kept is a tensor, or a reader that holds some
        one = found.pop()
        if isinstance(one, torch.Tensor):
            tensors.append(one)
        elif isinstance(one, (tuple, list)):
            found += one
        else:
            found += vars(one).values() if isinstance(one, Product) else []
    held = sum({t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}.values())
    per_device = held / (2 * 784 * 512)
    record(
        "memory after inference, besides the digital weights", f"{per_device:.2f} bytes/device", limit="8 bytes/device"
    )
    assert per_device <= 8


@pytest.mark.parametrize(
    ("name", "settings", "targets"),
    [
        ("no ADC", {"max_input_voltage": 0.3}, (1.05, 1.1)),
        # wanted 1.5; the least, restated below, takes 1.57
        ("128x128 tiles, 8-bit ADC", TILED, (1.6, 2)),
        ("512x512 tiles, 8-bit ADC", TILED | {"tile_shape": (512, 512)}, (1.5, 2)),
    ],
)
def test_inference(compare, plain, x, name, settings, targets):
    layer, target = convert(plain, **settings), targets[THREADS > 1]
    what = f"Linear(784, 512), batch 128, {name}"
    _, ratio = compare(what, lambda: layer(x), lambda: plain(x), INPUT, str(target), 200)
    assert within(ratio, target)


def test_least_inference(compare, plain, x):
    "Tiles and converters, restated in plain torch for these shapes alone."
    tiles, room = torch.randn(7, 128, 512), torch.zeros(128, 896)
    half = torch.full((), 0.5)

    def restated():
        room[:, :784] = x
        currents = torch.bmm(room.view(128, 7, 128).transpose(0, 1), tiles)
        largest = currents.aminmax().max.item()
        torch.add(half, currents, alpha=128 / largest, out=currents).floor_()
        return torch.add(plain.bias, currents.sum(0), alpha=largest / 128)

    what = "least: 128x128 tiles, 8-bit ADC, restated in plain torch for a Linear(784, 512), batch 128"
    compare(what, restated, lambda: plain(x), INPUT, rounds=200)


def test_least_check(compare, plain, x):
    what = "least: a Linear(784, 512), batch 128, and a look whether its first output is finite for each input"
    compare(what, lambda: plain(x)[:, 0].sum().item(), lambda: plain(x), INPUT, rounds=200)


def with_converters(plain, x, adc, dac=None):
    devices = VTEAM.preset("programmable")
    hardware = memnb.Hardware(VTEAM, devices, max_input_voltage=0.3, tile_shape=(512, 512), ADC=adc, DAC=dac, seed=1)
    layer = memnb.mn.Linear(copy.deepcopy(plain), hardware=hardware, verbose=False)
    memnb.calibrate(layer, x, verbose=False)
    return layer


def test_converter_errors(compare, plain, x):
    ideal = with_converters(plain, x, ADC(8)).eval()
    errors = with_converters(plain, x, ADC(8, noise=0.01, offset=0.01, gain=0.01)).eval()
    what = "512x512 tiles, 8-bit ADC with noise, offset and gain"
    _, ratio = compare(what, lambda: errors(x), lambda: ideal(x), "the same layer, ideal ADC", "1.5", 40)
    assert within(ratio, 1.5)


def test_trained_ranges(compare, plain, x):
    fixed = with_converters(plain, x, ADC(8, range="calibrated"), DAC(8, range="calibrated")).train()
    learned = with_converters(plain, x, ADC(8, range="trained"), DAC(8, range="trained")).train()

    # an input with a gradient, as all layers but the first have: an input range needs the same product for its own
    learning = x.clone().requires_grad_()

    def step(layer):
        layer.zero_grad()
        with torch.enable_grad():
            layer(learning).square().mean().backward()

    what = "step of training with trained ranges, 512x512 tiles"
    _, ratio = compare(what, lambda: step(learned), lambda: step(fixed), "calibrated ranges", "1.2", 20)
    assert within(ratio, 1.2)


def test_convert_large_model(plain, x):
    model = torch.nn.Sequential(*(torch.nn.Linear(1024, 1024) for _ in range(11)))
    batch = torch.randn(128, 1024)
    model(batch)
    times = []
    for _ in range(3):
        patched, start = copy.deepcopy(model), time.perf_counter()
        patch_model(
            patched,
            VTEAM,
            VTEAM.preset("illustrative"),
            module_parameters_to_patch=[torch.nn.Linear],
            tile_shape=(128, 128),
            verbose=False,
        )
        middle = time.perf_counter()
        model(batch)
        times.append((middle - start, time.perf_counter() - middle))
    ours, reference = (1e3 * sorted(column)[1] for column in zip(*times, strict=True))
    record("convert 11.5 million weights", ours, reference, ours / reference, "the digital model, batch 128", "2000 ms")
    assert within(ours, 2000)


def aihwkit_converter(plain):
    peer("aihwkit")
    from aihwkit.nn.conversion import convert_to_analog
    from aihwkit.simulator.configs import TorchInferenceRPUConfig

    config = TorchInferenceRPUConfig()
    config.mapping.max_input_size = config.mapping.max_output_size = 128
    config.forward.out_res = 2**-8
    return lambda: convert_to_analog(copy.deepcopy(plain), config).eval()


def test_aihwkit_convert(compare, plain, x):
    convert = aihwkit_converter(plain)
    compare("aihwkit: convert Linear(784, 512)", convert, lambda: plain(x), INPUT, rounds=10)


def test_aihwkit_inference(compare, plain, x):
    layer = aihwkit_converter(plain)()
    name = "aihwkit: the same, 128x128 tiles, 8-bit ADC, its noise model"
    compare(name, lambda: layer(x), lambda: plain(x), INPUT, rounds=20)


def test_badcrossbar(compare):
    badcrossbar = peer("badcrossbar")
    generator = torch.Generator().manual_seed(0)
    g = 1e-6 + 1e-4 * torch.rand(128, 128, generator=generator)
    v = torch.rand(128, 128, generator=generator)
    crossbar = memnb.bh.crossbar.Crossbar(VTEAM, {"r_on": 1e3, "r_off": 1e7}, (128, 128))
    crossbar.write_conductance_matrix(g.T)
    single = torch.nn.Linear(128, 128)
    compare(
        "memnb: read of a 128x128 array, 128 inputs, no wires",
        lambda: crossbar.read(v),
        lambda: single(v),
        "nn.Linear(128, 128)",
    )
    volts, ohms = v.T.double().numpy(), (1 / g).double().numpy()
    solve = lambda: badcrossbar.compute(volts, ohms, r_i=0)
    start = time.perf_counter()
    solve()
    middle = time.perf_counter()
    single(v)
    end = time.perf_counter()
    record(
        "badcrossbar: the same (with all its branch currents)",
        1e3 * (middle - start),
        1e3 * (end - middle),
        (middle - start) / (end - middle),
        "nn.Linear(128, 128)",
    )
