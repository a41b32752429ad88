"""Measure memnb on a GPU, part by part, in 8 minutes at most; a second run goes on where the first one stopped.

    python bench/gpu.py                        # results in bench/gpu_<device>.json and .md
    python bench/gpu.py --device cpu --small   # a rehearsal in some seconds, with results in build/

Times are medians of interleaved calls, each with an empty queue before and after; the reference is the digital network
in the same precision, compiled if ours is. All networks are built here from torch's layers, with random weights of the
shapes of ResNet-18, ResNet-50, ViT-B/16 and GPT-2, so that nothing else need be installed.
"""

import argparse
import copy
import functools
import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy, scaled_dot_product_attention

sys.path.insert(0, str(Path(__file__).parent.parent))
from memnb import study
from memnb.bh.crossbar.Crossbar import crossbars_of
from memnb.bh.crossbar.Merging import effective_conductance
from memnb.bh.crossbar.Passive import solve
from memnb.bh.crossbar.Scheme import Scheme
from memnb.bh.memristor import VTEAM
from memnb.bh.nonideality import ProgrammingError, ReadNoise
from memnb.insitu import InSituSGD
from memnb.map.Input import calibrate, fixed_scale
from memnb.map.Module import analytic_tune
from memnb.mn.Module import patch_model

ROOT = Path(__file__).parent.parent
VARIANTS = {  # arguments of patch_model, effects
    "no ADC": ({}, []),
    "256x256 tiles, 8-bit DAC and ADC": (
        {"tile_shape": (256, 256), "ADC_resolution": 8, "scaling_routine": fixed_scale,
         "scaling_routine_params": {"bits": 8}},
        [],
    ),
    "read noise 2 %": ({}, [ReadNoise(0.02)]),
}  # fmt: skip


# Networks


