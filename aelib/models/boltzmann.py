"""Restricted Boltzmann machines: nets of two layers that learn how probable their inputs are."""

from collections.abc import Sequence
from math import log, pi

from aelib import _checks
from aelib._startup import keras
from keras import ops


@keras.saving.register_keras_serializable(package="aelib")
class BoltzmannMachine(keras.Model):
    """A restricted Boltzmann machine, trained by contrastive divergence.

    Visible units v and hidden units h are connected with each other, and no two of one layer are.
    The energy of a state is

        E(v, h) = - b·v - c·h - v·W h                  with hidden units of 0 or 1
        E(v, h) = - b·v + ½ Σ (h - c)² - v·W h         with Gaussian ones

    and its probability e^-E / Z, where Z, the partition function, is the sum (integral) of e^-E
    over all states. Given v the hidden units are independent of each other, with means σ(c + Wᵀv),
    or c + Wᵀv and variance 1; given h the visible ones, with means σ(b + W h).

    To train it, compile it with an optimizer and no loss, and call `training.fit(machine, x)`. A
    step compares x with what the machine makes of it in k steps of Gibbs sampling, CD-k; or, with
    `chains`, with chains that run on from step to step and do not start from x (persistent
    contrastive divergence). Logged as `error` is the mean squared difference between x and the
    visible means that one draw of the hidden units leads back to. It is easy to follow, but not
    what training lowers.

    Parameters
    ----------
    visible : number of visible units D
    hidden : number of hidden units M
    gaussian : whether the hidden units are Gaussian with variance 1, not 0 or 1
    steps : k, the steps of Gibbs sampling in a step of training, at least 1
    chains : number of persistent chains; 0 starts each time from x
    draw_visible : whether Gibbs sampling draws the visible units too, as 0 or 1. Without, it passes
        on their means: less noise where inputs are grey levels, but the samples are not exact
    kwargs : a Keras model's own: name, dtype, …

    Attributes
    ----------
    kernel : W, (D, M)
    visible_bias : b, (D,)
    hidden_bias : c, (M,)
    steps : k, a variable: it may be assigned anew, and machines that differ by it share a program

    Call
    ----
    (n, D) values of the visible units in, grey levels count as probabilities; (n, M) means of the
    hidden units out, the codes.

    Raises
    ------
    TypeError
        If a number of units, steps or chains is no integer.
    ValueError
        If a number of units or of steps is below 1, or `chains` below 0.

    Source: Hinton 2002, "Training products of experts by minimizing contrastive divergence";
    Gaussian hidden units: Hinton & Salakhutdinov 2006, supporting material; persistent chains:
    Tieleman 2008, "Training restricted Boltzmann machines using approximations to the likelihood
    gradient".
    """

    def __init__(
        self,
        visible: int,
        hidden: int,
        *,
        gaussian: bool = False,
        steps: int = 1,
        chains: int = 0,
        draw_visible: bool = True,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        visible, hidden, steps = _checks.sizes(visible=visible, hidden=hidden, steps=steps)
        chains = _checks.sizes(chains=chains)[0] if chains else 0
        self.gaussian, self.draw_visible = gaussian, draw_visible
        small = keras.initializers.RandomNormal(stddev=0.01)
        self.kernel = self.add_weight(shape=(visible, hidden), initializer=small, name="kernel")
        self.visible_bias = self.add_weight(shape=(visible,), initializer="zeros", name="b")
        self.hidden_bias = self.add_weight(shape=(hidden,), initializer="zeros", name="c")
        self.steps = self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(steps),
            dtype="int32",
            trainable=False,
            name="steps",
        )
        self.chains = None
        if chains:
            start = keras.initializers.RandomUniform(0, 1)
            self.chains = self.add_weight(
                shape=(chains, visible), initializer=start, trainable=False, name="chains"
            )
        self.random = keras.random.SeedGenerator()
        self.error = keras.metrics.Mean(name="error")
        self.built = True

    def energy(self, v, h):
        """Give E(v, h) of (n, D) visible and (n, M) hidden values: (n,)."""
        linear = -ops.matmul(v, self.visible_bias) - ops.sum(ops.matmul(v, self.kernel) * h, axis=1)
        if self.gaussian:
            return linear + ops.sum((h - self.hidden_bias) ** 2, axis=1) / 2
        return linear - ops.matmul(h, self.hidden_bias)

    def free_energy(self, v):
        """Give F(v) = - log Σₕ e^-E(v, h) of (n, D) visible values: (n,), so that p(v) = e^-F / Z.

        The sum has one factor for each hidden unit: 1 + e^a, with a = c + Wᵀv, or for a Gaussian
        unit √2π e^((a² - c²) / 2).
        """
        a, c = self._input_to_hidden(v), self.hidden_bias
        factors = (a**2 - c**2 + log(2 * pi)) / 2 if self.gaussian else ops.softplus(a)
        return -ops.matmul(v, self.visible_bias) - ops.sum(factors, axis=1)

    def hidden_mean(self, v):
        """Give the means of the hidden units, (n, M), where the visible ones are v, (n, D)."""
        a = self._input_to_hidden(v)
        return a if self.gaussian else ops.sigmoid(a)

    def draw_hidden(self, v):
        """Draw hidden units, (n, M), where the visible ones are v, (n, D)."""
        mean = self.hidden_mean(v)
        if self.gaussian:
            return mean + keras.random.normal(ops.shape(mean), dtype=mean.dtype, seed=self.random)
        return self._bernoulli(mean)

    def visible_mean(self, h):
        """Give the probabilities of the visible units, (n, D), where the hidden ones are h."""
        return ops.sigmoid(self.visible_bias + ops.matmul(h, ops.transpose(self.kernel)))

    def gibbs(self, v, steps: int = 1):
        """Draw hidden units given v, then visible ones given those, and so on: v after `steps`.

        v is (n, D), and so is what comes back. Repeats with Keras's random seed.
        """
        return ops.fori_loop(
            0, steps, lambda _, v: self._visible(self.visible_mean(self.draw_hidden(v))), v
        )

    @property
    def metrics(self) -> list[keras.Metric]:
        """What is logged: no loss stands beside it."""
        return [self.error]

    def call(self, v):
        return self.hidden_mean(v)

    def train_step(self, data):
        """Follow the gradient of CD-k for one batch.

        The slope of -log p(v) is that of F(v), less what it is on average where v comes from the
        machine itself. A chain of Gibbs samples stands for the machine.
        """
        v, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        v = ops.cast(v, self.compute_dtype)
        back = self.visible_mean(self.draw_hidden(v))
        self.error.update_state((v - back) ** 2)
        if self.chains is not None:
            back = self.visible_mean(self.draw_hidden(self.chains))
        dream = self.gibbs(self._visible(back), self.steps - 1)
        if self.chains is not None:
            self.chains.assign(dream)
        gradients = [
            at_dream - at_data
            for at_data, at_dream in zip(self._statistics(v), self._statistics(dream), strict=True)
        ]
        self.optimizer.apply(gradients, [self.kernel, self.visible_bias, self.hidden_bias])
        return self.get_metrics_result()

    def get_config(self) -> dict:
        """Give the arguments that build the machine anew."""
        return super().get_config() | {
            "visible": self.kernel.shape[0],
            "hidden": self.kernel.shape[1],
            "gaussian": self.gaussian,
            "steps": int(self.steps),
            "chains": 0 if self.chains is None else self.chains.shape[0],
            "draw_visible": self.draw_visible,
        }

    def _input_to_hidden(self, v):
        return self.hidden_bias + ops.matmul(v, self.kernel)

    def _bernoulli(self, mean):
        drawn = keras.random.uniform(ops.shape(mean), dtype=mean.dtype, seed=self.random)
        return ops.cast(drawn < mean, mean.dtype)

    def _visible(self, mean):
        """Draw visible units of these means, or pass the means on."""
        return self._bernoulli(mean) if self.draw_visible else mean

    def _statistics(self, v):
        """Give the mean slopes of -F(v) along W, b and c."""
        h = self.hidden_mean(v)
        pairs = ops.matmul(ops.transpose(v), h) / ops.cast(ops.shape(v)[0], v.dtype)
        return pairs, ops.mean(v, axis=0), ops.mean(h, axis=0)


