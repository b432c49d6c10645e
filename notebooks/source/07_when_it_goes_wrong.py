# %% [markdown]
# # 07 · When it goes wrong: why do GANs fail?
#
# *About 75 minutes. You need: chapters 01, 02 and 04; complex numbers and 2 x 2 matrices for the middle part.*
#
# A wrong GAN and an unlucky one look alike: bad samples. Chapter 13 is about wrong ones. Here every formula is right
# and every derivative is checked, and the game fails all the same. There are three ways to fail that you meet again and
# again. $G$ serves only a part of the data. $G$ gets no gradient. Or the two players chase each other for ever. Each
# has a cause that can be written down, and each can be measured.
#
# **Question.** Why do GANs fail, although nothing in them is wrong?

# %%
try:
    import scratchgan
except ModuleNotFoundError as error:
    raise ImportError(f"no scratchgan here ({error}): ask your teacher, or install it as its README says") from None
import inspect
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from scratchgan.exercises import check
from scratchgan.metrics import mode_report
from scratchgan.plots import BLUE, FAKE, GREEN, GREY, ORANGE, REAL, VERMILLION, figure

# %% [markdown]
# ## Predict
#
# 1. $G$ trains against a $D$ that stands still, for as long as it likes. What do $G$'s samples look like in the end?
# 2. $D$ trains against a $G$ that stands still. What becomes of the gradient that $G$ would get?
# 3. All data are the number 0. $G$ is one number, $D$ is one slope. How many steps of gradient descent does this game
#    take?
#
# Write three answers down. All three will be computed below.
#
# ## Mode collapse
#
# ### Why collapse is tempting
#
# Read $\min_G \max_D V$ from the inside out: *for each* $G$ there is a best $D$, and $G$ is judged by that one. In
# training the order is lost. The players take turns, and while $G$ takes its step, $D$ stands still. What is the best
# $G$ against a $D$ that stands still? Its loss is a mean over its samples,
#
# $$L_G = \mathbb E_z\big[-\log D(G(z))\big] \;\ge\; \min_x \big[-\log D(x)\big],$$
#
# because no mean is below its smallest term. The bound is reached if $G(z)$ is the *same* $x$ for every $z$, the one
# place where $D$ is largest. So for $G$ alone it is best to put everything into one point. What keeps it from that is
# only $D$, which notices that this place is now full of fakes, and changes its mind. If $D$ is too slow for that, $G$
# collapses; and when $D$ has noticed at last, $G$ moves on to the next place.

# %%
from scratchgan.data.toy import ring as make_ring
from scratchgan.models import mlp_gan
from scratchgan.optim import Adam

ring = make_ring(8, radius=1.0, sigma=0.05)
STEPS = 1000


def play(seed, changes, each=None):
    """One game of 1,000 steps on the ring.  G's learning rate is ten times D's unless `changes` says otherwise."""
    settings = {"hidden": (48, 48), "lr_g": 3e-3, "lr_d": 3e-4, "lr_schedule": "linear", **changes}
    gan, rng = mlp_gan(2, 2, seed=seed, total_steps=STEPS, **settings), np.random.default_rng(seed)
    for step in range(STEPS):
        if each is not None and step % 20 == 0:
            each(step, gan)
        gan.train_step(ring.sample(64, rng=rng))
    return gan


good = play(0, {"lr_d": 3e-3})                                 # D as fast as G
before = good.sample(2500, seed=1)
good.g_optimizer = Adam(good.G, 3e-3, beta1=0.5)               # the old one's learning rate has fallen to 0
for _ in range(3000):
    good.g_step(64)                                            # G's turn, again and again; D stands still
after = good.sample(2500, seed=1)

fig = figure(8, 3.9)
left, right = fig.subplots(1, 2, sharex=True, sharey=True)
for axes, points, title in ((left, before, "Both players trained: all modes, with bridges"),
                            (right, after, "3,000 more steps of G alone: a few points")):
    axes.scatter(*ring.modes.T, s=90, facecolors="none", edgecolors=REAL, label="modes of the data")
    axes.scatter(*points.T, s=2, color=FAKE, alpha=0.3, label="2,500 samples of G")
    axes.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal", xlim=(-1.6, 1.6), ylim=(-1.6, 1.6))
    axes.set_title(title, fontsize=11)
