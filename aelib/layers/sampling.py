"""Layers that draw a code instead of computing it."""

from math import inf

from aelib import _checks
from aelib._startup import keras
from aelib.layers.quantizer import check_alike, straight_through
from keras import ops


def kl_to_standard_normal(mean, log_variance):
    """Give KL(N(μ, σ²) ‖ N(0, 1)), how far a Gaussian is from the standard one, in closed form.

        KL = (μ² + σ² - 1 - log σ²) / 2

    Parameters
    ----------
    mean : array or tensor, μ
    log_variance : of the same shape, log σ²

    Returns
    -------
    A tensor of the same shape, at least 0, in nats: the KL of each unit of each code. The KL of a
    code is their sum.

    Raises
    ------
    ValueError
        If the two are known to differ in shape.

    Source: Kingma & Welling 2014, appendix B.
    """
    check_alike(mean=mean, log_variance=log_variance)
    return (mean**2 + ops.exp(log_variance) - 1 - log_variance) / 2


@keras.saving.register_keras_serializable(package="aelib")
class Sampling(keras.layers.Layer):
    """Draw a code from the Gaussian that an encoder names, and add its KL to the loss.

    In training z = μ + σ ε with ε drawn from N(0, I) anew for each image and step, so that slopes
    pass through μ and σ (reparameterisation). In use, which includes validation, z = μ.

    Added to the model's loss, in training and in validation, is

        β · mean over images of Σⱼ KL(N(μⱼ, σⱼ²) ‖ N(0, 1)):

    summed over the M units of the code, averaged over the images. The loss that it stands beside
    has to sum over pixels likewise, as `models.summed_cross_entropy` does: next to a loss that
    Keras averages over D pixels, β = 1 would count as D. The KL itself, not times β, is logged as
    the metric `kl`. Random numbers repeat with the seed that `keras.utils.set_random_seed` set.

    Parameters
    ----------
    beta : β, at least 0: 1 for the evidence lower bound
    kwargs : a Keras layer's own: name, dtype, …

    Call
    ----
    (n, M) means μ and (n, M) log-variances log σ² in, (n, M) codes out. β is the non-trainable
    variable `beta`: it may be assigned anew between epochs, and nets that differ by it share a
    compiled program.

    Raises
    ------
    ValueError
        If `beta` is negative or no finite number, or the two inputs differ in shape.

    Source: Kingma & Welling 2014, "Auto-encoding variational Bayes", section 2.4 and appendix B;
    β is that of Higgins et al. 2017.
    """

    def __init__(self, beta: float = 1.0, **kwargs) -> None:
        super().__init__(**kwargs)
        _checks.number(beta, "beta", lambda b: 0 <= b < inf, "a number of at least 0")
        self._initial_beta = float(beta)
        self.random = keras.random.SeedGenerator()
        self.kl = keras.metrics.Mean(name="kl")

    def build(self, mean_shape: tuple[int | None, ...], log_variance_shape=None) -> None:
        """Add β."""
        if log_variance_shape is None or tuple(mean_shape) != tuple(log_variance_shape):
            raise ValueError(
                f"{self.name} gets means of shape {mean_shape} and log-variances of shape "
                f"{log_variance_shape}; pass one log-variance for each mean"
            )
        initial = keras.initializers.Constant(self._initial_beta)
        self.beta = self.add_weight(shape=(), initializer=initial, trainable=False, name="beta")

    def call(self, mean, log_variance, training=False):
        kl = ops.sum(kl_to_standard_normal(mean, log_variance), axis=-1)
        self.kl.update_state(kl)
        self.add_loss(self.beta * ops.mean(kl))
        if not training:
            return mean
        noise = keras.random.normal(ops.shape(mean), dtype=mean.dtype, seed=self.random)
        return mean + ops.exp(log_variance / 2) * noise

    def compute_output_shape(self, mean_shape, log_variance_shape=None) -> tuple[int | None, ...]:
        """Give back the shape of the means."""
        return mean_shape

    def get_config(self) -> dict:
        """Give the arguments that build the layer anew."""
        beta = float(self.beta) if self.built else self._initial_beta
        return super().get_config() | {"beta": beta}


@keras.saving.register_keras_serializable(package="aelib")
class GumbelSoftmax(keras.layers.Layer):
    """Choose one of K, so that what stands in front can learn from it.

    In training noise g is drawn for each of the K scores, g = -log(-log u) with u uniform from 0 to
    1: the largest score with its noise is then a draw from the softmax of the scores. Out comes
    a one-hot vector, with the slopes of softmax((scores + g) / temperature) (straight through). In
    use the largest score is chosen, without noise. Random numbers repeat with the seed that
    `keras.utils.set_random_seed` set.

    Parameters
    ----------
    temperature : τ, above 0; the smaller, the nearer the slopes come to those of the choice itself,
        none nearly everywhere
    kwargs : a Keras layer's own: name, dtype, …

    Call
    ----
    (n, …, K) scores in, (n, …, K) zeros and ones out.

    Raises
    ------
    ValueError
        If `temperature` is no finite number above 0.

    Source: Jang, Gu & Poole 2017, "Categorical reparameterization with Gumbel-softmax",
    arXiv:1611.01144, section 2.2; Maddison, Mnih & Teh 2017, arXiv:1611.00712.
    """

    def __init__(self, temperature: float = 1.0, **kwargs) -> None:
        super().__init__(**kwargs)
        _checks.number(temperature, "temperature", lambda t: 0 < t < inf, "a number above 0")
        self.temperature = float(temperature)
        self.random = keras.random.SeedGenerator()

    def call(self, scores, training=False):
        if training:
            tiny = keras.config.epsilon()
            u = keras.random.uniform(ops.shape(scores), tiny, 1 - tiny, seed=self.random)
            scores = scores - ops.log(-ops.log(u))
        chosen = ops.one_hot(ops.argmax(scores, axis=-1), scores.shape[-1], dtype=scores.dtype)
        return straight_through(chosen, ops.softmax(scores / self.temperature))

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Give back the shape of the scores."""
        return shape

    def get_config(self) -> dict:
        """Give the arguments that build the layer anew."""
        return super().get_config() | {"temperature": self.temperature}
