"On a GPU: absolute times, with the device's name."

import copy
import time

import pytest
import torch
from conftest import record

from memnb.bh.memristor import VTEAM
from memnb.mn.Module import patch_model

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here")


def timed(f):
    "Milliseconds of a call, the median of 20, with the device's queue empty before and after."
    times = []
    for _ in range(25):
        torch.cuda.synchronize()
        start = time.perf_counter()
        f()
        torch.cuda.synchronize()
        times.append(1e3 * (time.perf_counter() - start))
    return sorted(times[5:])[10]


@pytest.mark.parametrize(
    ("name", "settings"),
    [("no ADC", {}), ("128x128 tiles, 8-bit ADC", {"tile_shape": (128, 128), "ADC_resolution": 8})],
)
def test_linear(name, settings):
    torch.manual_seed(0)
    plain = torch.nn.Sequential(torch.nn.Linear(4096, 4096)).cuda()
    x = torch.randn(1024, 4096, device="cuda")
    start = time.perf_counter()
    ours = patch_model(
        copy.deepcopy(plain),
        VTEAM,
        VTEAM.preset("illustrative"),
        [torch.nn.Linear],
        max_input_voltage=0.3,
        verbose=False,
        **settings,
    )
    torch.cuda.synchronize()
    device, convert = torch.cuda.get_device_name(), 1e3 * (time.perf_counter() - start)
    record(f"{device}: convert Linear(4096, 4096), {name}", convert)
    ms, reference = timed(lambda: ours(x)), timed(lambda: plain(x))
    what = f"{device}: Linear(4096, 4096), batch 1024, {name}"
    record(what, ms, reference, ms / reference, "nn.Linear")