right.legend(fontsize=7, loc="upper right")
fig.tight_layout()
for name, points in (("before", before), ("after", after)):
    found = mode_report(points, ring)
    D = good.probability(points)
    print(f"{name:<7} modes found {found.modes_found} of 8;  share of the fullest {max(found.counts) / 2500:.2f};  "
          f"mean D(G(z)) {D.mean():.3f};  G's loss {-np.log(D).mean():.3f}")
side = np.linspace(-1.6, 1.6, 81, dtype=np.float32)
plane = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
print(f"no G that stays in this square can have a loss below {-np.log(good.probability(plane).max()):.3f}")
fig

# %% [markdown]
# That answers the first prediction. $D(G(z))$ went up, so $G$'s loss went down, close to the least possible, and the
# samples are worthless. (It is a few points and not one, because $G$ only climbs: a sample on a lower hill stays there
# for a long time.)
#
# ### Measured while it happens
#
# Now a game in which $D$ is only *too slow*: its learning rate is a tenth of $G$'s. Every 20 steps we assign 2,500
# samples to their nearest modes, and draw which share each of the eight gets.

# %%
history = {"step": [], "share": []}


def count(step, gan):
    history["step"].append(step)
    history["share"].append(np.array(mode_report(gan.sample(2500, seed=1), ring).counts) / 2500)


slow = play(0, {}, each=count)
shares = np.array(history["share"])
fig = figure(9.5, 3.9)
left, right = fig.subplots(1, 2, width_ratios=(1.5, 1))
colours = ["#0072B2", "#56B4E9", "#009E73", "#F0E442", "#E69F00", "#D55E00", "#CC79A7", "#888888"]
left.stackplot(history["step"], shares.T, colors=colours, linewidth=0)
left.set(xlabel="training step", ylabel="share of G's samples", xlim=(0, history["step"][-1]), ylim=(0, 1),
         title="A slow D: the samples run from mode to mode (a colour each)")
right.scatter(*ring.modes.T, s=90, c=colours, edgecolors="black", label="modes of the data")
right.scatter(*slow.sample(2500, seed=1).T, s=2, color=FAKE, alpha=0.3, label="2,500 samples of G")
right.set(xlabel="$x_1$", ylabel="$x_2$", title="Where they are at the end", aspect="equal", xlim=(-1.6, 1.6),
          ylim=(-1.6, 1.6))
right.legend(fontsize=7, loc="upper right")
fig.tight_layout()
largest = shares[5:].max(axis=1)                               # without the first 100 steps
print(f"after the first 100 steps the fullest mode holds {largest.mean():.0%} of the samples on average (even: 12.5 %)")
print(f"{len(set(shares[5:].argmax(axis=1)))} different modes were the fullest one at some time")
fig

# %% [markdown]
# A single picture would have shown you *some* missing modes. The history shows more: they do not stay missing. $G$ is
# always in a few places, and never in the same ones for long.
#
# Two numbers say how bad it is (`scratchgan/metrics/modes.py`). **Modes found** counts the modes that are nearest to at
# least one good sample, chapter 04's exercise. It does not mind how few. **Reverse KL** compares the shares $q_k$ of
# the samples with the true weights $w_k$:
#
# $$\mathrm{KL}(q \,\|\, w) = \sum_k q_k \log \frac{q_k}{w_k} \qquad\text{(Modes.3)}$$
#
# It is 0 if the shares are right, and $\log 8 = 2.08$ if everything sits in one of eight equal modes. A missing mode
# has $q_k = 0$, and $0 \log 0$ is 0.

# %% [markdown]
# ### Exercise 07.reverse_kl

# %%
def reverse_kl(counts, weights):
    """counts (K,): samples at each mode, some may be 0.  weights (K,): their true shares.  Returns the KL in nats."""
    # BEGIN SOLUTION
    share = counts / counts.sum()
    there = share > 0
    return np.sum(share[there] * np.log(share[there] / weights[there]))
    # END SOLUTION


check("07.reverse_kl", reverse_kl)

# %% [markdown]
# ### Cures, under one protocol
#
# There are many cures in the literature, and each paper's table shows its own as the best. To compare, change one thing
# at a time, keep the rest, and repeat with several seeds, because a single run of such a game says little. Four games,
# three seeds each:
#
# - *slow D*, the game of above;
# - *slow D + R1*: a penalty on $D$'s slope at the data, which we derive below;
# - *slow D + packing*: $D$ judges four samples together, so that it can see that they are alike (PacGAN, Lin et al.
#   2018);
# - *D as fast as G*: the learning rate of $D$ is $G$'s.
#
# Which one will help most? Guess, then run.

