"""Compare build/benchmark.json with bench/results.json, and fail if a ratio has grown to more than 1.5 times its value.

`--keep` replaces bench/results.json by build/benchmark.json.
"""

import json
import platform
import sys
from pathlib import Path

import torch

new, old = Path("build/benchmark.json"), Path("bench/results.json")
measured = json.loads(new.read_text())
if "--keep" in sys.argv:
    measured["versions"] = {"python": platform.python_version(), "torch": torch.__version__}
    old.write_text(json.dumps(measured, indent=1) + "\n")
    sys.exit(print(f"{len(measured['rows'])} rows kept in {old}"))
ratios = {row["what"]: row["ratio"] for row in measured["rows"]}
failed = 0
for row in json.loads(old.read_text())["rows"]:
    before, now = row["ratio"], ratios.get(row["what"])
    if before is None or row["what"].startswith(("aihwkit", "badcrossbar")):  # not ours to check
        continue
    if now is None:
        failed += 1
        print(f"MISSING  {row['what']}: was {before:.3g}, wasn't measured")
    elif now > 1.5 * before:
        failed += 1
        print(f"SLOWER   {row['what']}: {before:.3g} -> {now:.3g}")
print(f"{len(ratios)} rows, {failed} of which are worse than they may be")
sys.exit(failed > 0)
