"""How the benchmark measures: interleaved rounds, the median of their ratios, a table in Markdown.

Everything runs on OMP_NUM_THREADS threads, one if that isn't set. A target is what an idle machine should reach. What
is compared on one thread is the CPU time of this process, which others on the machine lengthen least. Medians of ratios
still move by some tenths on a busy one, so that a test fails only beyond the target times `MARGIN`.
"""

import importlib
import json
import os
import statistics
import time
import warnings
from pathlib import Path

import pytest
import torch

ROWS, SLOPES = [], []
THREADS = int(os.environ.get("OMP_NUM_THREADS", 1))
MARGIN = 1.25
clock = time.process_time if THREADS == 1 else time.perf_counter  # threads that wait may spin, which is no work


@pytest.fixture(autouse=True)
def threads():
    torch.set_num_threads(THREADS)
    with torch.no_grad():
        yield


def record(what, ours_ms, reference_ms=None, ratio=None, reference="", limit=""):
    "One row of the table."
    what += f", {THREADS} threads" * (THREADS > 1)
    ROWS.append((what, ours_ms, reference_ms, ratio, reference, limit))


@pytest.fixture
def compare(benchmark):
    "Time `ours` with pytest-benchmark, and against `plain` in interleaved rounds; returns (ms, ratio)."

    def measure(what, ours, plain, reference, limit="", rounds=40):
        for _ in range(3):
            ours(), plain()
        pairs = []
        for _ in range(rounds):
            a = clock()
            ours()
            b = clock()
            plain()
            pairs.append((b - a, clock() - b))
        if not benchmark.extra_info:  # it takes one function for each test
            benchmark.pedantic(ours, rounds=max(5, rounds // 4), iterations=1)
        ms, plain_ms = (1e3 * statistics.median(column) for column in zip(*pairs, strict=True))
        ratio = statistics.median(a / b for a, b in pairs)
        benchmark.extra_info.setdefault("ratio", ratio)
        benchmark.extra_info.setdefault("plain_ms", plain_ms)
        record(what, ms, plain_ms, ratio, reference, limit)
        return ms, ratio

    return measure


def within(ratio, target):
    "Whether a ratio is what a machine at work may give where an idle one gives `target`."
    return ratio <= MARGIN * target


def peer(package):
    "The package, or None with a row that says why."
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(package)
    except ImportError as e:
        record(f"{package}", f"not installed here ({e})")
        pytest.skip(str(e))


def table():
    number = lambda v: v if isinstance(v, str) else "" if v is None else f"{v:.3g}"
    lines = [
        "| what | measured (ms, or as stated) | reference (ms) | ratio | reference is | at most |",
        "|---|---|---|---|---|---|",
    ]
    lines += ["| " + " | ".join(number(v) for v in row) + " |" for row in ROWS]
    return "\n".join(lines)


def pytest_terminal_summary(terminalreporter):
    if ROWS:
        threads = f"OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS')}"
        head = f"torch {torch.__version__}, {threads}, medians of interleaved rounds"
        terminalreporter.write_line(f"\n{head}\n\n{table()}\n")
        path = Path("build/benchmark.json")
        path.parent.mkdir(exist_ok=True)
        kept = json.loads(path.read_text()) if path.exists() else {"rows": [], "slopes": []}
        names = ("what", "measured", "reference", "ratio", "reference is", "at most")
        rows = [dict(zip(names, row, strict=True)) for row in ROWS]
        new = {row["what"] for row in rows}
        kept["rows"] = [row for row in kept["rows"] if row["what"] not in new] + rows
        new = {(s["what"], s["grows"]) for s in SLOPES}
        kept["slopes"] = [s for s in kept["slopes"] if (s["what"], s["grows"]) not in new] + SLOPES
        path.write_text(json.dumps(kept, indent=1) + "\n")
        terminalreporter.write_line(f"Written to {path}")