# %%
GAMES = {"slow D": {}, "slow D + R1": {"penalty": "r1", "penalty_weight": 0.1}, "slow D + packing": {"packing": 4},
         "D as fast as G": {"lr_d": 3e-3}}
done = {("slow D", 0): slow.sample(2500, seed=1), ("D as fast as G", 0): before}              # from above
results = {}
for name, changes in GAMES.items():
    results[name] = []
    for seed in range(3):
        points = done[name, seed] if (name, seed) in done else play(seed, changes).sample(2500, seed=1)
        results[name].append(mode_report(points, ring))

fig = figure(9, 3)
left, right = fig.subplots(1, 2, sharey=True)
for axes, key, perfect, label in ((left, "modes_found", 8, "modes found, of 8"),
                                  (right, "reverse_kl", 0, "reverse KL (nats)")):
    for row, (name, found) in enumerate(results.items()):
        values = np.array([getattr(report, key) for report in found], float)
        error = values.std(ddof=1) / np.sqrt(len(values))
        axes.errorbar(values.mean(), row, xerr=error, fmt="s", color=BLUE, capsize=4)
        axes.plot(values, np.full(3, row + 0.22), "o", color=GREY, markersize=4)
        print(f"{name:<18}{label:<20}{values.mean():.2f} +- {error:.2f}")
    axes.axvline(perfect, color=GREEN, linestyle="--", linewidth=1)
    axes.set(xlabel=label, yticks=range(4), yticklabels=list(GAMES), ylim=(3.6, -0.5))
    axes.grid(axis="x", alpha=0.3)
left.set(ylabel="game")
fig.suptitle("Who keeps the modes?  Means with standard errors, and single runs (grey; dashed: perfect)", fontsize=11)
fig.tight_layout()
fig

# %% [markdown]
# Look at the grey dots before you look at the means: three runs of one game can lie several modes apart. Two things can
# still be said. To let $D$ learn as fast as $G$ finds all eight modes with every seed, because here the slowness *was*
# the cause. And R1, which is the best cure of the larger comparison below, does not mend this: it makes $D$ gentle, and
# a $D$ that is late stays late. A cure works against a cause. So find the cause first.
#
# The larger comparison has ten seeds a row, equally many steps within a data set, nets of three layers of 128 and both
# players equally fast (`python -m benchmarks.modes --best`, means and standard errors, from
# `benchmarks/results/modes_best.json`):
#
# | | modes found | reverse KL | points within $3\sigma$ |
# |---|---|---|---|
# | ring, plain GAN | 7.90 +- 0.10 of 8 | 0.040 | 97.3 % |
# | ring, plain, the cure's Adam | 7.40 +- 0.22 | 0.163 | 97.8 % |
# | ring, R1 + R2, average of G | 8.00 +- 0.00 | 0.002 | 97.4 % |
# | grid, plain GAN | 23.00 +- 0.71 of 25 | 0.134 | 91.9 % |
# | grid, plain, the cure's Adam | 23.40 +- 0.40 | 0.114 | 95.6 % |
# | grid, R1 + R2, average of G | 25.00 +- 0.00 | 0.005 | 95.9 % |
#
# ![Modes found and quality: the plain GAN loses modes, R1 + R2 keeps all of them](../benchmarks/results/modes_best.png)
#
# The cure has a price, which the table does not show: with it the points of a mode lie only about half as wide as the
# data (the within-mode spread, 1 if right, is 0.42 and 0.51, against 0.82 and 0.84 of the plain GAN).
#
# So collapse needs no slow $D$ either. `scratchgan train mlp-collapse` is the fifth row: both players equally strong,
# nearly all points in a mode, and modes of the grid that are not found in 8 of the 10 seeds. What is far from all fakes
# pulls nobody, since $D$'s gradient reaches $G$ only where $G$ has points.

