"Memristive crossbars for trained PyTorch networks."

__version__ = "0.2.0"

import importlib
import sys

from .docstrings import Documenting

if Documenting not in sys.meta_path:
    sys.meta_path.insert(0, Documenting)  # help shows what stands behind arguments, with shapes and units

_subpackages = ("bh", "explore", "insitu", "map", "mn", "study", "train")
_names = {  # what scripts use most, from the top
    "AnalogMatrix": "mn.Matrix",
    "Hardware": "mn.Hardware",
    "Recipe": "study.Recipe",
    "Scheme": "bh.crossbar.Scheme",
    "add_effects": "bh.nonideality.NonIdeality",
    "age": "bh.nonideality.Age",
    "calibrate": "map.Calibration",
    "check_used": "mn.Accounting",
    "fit": "bh.memristor.fit",
    "from_data": "bh.memristor.measured",
    "library": "bh.memristor.Library",
    "patch_model": "mn.Module",
    "register_layer": "mn.Foreign",
    "remove_effects": "bh.nonideality.NonIdeality",
    "tune_on": "map.Module",
    "unpatch_model": "mn.Module",
}


def __getattr__(name):
    "Import at the first use: `import memnb` alone must not wait for torch."
    if name in _subpackages:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _names:
        return getattr(importlib.import_module(f"{__name__}.{_names[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}{_hint(name)}")


def _hint(name):
    "Return where a name may be found, or which one was meant."
    if name.startswith("_"):
        return ""
    for place in ("study", "bh.memristor", "bh.nonideality", "bh", "train", "insitu", "explore"):
        if hasattr(importlib.import_module(f"{__name__}.{place}"), name):
            return f"; did you mean {__name__}.{place}.{name}?"
    return importlib.import_module(f"{__name__}.messages").hint(name, [*_subpackages, *_names])


def __dir__():
    return sorted([*globals(), *_subpackages, *_names])