class Residual(torch.nn.Module):
    "A basic block, or a bottleneck, with a way around it."

    def __init__(self, inside, width, stride, bottleneck):
        super().__init__()
        outside = 4 * width if bottleneck else width
        sizes = [(inside, width, 1), (width, width, 3), (width, outside, 1)] if bottleneck else [
            (inside, width, 3), (width, width, 3)]  # fmt: skip
        layers = []
        for k, (a, b, kernel) in enumerate(sizes):
            step = stride if k == bottleneck else 1
            layers += [torch.nn.Conv2d(a, b, kernel, step, kernel // 2, bias=False), torch.nn.BatchNorm2d(b)]
            layers += [torch.nn.ReLU()] * (k < len(sizes) - 1)
        self.inner, around = torch.nn.Sequential(*layers), []
        if stride > 1 or inside != outside:
            around = [torch.nn.Conv2d(inside, outside, 1, stride, bias=False), torch.nn.BatchNorm2d(outside)]
        self.around = torch.nn.Sequential(*around)

    def forward(self, x):
        return (self.inner(x) + self.around(x)).relu()


def resnet(depths, bottleneck, width=64):
    "A residual network for images (He et al. 2016)."
    layers = [torch.nn.Conv2d(3, width, 7, 2, 3, bias=False), torch.nn.BatchNorm2d(width), torch.nn.ReLU()]
    layers, inside = [*layers, torch.nn.MaxPool2d(3, 2, 1)], width
    for k, depth in enumerate(depths):
        for block in range(depth):
            layers.append(Residual(inside, width << k, 2 if k and not block else 1, bottleneck))
            inside = (width << k) * (4 if bottleneck else 1)
    return torch.nn.Sequential(
        *layers, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(inside, 1000)
    )


class Block(torch.nn.Module):
    "A block of a transformer: attention and two layers, each normalised before and added to its input."

    def __init__(self, size, heads, causal):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.before, self.between = torch.nn.LayerNorm(size), torch.nn.LayerNorm(size)
        self.qkv, self.out = torch.nn.Linear(size, 3 * size), torch.nn.Linear(size, size)
        self.up, self.down = torch.nn.Linear(size, 4 * size), torch.nn.Linear(4 * size, size)

    def forward(self, x):
        q, k, v = self.qkv(self.before(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        return x + self.down(torch.nn.functional.gelu(self.up(self.between(x))))


class Transformer(torch.nn.Module):
    "A transformer of images (`patch` pixels wide patches) or of tokens (`patch` None)."

    def __init__(self, size, heads, depth, places, outputs, patch=None):
        super().__init__()
        self.patch = patch
        self.first = torch.nn.Embedding(outputs, size) if patch is None else torch.nn.Conv2d(3, size, patch, patch)
        self.places = torch.nn.Parameter(0.02 * torch.randn(places, size))
        self.blocks = torch.nn.Sequential(*(Block(size, heads, patch is None) for _ in range(depth)))
        self.norm, self.last = torch.nn.LayerNorm(size), torch.nn.Linear(size, outputs, bias=False)

    def forward(self, x):
        x = self.first(x) if self.patch is None else self.first(x).flatten(2).mT
        x = self.norm(self.blocks(x + self.places[: x.shape[1]]))
        return self.last(x if self.patch is None else x.mean(1))


def networks(small):
    "Return {name: (function that makes the network, inputs of a batch)}."
    images = lambda n, size: torch.randn(n, 3, size, size)
    linear = lambda n: torch.nn.Sequential(torch.nn.Linear(n, n))
    if small:
        return {
            "Linear(32, 32), batch 8": (lambda: linear(32), torch.randn(8, 32)),
            "Conv2d(4, 8, 3), batch 2": (
                lambda: torch.nn.Sequential(torch.nn.Conv2d(4, 8, 3)),
                torch.randn(2, 4, 8, 8),
            ),
            "a ResNet of basic blocks": (lambda: resnet((1, 1), False, 4), images(2, 32)),
            "a ResNet of bottlenecks": (lambda: resnet((1, 1), True, 4), images(2, 32)),
            "a ViT": (lambda: Transformer(16, 2, 1, 16, 10, 8), images(2, 32)),
            "a GPT": (lambda: Transformer(16, 2, 1, 8, 50), torch.randint(0, 50, (2, 8))),
        }
    return {
        "Linear(4096, 4096), batch 1024": (lambda: linear(4096), torch.randn(1024, 4096)),
        "Conv2d(128, 256, 3), batch 64": (
            lambda: torch.nn.Sequential(torch.nn.Conv2d(128, 256, 3, padding=1)), torch.randn(64, 128, 28, 28)),
        "ResNet-18, batch 64": (lambda: resnet((2, 2, 2, 2), False), images(64, 224)),
        "ResNet-50, batch 64": (lambda: resnet((3, 4, 6, 3), True), images(64, 224)),
        "ViT-B/16, batch 64": (lambda: Transformer(768, 12, 12, 196, 1000, 16), images(64, 224)),
        "GPT-2, 4x512 tokens": (lambda: Transformer(768, 12, 12, 1024, 50257), torch.randint(0, 50257, (4, 512))),
    }  # fmt: skip


# Measuring


class Bench:
    "What all parts need: the device, how long, how large."

    def __init__(self, device, small):
        self.device, self.small, self.cuda = torch.device(device), small, device.startswith("cuda")
        self.rounds = 3 if small else 15

    def wait(self):
        if self.cuda:
            torch.cuda.synchronize()

    def once(self, f) -> float:
        "Return the milliseconds of a call."
        self.wait()
        start = time.perf_counter()
        f()
        self.wait()
        return 1e3 * (time.perf_counter() - start)

    def row(self, what, ours, plain=None, **more) -> dict:
        "Return a row of the table; what raises says so in it."
        try:
            if self.cuda:
                torch.cuda.empty_cache()
                torch.cuda.reset_peak_memory_stats()
            functions = [ours] if plain is None else [ours, plain]
            for f in functions * 2:  # to warm up, and to compile
                f()
            if self.cuda:
                torch.cuda.reset_peak_memory_stats()
                functions[0]()
                self.wait()
                more["peak_GiB"] = round(torch.cuda.max_memory_allocated() / 2**30, 3)
            times = [[self.once(f) for f in functions] for _ in range(self.rounds)]
            medians = [statistics.median(column) for column in zip(*times, strict=True)]
            if plain is not None:
                more |= {"reference_ms": medians[1], "ratio": statistics.median(a / b for a, b in times)}
            return {"what": what, "ms": medians[0]} | more
        except Exception as e:
            return {"what": what, "not run": f"{type(e).__name__}: {str(e).splitlines()[0] if str(e) else ''}"[:300]}

    def compiled(self, model):
        "Return a compiled model; in a rehearsal by a compiler that only traces."
        torch._dynamo.reset()
        return torch.compile(model, backend="aot_eager" if self.small else "inductor")


def patched(bench, digital, x, variant, dtype=torch.float32):
    "Return (chip, seconds that patching, tuning and calibrating took)."
    settings, effects = VARIANTS[variant]
    kinds = [kind for kind in (torch.nn.Linear, torch.nn.Conv2d) if any(type(m) is kind for m in digital.modules())]
    start = time.perf_counter()
    chip = patch_model(
        copy.deepcopy(digital), VTEAM, VTEAM.preset("illustrative", r_on=1e4, r_off=1e6), kinds, verbose=False,
        max_input_voltage=0.3, tuning_routine=analytic_tune, generator=torch.Generator().manual_seed(0), **settings,
    )  # fmt: skip
    for crossbar, effect in itertools.product(crossbars_of(chip), effects):
        crossbar.add_effect(effect.copy())
    if settings:
        calibrate(chip, [x[:8]], verbose=False)
    chip.tune_()
    bench.wait()
    return chip.eval(), time.perf_counter() - start


def placed(bench, make, x, precision) -> tuple:
    "Return (the digital network, x) on the device in a precision; of whole numbers, x keeps its type."
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    torch.manual_seed(0)
    digital = make().eval().to(bench.device, dtype)
    return digital, x.to(bench.device, dtype if x.is_floating_point() else x.dtype)


def inference(bench, make, x, name, precision, compiled):
    "Inference of a network, of each variant."
    digital, x, rows = *placed(bench, make, x, precision), []
    plain = bench.compiled(digital) if compiled else digital
    for variant in VARIANTS:
        what = f"{name}: inference, {variant}, {precision}" + ", compiled" * compiled
        try:
            chip, seconds = patched(bench, digital, x, variant)
        except Exception as e:
            rows.append({"what": what, "not run": f"{type(e).__name__}: {e}"[:300]})
            continue
        with torch.no_grad():
            chip(x)  # what a compiled pass reads is made by an ordinary one
            ours = bench.compiled(chip) if compiled else chip
            more = {} if compiled else {"convert_ms": 1e3 * seconds}
            rows.append(bench.row(what, functools.partial(ours, x), functools.partial(plain, x), **more))
            if not compiled and "ms" in rows[-1]:
                rows[-1]["synchronisations"] = waits(bench, chip, x)
        del chip, ours
    return rows


def waits(bench, chip, x) -> str:
    "Return whether a pass waits for the device: 'none', or what did."
    if not bench.cuda:
        return "not looked for: no CUDA device"
    torch.cuda.set_sync_debug_mode("error")
    try:
        chip(x)
        return "none"
    except RuntimeError as e:
        return str(e).splitlines()[0][:200]
    finally:
        torch.cuda.set_sync_debug_mode("default")


def training(bench, make, x, name, precision, compiled):
    "A training step with programming noise, without and with converters."
    digital, x, rows = *placed(bench, make, x, precision), []
    few = x[: max(1, len(x) // 4)]

    def stepper(model):
        model = model.train()
        called = bench.compiled(model) if compiled else model
        optimiser = torch.optim.SGD(model.parameters(), 1e-4)

        def step():
            optimiser.zero_grad()
            y = called(few)
            y = y.float().flatten(1) if y.dim() != 3 else y.float().flatten(0, 1)
            cross_entropy(y, torch.zeros(len(y), dtype=torch.long, device=y.device)).backward()
            optimiser.step()

        return step

    plain = stepper(copy.deepcopy(digital))
    for variant in list(VARIANTS)[:2]:
        what = (
            f"{name}: training step of {len(few)}, noise per device, {variant}, {precision}" + ", compiled" * compiled
        )
        try:
            chip, _ = patched(bench, digital, x, variant)
            for crossbar in crossbars_of(chip):
                crossbar.add_effect(ProgrammingError(0.05))
        except Exception as e:
            rows.append({"what": what, "not run": f"{type(e).__name__}: {e}"[:300]})
            continue
        rows.append(bench.row(what, stepper(chip), plain))
        del chip
    return rows


def circuits(bench):
    "Wires, merged into effective conductances, and solved."
    rows = []
    for shape in ((1, 16, 16),) if bench.small else ((1, 128, 128), (1, 256, 256), (64, 64, 64)):
        g = 1e-6 + 1e-4 * torch.rand(shape, device=bench.device)
        merge = lambda g=g: effective_conductance(g, 1.0, 1.0)
        rows.append(bench.row(f"effective conductance of {'x'.join(map(str, shape))}, float32", merge))
    n, inputs = (16, 2) if bench.small else (512, 20)
    g, v = 1e-6 + 1e-4 * torch.rand(1, n, n, device=bench.device), torch.rand(inputs, 1, n, device=bench.device)
    bench.rounds, kept = 3, bench.rounds
    try:
        rows.append(
            bench.row(f"solve {n}x{n}, {inputs} inputs, float32", lambda: solve(g, v[:, 0], R_source=1.0, R_line=1.0))
        )
    finally:
        bench.rounds = kept
    return rows


def chips(bench, count=None):
    "Chips of an MLP, side by side: programmed, tuned by the default routine, measured."
    count = count or (8 if bench.small else 10_000)
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10)).to(bench.device)
    x = torch.rand(360, 64, device=bench.device)
    metric = study.Accuracy(x, model(x).argmax(1))
    recipe, rows = study.Recipe(model, VTEAM, VTEAM.preset("illustrative", r_on=1e4, r_off=1e6)), []
    grid = {"ADC_resolution": [8], "ProgrammingError.sigma": [0.05]}
    arguments = {"storage": None, "workers": 1, "progress": False}
    study.run(recipe, grid, metric, chips=4, **arguments)
    ms = bench.once(lambda: rows.append(study.run(recipe, grid, metric, chips=count, **arguments)))
    found = rows.pop().table
    assert len(found) == count and "error" not in found
    return [{"what": f"{count:,} chips of 64-64-10, default tuning, 8-bit ADC, 360 samples each", "ms": ms}]


def cuda_tests(bench):
    "The pages with tests for CUDA, by nbdev_test."
    pages = [page for page in sorted(ROOT.glob("nbs/**/*.ipynb")) if "cuda.is_available" in page.read_text()]
    if not bench.cuda:
        return {"not run": f"no CUDA device; pages with such tests: {len(pages)}"}
    rows, environment = [], {**os.environ, "MPLBACKEND": "agg", "PYTHONPATH": str(ROOT)}
    for page in pages:
        command = [sys.executable, "-c", "from nbdev.test import nbdev_test; nbdev_test()", "--path", str(page)]
        found = subprocess.run([*command, "--do_print"], cwd=ROOT, env=environment, capture_output=True, text=True)
        said = "passed" if not found.returncode else (found.stdout + found.stderr)[-1500:]
        rows.append({"what": f"tests of {page.relative_to(ROOT)}", "outcome": said})
    return rows


def in_situ(bench):
    "A step of training on the chip itself, by pulses, against a digital one."
    sizes, batch = ((32, 16, 10), 8) if bench.small else ((784, 512, 10), 64)
    torch.manual_seed(0)
    layers = [torch.nn.Linear(sizes[0], sizes[1]), torch.nn.ReLU(), torch.nn.Linear(sizes[1], sizes[2])]
    digital = torch.nn.Sequential(*layers).to(bench.device)
    x, y = (t.to(bench.device) for t in (torch.randn(batch, sizes[0]), torch.randint(sizes[2], (batch,))))

    def stepper(model, optimiser):
        def step():
            optimiser.zero_grad()
            cross_entropy(model(x), y).backward()
            optimiser.step()

        return step

    plain, rows = copy.deepcopy(digital), []
    reference = stepper(plain, torch.optim.SGD(plain.parameters(), 0.01))
    for update in ("PulsedSGD", "TikiTaka2"):
        chip = patch_model(
            copy.deepcopy(digital), VTEAM, {"r_on": 1e4, "r_off": 1e5}, [torch.nn.Linear], scheme=Scheme.SingleColumn,
            verbose=False, generator=torch.Generator().manual_seed(0),
        )  # fmt: skip
        chip.tune_()
        pulsed = InSituSGD(chip, 0.01, update, "ReRAM, Gong 2018, exponential", seed=0)
        what = f"training on the chip, {'-'.join(map(str, sizes))}, batch {batch}, {update}, ReRAM, float32"
        rows.append(bench.row(what, stepper(chip, pulsed), reference))
    return rows


def parts_of(bench) -> dict:
    "Return {name: function without arguments}, the most important first; what is compiled takes long, and comes last."
    found = {"CUDA tests": functools.partial(cuda_tests, bench)}
    kinds = list(networks(bench.small).items())
    for compiled, precision in itertools.product((False, True), ("float32", "TF32", "bf16")):
        for name, (make, x) in kinds:
            label = f"{name}, {precision}" + ", compiled" * compiled
            found[f"inference: {label}"] = functools.partial(inference, bench, make, x, name, precision, compiled)
            if "Conv2d" not in name:
                found[f"training: {label}"] = functools.partial(training, bench, make, x, name, precision, compiled)
        if not compiled and precision == "float32":
            found["wires"] = functools.partial(circuits, bench)
            found["chips side by side"] = functools.partial(chips, bench)
            found["in-situ training"] = functools.partial(in_situ, bench)
    return found


# Running


def run_part(part, precision) -> dict:
    "Return what a part found: {'rows': ..., 'seconds': ...} or {'not run': why}."
    start = time.perf_counter()
    tf32 = precision == "TF32"
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
    try:
        rows = part()
    except Exception as e:
        return {"not run": f"{type(e).__name__}: {e}"[:500]}
    finally:
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    return rows if isinstance(rows, dict) else {"rows": rows, "seconds": round(time.perf_counter() - start, 1)}


def table(kept) -> str:
    "Return a Markdown page of the results."
    number = lambda v: "" if v is None else f"{v:.3g}" if isinstance(v, float) else str(v)
    lines = [f"# {kept['device']}", "", f"torch {kept['torch']}, memnb {kept['memnb']}.", ""]
    columns = ("what", "ms", "reference_ms", "ratio", "peak_GiB", "convert_ms", "synchronisations")
    lines += ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    left = []
    for name, part in kept["parts"].items():
        if "not run" in part:
            left.append(f"* {name}: not run: {part['not run']}")
        for row in part.get("rows", ()):
            if "not run" in row:
                left.append(f"* {row['what']}: not run: {row['not run']}")
            elif "outcome" in row:
                left.append(f"* {row['what']}: {row['outcome'].splitlines()[-1]}")
            else:
                lines.append("| " + " | ".join(number(row.get(c)) for c in columns) + " |")
    return "\n".join([*lines, "", *left, ""])


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1 or cpu")
    parser.add_argument("--small", action="store_true", help="tiny networks, for a rehearsal")
    parser.add_argument("--seconds", type=float, default=420, help="after which no further part is begun")
    parser.add_argument("--folder", type=Path, help="where results go; bench, or build for the CPU")
    parser.add_argument("--only", default="", help="parts whose names end with this text")
    given = parser.parse_args(arguments)
    if given.device.startswith("cuda") and not torch.cuda.is_available():
        parser.exit(1, "no CUDA device is here; to rehearse: --device cpu --small\n")
    bench, begun = Bench(given.device, given.small), time.perf_counter()
    device = torch.cuda.get_device_name(bench.device) if bench.cuda else "CPU" + ", small" * given.small
    folder = given.folder or ROOT / ("bench" if bench.cuda else "build")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"gpu_{re.sub('[^a-z0-9]+', '-', device.lower()).strip('-')}.json"
    import memnb

    now = {"device": device, "torch": torch.__version__, "memnb": memnb.__version__}
    kept = json.loads(path.read_text()) if path.exists() else {}
    if {key: kept.get(key) for key in now} != now:  # of other versions: begun anew
        kept = now | {"parts": {}}
    todo = {name: part for name, part in parts_of(bench).items() if name.endswith(given.only)}
    for name, part in todo.items():
        if name in kept["parts"]:
            continue
        if time.perf_counter() - begun > given.seconds:
            print(f"{sum(n not in kept['parts'] for n in todo)} parts are left: no time; run this again to go on")
            break
        kept["parts"][name] = run_part(part, "TF32" if "TF32" in name else None)
        path.write_text(json.dumps(kept, indent=1) + "\n")
        path.with_suffix(".md").write_text(table(kept))
        told = kept["parts"][name]
        print(f"{time.perf_counter() - begun:6.1f} s  {name}: {told.get('not run') or len(told['rows'])}", flush=True)
    print(f"Written to {path} and {path.with_suffix('.md')}")
    return kept


if __name__ == "__main__":
    main()