# %% [markdown]
# ## Vanishing gradients
#
# Chapter 02 found what one fake contributes: with the logit $f = C(G(z))$,
#
# $$\Big|\frac{d}{df}\log(1 - \sigma(f))\Big| = \sigma(f) \quad\text{(Vanishing.1)}, \qquad
#   \Big|\frac{d}{df}\big(-\log\sigma(f)\big)\Big| = 1 - \sigma(f) \quad\text{(Vanishing.2)}.$$
#
# The rest of the way to $G$'s weights $\theta$ is the same for both losses, by the chain rule:
#
# $$\nabla_\theta L_{\text{minimax}} = -\frac1N \sum_n \sigma(f_n)\, \nabla_\theta f_n, \qquad
#   \nabla_\theta L_{\text{non-sat.}} = -\frac1N \sum_n (1 - \sigma(f_n))\, \nabla_\theta f_n .$$
#
# Let $D$ get better while $G$ stands still. If some $D$ tells all real samples from all fakes, then a $D$ with twice
# its logits has a smaller cross-entropy, and so on without end: $f_n \to -\infty$ and
# $\sigma(f_n) \approx e^{f_n} \to 0$. Now
#
# $$\big|\nabla_\theta L_{\text{minimax}}\big| \le \max_n \sigma(f_n) \; \frac1N \sum_n \big|\nabla_\theta f_n\big|,$$
#
# and twice the logits make the second factor twice as large, while the first one is squared:
# $\sigma(2f) \approx e^{2f}$. The product goes to 0. For the non-saturating loss the factor $1 - \sigma(f_n)$ goes to
# 1, and nothing vanishes.
#
# Arjovsky & Bottou (2017) argue that for images nothing stops $D$ on that way: images fill no volume in the space of
# pixels, and neither do fakes, so that the two hardly meet, and a $D$ without a mistake exists.
# `scratchgan/theory/vanishing.py` repeats the experiment of their figure 2 on digits: train a GAN a little, freeze $G$,
# take a *new* $D$, train it, and now and then measure the norm of the gradient that $G$ would get, for both losses.

# %%
from scratchgan.theory import vanishing

for f in (-2.0, -4.0, -8.0):
    sigma, doubled = 1 / (1 + np.exp(-f)), 1 / (1 + np.exp(-2 * f))
    print(f"a fake's logit {f}: cross-entropy {np.logaddexp(0, f):.5f}, sigma(f) {sigma:.5f};  doubled: cross-entropy "
          f"{np.logaddexp(0, 2 * f):.7f}, sigma(2f) / sigma(f)^2 {doubled / sigma**2:.3f}")
print(inspect.getsource(vanishing.gradient_norm))
curve = vanishing.experiment(before=28, steps=(0, 1, 3, 10, 30, 100, 300, 1000))
print(curve)

fig = figure(7, 3.6)
axes = fig.subplots()
axes.plot(curve.steps, curve.minimax, "o-", color=VERMILLION, label="minimax")
axes.plot(curve.steps, curve.non_saturating, "s-", color=BLUE, label="non-saturating")
axes.set(xscale="symlog", yscale="log", xlabel="steps of a new D against the frozen G",
         ylabel="norm of G's gradient", title="The better D is, the less minimax tells G")
axes.legend(fontsize=8)
axes.grid(alpha=0.3)
fig.tight_layout()
print(f"minimax fell by 10^{curve.orders[0]:.1f} from its largest value; non-saturating by 10^{curve.orders[1]:.1f}")
fig

# %% [markdown]
# The full experiment has 4,000 steps, three seeds and three lengths of training beforehand
# (`python -m benchmarks.theory`, some minutes): minimax falls by $10^{3.1}$ to $10^{5.3}$, with a median of $10^{5.1}$.
# Here are three of the nine runs.
#
# ![The minimax gradient falls by orders of magnitude, the other grows](../benchmarks/results/theory_vanishing.png)
#
# So "train $D$ to optimality before each step of $G$", which the theory of chapter 01 asks for, is the very thing that
# minimax does not survive. The non-saturating loss survives it: its factor is nearly 1, and what its column shows is
# how the slope of $D$'s logits *grows* with training. That is a gradient, but by then one of a $D$ that is hardly ever
# in doubt.

# %% [markdown]
# ### Exercise 07.gradient_sizes

# %%
def gradient_sizes(f):
    """f (N,): logits of fakes.  Returns |d loss/df| of each fake, minimax first, then non-saturating; no 1/N."""
    # BEGIN SOLUTION
    D = 1 / (1 + np.exp(-f))
    return D, 1 - D
    # END SOLUTION


check("07.gradient_sizes", gradient_sizes)

