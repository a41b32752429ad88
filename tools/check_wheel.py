"""Check the installed wheel, in an environment that holds nothing else.

Check its files, what it pulls in, the README's example, and saved models.
"""

import argparse
import io
import json
import pickle
import re
import statistics
import subprocess
import sys
import time
import zipfile
from decimal import Decimal
from importlib import metadata, util
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

DEVELOPMENT = ("nbdev", "jupyterlab", "pytest", "sphinx")  # tools of those who work on memnb
WAITING = ("matplotlib.pyplot", "sklearn", "optuna", "dask")  # not before something needs them
HEAVY = (*WAITING, "pandas", "scipy", "IPython", "ipywidgets", "torch")
SUBPACKAGES = "memnb.bh, memnb.map, memnb.mn, memnb.study, memnb.train, memnb.explore"
LONGEST = 0.5  # s that an import may take in addition to that of torch
NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")


def closure(name):
    "The distributions that `name` declares that it needs, and those that they need."
    found, todo = {canonicalize_name(name)}, [(name, "")]
    done = set()
    while todo:
        name, extra = todo.pop()
        if (name, extra) in done:
            continue
        done.add((name, extra))
        for text in metadata.requires(name) or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                found.add(canonicalize_name(requirement.name))
                todo += [(requirement.name, e) for e in ("", *requirement.extras)]
    return found


def check_files(root, wheel):
    "The wheel holds the modules of the source tree, all of them and no others."
    with zipfile.ZipFile(wheel) as z:
        packed = {name for name in z.namelist() if name.endswith(".py")}
    there = {str(path.relative_to(root)) for path in (root / "memnb").rglob("*.py")}
    if packed != there:
        sys.exit(f"the wheel lacks {sorted(there - packed)} and has {sorted(packed - there)} besides")
    import memnb

    if not Path(memnb.__file__).is_relative_to(sys.prefix):
        sys.exit(f"memnb was imported from {memnb.__file__}, not from the wheel")
    print(f"{wheel.name}: {len(packed)} modules, {wheel.stat().st_size / 1024:.0f} KiB")


def check_environment(needed):
    "Nothing of the extras is installed, unless the package itself needs it."
    extras = {
        canonicalize_name(r.name)
        for r in map(Requirement, metadata.requires("memnb"))
        if r.marker and "extra" in str(r.marker)
    }
    installed = {canonicalize_name(d.name) for d in metadata.distributions()}
    if found := sorted((extras - needed) & installed):
        sys.exit(f"installed without being asked for: {found}")
    if found := [name for name in DEVELOPMENT if util.find_spec(name)]:
        sys.exit(f"can be imported, but are no dependencies: {found}")
    print(f"{len(needed)} distributions are needed, {len(extras - needed)} development tools absent")


def python(code):
    "What a fresh interpreter prints."
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{code}\n{done.stderr}")
    return done.stdout


def check_imports(needed):
    "What an import pulls in belongs to declared dependencies; what is heavy waits until it is used."
    of = metadata.packages_distributions()
    for names in ("memnb", f"memnb, {SUBPACKAGES}"):
        after = json.loads(
            python(
                f"import sys, json\nbefore = set(sys.modules)\nimport {names}\n"
                "print(json.dumps(sorted(set(sys.modules) - before)))"
            )
        )
        top = {name.partition(".")[0] for name in after}
        pulled = {canonicalize_name(d) for name in top for d in of.get(name, ())}
        if extra := sorted(pulled - needed):
            sys.exit(f"import {names}: imports {extra}, which the wheel doesn't declare as dependencies")
        heavy = [name for name in HEAVY if name in after]
        print(f"import {names}: {len(after)} modules, of the heavy ones {heavy or 'none'}")
        if names == "memnb" and (early := sorted(set(heavy) & set(WAITING))):
            sys.exit(f"import {names}: imports {early} before anything needs them")


