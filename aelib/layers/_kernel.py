"""What layers share that read another layer's kernel."""

from aelib._startup import keras


class KernelReader(keras.layers.Layer):
    """A layer that reads the kernel of a dense layer, also after both were saved and loaded.

    Its configuration holds the dense layer's. Within one file Keras writes an object that stands in
    several places with a number, and makes only one of it when it loads the file; so the dense
    layer of the loaded model is the one that is read. Outside a file nothing holds the two
    together, and so no configuration is given out.

    Parameters
    ----------
    layer : a built `keras.layers.Dense`
    kwargs : a Keras layer's own: name, dtype, …

    Raises
    ------
    TypeError
        If `layer` is no `Dense` layer.
    ValueError
        If `layer` is not built yet.
    """

    def __init__(self, layer: keras.layers.Dense, **kwargs) -> None:
        super().__init__(**kwargs)
        if not isinstance(layer, keras.layers.Dense):
            raise TypeError(f"layer is a {type(layer).__name__}; pass a Dense layer to read from")
        if not layer.built:
            raise ValueError(f'layer "{layer.name}" has no kernel yet; call it on its input first')
        self.kernel = layer.kernel
        # Within a function, for Keras counts the weights of any layer that is an attribute.
        self.dense = lambda: layer
        _write_as_shared(layer)

    def check_codes(self, input_shape: tuple[int | None, ...]) -> None:
        """Refuse codes that cannot be the dense layer's."""
        units = self.kernel.shape[1]
        if input_shape[-1] != units:
            raise ValueError(
                f"{self.name} gets {input_shape[-1]} numbers, but the layer that it reads, "
                f'"{self.dense().name}", has {units} units'
            )

    def save_own_variables(self, store: dict) -> None:
        """Write the kernel first, whether it is frozen or not; Keras sorts by that."""
        for place, variable in enumerate(self._in_order()):
            store[str(place)] = variable

    def load_own_variables(self, store: dict) -> None:
        """Read what `save_own_variables` wrote."""
        for place, variable in enumerate(self._in_order()):
            variable.assign(store[str(place)])

    def _in_order(self) -> list[keras.Variable]:
        return [self.kernel, *(weight for weight in self.weights if weight is not self.kernel)]

    def get_config(self) -> dict:
        """Give the arguments that build the layer anew, within a file that Keras writes."""
        layer = keras.saving.serialize_keras_object(self.dense())
        if "shared_object_id" not in layer:
            raise NotImplementedError(
                f"{type(self).__name__} cannot be copied from a configuration: the copy would not "
                'read the same kernel. Copy a model through a file: model.save("net.keras"), then '
                'keras.models.load_model("net.keras").'
            )
        return super().get_config() | {"layer": layer}

    @classmethod
    def from_config(cls, config: dict) -> "KernelReader":
        """Build the layer anew, with the dense layer that the rest of the model has."""
        return cls(**config | {"layer": keras.saving.deserialize_keras_object(config["layer"])})


def _write_as_shared(layer: keras.layers.Dense) -> None:
    """Make Keras number a layer wherever it writes it.

    It does so only from the second place on, and goes back for the first. That is too late if the
    first is in a model within the model, such as an encoder, which by then is copied. So whenever
    the layer is written, it is written once more before.
    """
    if "get_build_config" in vars(layer):
        return  # for another reader
    of_class, again = layer.get_build_config, False

    def get_build_config() -> dict | None:
        nonlocal again
        if not again:
            again = True
            try:
                keras.saving.serialize_keras_object(layer)
            finally:
                again = False
        return of_class()

    layer.get_build_config = get_build_config
