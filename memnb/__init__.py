"Memristive crossbars for trained PyTorch networks."

__version__ = "0.1.0"

import importlib

_subpackages = ("bh", "explore", "map", "mn", "study", "train")


def __getattr__(name):
    "Import a subpackage at its first use: `import memnb` alone must not wait for torch."
    if name in _subpackages:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *_subpackages])