def check_time():
    "Imports take little longer than that of torch alone."

    def seconds(names):
        started = time.perf_counter()
        python(f"import {names}")
        return time.perf_counter() - started

    everyday = "memnb.bh, memnb.map, memnb.mn"
    cases = {"memnb": "torch, memnb", everyday: f"torch, {everyday}"}
    for names in ("torch", *cases.values()):
        seconds(names)  # reads the files for the first time
    rounds = [{n: seconds(n) for n in ("torch", *cases.values())} for _ in range(7)]
    for label, names in cases.items():
        extra = statistics.median(r[names] - r["torch"] for r in rounds)
        base = statistics.median(r["torch"] for r in rounds)
        print(f"import {label}: {extra:.2f} s in addition to {base:.2f} s for torch, medians of {len(rounds)}")
        if label == "memnb" and extra >= LONGEST:
            sys.exit(f"import {label}: takes {extra:.2f} s, must be below {LONGEST} s")


def agree(shown, printed):
    """Return whether both texts hold the same words and whole numbers.

    Other numbers may differ by one in the last digit shown, since machines round differently.
    """
    if NUMBER.sub("#", shown) != NUMBER.sub("#", printed):
        return False
    pairs = zip(NUMBER.findall(shown), NUMBER.findall(printed), strict=True)
    for a, b in (tuple(Decimal(n.replace(",", "")) for n in pair) for pair in pairs):
        last = Decimal(1).scaleb(a.as_tuple().exponent) if a.as_tuple().exponent < 0 else 0
        if abs(a - b) > last:
            return False
    return True


def check_readme(root):
    "The README's example prints what the README says."
    text = (root / "README.md").read_text(encoding="utf-8")
    code, shown = re.search(r"```python\n(.*?)```\s*```\n(.*?)```", text, re.DOTALL).groups()
    printed = python(code)
    if not agree(shown.strip(), printed.strip()):
        sys.exit(f"README.md shows\n{shown}\nbut its example prints\n{printed}")
    print("README.md: its example prints what it shows")


def check_saved():
    "A state is data and loads as such; a whole model is code, which has to be asked for."
    import torch

    import memnb

    def network(seed):
        torch.manual_seed(seed)
        model = torch.nn.Sequential(torch.nn.Linear(12, 8), torch.nn.Tanh(), torch.nn.LSTM(8, 4, batch_first=True))
        patched = memnb.mn.Module.patch_model(
            model,
            memnb.bh.memristor.VTEAM,
            {},
            module_parameters_to_patch=[torch.nn.Linear, torch.nn.LSTM],
            max_input_voltage=0.3,
            ADC_resolution=8,
            tile_shape=(8, 8),
            verbose=False,
        )
        patched.tune_(generator=torch.Generator().manual_seed(seed))
        kinds = memnb.bh.nonideality.NonIdeality
        settings = {
            "conductance_states": 16,
            "lrs_proportion": 0.05,
            "hrs_proportion": 0.05,
            "electroform_proportion": 0.0,
        }
        return patched.apply_nonidealities(
            [kinds.FiniteConductanceStates, kinds.DeviceFaults],
            **settings,
            generator=torch.Generator().manual_seed(seed),
            verbose=False,
        ).eval()

    def saved(what):
        file = io.BytesIO()
        torch.save(what, file)
        file.seek(0)
        return file

    model, other, x = network(0), network(1), torch.randn(3, 5, 12)
    with torch.no_grad():
        expected = model(x)[0]
        if torch.equal(other(x)[0], expected):
            sys.exit("two different chips give the same output")
        other.load_state_dict(torch.load(saved(model.state_dict()), weights_only=True))
        if not torch.equal(other(x)[0], expected):
            sys.exit("a model with a state loaded by weights_only=True gives other outputs")
        try:
            torch.load(saved(model))
        except pickle.UnpicklingError:
            pass
        else:
            sys.exit("a whole model was loaded by a plain torch.load, which must not run code")
        if not torch.equal(torch.load(saved(model), weights_only=False)(x)[0], expected):
            sys.exit("a whole model loaded by weights_only=False gives other outputs")
    print("saved models: a state loads as data, a whole model only with weights_only=False")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path, help="the source tree")
    parser.add_argument("wheel", type=Path, help="that was installed here")
    args = parser.parse_args()
    needed = closure("memnb")
    check_files(args.root, args.wheel)
    check_environment(needed)
    check_imports(needed)
    check_time()
    check_readme(args.root)
    check_saved()
    print("The wheel is fine.")


if __name__ == "__main__":
    main()
