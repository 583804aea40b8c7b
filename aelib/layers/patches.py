"""Layers for nets that see their input in parts and have to fill some of them in."""

from math import isqrt
from numbers import Integral

from aelib import _checks
from aelib._startup import keras
from keras import ops
from sklearn.utils import check_scalar


@keras.saving.register_keras_serializable(package="aelib")
class Patches(keras.layers.Layer):
    """Cut images into square patches, row by row; `JoinPatches` puts them together again.

    Parameters
    ----------
    side : pixels along one edge of a patch
    kwargs : a Keras layer's own: name, dtype, …

    Call
    ----
    (n, H, W) grey images in, (n, N, side²) patches out, N = (H / side) · (W / side). Patches stand
    as one reads them, left to right and top to bottom, and so do the pixels within each.

    Raises
    ------
    TypeError
        If `side` is no integer.
    ValueError
        If `side` is below 1 or does not divide height and width of the images.

    Source: Dosovitskiy et al. 2021, "An image is worth 16x16 words", section 3.1.
    """

    def __init__(self, side: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.side = int(check_scalar(side, "side", Integral, min_val=1))

    def call(self, images):
        _, height, width = images.shape
        rows, columns = height // self.side, width // self.side
        cells = ops.reshape(images, (-1, rows, self.side, columns, self.side))
        return ops.reshape(
            ops.transpose(cells, (0, 1, 3, 2, 4)), (-1, rows * columns, self.side**2)
        )

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Count the patches of an image, and the pixels of a patch."""
        if len(input_shape) != 3 or any(
            size is None or size % self.side for size in input_shape[1:]
        ):
            raise ValueError(
                f"{self.name} cuts (n, H, W) images into patches of side {self.side}, which has to "
                f"divide H and W; it gets the shape {tuple(input_shape)}"
            )
        count, height, width = input_shape
        return (count, (height // self.side) * (width // self.side), self.side**2)

    def get_config(self) -> dict:
        """Give the arguments that build the layer anew."""
        return super().get_config() | {"side": self.side}


@keras.saving.register_keras_serializable(package="aelib")
class JoinPatches(keras.layers.Layer):
    """Put the patches of images together: the inverse of `Patches`.

    Parameters
    ----------
    height, width : pixels of an image
    kwargs : a Keras layer's own: name, dtype, …

    Call
    ----
    (n, N, side²) patches in, in the order of `Patches`; (n, height, width) images out.

    Raises
    ------
    TypeError
        If `height` or `width` is no integer.
    ValueError
        If one of them is below 1, or the patches are no squares that fill such an image.
    """

    def __init__(self, height: int, width: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.height, self.width = _checks.sizes(height=height, width=width)

    def call(self, patches):
        side = isqrt(patches.shape[-1])
        rows, columns = self.height // side, self.width // side
        cells = ops.reshape(patches, (-1, rows, columns, side, side))
        images = ops.transpose(cells, (0, 1, 3, 2, 4))
        return ops.reshape(images, (-1, self.height, self.width))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Give back the shape of the images."""
        count, *rest = input_shape
        side = isqrt(rest[1]) if len(rest) == 2 and rest[1] else 0
        fits = side and not (self.height % side or self.width % side)
        if not fits or rest != [(self.height // side) * (self.width // side), side**2]:
            raise ValueError(
                f"{self.name} joins (n, N, side²) square patches that fill {self.height} × "
                f"{self.width} pixels; it gets the shape {tuple(input_shape)}"
            )
        return (count, self.height, self.width)

    def get_config(self) -> dict:
        """Give the arguments that build the layer anew."""
        return super().get_config() | {"height": self.height, "width": self.width}


@keras.saving.register_keras_serializable(package="aelib")
class Positions(keras.layers.Layer):
    """Add to each vector of a sequence a learned one that belongs to its place.

    Attention treats its input as a set. Without this a net would not know which patch stands where.

    Parameters
    ----------
    kwargs : a Keras layer's own: name, dtype, …

    Call
    ----
    (n, N, width) vectors in, the same shape out. N and width must be known.

    Source: Devlin et al. 2019, "BERT: pre-training of deep bidirectional transformers for language
    understanding", section 3: the embeddings of positions are learned.
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Add a vector for each place."""
        _check_sequence(self.name, input_shape)
        self.table = self.add_weight(
            shape=tuple(input_shape[1:]),
            initializer=keras.initializers.RandomNormal(stddev=0.5),
            name="table",
        )

    def call(self, vectors):
        return vectors + self.table

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Give back the shape that came in."""
        return input_shape


@keras.saving.register_keras_serializable(package="aelib")
class MaskToken(keras.layers.Layer):
    """Put one learned vector, the same everywhere, in the place of each vector that is hidden.

    Parameters
    ----------
    kwargs : a Keras layer's own: name, dtype, …

    Call
    ----
    (n, N, width) vectors and (n, N) marks, 1 where a vector is hidden and 0 where it is seen, in;
    (n, N, width) out. Nothing of a hidden vector comes through.

    Source: Devlin et al. 2019, "BERT", section 3.1, its token [MASK].
    """

    def build(self, vectors_shape: tuple[int | None, ...], hidden_shape=None) -> None:
        """Add the vector."""
        _check_sequence(self.name, vectors_shape)
        self.token = self.add_weight(
            shape=(vectors_shape[-1],),
            initializer=keras.initializers.RandomNormal(stddev=0.5),
            name="token",
        )

    def call(self, vectors, hidden):
        return ops.where(hidden[:, :, None] > 0.5, self.token, vectors)

    def compute_output_shape(self, vectors_shape, hidden_shape=None) -> tuple[int | None, ...]:
        """Give back the shape of the vectors."""
        return vectors_shape


@keras.saving.register_keras_serializable(package="aelib")
class RandomMask(keras.layers.Layer):
    """Draw which parts of each example are hidden: anew for each batch in training, none in use.

    Each part is hidden with the same probability, independently of the others. The numbers come
    from `keras.random`, so they repeat with the seed that `keras.utils.set_random_seed` set.

    Parameters
    ----------
    share : probability that a part is hidden, in [0, 1]
    kwargs : a Keras layer's own: name, dtype, …

    Call
    ----
    (n, N, …) examples of N parts in, (n, N) marks out: 1 where a part is hidden, 0 where it is
    seen. At inference all are seen: to hide parts then, give a net marks of your own.

    Raises
    ------
    ValueError
        If `share` is no number from 0 to 1.
    """

    def __init__(self, share: float, **kwargs) -> None:
        super().__init__(**kwargs)
        _checks.number(share, "share", lambda p: 0 <= p <= 1, "a probability from 0 to 1")
        self.share = float(share)
        self.random = keras.random.SeedGenerator()

    def call(self, examples, training=False):
        shape = ops.shape(examples)[:2]
        if not training:
            return ops.zeros(shape)
        return ops.cast(keras.random.uniform(shape, seed=self.random) < self.share, "float32")

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Give one mark for each part."""
        return tuple(input_shape[:2])

    def get_config(self) -> dict:
        """Give the arguments that build the layer anew."""
        return super().get_config() | {"share": self.share}


def _check_sequence(name: str, shape: tuple[int | None, ...]) -> None:
    """Refuse what is no sequence of known length of vectors of known width."""
    if len(shape) != 3 or None in shape[1:]:
        raise ValueError(f"{name} needs (n, N, width) vectors, N and width known, not {shape}")
