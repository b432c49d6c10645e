# %% [markdown]
# # 01 · The game: what is there to learn without labels?
#
# *About 45 minutes. You need: probability densities, logarithms, a mean. No derivatives yet.*
#
# In chapter 00 a network learned to draw digits that nobody had written. No image came with the right answer, for there
# is none. So what was it told? This chapter looks at the question on a line, where everything can be seen whole:
# the data, what the generator makes, and what the discriminator thinks of every single point.
#
# **Question.** What does a discriminator learn, and how can that teach somebody else?

# %%
try:
    import scratchgan
except ModuleNotFoundError as error:
    raise ImportError(f"no scratchgan here ({error}): ask your teacher, or install it as its README says") from None
import inspect

import numpy as np

from scratchgan.exercises import check
from scratchgan.plots import BLUE, FAKE, GREEN, REAL, VERMILLION, figure

# %% [markdown]
# ## Two ways to learn from data
#
# A **discriminative** model answers a question about an $x$ that it is given: *is this a seven?* It learns
# $p(\text{label} \mid x)$, from examples that carry labels.
#
# A **generative** model makes an $x$ itself: it learns $p(x)$, or a way to draw from it, from examples that carry nothing.
# That is harder to even measure. If I show you a digit that a program drew, which number says how far it is from the
# right one? There is no right one.
#
# Generative adversarial networks (Goodfellow et al. 2014) turn the second problem into the first. Nobody can tell the
# generator what it should have drawn, but a discriminator can learn to tell drawn digits from real ones, because *those*
# labels cost nothing: we know which is which.
#
# | symbol | what it is |
# |---|---|
# | $X$, $x$ | a batch of real samples; one of them. Their density is $p$ |
# | $Z$, $z$ | a batch of noise, $z \sim \mathcal N(0, I)$; one of it |
# | $G(z)$ | a fake. The density of fakes is $q$ |
# | $C(x)$ | the logit: what the discriminator's network puts out, any number |
# | $D(x)$ | $= \sigma(C(x)) = 1/(1+e^{-C(x)})$, the probability that $D$ gives to "$x$ is real" |
#
# Think of a counterfeiter and the police. The police see notes, real and false, and learn to tell them apart. The
# counterfeiter never sees a real note. All that he learns, he learns from what the police object to.

# %% [markdown]
# ## Predict
#
# Below are two densities: real samples come from the orange one, fakes from the blue one, equally many of each. You are
# the police. Somebody hands you a note with the number $x$ on it.
#
# 1. At $x = -2$ there are somewhat more orange notes than blue ones. What probability of "real" do you say?
# 2. Far to the right, say at $x = 4$, there is hardly any blue, and even less orange. What do you say there?
#
# Write your two numbers down before you run the next cell.

# %%
from scratchgan.theory import mixture, optimal_discriminator

p = mixture([-2.0, 1.0], [0.6, 0.5], [0.5, 0.5])          # real
q = mixture([-1.0], [1.2])                                # fakes
x = np.linspace(-6, 5, 500)

fig = figure(7, 3)
axes = fig.subplots()
axes.fill_between(x, p.density(x), color=REAL, alpha=0.5, label="p(x), real")
axes.fill_between(x, q.density(x), color=FAKE, alpha=0.5, label="q(x), fakes")
axes.set(xlabel="x", ylabel="density", title="Whose note is it?  Compare the two heights at one x, not their areas")
axes.legend()
fig.tight_layout()
for at in (-2.0, 4.0):
    here = np.array([at])
    print(f"at x = {at:g}: p = {p.density(here)[0]:.2g}, q = {q.density(here)[0]:.2g}")
fig

# %% [markdown]
# ## The best discriminator
#
# Take a small interval around $x$, of width $dx$. Of $N$ real samples about $N\,p(x)\,dx$ fall into it, of $N$ fakes
# about $N\,q(x)\,dx$. Whoever sees a sample from that interval and knows nothing else should say
#
# $$D^*(x) \;=\; \frac{N\,p(x)\,dx}{N\,p(x)\,dx + N\,q(x)\,dx} \;=\; \frac{p(x)}{p(x)+q(x)} \qquad\text{(Loss.3)}$$
#
# and no cleverness can do better, because two samples with the same $x$ are the same sample. That is half of the
# theory of GANs already. Only the ratio of the densities counts: where both are tiny, $D^*$ is as sure as anywhere.
#
# We shall derive in chapter 02 that training $D$ with cross-entropy leads exactly there. First, use it.

