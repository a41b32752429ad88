"Memristive torch.nn layers, and networks patched with them."

from . import Chip, Module
from .Bilinear import Bilinear
from .Cell import GRUCell, LSTMCell, RNNCell
from .Conv1d import Conv1d
from .Conv2d import Conv2d
from .Conv3d import Conv3d
from .ConvTranspose import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from .Experts import Experts, GroupedLinear
from .Hardware import Hardware
from .Linear import Linear
from .Matrix import AnalogMatrix
from .MultiheadAttention import MultiheadAttention
from .RNN import GRU, LSTM, RNN
from ..messages import absent as _absent

__getattr__ = _absent(__name__)