# %% [markdown]
# ## Oscillation: the smallest GAN of all
#
# The third way to fail needs no noise, no images and no nets. Mescheder, Geiger and Nowozin (2018) call it the
# **Dirac-GAN**:
#
# - all data are the number $x = 0$;
# - $G$ is one number, $G(z) = \theta$;
# - $D$ is one slope, $C(x) = \psi x$.
#
# The only sensible end is $\theta = 0$, the fake is where the data is, and $\psi = 0$, $D$ says $1/2$ to everything.
# The real logit is $\psi \cdot 0 = 0$ and the fake one $f = \psi\theta$. With minimax, by chapter 02,
#
# $$L_D = \operatorname{softplus}(0) + \operatorname{softplus}(\psi\theta), \qquad
#   L_G = -\operatorname{softplus}(\psi\theta),$$
#
# and each player descends its own loss in its own number, $\operatorname{softplus}' = \sigma$:
#
# $$v_\psi = \frac{\partial L_D}{\partial \psi} = \sigma(\psi\theta)\,\theta, \qquad
#   v_\theta = \frac{\partial L_G}{\partial \theta} = -\sigma(\psi\theta)\,\psi . \qquad\text{(Dirac.1)}$$
#
# A step of size $h$ is $\psi \leftarrow \psi - h\,v_\psi$ and $\theta \leftarrow \theta - h\,v_\theta$. There are two
# ways to do both. *Simultaneous*: both players look at the same old point. *Alternating*: $D$ first, and $G$ answers
# the new $\psi$, as everywhere else in this course.

# %% [markdown]
# ### Exercise 07.dirac_turns

# %%
def dirac_turns(psi, theta, h):
    """Numbers.  One step of each player, minimax.  Returns psi, theta if simultaneous, theta if alternating."""
    # BEGIN SOLUTION
    sigmoid = lambda f: 1 / (1 + np.exp(-f))
    new = psi - h * sigmoid(psi * theta) * theta
    return new, theta + h * sigmoid(psi * theta) * psi, theta + h * sigmoid(new * theta) * new
    # END SOLUTION


check("07.dirac_turns", dirac_turns)

# %% [markdown]
# ### It turns
#
# First let the steps become infinitely small: $\dot\psi = -v_\psi$, $\dot\theta = -v_\theta$. How does the squared
# distance from the end change?
#
# $$\frac{d}{dt}\big(\psi^2 + \theta^2\big) = 2\psi\dot\psi + 2\theta\dot\theta
#   = -2\psi\,\sigma\theta + 2\theta\,\sigma\psi = 0 .$$
#
# Not at all. The players run along a circle for ever. What $D$ gains, $G$ takes away: when the fake is on the right,
# $D$ tilts to the left; so $G$ runs to the left, past 0, because $D$ still points there; so $D$ tilts to the right.
#
# With simultaneous steps of size $h$ it is worse. Put the step into $\psi^2 + \theta^2$; the mixed terms are those of
# above and cancel, the squares stay:
#
# $$\psi_{new}^2 + \theta_{new}^2 = (\psi - h\sigma\theta)^2 + (\theta + h\sigma\psi)^2
#   = (1 + h^2\sigma^2)\,(\psi^2 + \theta^2).$$
#
# Every step leads *outwards*, for every $h > 0$. That answers the third prediction: no number of steps is enough.

# %%
from scratchgan.plots import phase_portrait
from scratchgan.theory import dirac

H, START = 0.2, (1.0, 1.0)
plain, r1 = dirac.VARIANTS["minimax"], dirac.Variant("minimax with R1", penalty="r1", gamma=0.5)
fig = phase_portrait(
    lambda psi, theta: tuple(-part for part in dirac.field(plain, psi, theta)), (-2, 2, -2, 2),
    trajectories={"simultaneous": dirac.trajectory(plain, h=H, steps=120, start=START),
                  "alternating": dirac.trajectory(plain, h=H, steps=120, mode="alternating", start=START),
                  "alternating, R1": dirac.trajectory(r1, h=H, steps=120, mode="alternating", start=START)},
    rest=(0, 0), title="The Dirac-GAN, minimax, 120 steps of 0.2 from (1, 1)")
