"""A digit painted with the entries of a codebook, which the decoder turns into an image."""

from base64 import b64encode
from typing import Any
import zlib

from aelib._checks import grey_levels, numbers
from aelib._startup import keras
from aelib.explorer._nets import ACTIVATIONS, activation_of, halves
from aelib.explorer._page import Explorer
from keras import layers
import numpy as np

TOLERANCE = 0.01  # of a grey level in [0, 1], at any pixel of the grids that the page has
PICTURES = 50


def codebook_painter(
    decoder: keras.Model,
    codebook: np.ndarray,
    grids: np.ndarray,
    tiles: np.ndarray,
    *,
    title: str = "",
) -> Explorer:
    """Make a page on which a grid of codebook entries is changed and the decoder draws the image.

    The decoder itself runs in the page, in half precision. The palette shows the entries that the
    given grids use most first.

    Parameters
    ----------
    decoder : of convolutions with padding "same", plain with stride 1 or transposed, one behind the
        other, from (n, P, P, M) entries to (n, side, side, 1) images
    codebook : (K, M) array, at most 256 entries
    grids : (n, P, P) integers from 0 to K - 1, those of digits; the first fifty to look through
    tiles : (K, T, T) array, what each entry paints, for the palette, values in [0, 1]
    title : what stands above the image

    Returns
    -------
    An `Explorer`, which shows itself at the end of a cell.

    Raises
    ------
    TypeError
        If `title` is no string.
    ValueError
        If an argument has another shape or range, or the decoder in the page would stray from
        Keras by more than 0.01 of a grey level.
    """
    codebook = numbers(codebook, "codebook", ("K", "M")).astype(np.float32)
    grids = numbers(grids, "grids", ("n", "P", "P"))
    tiles = grey_levels(tiles, "tiles", (len(codebook), "T", "T"), like="codebook")
    if len(codebook) > 256:
        raise ValueError(f"codebook has {len(codebook)} entries; a page takes at most 256")
    if grids.dtype.kind not in "iu" or grids.min() < 0 or grids.max() >= len(codebook):
        raise ValueError(f"grids must hold integers from 0 to {len(codebook) - 1}")
    if not isinstance(title, str):
        raise TypeError(f"title is {title!r}; pass a string")
    order = np.argsort(-np.bincount(grids.ravel(), minlength=len(codebook)), kind="stable")
    grids, codebook, tiles = np.argsort(order)[grids[:PICTURES]], codebook[order], tiles[order]
    steps = _steps(decoder)
    vectors = codebook[grids]
    images = keras.ops.convert_to_numpy(decoder(vectors))
    drawn = _run(steps, vectors)
    if not steps or drawn.shape != images.shape or np.abs(drawn - images).max() > TOLERANCE:
        raise ValueError(
            "decoder cannot run in a page; it must be convolutions one behind the other, with "
            'padding "same", stride 1 unless transposed, and activations that a page knows'
        )
    data = grids.astype("u1").tobytes() + codebook.astype("<f4").tobytes()
    data += np.rint(255 * tiles).astype("u1").tobytes()
    data += b"".join(halves([array]) for *_, kernel, bias in steps for array in (kernel, bias))
    facts = {
        "kind": "paint",
        "title": title,
        "side": images.shape[1],
        "places": grids.shape[1],
        "grids": len(grids),
        "entries": len(codebook),
        "width": codebook.shape[1],
        "tile": tiles.shape[1],
        "numbers": order.tolist(),
        "blank": int(np.bincount(grids[:, 0, 0]).argmax()),  # in a corner there is no ink
        "steps": [step for step, *_ in steps],
        "data": b64encode(zlib.compress(data, 9)).decode(),
    }
    return Explorer.from_facts(facts)


def _steps(decoder: keras.Model) -> list[tuple[dict[str, Any], np.ndarray, np.ndarray]]:
    """Read a decoder's convolutions: what the page must know, kernel and bias in half precision.

    Kernels have the axes (down, right, in, out). Nothing if the page does not know a layer.
    """
    steps = []
    for layer in decoder.layers:
        if isinstance(layer, layers.InputLayer):
            continue
        transposed = isinstance(layer, layers.Conv2DTranspose)
        if not isinstance(layer, layers.Conv2D | layers.Conv2DTranspose):
            return []
        name = activation_of(layer)
        square = len({*layer.kernel_size}) == len({*layer.strides}) == 1
        plain = layer.padding == "same" and layer.dilation_rate == (1, 1)
        if name is None or not (square and plain and (transposed or layer.strides == (1, 1))):
            return []
        kernel, bias = (keras.ops.convert_to_numpy(w) for w in (layer.kernel, layer.bias))
        kernel = kernel.transpose(0, 1, 3, 2) if transposed else kernel
        facts = {
            "size": layer.kernel_size[0],
            "stride": layer.strides[0],
            "transposed": transposed,
            "rows": kernel.shape[2],
            "columns": kernel.shape[3],
            "activation": name,
            "slope": ACTIVATIONS[name],
        }
        steps.append((facts, kernel.astype("<f2"), bias.astype("<f2")))
    return steps


def _run(steps: list, values: np.ndarray) -> np.ndarray:
    """Do as the page will."""
    for facts, kernel, bias in steps:
        weights = kernel.astype(np.float32)
        if facts["transposed"]:
            weights = weights.transpose(0, 1, 3, 2)
            values = keras.ops.conv_transpose(values, weights, facts["stride"], padding="same")
        else:
            values = keras.ops.conv(values, weights, padding="same")
        activate = keras.activations.get(facts["activation"])
        values = activate(values + bias.astype(np.float32), *facts["slope"])
    return keras.ops.convert_to_numpy(values)
