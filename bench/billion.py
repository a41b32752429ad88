"""A language model of 1.1 billion weights in bf16 on crossbars: time, peak memory, and a few tokens, in one process.

Llama with the sizes of TinyLlama-1.1B and random weights; devices are rebuilt from weights (`keep="weights"`). It takes
some minutes and 6 GB, so that it is no part of `make bench`:

    OMP_NUM_THREADS=1 python bench/billion.py

Each step is printed with its CPU time and the largest memory so far (VmHWM, Linux only). `--small` is a rehearsal.
"""

import argparse
import re
import sys
import time
from pathlib import Path

sys.modules.setdefault("torchvision", None)  # not needed, and one that was built for another torch fails to import
import torch
import transformers
from transformers.initialization import no_init_weights

import memnb

SIZES = {
    "vocab_size": 32000,
    "hidden_size": 2048,
    "intermediate_size": 5632,
    "num_hidden_layers": 22,
    "num_attention_heads": 32,
    "num_key_value_heads": 4,
}
SMALL = SIZES | {"vocab_size": 500, "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 2}


def peak():
    "GB that this process has held at most. Not ru_maxrss, which begins with that of the process that started this one."
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) * 1024 / 1e9


def step(name, f):
    wall, cpu = time.perf_counter(), time.process_time()
    found = f()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{name}: {cpu:.1f} s of CPU time ({wall:.1f} s passed), peak {peak():.2f} GB", flush=True)
    return found


@torch.no_grad()
def build(sizes):
    "A model in bf16, with normal weights."
    torch.set_default_dtype(torch.bfloat16)
    try:
        with no_init_weights():
            model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes)).eval().requires_grad_(False)
    finally:
        torch.set_default_dtype(torch.float32)
    generator = torch.Generator().manual_seed(0)
    for p in model.parameters():
        p.normal_(0, 0.02, generator=generator) if p.dim() == 2 else p.fill_(1)
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="a tiny model, for a rehearsal")
    model = step("build", lambda: build(SMALL if parser.parse_args().small else SIZES))
    print(f"{sum(p.numel() for p in model.parameters()) / 1e9:.3f} billion weights", flush=True)
    prompt = torch.randint(3, 500, (1, 4), generator=torch.Generator().manual_seed(1))
    options = {"max_new_tokens": 3, "do_sample": False, "pad_token_id": 0}
    tuning = memnb.map.Module.analytic_tune
    wanted = step("3 tokens, digital", lambda: model.generate(prompt, **options))
    h = memnb.Hardware(seed=1, tuning_routine=tuning)
    chip = step("patch", lambda: memnb.patch_model(model, h, keep="weights", verbose=False))
    for layer in memnb.mn.Module.memristive_layers(chip):
        layer.verbose = False
    step("tune", chip.tune_)
    found = step("3 tokens, first pass", lambda: chip.generate(prompt, **options))
    step("3 tokens", lambda: chip.generate(prompt, **options))
    print(f"{(found == wanted)[:, 4:].sum().item()} of 3 tokens as the digital model's")


if __name__ == "__main__":
    main()
