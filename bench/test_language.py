"""Language models of some 130 million weights on crossbars: a token, patching and tuning, memory.

They are GPT-2 (124M) and a Llama of 134M with random weights, in single precision unless it is said otherwise. Seconds
are of CPU time, on one thread.
"""

import copy
import statistics
import sys
import time
import warnings

import pytest
import torch
from conftest import record, within
from test_layers import peer

import memnb
from memnb.bh.Converter import ADC
from memnb.bh.nonideality import ReadNoise
from memnb.map.Module import analytic_tune
from memnb.mn.Module import memristive_layers

LLAMA = {"vocab_size": 32000, "hidden_size": 768, "intermediate_size": 2048, "num_hidden_layers": 12}
HARDWARE = memnb.Hardware(seed=1, tuning_routine=analytic_tune)


@pytest.fixture(scope="module")
def digital():
    "{name: model} with normal weights."
    sys.modules.setdefault("torchvision", None)  # not needed, and one built for another torch fails to import
    transformers = peer("transformers")
    made = {
        "GPT-2 (124M)": lambda: transformers.GPT2LMHeadModel(transformers.GPT2Config()),
        "Llama (134M)": lambda: transformers.LlamaForCausalLM(
            transformers.LlamaConfig(**LLAMA, num_attention_heads=12, num_key_value_heads=12)
        ),
    }
    torch.manual_seed(0)
    return {name: make().eval().requires_grad_(False) for name, make in made.items()}


def on_crossbars(model, dtype=torch.float32, **settings):
    "Return a copy of a model, patched and tuned, and the seconds that these two took."
    chip = copy.deepcopy(model).to(dtype)
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the embedding stays digital
        memnb.patch_model(chip, HARDWARE.replace(**settings), keep="weights", verbose=False)
        for layer in memristive_layers(chip):
            layer.verbose = False
        chip.tune_()
    return chip, time.process_time() - start


def bytes_of(chip):
    "Bytes for each weight on crossbars that a chip holds beside the digital model."
    layers, held, seen = memristive_layers(chip), {}, set()
    own = {p.untyped_storage().data_ptr() for p in chip.parameters()}
    found = list(layers)
    while found:
        one = found.pop()
        if isinstance(one, torch.Tensor):
            storage = one.untyped_storage()
            held[storage.data_ptr()] = storage.nbytes()
        elif id(one) not in seen:
            seen.add(id(one))
            parts = one.values() if isinstance(one, dict) else one if isinstance(one, (tuple, list, set)) else ()
            cells = [cell.cell_contents for cell in getattr(one, "__closure__", None) or ()]
            inside = getattr(one, "__dict__", {}).values() if type(one).__module__.startswith("memnb") else ()
            found += [*parts, *cells, *inside]
    size = sum(layer.weight.numel() for layer in layers)
    return sum(n for place, n in held.items() if place not in own) / size


@pytest.mark.parametrize("name", ["GPT-2 (124M)", "Llama (134M)"])
def test_patching(digital, name):
    for dtype, kind, most in ((torch.float32, "float32", 4.6), (torch.bfloat16, "bf16", 2.4)):
        chip, seconds = on_crossbars(digital[name], dtype)
        record(f"{name}, {kind}: patched and tuned", 1e3 * seconds, limit="5000 ms")
        chip(torch.tensor([[1]]))
        size = bytes_of(chip)
        what = 'the same: memory beside the digital model, keep="weights"'
        record(what, f"{size:.2f} bytes/weight", limit=f"{most} bytes/weight")
        assert size <= most and within(seconds, 5)


TOKENS = {
    ("GPT-2 (124M)", "ideal", torch.float32): (1.2, {}),
    ("GPT-2 (124M)", "read noise of 2 %", torch.float32): (2.2, {"effects": [ReadNoise(0.02)]}),
    ("GPT-2 (124M)", "128x128 tiles, 8-bit ADC", torch.float32): (2, {"tile_shape": (128, 128), "ADC": ADC(8)}),
    ("Llama (134M)", "ideal", torch.float32): (1.2, {}),
    ("Llama (134M)", "ideal, bf16", torch.bfloat16): (1.2, {}),
}


@pytest.mark.parametrize("case", TOKENS, ids=lambda case: ", ".join(case[:2]))
def test_token(digital, case):
    (name, kind, dtype), (target, settings) = case, TOKENS[case]
    plain = copy.deepcopy(digital[name]).to(dtype)
    models = on_crossbars(digital[name], dtype, **settings)[0], plain
    options = {"max_new_tokens": 4, "min_new_tokens": 4, "do_sample": False, "pad_token_id": 0}
    prompt, pairs = torch.tensor([[1]]), []
    for k in range(9):
        times = []
        for model in models:
            start = time.process_time()
            model.generate(prompt, **options)
            times.append((time.process_time() - start) / 4)
        pairs += [times] * (k > 0)
    ratio = statistics.median(a / b for a, b in pairs)
    ours, reference = (1e3 * statistics.median(column) for column in zip(*pairs, strict=True))
    record(f"{name}: a token, {kind}", ours, reference, ratio, "the digital model", str(target))
    assert within(ratio, target)
