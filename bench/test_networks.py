"Convolutions, recurrent layers and whole networks."

import statistics
import time
from pathlib import Path

import pytest
import torch
from conftest import record

import memnb
from memnb.bh.memristor import VTEAM
from memnb.mn.Module import memristive_layers, patch_model

TILED = {"tile_shape": (128, 128), "max_input_voltage": 0.3, "ADC_resolution": 8}


@pytest.fixture(scope="module")
def convolution():
    torch.manual_seed(0)
    return torch.nn.Conv2d(32, 64, 3, padding=1), torch.randn(8, 32, 16, 16)


@pytest.mark.parametrize(
    ("name", "settings", "limit"), [("no ADC", {"max_input_voltage": 0.3}, 1.2), ("128x128 tiles, 8-bit ADC", TILED, 4)]
)
def test_convolution(compare, convolution, name, settings, limit):
    digital, x = convolution
    layer = memnb.mn.Conv2d(digital, VTEAM, {}, verbose=False, **settings)
    layer.tune()
    what = f"Conv2d(32, 64, 3, padding=1) on 8x32x16x16, {name}"
    _, ratio = compare(what, lambda: layer(x), lambda: digital(x), "nn.Conv2d", str(limit), 200)
    assert ratio <= limit


@pytest.mark.parametrize(
    ("name", "settings"), [("no ADC", {"max_input_voltage": 0.3}), ("128x128 tiles, 8-bit ADC", TILED)]
)
def test_recurrent(compare, name, settings):
    digital, x = torch.nn.LSTM(64, 128), torch.randn(32, 16, 64)
    layer = memnb.mn.LSTM(digital, VTEAM, {}, verbose=False, **settings)
    layer.tune()
    what = f"LSTM(64, 128), 32 steps, batch 16, {name}"
    compare(what, lambda: layer(x), lambda: digital(x), "nn.LSTM")


def resnet18():
    "The layers with weights of a ResNet18."
    convolve = lambda inside, outside, kernel=3: torch.nn.Conv2d(
        inside, outside, kernel, padding=kernel // 2, bias=False
    )
    layers, inside = [convolve(3, 64, 7)], 64
    for width in (64, 128, 256, 512):
        layers += [convolve(inside, width), *(convolve(width, width) for _ in range(3))]
        layers += [convolve(inside, width, 1)] * (width != inside)
        inside = width
    return torch.nn.Sequential(*layers, torch.nn.Linear(512, 1000))


def resident(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def test_resnet18():
    times, peaks = [], []
    for _ in range(3):
        model, block = resnet18(), torch.randn(1024, 1024)
        reset = Path("/proc/self/clear_refs")
        if reset.exists():
            reset.write_text("5")  # the highest memory so far is that of now
            before = resident("VmRSS")
        start = time.perf_counter()
        patch_model(model, VTEAM, {}, [torch.nn.Conv2d, torch.nn.Linear], verbose=False)
        middle = time.perf_counter()
        block @ block
        times.append((middle - start, time.perf_counter() - middle))
        devices = sum(c.rows * c.columns for layer in memristive_layers(model) for c in layer.crossbars)
        if reset.exists():
            peaks.append((resident("VmHWM") - before) / devices)
        del model
    ours, reference = (1e3 * statistics.median(column) for column in zip(*times, strict=True))
    name = f"patch a ResNet18, {devices / 1e6:.1f} million devices"
    record(name, ours, reference, ours / reference, "matmul of 1024x1024", "3000 ms")
    assert ours <= 3000
    if peaks:
        record(
            "peak memory while patching, above the model's own",
            f"{max(peaks):.2f} bytes/device",
            limit="8 bytes/device",
        )
        assert max(peaks) <= 8
