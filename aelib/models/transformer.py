"""Nets of attention that fill in what is hidden of their input."""

from typing import NamedTuple

from aelib import _checks
from aelib._startup import keras
from aelib.layers.patches import JoinPatches, MaskToken, Patches, Positions, RandomMask
from keras import layers, ops


def transformer_block(h, *, heads: int = 4, causal: bool = False):
    """Let each vector of a sequence gather from the others, then change each by itself.

    Both steps add to what comes in, and read it normalised to mean 0 and variance 1.

    Parameters
    ----------
    h : (n, N, width) tensor of a functional model
    heads : number of attention heads; must divide the width
    causal : whether a place sees itself and those before it only

    Returns
    -------
    (n, N, width) tensor.

    Raises
    ------
    TypeError
        If `heads` is no integer.
    ValueError
        If `heads` is below 1 or does not divide the width.

    Source: Vaswani et al. 2017, "Attention is all you need"; the order of normalising and adding is
    that of Xiong et al. 2020, "On layer normalization in the transformer architecture".
    """
    width = h.shape[-1]
    (heads,) = _checks.sizes(heads=heads)
    if width % heads:
        raise ValueError(f"heads is {heads}; pass a divisor of the width {width}")
    seen = layers.LayerNormalization()(h)
    h = h + layers.MultiHeadAttention(heads, width // heads)(seen, seen, use_causal_mask=causal)
    seen = layers.LayerNormalization()(h)
    return h + layers.Dense(width)(layers.Dense(2 * width, activation="gelu")(seen))


class MaskedNet(NamedTuple):
    """Three Keras models that share their layers: train `model`, then use the other two.

    Hidden are the patches that are marked with 1 in an (n, N) array, N patches an image.

    Attributes
    ----------
    encoder : maps [images, hidden] to a vector for each patch, (n, N, width)
    painter : maps [images, hidden] to images: hidden patches painted, the others as they came
    model : the painter with hidden patches drawn anew for each batch in training, from images to
        images. Trained on the images themselves, its loss counts the hidden patches alone, as
        those that it sees come back as they are. At inference nothing is hidden.
    """

    encoder: keras.Model
    painter: keras.Model
    model: keras.Model


def masked_patches(
    side: int, patch: int, *, width: int = 64, blocks: int = 3, heads: int = 4, share: float = 0.75
) -> MaskedNet:
    """Build a transformer that paints hidden patches of grey images, not yet compiled.

    Parameters
    ----------
    side : pixels along one edge of an image
    patch : pixels along one edge of a patch; must divide `side`
    width : numbers in the vector of each patch
    blocks : number of transformer blocks
    heads : attention heads in each; must divide `width`
    share : probability that a patch is hidden in training, in [0, 1]

    Raises
    ------
    TypeError
        If an argument is no number of its kind.
    ValueError
        If a number is out of its range, `patch` does not divide `side` or `heads` not `width`.

    Source: Xie et al. 2022, "SimMIM: a simple framework for masked image modeling"; He et al. 2022,
    "Masked autoencoders are scalable vision learners", whose encoder sees no hidden patch at all.
    """
    side, patch, width, blocks, heads = _checks.sizes(
        side=side, patch=patch, width=width, blocks=blocks, heads=heads
    )
    if side % patch:
        raise ValueError(f"patch is {patch}; pass a divisor of the side {side}")

    x = keras.Input((side, side))
    patches = Patches(patch)(x)
    hidden = keras.Input((patches.shape[1],))
    h = Positions()(MaskToken()(layers.Dense(width)(patches), hidden))
    for _ in range(blocks):
        h = transformer_block(h, heads=heads)
    encoder = keras.Model([x, hidden], layers.LayerNormalization()(h), name="encoder")

    painted = layers.Dense(patch**2, activation="sigmoid")(encoder.output)
    filled = ops.where(hidden[:, :, None] > 0.5, painted, patches)
    painter = keras.Model([x, hidden], JoinPatches(side, side)(filled), name="painter")

    model = keras.Model(x, painter([x, RandomMask(share)(patches)]), name="masked_patches")
    return MaskedNet(encoder, painter, model)
