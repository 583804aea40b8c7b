"""Training with the meaning of `Model.fit`, a whole epoch in one compiled program."""

from aelib.training.fit import compile_epochs, epoch_order, fit, sweep_batches, uses_xla
from aelib.training.greedy import fit_greedy

__all__ = [
    "compile_epochs",
    "epoch_order",
    "fit",
    "fit_greedy",
    "sweep_batches",
    "uses_xla",
]