some = np.random.default_rng(0).uniform(-2, 2, (2, 1000))
v = dirac.field(plain, *some)
print(f"largest |psi v_psi + theta v_theta| of 1,000 points: {np.abs(some[0] * v[0] + some[1] * v[1]).max():.0e}")
radius = np.linalg.norm(dirac.trajectory(plain, h=H, steps=1, start=START)[1])
print(f"after one simultaneous step: {radius:.6f};  sqrt(2) sqrt(1 + h^2 sigma(1)^2) = "
      f"{np.sqrt(2 * (1 + (H / (1 + np.exp(-1.0)))**2)):.6f}")
fig

# %% [markdown]
# ### Eigenvalues say so in general
#
# For nets no such trick with a circle is at hand. But near the end every smooth game is nearly linear, and a linear
# game can be solved. Differentiate (Dirac.1) once more, and put $\psi = \theta = 0$ in, where $\sigma = \frac12$. For
# instance $\partial v_\psi/\partial\theta = \sigma + \sigma'\psi\theta = \frac12$ and
# $\partial v_\psi/\partial\psi = \sigma'\theta^2 = 0$. All four make the Jacobian $J$ of $v$:
#
# $$J(0) = \begin{pmatrix} 0 & s \\ -s & 0 \end{pmatrix}, \qquad s = \tfrac12,
#   \qquad\text{so near the end}\quad \frac{d}{dt}\begin{pmatrix}\psi\\\theta\end{pmatrix}
#   = A \begin{pmatrix}\psi\\\theta\end{pmatrix}, \quad A = -J(0) = \begin{pmatrix} 0 & -s \\ s & 0 \end{pmatrix}.
#   \qquad\text{(Dirac.3)}$$
#
# Along an eigenvector of $A$, $A w = \lambda w$, the solution is $e^{\lambda t} w$, and its size is
# $e^{t\,\mathrm{Re}\,\lambda}$. So a **negative real part** means that the game comes home, a positive one that it
# leaves, and the **imaginary part** is how fast it turns. Here
#
# $$\det(A - \lambda I) = \lambda^2 + s^2 = 0 \quad\Rightarrow\quad \lambda = \pm\, i s : \qquad\text{(Dirac.4)}$$
#
# no real part at all. A single loss cannot do that: its matrix of second derivatives is symmetric, and symmetric
# matrices have real eigenvalues. Two losses that pull at each other make the antisymmetric part, and it turns.
#
# **Simultaneous steps** multiply the point by $I + hA$, whose eigenvalues are $1 + h\lambda = 1 \pm i h s$, of size
#
# $$|1 + h\lambda| = \sqrt{1 + h^2 s^2} > 1 : \quad\text{it spirals outwards.} \qquad\text{(Dirac.5)}$$
#
# **Alternating steps**: $\psi_{new} = \psi - hs\,\theta$ first, then
# $\theta_{new} = \theta + hs\,\psi_{new} = hs\,\psi + (1 - h^2s^2)\,\theta$. The matrix and its determinant, which is
# the product of the eigenvalues, are
#
# $$M = \begin{pmatrix} 1 & -hs \\ hs & 1 - h^2 s^2 \end{pmatrix}, \qquad
#   \det M = 1 - h^2s^2 + h^2s^2 = 1. \qquad\text{(Dirac.6)}$$
#
# As long as the eigenvalues are a complex pair, both have the same size, which must be 1: it neither leaves nor comes
# home. They solve $\mu^2 - (2 - h^2s^2)\,\mu + 1 = 0$, and that has no real roots for $hs < 2$.
#
# ### What brings it home
#
# The penalty **R1** makes $D$ pay for its slope at the data, $\frac\gamma2 |\partial C/\partial x|^2$. The slope of
# $C = \psi x$ is $\psi$, so $D$ also descends $\frac\gamma2\psi^2$, that is $v_\psi$ gains $\gamma\psi$:
#
# $$A = \begin{pmatrix} -\gamma & -s \\ s & 0 \end{pmatrix}, \qquad
#   \lambda^2 + \gamma\lambda + s^2 = 0, \qquad
#   \lambda = -\frac\gamma2 \pm \sqrt{\frac{\gamma^2}4 - s^2} .$$
#
# For every $\gamma > 0$ both real parts are negative: it comes home. And simultaneous steps? For $\gamma < 2s$ the pair
# is complex, and the squared size is the determinant of $I + hA$,
#
# $$|1 + h\lambda|^2 = (1 - h\gamma)\cdot 1 + h^2s^2 = 1 - h\gamma + h^2 s^2 < 1 \iff h < \gamma/s^2 :$$
#
# inside the unit circle for small steps. It is friction: the same turning, with a loss of speed.

