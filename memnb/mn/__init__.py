"Memristive torch.nn layers, and networks patched with them."

from . import Module
from .Linear import Linear
