"""Layers that share their weights with another layer."""

from aelib._startup import keras
from aelib.layers._kernel import KernelReader
from keras import ops


@keras.saving.register_keras_serializable(package="aelib")
class TiedDense(KernelReader):
    """A dense layer that reads another dense layer's kernel backwards.

    Where the `Dense` layer computes activation(x W + b), this one computes activation(z Wᵀ + b′):
    W is the other layer's own variable, b′ a bias of this layer alone, zero at the start. Training
    either layer trains the shared kernel, once, with the sum of both slopes. A model that holds
    both layers counts, trains and penalises W once; a model that holds this layer alone (a decoder)
    counts the W it reads as its own.

    Freezing the `Dense` layer freezes W here too. A model that is saved as `.keras` and loaded
    shares W as before; a decoder saved alone takes its W along. `clone_model` and `to_json` refuse,
    for their copies would not share.

    Parameters
    ----------
    layer : a built `keras.layers.Dense`, kernel (D, M); build it by calling it on its input
    activation : name of a Keras activation, or a function; None leaves the sum as it is
    kwargs : a Keras layer's own: name, dtype, …

    Call
    ----
    (…, M) codes in, (…, D) reconstructions out.

    Raises
    ------
    TypeError
        If `layer` is no `Dense` layer.
    ValueError
        If `layer` is not built yet, or the codes do not have its M units.

    Source: Vincent et al. 2008, "Extracting and composing robust features with denoising
    autoencoders", doi 10.1145/1390156.1390294.
    """

    def __init__(self, layer: keras.layers.Dense, activation=None, **kwargs) -> None:
        super().__init__(layer, **kwargs)
        self.activation = keras.activations.get(activation)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Add the bias, a number for each input of the layer tied to."""
        self.check_codes(input_shape)
        pixels = self.kernel.shape[0]
        self.bias = self.add_weight(shape=(pixels,), initializer="zeros", name="bias")

    def call(self, codes):
        return self.activation(ops.matmul(codes, ops.transpose(self.kernel)) + self.bias)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Give back as many numbers as the layer tied to takes in."""
        return (*input_shape[:-1], self.kernel.shape[0])

    def get_config(self) -> dict:
        """Give the arguments that build the layer anew, within a file that Keras writes."""
        return super().get_config() | {"activation": keras.activations.serialize(self.activation)}
