"""What every builder returns: encoder, decoder, and the model of both."""

from typing import NamedTuple

from aelib._startup import keras


class Autoencoder(NamedTuple):
    """Three Keras models that share their layers: train `model`, then use the other two.

    Attributes
    ----------
    encoder : maps inputs x to codes z
    decoder : maps codes z to reconstructions x̂
    model : the decoder behind the encoder, from x to x̂
    """

    encoder: keras.Model
    decoder: keras.Model
    model: keras.Model


def join(encoder: keras.Model, decoder: keras.Model, name: str = "autoencoder") -> Autoencoder:
    """Put a decoder behind an encoder, not yet compiled.

    Parameters
    ----------
    encoder : functional or sequential model from inputs x to codes z, begun with a `keras.Input`
    decoder : model from codes z to reconstructions x̂
    name : what the model of both is called

    Returns
    -------
    The two models and the one of both, which has their layers: training one trains the others.

    Raises
    ------
    TypeError
        If `encoder` or `decoder` is no Keras model.
    ValueError
        If `encoder` has no input yet, or (from Keras) `decoder` takes codes of another shape.
    """
    for part, model in {"encoder": encoder, "decoder": decoder}.items():
        if not isinstance(model, keras.Model):
            raise TypeError(f"{part} is a {type(model).__name__}; pass a keras.Model")
    inputs = getattr(encoder, "inputs", None)
    if not inputs:
        raise ValueError("encoder has no input yet; let it begin with a keras.Input")
    x = inputs[0] if len(inputs) == 1 else encoder.input
    return Autoencoder(encoder, decoder, keras.Model(x, decoder(encoder(x)), name=name))