def unroll(
    machines: Sequence[BoltzmannMachine], encoder: keras.Model, decoder: keras.Model | None = None
) -> None:
    """Give a net of dense layers the weights of a stack of machines, to start its training from.

    The encoder's layer i gets W and c of machine i, the decoder's i-th layer from its end Wᵀ and b.
    With sigmoid layers, and a linear code for a Gaussian machine at the top, the encoder then gives
    what the stack gives: each machine's hidden means, computed from those of the one before.

    Parameters
    ----------
    machines : the stack, the one that sees the inputs first
    encoder, decoder : models with as many Dense layers as there are machines, such as
        `dense_autoencoder` builds; the decoder may be left out

    Raises
    ------
    ValueError
        If a model does not have as many Dense layers as there are machines, or they are not as
        large.

    Source: Hinton & Salakhutdinov 2006, "Reducing the dimensionality of data with neural networks",
    Fig. 1.
    """
    upwards = [[m.kernel, m.hidden_bias] for m in machines]
    downwards = [[ops.transpose(m.kernel), m.visible_bias] for m in reversed(machines)]
    nets = {"encoder": (encoder, upwards)}
    if decoder is not None:
        nets["decoder"] = (decoder, downwards)
    for name, (net, weights) in nets.items():
        dense = [layer for layer in net.layers if isinstance(layer, keras.layers.Dense)]
        wanted = [tuple(kernel.shape) for kernel, _ in weights]
        found = [tuple(layer.kernel.shape) for layer in dense]
        if wanted != found:
            raise ValueError(
                f"{name} has Dense layers of the shapes {found}, but the machines need {wanted}"
            )
        for layer, values in zip(dense, weights, strict=True):
            layer.set_weights([ops.convert_to_numpy(value) for value in values])
