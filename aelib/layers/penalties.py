"""Layers that add a penalty on the code to the loss."""

from collections.abc import Callable
from math import inf
from typing import ClassVar

from aelib import _checks
from aelib._startup import keras
from aelib.layers._kernel import KernelReader
from aelib.layers.tied import TiedDense
from keras import layers, ops


@keras.saving.register_keras_serializable(package="aelib")
class Contraction(KernelReader):
    """Penalise a dense layer for how strongly its codes follow its inputs.

    Passes the codes z of the `Dense` layer through. In training it adds to the model's loss the
    squared Frobenius norm of the layer's Jacobian J = ∂z/∂x, averaged over the batch and times
    `weight`. A dense layer z = s(x W + b) has J_ji = s′_j W_ij, so with no derivative to compute

        ‖J‖²_F = Σ_j s′_j² Σ_i W_ij²,

    where s′ = z (1 - z) for the sigmoid, 1 - z² for tanh and 1 for a linear layer.

    It adds no weights: the kernel that it reads is the dense layer's, also after the model was
    saved as `.keras` and loaded. As with `TiedDense`, `clone_model` and `to_json` refuse it.

    Parameters
    ----------
    layer : a built `keras.layers.Dense` with sigmoid, tanh or no activation
    weight : factor λ of the penalty, at least 0, in the units of the model's loss: where Keras
        averages a loss over D pixels and a text sums it, the text's λ is D times as large
    kwargs : a Keras layer's own: name, dtype, …

    Call
    ----
    (n, M) codes of that layer in, the same out. Called on the output of another layer in a
    functional model, it refuses. Where codes come as an array or through a model's input, it cannot
    know whose they are, and takes the caller's word.

    Raises
    ------
    TypeError
        If `layer` is no `Dense` layer.
    ValueError
        If `layer` is not built yet or has another activation, `weight` is below 0, or the codes
        do not have its M units or are another layer's.

    Source: Rifai et al. 2011, "Contractive auto-encoders: explicit invariance during feature
    extraction", ICML.
    """

    SLOPES: ClassVar = {
        keras.activations.sigmoid: lambda z: z * (1 - z),
        keras.activations.tanh: lambda z: 1 - z**2,
        keras.activations.linear: ops.ones_like,
    }

    def __init__(self, layer: keras.layers.Dense, weight: float, **kwargs) -> None:
        super().__init__(layer, **kwargs)
        if layer.activation not in self.SLOPES:
            raise ValueError(
                "Contraction knows the slopes of sigmoid, tanh and linear layers, not that of "
                f'{_name(layer.activation)}; give layer "{layer.name}" one of these activations'
            )
        _checks.number(weight, "weight", lambda w: 0 <= w < inf, "a number of at least 0")
        self.slope = self.SLOPES[layer.activation]
        self.weight = weight

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Refuse codes of another size than the dense layer's."""
        self.check_codes(input_shape)

    def compute_output_spec(self, codes, training=False) -> keras.KerasTensor:
        """Refuse what another layer made; give back what comes in."""
        maker = _maker(codes)
        # A layer that holds the dense layer, such as a wrapper, may well give its codes.
        held = [id(weight) for weight in getattr(maker, "weights", ())]
        if maker is not None and id(self.kernel) not in held:
            raise ValueError(
                f'Contraction "{self.name}" reads layer "{self.dense().name}", but gets the output '
                f'of "{maker.name}"; call it on the codes of "{self.dense().name}", or build it '
                "from the layer whose codes it gets"
            )
        return super().compute_output_spec(codes, training=training)

    def call(self, codes, training=False):
        if training:
            lengths = ops.sum(self.kernel**2, axis=0)
            norms = ops.sum(self.slope(codes) ** 2 * lengths, axis=-1)
            self.add_loss(self.weight * ops.mean(norms))
        return codes

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Give back what comes in."""
        return input_shape

    def get_config(self) -> dict:
        """Give the arguments that build the layer anew, within a file that Keras writes."""
        return super().get_config() | {"weight": self.weight}


@keras.saving.register_keras_serializable(package="aelib")
class KLSparsity(keras.layers.Layer):
    """Pass activations through and, in training, charge units that are active too often or rarely.

    The charge is added to the model's loss:

        weight · Σⱼ KL(ρ ‖ ρ̂ⱼ),  KL(ρ ‖ ρ̂) = ρ log(ρ / ρ̂) + (1 - ρ) log((1 - ρ) / (1 - ρ̂)),

    where ρ̂ⱼ is the average activation of unit j. It is kept over the batches t as

        ρ̂ᵗ = momentum · ρ̂ᵗ⁻¹ + (1 - momentum) · (mean over batch t),

    and starts as the mean over the first batch. Only the current batch has a slope, so from the
    second batch on the slope of the charge is (1 - momentum) times that of the same charge without
    memory. At inference nothing is charged and the average stays as it is.

    Parameters
    ----------
    rho : ρ, the average activation wanted, between 0 and 1
    weight : β, at least 0
    momentum : α, nana-li's λ: from 0, which looks at the current batch alone, to below 1
    kwargs : a Keras layer's own: name, dtype, …

    Call
    ----
    (batch, …, M) activations in [0, 1], such as a sigmoid's, in; the same out. The average, (M,),
    is the non-trainable variable `average`; it is taken over all axes but the last. Called on the
    output of a layer in a functional model, it refuses one whose activation leaves [0, 1]: tanh,
    ReLU, none. Where values come as an array, through a model's input or from a layer that does
    not end in an activation, it cannot know; an average outside [0, 1] then counts as 0 or 1.

    Raises
    ------
    ValueError
        If an argument lies outside its range, or the activations are known to leave theirs.

    Source: A. Ng, CS294A lecture notes "Sparse autoencoder", section 3; the charge after Lee,
    Ekanadham & Ng 2008, "Sparse deep belief net model for visual area V2"; the average over
    batches as nana-li's section 4.3 has it.
    """

    def __init__(self, rho: float, weight: float = 1.0, momentum: float = 0.9, **kwargs) -> None:
        super().__init__(**kwargs)
        _checks.number(rho, "rho", lambda r: 0 < r < 1, "an average activation between 0 and 1")
        _checks.number(weight, "weight", lambda w: 0 <= w < inf, "a number of at least 0")
        _checks.number(momentum, "momentum", lambda m: 0 <= m < 1, "a number from 0 to below 1")
        self.rho, self.weight, self.momentum = rho, weight, momentum

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Add the average of each unit, and whether there is one yet."""
        if len(input_shape) < 2 or input_shape[-1] is None:
            raise ValueError(
                f"{self.name} gets the shape {input_shape}; activations need (batch, …, M)"
            )
        units = (input_shape[-1],)
        options = {"initializer": "zeros", "trainable": False}
        self.average = self.add_weight(shape=units, name="average", **options)
        self.started = self.add_weight(shape=(), name="started", **options)

    def compute_output_spec(self, activations, training=False) -> keras.KerasTensor:
        """Refuse what is known to leave [0, 1]; give back what comes in."""
        maker = _maker(activations)
        activation = maker.activation if isinstance(maker, ENDING) else maker
        if isinstance(maker, ENDING + ACTIVATIONS) and _leaves_unit_interval(activation):
            raise ValueError(
                f'KLSparsity "{self.name}" needs activations in [0, 1], but gets those of '
                f'"{maker.name}", {_name(activation)}; give that layer a sigmoid'
            )
        return super().compute_output_spec(activations, training=training)

    def call(self, activations, training=False):
        if training:
            current = ops.mean(activations, axis=tuple(range(len(activations.shape) - 1)))
            memory = self.momentum * self.started
            average = memory * self.average + (1 - memory) * current
            self.average.assign(average)
            self.started.assign(1.0)
            self.add_loss(self.weight * ops.sum(self.divergence(average)))
        return activations

    def divergence(self, average):
        """Give KL(ρ ‖ ρ̂) in nats for each average ρ̂, kept off 0 and 1 by Keras's epsilon."""
        epsilon = keras.config.epsilon()
        average = ops.clip(average, epsilon, 1 - epsilon)
        rare, often = ops.log(self.rho / average), ops.log((1 - self.rho) / (1 - average))
        return self.rho * rare + (1 - self.rho) * often

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Give back the shape that came in."""
        return input_shape

    def get_config(self) -> dict:
        """Give the arguments that build the layer anew."""
        own = {"rho": self.rho, "weight": self.weight, "momentum": self.momentum}
        return super().get_config() | own


# What is known of the values that come in ---------------------------------------------------------

# Layers that end in their activation.
ENDING = (
    layers.Activation,
    layers.Conv1D,
    layers.Conv1DTranspose,
    layers.Conv2D,
    layers.Conv2DTranspose,
    layers.Dense,
    layers.EinsumDense,
    TiedDense,
)
# Layers that are an activation.
ACTIVATIONS = (layers.ELU, layers.LeakyReLU, layers.ReLU, layers.Softmax)
# Layers that give out what comes in.
PASSING = (layers.ActivityRegularization, layers.Identity, Contraction, KLSparsity)


def _maker(tensor: keras.KerasTensor) -> keras.Operation | None:
    """Find the layer that made a tensor of a functional model; None if it came from outside."""
    # Keras has no public way to what it draws its own graphs from.
    while history := getattr(tensor, "_keras_history", None):
        operation, node, output = history
        if isinstance(operation, PASSING):
            (tensor,) = operation._inbound_nodes[node].input_tensors
        elif isinstance(operation, keras.Model) and getattr(operation, "outputs", None):
            tensor = operation.outputs[output]
        else:
            return None if isinstance(operation, layers.InputLayer) else operation
    return None


def _leaves_unit_interval(activation: Callable) -> bool:
    """Try an activation on sums from -10 to 10."""
    sums = ops.reshape(ops.linspace(-10.0, 10.0, 200), (100, 2))
    values = ops.convert_to_numpy(activation(sums))
    return bool(values.min() < 0 or values.max() > 1)


def _name(activation: Callable) -> str:
    """Name an activation, whether a function or a layer."""
    return getattr(activation, "__name__", type(activation).__name__)