# %% [markdown]
# ### Exercises 07.update_matrix and 07.growth
# With many steps, a point grows or shrinks by the size of the largest eigenvalue each time, its **spectral radius**.

# %%
def update_matrix(h, s, gamma):
    """Numbers.  Returns the matrix (2, 2) of one simultaneous step near 0, with R1; the order is (psi, theta)."""
    # BEGIN SOLUTION
    return np.eye(2) + h * np.array([[-gamma, -s], [s, 0.0]])
    # END SOLUTION


def growth(M):
    """M (2, 2), real.  Returns its spectral radius: the largest size of an eigenvalue."""
    # BEGIN SOLUTION
    return np.abs(np.linalg.eigvals(M)).max()
    # END SOLUTION


print(check("07.update_matrix", update_matrix))
check("07.growth", growth)

# %% [markdown]
# ### Theory against code
#
# `scratchgan/theory/dirac.py` has these formulas for nine variants. `dirac_nets.py` builds the same games of the
# package's own layers, losses and penalties, and has to take the same steps. The table has the size of the largest
# eigenvalue of an update, and the distance from the end after 500 steps of $h = 0.2$ from $(1, 1)$. It was
# $\sqrt 2 = 1.41$ at the start.

# %%
from scratchgan.theory.dirac_nets import DiracNets

print(f"{'':<16}{'updates':<14}{'|mu|':>9}{'after 500':>12}")
worst = 0.0
for name in ("minimax", "non-saturating", "WGAN", "WGAN-GP", "instance noise", "R1", "consensus"):
    for mode in ("simultaneous", "alternating"):
        variant = dirac.VARIANTS[name]
        mu = "kink" if name == "WGAN-GP" else f"{max(map(abs, dirac.update_eigenvalues(variant, H, mode))):.5f}"
        hand = dirac.trajectory(variant, h=H, steps=500, mode=mode, start=START)
        layers = DiracNets(variant, psi=START[0], theta=START[1], h=H).trajectory(steps=100, mode=mode)
        worst = max(worst, np.abs(hand[:101] - layers).max())
        print(f"{name:<16}{mode:<14}{mu:>9}{np.linalg.norm(hand[-1]):>12.2g}")
print(f"\nlargest difference between formulas and layers in 100 steps: {worst:.1e}")
for gamma in (0.01, 0.5, 5.0):
    damped = dirac.Variant("R1", penalty="r1", gamma=gamma)
    print(f"R1, gamma = {gamma}: largest real part {max(value.real for value in dirac.eigenvalues(damped)):+.4f}")
for share in (0.99, 1.01):
    mu = dirac.update_eigenvalues(dirac.VARIANTS["R1"], share * 0.5 / 0.5**2, "simultaneous")
    print(f"R1, gamma = 0.5, h = {share} gamma / s^2: |mu| = {max(map(abs, mu)):.4f}")
grows = abs(dirac.update_eigenvalues(dirac.VARIANTS["WGAN"], H, "simultaneous")[0])
room = np.log(np.finfo(np.float32).max / np.linalg.norm(START))
print(f"WGAN, simultaneous: beyond float32 after {room / np.log(grows):,.0f} steps")

# %% [markdown]
# ![Eight Dirac-GANs: three come home](../benchmarks/results/theory_dirac.png)
#
# (`python -m benchmarks.theory`.) What Mescheder et al. proved in 2018, you can read off: GANs without regularisation,
# WGAN, and WGAN-GP with finitely many turns of the critic need not converge, and do not here. Instance noise, consensus
# optimisation and zero-centred penalties such as R1 do. WGAN-GP asks for the slope 1 everywhere, also at the end, where
# the slope should be 0.
#
# ### And for nets?
#
# The same matrix exists for any two nets; it only has as many rows as there are weights. `dynamics.py` multiplies it
# with a vector, by the tangent passes of chapter 03 (Dynamics.1), and so builds it column by column. Here are two small
# nets at an exact equilibrium: the data come from a third net, $G$ equals that net, and the last layer of $D$ is 0.

# %%
from scratchgan.penalties import R1
from scratchgan.theory import eigenvalues

