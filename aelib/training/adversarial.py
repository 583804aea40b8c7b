"""Two nets that learn from each other: what one writes, the other tells from the real thing."""

from math import inf
from numbers import Integral
from typing import Any

from aelib import _checks
from aelib._startup import keras, tf
from aelib.training.fit import each
from keras import ops
from sklearn.utils import check_scalar


class Adversarial(keras.Model):
    """Let a generator learn to write what a critic cannot tell from real examples.

    The critic c gives a number to each example. It learns to give real ones r more than what the
    generator writes, w, and to be no steeper than 1 on the way from one to the other:

        L_critic = mean c(w) - mean c(r) + penalty · mean (‖∇c(m)‖ - 1)²,  m = u r + (1 - u) w

    with u uniform from 0 to 1, drawn for each pair. Such a critic's lead, mean c(r) - mean c(w),
    estimates how far the two distributions are apart (Wasserstein's distance), and keeps a slope
    when it is right about everything. The generator learns to raise what the critic gives it. With
    a decoder, which has to restore the generator's input x from what it wrote, the two are an
    autoencoder whose code the critic judges, and learn together:

        L = loss(x, decoder(w)) - weight · mean c(w)

    `train_step` cuts a batch into `critic_steps` equal parts; a rest of fewer than `critic_steps`
    examples is left out. The critic takes a step on each of them, then the generator, and the
    decoder if there is one, takes one step on the whole batch.
    `training.fit` compiles whole epochs of that into one program, Keras's `fit` runs it as well.

    Parameters
    ----------
    generator : model from inputs x to examples, built
    critic : model from examples to (n, 1) numbers, built, linear at its end; no batch
        normalisation, as the slope is that of each example for itself
    decoder : model from examples back to inputs; None for a generator that is to please the critic
        only
    weight : of the critic in the generator's loss, at least 0. It is the non-trainable variable
        `weight`: models that differ by it share a compiled program. At 0 the critic learns and
        the generator does not listen.
    critic_steps : steps of the critic for each step of the generator, at least 1
    penalty : weight of the critic's steepness, at least 0

    Notes
    -----
    `compile(optimizer, critic_optimizer, loss)`: an optimizer for each side; the loss compares x
    with what the decoder makes of it. `training.fit(model, x, real, …)`: as many real examples as
    inputs. They need not belong together: shuffle one of the two if they would. The history holds
    `loss`, that of the decoder (without one, minus what the critic gives), `lead` and `steepness`,
    the penalty without its weight, each the mean of an epoch. Called on x, the model gives what
    the decoder makes of it, or what the generator writes.

    Raises
    ------
    TypeError
        If a net is no Keras model, or `critic_steps` no integer.
    ValueError
        If a number lies outside its range, the nets do not fit each other, or there is a decoder
        and no loss for it; in a step, if there are no real examples or fewer than `critic_steps`.

    Source: Goodfellow et al. 2014, "Generative adversarial nets", arXiv:1406.2661, algorithm 1;
    Arjovsky, Chintala & Bottou 2017, "Wasserstein GAN", arXiv:1701.07875; the penalty is that of
    Gulrajani et al. 2017, arXiv:1704.00028, algorithm 1.
    """

    def __init__(
        self,
        generator: keras.Model,
        critic: keras.Model,
        decoder: keras.Model | None = None,
        *,
        weight: float = 1.0,
        critic_steps: int = 5,
        penalty: float = 10.0,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        nets = {"generator": generator, "critic": critic}
        nets |= {"decoder": decoder} if decoder is not None else {}
        for name, net in nets.items():
            if not isinstance(net, keras.Model):
                raise TypeError(f"{name} is a {type(net).__name__}; pass a keras.Model")
        for name in nets.keys() - {"generator"}:
            if nets[name].input_shape != generator.output_shape:
                raise ValueError(
                    f"{name} takes {nets[name].input_shape}, but generator gives "
                    f"{generator.output_shape}; build them for one shape"
                )
        if critic.output_shape[1:] != (1,):
            raise ValueError(f"critic gives {critic.output_shape}; let it end with Dense(1)")
        _checks.number(weight, "weight", lambda w: 0 <= w < inf, "a number of at least 0")
        _checks.number(penalty, "penalty", lambda p: 0 <= p < inf, "a number of at least 0")
        self.generator, self.critic, self.decoder = generator, critic, decoder
        self.critic_steps = int(check_scalar(critic_steps, "critic_steps", Integral, min_val=1))
        self.penalty = float(penalty)
        initial = keras.initializers.Constant(float(weight))
        self.weight = self.add_weight((), initial, trainable=False, name="weight")
        self.random = keras.random.SeedGenerator()
        self.means = {name: keras.metrics.Mean(name) for name in ("loss", "lead", "steepness")}
        self.built = True

    def compile(self, optimizer: Any, critic_optimizer: Any, loss: Any = None, **kwargs) -> None:
        """Say how each side learns: Keras's `compile`, with a second optimizer for the critic."""
        if (self.decoder is None) != (loss is None):
            raise ValueError(
                f"loss is {loss!r}; "
                + (
                    "leave it out"
                    if loss is not None
                    else 'pass one for the decoder, such as "mse"'
                )
            )
        super().compile(optimizer=optimizer, loss=loss, **kwargs)
        self.critic_optimizer = keras.optimizers.get(critic_optimizer)
        self.optimizer.build(self._writers())
        self.critic_optimizer.build(self.critic.trainable_variables)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """List what an epoch reports."""
        return list(self.means.values())

    def call(self, x, training=False):
        written = self.generator(x, training=training)
        return written if self.decoder is None else self.decoder(written, training=training)

    def train_step(self, data) -> dict:
        """Take the critic's steps on the parts of a batch, then the generator's on all of it."""
        x, real, _ = keras.utils.unpack_x_y_sample_weight(data)
        if real is None:
            raise ValueError("there are no real examples; pass them as y")
        if x.shape[0] is not None and x.shape[0] < self.critic_steps:
            raise ValueError(
                f"a batch has {x.shape[0]} examples for {self.critic_steps} steps of the critic; "
                "take larger batches, or a number of examples that leaves no small rest"
            )
        size = ops.shape(x)[0] // self.critic_steps

        def critic_step(part, state):
            rows = part * size + ops.arange(size)
            self._critic_step(ops.take(x, rows, axis=0), ops.take(real, rows, axis=0))
            return state

        # A loop inside the program, which without it would hold each of the steps.
        each(0, self.critic_steps, critic_step, 0)
        self._generator_step(x)
        return self.get_metrics_result()

    def _critic_step(self, x, real) -> None:
        written = ops.stop_gradient(self.generator(x, training=True))
        real = ops.cast(real, written.dtype)
        share = keras.random.uniform(
            (ops.shape(written)[0], *[1] * (len(written.shape) - 1)), seed=self.random
        )
        between = share * real + (1 - share) * written
        with tf.GradientTape() as tape:
            with tf.GradientTape() as inner:
                inner.watch(between)
                given = self.critic(between, training=True)
            slopes = inner.gradient(given, between)
            squares = ops.sum(slopes**2, axis=tuple(range(1, len(slopes.shape))))
            # The tiny number keeps the root's slope finite where the critic is flat.
            steepness = ops.mean((ops.sqrt(squares + keras.config.epsilon()) - 1) ** 2)
            lead = ops.mean(self.critic(real, training=True))
            lead -= ops.mean(self.critic(written, training=True))
            loss = self.penalty * steepness - lead
        weights = self.critic.trainable_variables
        self.critic_optimizer.apply(tape.gradient(loss, weights), weights)
        self.means["lead"].update_state(lead)
        self.means["steepness"].update_state(steepness)

    def _generator_step(self, x) -> None:
        with tf.GradientTape() as tape:
            written = self.generator(x, training=True)
            given = ops.mean(self.critic(written, training=True))
            own = -given
            loss = self.weight * own
            if self.decoder is not None:
                restored = self.decoder(written, training=True)
                own = self.compute_loss(x=x, y=x, y_pred=restored, training=True)
                loss += own
        weights = self._writers()
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        self.means["loss"].update_state(own)

    def _writers(self) -> list:
        """List what learns on the generator's side."""
        decoder = [] if self.decoder is None else self.decoder.trainable_variables
        return self.generator.trainable_variables + decoder
