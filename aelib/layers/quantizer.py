"""Codes from a finite set: a codebook of vectors, and slopes across what has none."""

from math import inf
from numbers import Integral

from aelib import _checks
from aelib._startup import keras, tf
from keras import ops
import numpy as np
from sklearn.utils import check_scalar

UPDATES = ("loss", "average")


def check_alike(**pair) -> None:
    """Refuse two tensors that are known to differ in shape: one would be stretched."""
    one, other = (
        tf.TensorShape(value.shape if hasattr(value, "shape") else np.shape(value))
        for value in pair.values()
    )
    if not one.is_compatible_with(other):
        names = " and ".join(pair)
        raise ValueError(f"{names} have the shapes {one} and {other}; pass two of the same shape")


def straight_through(hard, soft):
    """Give the values of one tensor and the slopes of another.

    What rounds, compares or chooses has a slope of zero nearly everywhere, and nothing in front of
    it would learn. So the backward pass takes the slope of something smooth in its place.

    Parameters
    ----------
    hard : tensor, what comes out
    soft : tensor of the same shape, through which slopes go back

    Returns
    -------
    `hard`, exactly, with the slopes of `soft`.

    Raises
    ------
    ValueError
        If the two are known to differ in shape.

    Source: Bengio, Léonard & Courville 2013, "Estimating or propagating gradients through
    stochastic neurons for conditional computation", arXiv:1308.3432.
    """
    check_alike(hard=hard, soft=soft)
    return ops.stop_gradient(hard) + (soft - ops.stop_gradient(soft))


class _Perplexity(keras.metrics.Metric):
    """Count how often each entry is chosen, and say how many equally frequent ones equal that."""

    def __init__(self, entries: int, name: str = "perplexity") -> None:
        super().__init__(name=name)
        self.counts = self.add_variable((entries,), initializer="zeros", name="counts")

    def update_state(self, counts, sample_weight=None) -> None:
        self.counts.assign_add(counts)

    def result(self):
        share = self.counts / ops.maximum(ops.sum(self.counts), 1)
        return ops.exp(-ops.sum(share * ops.log(ops.maximum(share, keras.config.epsilon()))))