# %% [markdown]
# ### Exercise 01.optimal_d
# Write $D^*$ from the two densities.

# %%
def optimal_d(p, q):
    """p, q: densities at some points, arrays of one shape.  Returns D* there."""
    # BEGIN SOLUTION
    return p / (p + q)
    # END SOLUTION


check("01.optimal_d", optimal_d)

# %% [markdown]
# Now let a network find out by itself, from samples alone. It never sees a density. Below, a discriminator of two hidden
# layers plays against a generator that stands still, so that $q$ does not move. All that happens in one turn of $D$ is in
# `GAN.d_gradients`, which is shown first: this is the package's own code, not a copy.

# %%
from scratchgan.gan import GAN

print(inspect.getsource(GAN.d_gradients))

# %%
from scratchgan.layers import Sequential
from scratchgan.layers import Dense, LeakyReLU
from scratchgan.models.training import game


class StandStill(Dense):
    """A 'generator' that turns noise into samples of q and never learns: y = 1.2 z - 1."""

    def __init__(self):
        super().__init__(1, 1, rng=np.random.default_rng(0))
        self.params["W"][...], self.params["b"][...] = 1.2, -1.0


def draw_real(n, rng):
    which = rng.integers(0, 2, n)
    return (np.where(which == 0, -2.0, 1.0) + np.where(which == 0, 0.6, 0.5) * rng.standard_normal(n)
            ).astype(np.float32)[:, None]


rng = np.random.default_rng(0)
D = Sequential([Dense(1, 64, init="he", rng=rng), LeakyReLU(0.2), Dense(64, 64, init="he", rng=rng), LeakyReLU(0.2),
                Dense(64, 1, init="glorot", rng=rng)])
gan = game(StandStill(), D, latent_dim=1, data_shape=(1,), lr_d=2e-3, loss="minimax", lr_schedule="linear",
           total_steps=1500)
learned = {}
for step in range(1501):
    if step in (0, 100, 1500):
        learned[step] = gan.probability(x[:, None].astype(np.float32))
    gan.d_step(draw_real(512, rng))
    gan.steps += 1

best = optimal_discriminator(p.log_density(x), q.log_density(x))
fig = figure(7, 3.4)
axes = fig.subplots()
axes.plot(x, best, color=GREEN, linewidth=5, alpha=0.4, label="D* = p / (p + q)")
for (step, y), colour in zip(learned.items(), ("lightgray", VERMILLION, BLUE), strict=True):
    axes.plot(x, y, color=colour, label=f"learned, {step:,} steps")
axes.set(xlabel="x", ylabel="D(x), probability of real", ylim=(-0.02, 1.02),
         title="Samples are enough to find D*; where there are none, D only guesses")
axes.legend(fontsize=8)
fig.tight_layout()
plenty = (p.density(x) + q.density(x)) > 0.1
print(f"largest |D - D*| where samples are plenty: {np.abs(learned[1500] - best)[plenty].max():.3f}")
fig

# %% [markdown]
# Where there are samples, the learned curve lies on $D^*$; at the edges it has nothing to go by.
#
# ## How that teaches somebody else
#
# Look at the slope of $D$ at the places where fakes are. A fake at $x = -0.3$ stands between two hills: $D$ rises towards
# the right one, and so the counterfeiter learns which way to move his note to make it look more real. **That slope is all
# that a generator ever learns from.** It never sees an $x$; it sees $\partial D / \partial x$ at its own fakes.

# %%
from scratchgan.plots import fake_gradient

points = np.linspace(-4, 3, 15, dtype=np.float32)[:, None]
push = -fake_gradient(gan, points)[:, 0]                   # G's loss falls in this direction
fig = figure(7, 3)
axes = fig.subplots()
axes.plot(x, learned[1500], color=BLUE, label="D(x)")
axes.quiver(points[:, 0], np.full(15, 0.05), push / np.abs(push).max(), np.zeros(15), color=FAKE, angles="xy",
            scale_units="xy", scale=1.4, width=0.004)
axes.set(xlabel="x", ylabel="D(x)", ylim=(-0.02, 1.02),
         title="Each fake is pushed uphill on D: the arrows are all that G learns from")
axes.legend(fontsize=8)
fig.tight_layout()
low, high = gan.probability(np.array([[-0.4], [-0.2]], np.float32))
print(f"learned D at -0.4: {low:.3f}, at -0.2: {high:.3f}: it rises to the right")
fig

