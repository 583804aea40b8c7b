"""What layers share that read another layer's kernel."""

from aelib._startup import keras


def kernel_of(layer: keras.layers.Dense) -> keras.Variable:
    """Return the kernel that another layer is to read; refuse a layer that has none."""
    if not isinstance(layer, keras.layers.Dense):
        raise TypeError(f"layer is a {type(layer).__name__}; pass a Dense layer to read from")
    if not layer.built:
        raise ValueError(f'layer "{layer.name}" has no kernel yet; call it on its input first')
    return layer.kernel
