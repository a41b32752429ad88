"Mapping: weights to conductances, activations to voltages, currents to activations."

from . import Input, Module, Parameter