# %% [markdown]
# ## What is the game about?
#
# Score the police on a batch: let $V$ be the mean logarithm of the probability that $D$ gave to what was true,
#
# $$V(D, G) \;=\; \mathbb E_{x \sim p}\big[\log D(x)\big] + \mathbb E_{z}\big[\log(1 - D(G(z)))\big]. \qquad\text{(Loss.2)}$$
#
# $D$ wants it large, $G$ wants it small: $\min_G \max_D V(D, G)$. If $D$ knew everything it would be 0; if it said $1/2$
# to all, it would be $\log\frac12 + \log\frac12 = -\log 4 \approx -1.386$.

# %% [markdown]
# ### Exercise 01.value_of_game
# Compute $V$ from what $D$ says of a batch of real samples and of a batch of fakes.

# %%
def value_of_game(d_real, d_fake):
    """d_real (N,), d_fake (M,): what D says, in 0..1.  Returns V, a number."""
    # BEGIN SOLUTION
    return np.mean(np.log(d_real)) + np.mean(np.log(1 - d_fake))
    # END SOLUTION


check("01.value_of_game", value_of_game)

# %% [markdown]
# Put the best $D$ into $V$, and something remarkable comes out. With $m = (p+q)/2$,
#
# $$\begin{aligned}
# V(D^*, G) &= \int p \log \frac{p}{p+q} + \int q \log \frac{q}{p+q}
#            = \int p \log \frac{p}{2m} + \int q \log \frac{q}{2m} \\
#           &= -\log 2 \int p - \log 2 \int q + \int p \log \frac pm + \int q \log \frac qm
#            = -\log 4 + \mathrm{KL}(p \,\|\, m) + \mathrm{KL}(q \,\|\, m) .
# \end{aligned}$$
#
# The last two terms are twice the **Jensen-Shannon divergence** of $p$ and $q$, a distance between densities that is 0 only
# if they are equal and $\log 2$ if they do not overlap at all:
#
# $$V(D^*, G) = 2\,\mathrm{JSD}(p, q) - \log 4 .$$
#
# So a generator that plays against the best police minimises a distance to the data, though nobody ever told it the data.
# It has won when $q = p$: then $D^* = 1/2$ everywhere and $V = -\log 4$.

# %% [markdown]
# ### Exercise 01.js
# The Jensen-Shannon divergence of two discrete distributions, in nats.

# %%
def js(p, q):
    """p, q (K,): positive, each sums to 1.  Returns JSD(p, q) in nats."""
    # BEGIN SOLUTION
    m = (p + q) / 2
    return 0.5 * np.sum(p * np.log(p / m)) + 0.5 * np.sum(q * np.log(q / m))
    # END SOLUTION


check("01.js", js)

# %% [markdown]
# Does the code agree with the theory? `scratchgan.theory` integrates numerically; the last line puts both sides of the
# identity next to each other, for our two densities, for equal ones and for two that hardly overlap.

# %%
from scratchgan.theory import gaussian
from scratchgan.theory import js as js_of
from scratchgan.theory.optimal import value_of_game as value_of_best

print(f"{'':<24}{'V(D*, G)':>12}{'2 JSD - log 4':>16}{'JSD / log 2':>14}")
for name, a, b in (("our two", p, q), ("equal", p, p), ("far apart", gaussian(-6, 0.5), gaussian(6, 0.5))):
    distance = js_of(a, b).value
    print(f"{name:<24}{value_of_best(a, b).value:>12.6f}{2 * distance - np.log(4):>16.6f}{distance / np.log(2):>14.4f}")

# %% [markdown]
# ## What can go wrong
#
# - **"$D$ outputs the density."** It outputs a ratio. Where neither real nor fake samples are, nothing ties it down, and a
#   surface that looks full of knowledge out there is a guess.
# - **"$D = 1/2$ means that $G$ is perfect."** It means that *this* $D$ cannot tell. A $D$ that is too weak or has given up
#   says $1/2$ as well. Chapter 11 measures quality without asking $D$.
# - **Far apart, JSD is $\log 2$, wherever the fakes are.** A distance that does not change when you move has no slope, and a
#   generator without a slope learns nothing. That is the vanishing gradient of chapter 07, and why chapter 08 looks for
#   another distance.
#
# ## Sources
#
# Goodfellow et al. 2014, *Generative adversarial nets*: equation 1 is (Loss.2), proposition 1 is (Loss.3), theorem 1 the
# identity with JSD. The derivation on logits is in `scratchgan/losses/`.