fig = figure(9, 3.6)
for axes, loss in zip(fig.subplots(1, 2, sharex=True, sharey=True), ("wasserstein", "non-saturating"), strict=True):
    gan, real, Z = eigenvalues.teacher_game(loss=loss)
    for name, penalty, marker, colour in (("no penalty", None, "o", VERMILLION), ("R1, gamma = 1", R1(1.0), "s", BLUE)):
        values = eigenvalues.eigenvalues(gan, real, Z, penalty)
        values = values[np.abs(values) > 1e-4]                 # the others are directions in which nothing changes
        axes.plot(values.real, values.imag, marker, color=colour, label=name, markersize=5, alpha=0.8)
        print(f"{loss:<16}{name:<15}largest real part {values.real.max():+.0e};  simultaneous steps shrink up to h = "
              f"{eigenvalues.largest_step(values):.3f}")
    axes.axvline(0, color=GREY, linewidth=1)
    axes.set(xlabel="real part", ylabel="imaginary part")
    axes.set_title(f"{loss}: R1 moves what turns to the left", fontsize=11)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="lower left")
fig.tight_layout()
fig

# %% [markdown]
# Without a penalty the Wasserstein game of two nets only turns, as the Dirac-GAN does. Some eigenvalues stay close to
# the axis even with R1: those directions come home, but slowly, and they decide how long training takes.
#
# ## The doctor
#
# Three failures, and all look like bad samples. What tells them apart is measured in training and stands in the run's
# log. `scratchgan doctor RUN` reads the log. Here is a run with a planted fault: minimax, and a $D$ that learns ten
# thousand times as fast as $G$.

# %%
from scratchgan.runs import recipe
from scratchgan.runs.diagnose import diagnose
from scratchgan.runs.train import train

plan = replace(recipe.load("mlp-ring"), steps=1000, hidden=(48, 48), batch_size=64, sample_every=1000, loss="minimax",
               lr_d=1e-2, lr_g=1e-6)
with tempfile.TemporaryDirectory() as folder:
    run = train(plan, Path(folder) / "RUN", progress=False)
    print(str(diagnose(run.folder)).replace(f"{folder}/", "").split("\n\nnot judged")[0])

# %% [markdown]
# It names the cause, the number that shows it, since when, and what to try. `scratchgan/doctor/rules.py` has every
# threshold together with its reason. On 32 runs that were broken on purpose it named the planted fault first in 30, and
# of 6 healthy ones it called none ill (`python -m benchmarks.doctor`, on seeds that no threshold was chosen on).
#
# ## What can go wrong
#
# - **"$D$'s loss goes to 0 and $G$'s rises: is that failure?"** It says that $D$ wins, no more. Under minimax that is
#   failure, as the first curve shows. Under the non-saturating loss the gradient of $G$ was then at its *largest*, and
#   a $D$ that is far ahead can still teach. It is failure if the samples no longer improve while $D$ is sure. The
#   doctor asks for both before it says so.
# - **"Why only ones?"** In $G$'s turn the fakes carry the label 1, because $-\log D$ is cross-entropy with that label:
#   the non-saturating loss. Write zeros there, flip the sign of the loss, and you have minimax, with the gradient of
#   the falling curve. If it is $D$ that says only ones, it has not learned anything from fakes: is its fake batch
#   really labelled 0?
# - **"Why NaN?"** A step was too large. In the table above WGAN's simultaneous steps had led beyond $10^4$ after 500 of
#   them, and after some thousands float32 has no number for it. Or a logarithm was taken of a probability that had been
#   rounded to 0 (chapter 02). Training here stops at the first number that is not finite, and names the step.
# - **"One seed was fine."** Then run five. Three runs of one game above lay several modes apart.
# - **"The literature says that this cure is best."** Under its protocol. Ours put R1 + R2 first in one comparison and
#   R1 beside doing nothing in the other, because the causes differed.
#
# ## Sources
#
# Goodfellow et al. 2014 for both losses. Arjovsky & Bottou 2017, *Towards principled methods for training generative
# adversarial networks*, figure 2. Mescheder, Geiger & Nowozin 2018, *Which training methods for GANs do actually
# converge?*, for the Dirac-GAN and R1; Mescheder, Nowozin & Geiger 2017, *The numerics of GANs*, for the eigenvalues
# and consensus optimisation. Metz et al. 2017 (unrolled GANs), Srivastava et al. 2017 (VEEGAN) and Lin et al. 2018
# (PacGAN) for the ring, the grid and the counting.