@keras.saving.register_keras_serializable(package="aelib")
class VectorQuantizer(keras.layers.Layer):
    """Replace each vector by the nearest of a codebook: the layer that makes a VQ-VAE of a net.

    With z a vector, e the nearest entry and sg "no slope through here", it adds to the loss

        commitment · ‖z - sg(e)‖² + ‖sg(z) - e‖²,

    each summed over the D numbers of a vector and averaged over all vectors of the batch, in
    training and in evaluation alike. The first keeps the encoder near the codebook. The second
    moves the codebook, and is left out with `update="average"`: an entry then is the mean of the
    vectors that chose it, over the batches t, n of them and their sum s in each, as

        Nᵗ = decay · Nᵗ⁻¹ + (1 - decay) · n,  mᵗ = decay · mᵗ⁻¹ + (1 - decay) · s,  e = mᵗ / Nᵗ.

    Either way the decoder's slope goes to the encoder as if nothing lay between, and none of it
    to the codebook.

    Parameters
    ----------
    entries : vectors in the codebook
    commitment : β, at least 0, in the units of the model's loss: where Keras averages a loss over
        pixels and a text sums it, the text's β is as many times as large
    update : what moves the codebook: "loss", its term of the loss, or "average", the running mean
    decay : memory of the running mean and of how often entries are chosen, from 0 to below 1
    restart : share, from 0 to below 1, of the average entry's choices; an entry chosen less often
        is dead and starts anew, in training, at a vector of the batch drawn at random, and so does
        what no vector of the first batch chooses. With 0 it lies where it is.
    kwargs : a Keras layer's own: name, dtype, …

    Call
    ----
    (n, …, D) vectors in, the same shape out. `indices` tells which entries these are, `lookup`
    gives the vectors of indices. With a frozen layer (`trainable = False`) the codebook stays.

    Besides its loss a model reports `distance`, the mean of ‖z - e‖², and `perplexity`, exp of the
    entropy of how often entries were chosen in the epoch: the number of entries if all are chosen
    alike, 1 if one is chosen always. Of several quantisers in a model it reports the last.

    Raises
    ------
    TypeError
        If `entries` is no integer.
    ValueError
        If an argument lies outside its range, or D is not known.

    Source: van den Oord, Vinyals & Kavukcuoglu 2017, "Neural discrete representation learning",
    arXiv:1711.00937, equation 3 and appendix A.1; dead entries that start anew after Dhariwal et
    al. 2020, "Jukebox", arXiv:2005.00341.
    """

    def __init__(
        self,
        entries: int,
        *,
        commitment: float = 0.25,
        update: str = "loss",
        decay: float = 0.99,
        restart: float = 0.0,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.entries = int(check_scalar(entries, "entries", Integral, min_val=1))
        if update not in UPDATES:
            raise ValueError(f'update is {update!r}; pass "{UPDATES[0]}" or "{UPDATES[1]}"')
        _checks.number(commitment, "commitment", lambda c: 0 <= c < inf, "a number of at least 0")
        _checks.number(decay, "decay", lambda d: 0 <= d < 1, "a number from 0 to below 1")
        _checks.number(restart, "restart", lambda r: 0 <= r < 1, "a share from 0 to below 1")
        self.commitment, self.update = float(commitment), update
        self.decay, self.restart = float(decay), float(restart)
        self.random = keras.random.SeedGenerator()
        self.distance = keras.metrics.Mean("distance")
        self.perplexity = _Perplexity(self.entries)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Add the codebook, and what is remembered of its use."""
        if len(input_shape) < 2 or input_shape[-1] is None:
            raise ValueError(
                f"{self.name} gets the shape {input_shape}; vectors need (batch, …, D), D known"
            )
        shape = (self.entries, input_shape[-1])
        self.codebook = self.add_weight(
            shape=shape,
            initializer="random_uniform",
            trainable=self.update == "loss",
            name="codebook",
        )
        memory = {"initializer": "zeros", "trainable": False}
        self.counts = self.add_weight(shape=shape[:1], name="counts", **memory)
        self.sums = self.add_weight(shape=shape, name="sums", **memory)

    def indices(self, vectors):
        """Find the nearest entry of each of (…, D) vectors: (…,) integers."""
        lengths = ops.sum(self.codebook**2, axis=1)
        products = ops.matmul(vectors, ops.transpose(self.codebook))
        return ops.argmin(lengths - 2 * products, axis=-1)

    def lookup(self, indices):
        """Give the entries of (…,) integers: (…, D) vectors."""
        return ops.take(self.codebook, indices, axis=0)

    def call(self, vectors, training=False):
        flat = ops.reshape(vectors, (-1, vectors.shape[-1]))
        chosen = ops.one_hot(self.indices(flat), self.entries, dtype=self.compute_dtype)
        # A product with zeros and ones: as a lookup it would be slower in the backward pass.
        nearest = ops.reshape(ops.matmul(chosen, self.codebook), ops.shape(vectors))
        frozen = ops.stop_gradient(nearest)
        apart = _squared_distance(vectors, frozen)
        self.add_loss(self.commitment * apart)
        if self.update == "loss":
            self.add_loss(_squared_distance(ops.stop_gradient(vectors), nearest))
        counts = ops.sum(chosen, axis=0)
        self.distance.update_state(apart)
        self.perplexity.update_state(counts)
        if training and self.trainable:
            self._remember(ops.stop_gradient(flat), chosen, counts)
        return straight_through(frozen, vectors)

    def _remember(self, flat, chosen, counts) -> None:
        """Update how often entries are chosen; move them if that is not the loss's task."""
        counts = self.decay * self.counts + (1 - self.decay) * counts
        sums = ops.matmul(ops.transpose(chosen), flat)
        sums = self.decay * self.sums + (1 - self.decay) * sums
        codebook = ops.convert_to_tensor(self.codebook)
        if self.update == "average":
            # What nothing has chosen for so long that its numbers vanish stays where it is.
            used = counts > keras.config.epsilon()
            means = sums / ops.where(used, counts, 1)[:, None]
            codebook = ops.where(used[:, None], means, codebook)
        if self.restart:
            average = ops.mean(counts)
            dead = counts < self.restart * average
            rows = keras.random.randint((self.entries,), 0, ops.shape(flat)[0], seed=self.random)
            codebook = ops.where(dead[:, None], ops.take(flat, rows, axis=0), codebook)
            # It counts as used like the others for a while: time for vectors to come to it.
            counts = ops.where(dead, average, counts)
            sums = ops.where(dead[:, None], average * codebook, sums)
        self.counts.assign(counts)
        self.sums.assign(sums)
        if self.update == "average" or self.restart:
            self.codebook.assign(codebook)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Give back the shape that came in."""
        return input_shape

    def get_config(self) -> dict:
        """Give the arguments that build the layer anew."""
        own = ("entries", "commitment", "update", "decay", "restart")
        return super().get_config() | {name: getattr(self, name) for name in own}


def _squared_distance(one, other):
    """Average the squared distance of (…, D) vectors over all of them."""
    return ops.mean(ops.sum((one - other) ** 2, axis=-1))
