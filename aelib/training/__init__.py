"""Training with the meaning of `Model.fit`, whole epochs in one compiled program."""

from aelib.training._programs import count_programs, forget_programs
from aelib.training.adversarial import Adversarial
from aelib.training.fit import compile_epochs, epoch_order, fit, sweep_batches, uses_xla
from aelib.training.greedy import fit_greedy, fit_stack

__all__ = [
    "Adversarial",
    "compile_epochs",
    "count_programs",
    "epoch_order",
    "fit",
    "fit_greedy",
    "fit_stack",
    "forget_programs",
    "sweep_batches",
    "uses_xla",
]
