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
import copy
import inspect
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from scratchgan.exercises import check
from scratchgan.metrics import mode_report
from scratchgan.plots import BLACK, BLUE, FAKE, GREEN, GREY, REAL, VERMILLION, animation_html, figure

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
# only $D$, which notices that this place is now full of fakes, and changes its mind. The next cell takes that away: $D$
# stands still. (`lr_schedule="linear"`, here and below: both learning rates stay as they are for the first half of the
# steps and then fall to 0 along a straight line, notebook 03b.)

# %%
from scratchgan.data.toy import ring as make_ring
from scratchgan.models import mlp_gan
from scratchgan.optim import Adam

SIGMA, STEPS = 0.05, 1000
ring = make_ring(8, radius=1.0, sigma=SIGMA)


def play(seed, changes, each=None):
    """One game of 1,000 steps on the ring.  G's learning rate is ten times D's unless `changes` says otherwise."""
    settings = {"hidden": (48, 48), "lr_g": 3e-3, "lr_d": 3e-4, "lr_schedule": "linear", **changes}
    gan, rng = mlp_gan(2, 2, seed=seed, total_steps=STEPS, **settings), np.random.default_rng(seed)
    for step in range(STEPS):
        if each is not None and step % 20 == 0:
            each(step, gan)
        gan.train_step(ring.sample(64, rng=rng))
    return gan


trained = play(0, {"lr_d": 3e-3})                              # D as fast as G
alone = copy.deepcopy(trained)
alone.g_optimizer = Adam(alone.G, 3e-3, beta1=0.5)             # the old one's learning rate has fallen to 0
for _ in range(3000):
    alone.g_step(64)                                           # G's turn, again and again; D stands still
before, after = trained.sample(2500, seed=1), alone.sample(2500, seed=1)
measured = {}
for name, points in (("before", before), ("after", after)):
    found, D = mode_report(points, ring), alone.probability(points)
    measured[name] = found, D.mean(), -np.log(D).mean()
    print(f"{name:<7} modes found {found.modes_found} of 8;  within 3 standard deviations {found.high_quality:.2f};  "
          f"share of the fullest {max(found.counts) / 2500:.2f};  mean D(G(z)) {D.mean():.3f};  "
          f"G's loss {-np.log(D).mean():.3f}")
side = np.linspace(-1.6, 1.6, 401, dtype=np.float32)
plane = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
bound = -np.log(alone.probability(plane).max())
print(f"no G that stays in this square can have a loss below about {bound:.3f}")

# %% draw
# alt: Two scatter plots of 2,500 samples of G, x1 from -1.6 to 1.6 across and x2 upwards, with the eight modes of the
#   ring as circles. Left, both players trained: all eight circles have samples, and bridges of samples join them.
#   Right, after 3,000 more steps of G alone: nearly all samples sit in two of the circles.
fig = figure(8.4, 4.2)
left, right = fig.subplots(1, 2, sharex=True, sharey=True)
for axes, points, title in ((left, before, "Both players trained:\nall modes, with bridges between them"),
                            (right, after, "3,000 more steps of G alone:\na few points, most modes empty")):
    axes.scatter(*ring.modes.T, s=90, facecolors="none", edgecolors=REAL, label="modes of the data")
    axes.scatter(*points.T, s=2, color=FAKE, alpha=0.3, label="2,500 samples of G")
    axes.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal", xlim=(-1.6, 1.6), ylim=(-1.6, 1.6))
    axes.set_title(title, fontsize=11)
right.legend(fontsize=9, loc="upper right", markerscale=1)
fig.tight_layout()
fig

# %% [markdown]
# That answers the first prediction. $D(G(z))$ went up, so $G$'s loss went down, close to the least possible, and the
# samples are worthless as a set, although nearly each of them lies where data lies. This is **mode collapse**. (It is a
# few points and not one, because $G$ only climbs: a sample on a lower hill stays there for a long time.)
#
# ### Why a missing mode is forgiven
#
# Against the *best* $D$, chapter 02 says, $G$ minimises the Jensen-Shannon divergence between the data's density $p$ and
# its own, $q$. With $m = (p+q)/2$ that is a sum of two terms (the split is that of Prince, *Understanding deep learning*,
# chapter 15):
#
# $$\mathrm{JSD} = \underbrace{\frac12 \int q \log\frac{q}{m}}_{\text{quality: a mean over the fakes}}
#   \;+\; \underbrace{\frac12 \int p \log\frac{p}{m}}_{\text{coverage: a mean over the data}} .
#   \qquad\text{(QualityCoverage.1)}$$
#
# The first term is large if fakes lie where there is hardly any data, the second if there is data where hardly any fakes
# lie. What does a mode cost that is lost altogether? There $q = 0$, so $m = p/2$, and the coverage term has
# $\frac12 \int p \log 2$: a mode with the share $w$ of the data costs $\frac12 w \log 2$ there, and no more. Maximum
# likelihood, which minimises $\mathrm{KL}(p\,\|\,q) = \int p \log (p/q)$, would pay *infinitely* much. Worse: where
# $q = 0$ the integrand is $p \log 2$ whatever $G$ does. A small change of $G$ does not change it, so no gradient calls
# $G$ there. And of the two terms, the loss that $G$ descends has only the first in it: its mean is over fakes, and with
# the best $D$, $1 - D = q/(p+q)$, it is $\mathbb E_q \log(1-D) = 2 \cdot \text{quality} - \log 2$. (Its *slope*, with $D$ held
# still, is that of the whole JSD: chapter 02. But that, too, is a mean over fakes, and knows nothing of a place without any.)
#
# An example with numbers. Let the data have 8 equal modes, far apart, and let $G$ serve $j$ of them, each with the
# share $1/j$. On a served mode $p/q = (1/8)/(1/j) = j/8$, so
#
# $$\text{quality} = \frac12 \log\frac{16}{8 + j}, \qquad
#   \text{coverage} = \frac12\Big[\frac j8 \log\frac{2j}{8 + j} + \frac{8-j}8 \log 2\Big] .
#   \qquad\text{(QualityCoverage.2)}$$

# %%
from scratchgan.theory import js, mixture


def narrow(modes):
    """Equal narrow modes at 0, 1, ..., far apart for their width."""
    return mixture(list(range(modes)), [0.05] * modes)


print("modes served     quality    coverage     their sum    JSD, integrated    KL(p || q)")
for j in (8, 7, 4, 1):
    quality = 0.5 * np.log(16 / (8 + j))
    coverage = 0.5 * (j / 8 * np.log(2 * j / (8 + j)) + (8 - j) / 8 * np.log(2))
    integrated = js(narrow(8), narrow(j)).value
    print(f"{j} of 8{quality:>18.4f}{coverage:>12.4f}{quality + coverage:>14.4f}{integrated:>19.4f}"
          f"{0.0 if j == 8 else np.inf:>14}")
print(f"the largest that JSD can be: log 2 = {np.log(2):.4f}")

# %% [markdown]
# To lose one of eight modes costs 0.045 of at most 0.693 nats. Most of that is quality, the price of crowding the other
# seven, which $D$ can report at the fakes; coverage is hardly a third. (The missing mode alone would cost
# $\frac12 \cdot \frac18 \log 2 = 0.043$ there, but the other seven get more than their share, which gives 0.030 back.)
#
# ### Measured while it happens
#
# Now a game in which $D$ is only *too slow*: its learning rate is a tenth of $G$'s. Is that the same failure? Every 20
# steps we take 2,500 samples. A sample within 3 standard deviations of a mode counts for this mode, every other sample
# is **nowhere**. Two games: one begins with two untrained nets, the other with the pair that had been trained above.

# %%
def shares_at(points):
    """points (N, 2).  Returns (8,): the share of all points that lies within 3 standard deviations of each mode."""
    distance = np.linalg.norm(points[:, None] - ring.modes, axis=2)
    at = distance.argmin(axis=1)[distance.min(axis=1) <= 3 * SIGMA]
    return np.bincount(at, minlength=8) / len(points)


from_start, from_trained = [], []
slow = play(0, {}, each=lambda step, gan: from_start.append(shares_at(gan.sample(2500, seed=1))))
late = copy.deepcopy(trained)
late.g_optimizer, late.d_optimizer = Adam(late.G, 3e-3, beta1=0.5), Adam(late.D, 3e-4, beta1=0.5)   # D slow again
batches = np.random.default_rng(0)
for step in range(STEPS):
    if step % 20 == 0:
        from_trained.append(shares_at(late.sample(2500, seed=1)))
    late.train_step(ring.sample(64, rng=batches))
from_start, from_trained = np.array(from_start), np.array(from_trained)
for name, shares in (("untrained", from_start), ("trained", from_trained)):
    print(f"from an {name} pair:" if name == "untrained" else f"from a {name} pair:",
          f"samples at a mode, on average {shares[5:].sum(axis=1).mean():.0%}, at the end {shares[-1].sum():.0%}; "
          f"modes with at least 1 % of the samples at the end {np.sum(shares[-1] >= 0.01)}")
runaway = np.linalg.norm(slow.sample(2500, seed=1)[:, None] - ring.modes, axis=2).min(axis=1)
print(f"untrained: median distance to the nearest mode at the end {np.median(runaway):.2f} = "
      f"{np.median(runaway) / SIGMA:.0f} standard deviations")

# %% draw
# alt: Left and middle, two stacked areas over 1,000 training steps, share of G's samples from 0 to 1. From untrained
#   nets nearly all of the height is the grey band called nowhere. From a trained pair eight coloured bands, one for each
#   mode, fill most of the height all the time. Right, a scatter plot of the plane: the samples of the first game lie
#   along a streak that misses most of the eight modes.
colours = ["#0072B2", "#56B4E9", "#009E73", "#F0E442", "#E69F00", "#D55E00", "#CC79A7", "#332288"]
fig = figure(11, 4)
first, second, third = fig.subplots(1, 3, width_ratios=(1.2, 1.2, 1))
for axes, shares, title in ((first, from_start, "A slow D, from untrained nets:\nG's samples are nearly all nowhere"),
                            (second, from_trained, "The same slow D, from a trained pair:\nall modes are kept")):
    nowhere = 1 - shares.sum(axis=1)
    axes.stackplot(np.arange(0, STEPS, 20), np.vstack([shares.T, nowhere]), colors=[*colours, "#DDDDDD"], linewidth=0)
    axes.text(480, 0.96, "grey: nowhere", fontsize=10, ha="center", va="top")
    axes.set(xlabel="training step", xlim=(0, STEPS - 20), ylim=(0, 1))
    axes.set_title(title, fontsize=11)
first.set_ylabel("share of G's samples (a colour a mode)")
third.scatter(*ring.modes.T, s=90, c=colours, edgecolors="black", label="modes of the data")
third.scatter(*slow.sample(2500, seed=1).T, s=2, color=FAKE, alpha=0.3, label="2,500 samples of G")
third.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal", xlim=(-1.6, 1.6), ylim=(-1.6, 1.9))
third.set_title("First game, at the end", fontsize=11)
third.legend(fontsize=9, loc="upper right")
fig.tight_layout()
fig

# %% [markdown]
# This is not collapse. Collapsed samples are good and all alike; these are bad, and on the run. An untrained $D$ that is
# slow never learns where the data is before $G$ has left the place that it is just learning to reject: a **chase**, the
# third failure of this chapter. And slowness alone does not do it: the same slow $D$, once it has been trained, holds all
# eight modes. A count of modes would not have told us. One lucky sample near each mode is enough for "8 of 8 found". So
# print **the share of samples within 3 standard deviations** beside every count of modes.
#
# Two more numbers say how bad a collapse is (`scratchgan/metrics/modes.py`). **Modes found** counts the modes that are
# nearest to at least one good sample, chapter 04's exercise. It does not mind how few. **Reverse KL** compares the shares
# $q_k$ of the samples with the true weights $w_k$ (each sample at its nearest mode, however far it is):
#
# $$\mathrm{KL}(q \,\|\, w) = \sum_k q_k \log \frac{q_k}{w_k} \qquad\text{(Modes.3)}$$
#
# It is 0 if the shares are right, and $\log 8 = 2.08$ if everything sits in one of eight equal modes. A missing mode
# has $q_k = 0$, and $0 \log 0$ is 0. *Reverse*, because maximum likelihood puts the data first: $\mathrm{KL}(w\,\|\,q)$
# has $\log(w_k/q_k)$ in it, and is infinite as soon as one mode is missing, whether seven others are right or none.

# %% [markdown]
# ### Exercise 07.reverse_kl

# %%
def reverse_kl(counts, weights):
    """counts (K,): samples at each mode, some may be 0.  weights (K,): their true shares.  Returns the KL in nats.

    >>> round(float(reverse_kl(np.array([30, 10]), np.array([0.5, 0.5]))), 4)
    0.1308
    """
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
# - *slow D*, the game of above, from untrained nets;
# - *slow D + R1*. **R1** makes $D$ pay for its slope at the data: $\frac\gamma2 \cdot \frac1N \sum_n |\partial C/\partial
#   x_n|^2$ is added to $L_D$. What it is good for, we derive below;
# - *slow D + packing*: $D$ judges four samples together, so that it can see that they are alike (PacGAN, Lin et al.
#   2018);
# - *D as fast as G*: the learning rate of $D$ is $G$'s. (A rate of its own for each player is known as the **two time
#   scale** rule, Heusel et al. 2017, who let $D$ be the faster one.)
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

KEYS = {"modes_found": "modes found, of 8", "high_quality": "within 3 std. dev.", "reverse_kl": "reverse KL (nats)"}
table = {(name, key): np.array([getattr(report, key) for report in found], float)
         for name, found in results.items() for key in KEYS}
print(" " * 18 + "".join(f"{label:>22}" for label in KEYS.values()))
for name in GAMES:
    cells = [f"{table[name, key].mean():.2f} +- {table[name, key].std(ddof=1) / 3**0.5:.2f}" for key in KEYS]
    print(f"{name:<18}" + "".join(f"{cell:>22}" for cell in cells))

# %% draw
# alt: Three panels side by side, a row for each of four games: modes found of 8, share of samples within 3 standard
#   deviations, and reverse KL in nats. Squares with error bars are means, grey dots are single runs, a dashed line is
#   the perfect value. Only the game with a fast D finds 8 modes with each seed, and has from 0.2 to 0.7 of its samples
#   at a mode; in the three games with a slow D that share is below 0.12.
fig = figure(10.5, 3.6)
for axes, (key, label), perfect in zip(fig.subplots(1, 3, sharey=True), KEYS.items(), (8, 0.989, 0), strict=True):
    for row, name in enumerate(GAMES):
        values = table[name, key]
        axes.errorbar(values.mean(), row, xerr=values.std(ddof=1) / 3**0.5, fmt="s", color=BLUE, capsize=4)
        axes.plot(values, np.full(3, row + 0.22), "o", color=GREY, markersize=4)
    axes.axvline(perfect, color=GREEN, linestyle="--", linewidth=1)
    axes.set(xlabel=label, yticks=range(4), yticklabels=list(GAMES), ylim=(3.6, -0.5))
    axes.grid(axis="x", alpha=0.3)
fig.suptitle("Only a D as fast as G puts samples at the modes (squares: means; grey: runs; dashed: perfect)", fontsize=11)
fig.tight_layout()
fig

# %% [markdown]
# Look at the grey dots before you look at the means: runs of one game may lie several modes apart. And look at the
# middle panel before the left one: whatever number of modes a slow $D$ "finds", hardly any sample is at one. Only the $D$
# that is as fast as $G$ has all eight modes with every seed *and* a share of good samples that counts (from 0.2 to 0.7, where
# the others have less than 0.12), for here the slowness of an untrained $D$ was the cause. R1 and packing do not mend it: a $D$ that is late stays late, be it gentle or well
# informed. A cure works against a cause. So find the cause first.
#
# The larger comparison has ten seeds a row, equally many steps within a data set, nets of three layers of 128 and both
# players equally fast (`python -m benchmarks.modes --best`, means and standard errors, from
# `benchmarks/results/modes_best.json`). Its cure is a bundle: R1; **R2**, the same penalty at the *fakes*,
# $\frac\gamma2 \cdot \frac1N \sum_n |\partial C/\partial G(z_n)|^2$; another Adam; and samples from a **moving average**
# of $G$'s weights, $\bar\theta \leftarrow \beta \bar\theta + (1 - \beta)\, \theta$ after every step, with $\beta$ just
# below 1: what goes round in circles in $\theta$ cancels in $\bar\theta$.
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
# ![Modes found and share of good samples, ring and grid: the plain GAN loses modes, R1 + R2 with an average of G keeps all of them](../benchmarks/results/modes_best.png)
#
# The second row of each data set changes Adam alone, so the table tells what Adam does, and what the other three do
# *together*. Which of those three is needed, it does not tell: they were not tried one at a time.
#
# The cure has a price, which the table does not show: with it the points of a mode lie only about half as wide as the
# data (the within-mode spread, 1 if right, is 0.42 and 0.51, against 0.82 and 0.84 of the plain GAN).
#
# So collapse needs no slow $D$ either. `scratchgan train mlp-collapse` is the fifth row: both players equally strong,
# nearly all points in a mode, and modes of the grid that are not found in 8 of the 10 seeds. What is far from all fakes
# pulls nobody, as the coverage term said: $D$'s gradient reaches $G$ only where $G$ has points.

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
# pixels, and neither do fakes, so that the two hardly meet, and a $D$ without a mistake exists. Their figure 2 shows the
# gradient of the original (minimax) loss while a new $D$ is trained, their figure 3 that of $-\log D$.
# `scratchgan/theory/vanishing.py` repeats both on digits: train a GAN a little, freeze $G$, take a *new* $D$, train it,
# and now and then measure the norm of the gradient that $G$ would get, for both losses.

# %%
from scratchgan.theory import vanishing

for f in (-2.0, -4.0, -8.0):
    sigma, doubled = 1 / (1 + np.exp(-f)), 1 / (1 + np.exp(-2 * f))
    print(f"a fake's logit {f}: cross-entropy {np.logaddexp(0, f):.5f}, sigma(f) {sigma:.5f};  doubled: cross-entropy "
          f"{np.logaddexp(0, 2 * f):.7f}, sigma(2f) / sigma(f)^2 {doubled / sigma**2:.3f}")
print(inspect.getsource(vanishing.gradient_norm))
curve = vanishing.experiment(before=28, steps=(0, 1, 3, 10, 30, 100, 300, 1000))
print(curve)
print(f"minimax fell by 10^{curve.orders[0]:.1f} from its largest value; non-saturating by 10^{curve.orders[1]:.1f}")

# %% draw
# alt: Norm of G's gradient, on a logarithmic axis, against the steps of a new D from 0 to 1,000. The minimax curve falls
#   by more than three powers of ten. The non-saturating curve rises and ends above its start.
fig = figure(7.5, 4)
axes = fig.subplots()
axes.plot(curve.steps, curve.minimax, "o-", color=VERMILLION, label="minimax")
axes.plot(curve.steps, curve.non_saturating, "s--", color=BLUE, label="non-saturating")
axes.set(xscale="symlog", yscale="log", xlabel="steps of a new D against the frozen G",
         ylabel="norm of G's gradient", title="The better D is, the less minimax tells G")
axes.legend(fontsize=10)
axes.grid(alpha=0.3)
fig.tight_layout()
fig

# %% [markdown]
# The full experiment has 4,000 steps, three seeds and three lengths of training beforehand
# (`python -m benchmarks.theory`, some minutes): minimax falls by $10^{3.1}$ to $10^{5.3}$, with a median of $10^{5.1}$.
# Here are three of the nine runs.
#
# ![Norm of G's gradient against D's steps, nine lines in pairs: the minimax gradient falls by orders of magnitude, the other grows](../benchmarks/results/theory_vanishing.png)
#
# That answers the second prediction: under minimax $G$'s gradient vanishes; under the non-saturating loss it does not. So
# "train $D$ to optimality before each step of $G$", which the theory of chapter 01 asks for, is the very thing that
# minimax does not survive. The non-saturating loss survives it: its factor is nearly 1, and what its column shows is
# how the slope of $D$'s logits *grows* with training. That is not an all-clear. It is the gradient of a $D$ that is
# hardly ever in doubt, and Arjovsky and Bottou's figure 3 shows that it becomes noisy as it grows; in their model of an
# almost perfect $D$ (theorem 2.6) its variance is even infinite.

# %% [markdown]
# ### Exercise 07.gradient_sizes

# %%
def gradient_sizes(f):
    """f (N,): logits of fakes.  Returns |d loss/df| of each fake, minimax first, then non-saturating; no 1/N.

    >>> [part.round(3).tolist() for part in gradient_sizes(np.array([-2.0, 0.0]))]
    [[0.119, 0.5], [0.881, 0.5]]
    """
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
    """Numbers.  One step of each player, minimax.  Returns psi, theta if simultaneous, theta if alternating.

    >>> [round(float(number), 4) for number in dirac_turns(1.0, 2.0, 0.5)]
    [0.1192, 2.4404, 2.0333]
    """
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
paths = {"simultaneous": dirac.trajectory(plain, h=H, steps=120, start=START),
         "alternating": dirac.trajectory(plain, h=H, steps=120, mode="alternating", start=START),
         "alternating, R1": dirac.trajectory(r1, h=H, steps=120, mode="alternating", start=START)}
some = np.random.default_rng(0).uniform(-2, 2, (2, 1000))
v = dirac.field(plain, *some)
print(f"largest |psi v_psi + theta v_theta| of 1,000 points: {np.abs(some[0] * v[0] + some[1] * v[1]).max():.0e}")
radius = np.linalg.norm(paths["simultaneous"][1])
print(f"after one simultaneous step: {radius:.6f};  sqrt(2) sqrt(1 + h^2 sigma(1)^2) = "
      f"{np.sqrt(2 * (1 + (H / (1 + np.exp(-1.0)))**2)):.6f}")
for name, path in paths.items():
    print(f"{name:<16} distance from the end after 120 steps {np.linalg.norm(path[-1]):.4f}")

# %% draw
# alt: Arrows of the field in the plane of psi (across) and theta (upwards), both from -2 to 2, turn round the origin.
#   From (1, 1) the simultaneous steps spiral outwards, the alternating ones stay on one ring, and those with R1 spiral
#   into the origin.
fig = phase_portrait(lambda psi, theta: tuple(-part for part in dirac.field(plain, psi, theta)), (-2, 2, -2, 2),
                     trajectories=paths, rest=(0, 0), title="The Dirac-GAN, minimax, 120 steps of 0.2 from (1, 1)")
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
# Along an eigenvector $u$ of $A$, $A u = \lambda u$, the solution is $e^{\lambda t} u$, and its size grows like
# $e^{t\,\mathrm{Re}\,\lambda}$. So a **negative real part** means that the game comes home, a positive one that it
# leaves, and **0 decides nothing**: then it is what we have left out, the curvature of the field, that decides. The
# **imaginary part** is how fast it turns. Here
#
# $$\det(A - \lambda I) = \lambda^2 + s^2 = 0 \quad\Rightarrow\quad \lambda = \pm\, i s : \qquad\text{(Dirac.4)}$$
#
# no real part at all. A single loss cannot do that: its matrix of second derivatives is symmetric, and symmetric
# matrices have real eigenvalues. Two losses that pull at each other make the antisymmetric part, and it turns.
#
# **Simultaneous steps** multiply the point by $I + hA$, whose eigenvalues are $1 + h\lambda = 1 \pm i h s$, of size
#
# $$|1 + h\lambda| = \sqrt{1 + h^2 s^2} > 1 : \quad\text{close to 0 it spirals outwards.} \qquad\text{(Dirac.5)}$$
#
# **Alternating steps**: $\psi_{new} = \psi - hs\,\theta$ first, then
# $\theta_{new} = \theta + hs\,\psi_{new} = hs\,\psi + (1 - h^2s^2)\,\theta$. The matrix and its determinant, which is
# the product of the eigenvalues, are
#
# $$M = \begin{pmatrix} 1 & -hs \\ hs & 1 - h^2 s^2 \end{pmatrix}, \qquad
#   \det M = 1 - h^2s^2 + h^2s^2 = 1. \qquad\text{(Dirac.6)}$$
#
# As long as the eigenvalues are a complex pair, both have the same size, which must be 1. They solve
# $\mu^2 - (2 - h^2s^2)\,\mu + 1 = 0$, and that has no real roots for $hs < 2$.
#
# ### A size of 1 decides nothing
#
# Is a game with $|\mu| = 1$ one that goes round for ever? Take the non-saturating loss. Its $G$ descends
# $v_\theta = -\sigma(-\psi\theta)\,\psi$ instead, which at 0 has the same derivatives: the same $A$, the same
# $\lambda$, the same $\mu$. But now, with $f = \psi\theta$ and $R^2 = \psi^2 + \theta^2$,
#
# $$\frac{d(R^2)}{dt} = -2\psi\,\sigma(f)\,\theta + 2\theta\,\sigma(-f)\,\psi = -2f\,\big(\sigma(f) - \sigma(-f)\big)
#   = -2 f \tanh\frac f2 \approx -f^2,$$
#
# which is never positive. It shrinks, and how fast? On a circle $\psi = R\cos\varphi$, $\theta = R\sin\varphi$, so
# $f^2 = R^4 \cos^2\varphi \sin^2\varphi = \frac{R^4}4 \sin^2 2\varphi$, over a turn $R^4/8$ on average, and
#
# $$\frac{d(R^2)}{dt} \approx -\frac{R^4}8 \quad\Rightarrow\quad \frac{d}{dt}\,\frac1{R^2} = \frac18
#   \quad\Rightarrow\quad R \approx \sqrt{\frac 8t} = \sqrt{\frac8{h\,n}} \quad\text{after $n$ steps.}
#   \qquad\text{(Dirac.7)}$$
#
# It *does* come home, but ever more slowly: for a tenth of the distance it needs a hundred times as many steps. That is
# the next order, of which the eigenvalues know nothing. With simultaneous steps the growth of (Dirac.5),
# $h\,s^2 R^2 = h R^2/4$ per unit of time, works against it, and both are equal at $R = \sqrt{2h}$.

# %%
def radii(loss, mode, steps, h=H):
    """The distance from (0, 0) after each step from (1, 1), with one sigmoid for both losses."""
    sigma = lambda f: 1 / (1 + np.exp(-f))
    psi, theta, found = *START, np.empty(steps)
    for n in range(steps):
        new = psi - h * sigma(psi * theta) * theta
        f = (new if mode == "alternating" else psi) * theta
        pull = sigma(f) if loss == "minimax" else sigma(-f)
        theta, psi = theta + h * pull * (new if mode == "alternating" else psi), new
        found[n] = psi**2 + theta**2
    return np.sqrt(found)


mu = {loss: abs(dirac.update_eigenvalues(dirac.VARIANTS[loss], H, "alternating")[0])
      for loss in ("minimax", "non-saturating")}
print(f"|mu|, alternating: minimax {mu['minimax']:.6f}, non-saturating {mu['non-saturating']:.6f}")
creeping = radii("non-saturating", "alternating", 30_000)
for n in (300, 3000, 30_000):
    print(f"non-saturating, alternating, n = {n:>6}: distance {creeping[n - 1]:.4f},  sqrt(8 / (h n)) = "
          f"{np.sqrt(8 / (H * n)):.4f}")
balance = radii("non-saturating", "simultaneous", 5000)[-100:]
print(f"non-saturating, simultaneous: {balance.min():.3f} to {balance.max():.3f};  sqrt(2 h) = {np.sqrt(2 * H):.3f}")
drift = radii("minimax", "alternating", 30_000)
print(f"minimax, alternating, over a turn: {drift[:64].min():.3f} to {drift[:64].max():.3f} at first, "
      f"{drift[-64:].min():.3f} to {drift[-64:].max():.3f} after 30,000 steps")

# %% [markdown]
# Twice $|\mu| = 1$, and twice another end: the non-saturating game creeps home as (Dirac.7) says, minimax slowly drifts
# *outwards*. And "spirals outwards" of (Dirac.5) holds close to 0 only: further out, the non-saturating game settles on a
# circle.
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
# inside the unit circle for small steps. It is friction: the same turning, with a loss of speed. (**R2**, the penalty at
# the fakes, is the same here: $C$ is linear, its slope is $\psi$ everywhere.)
#
# ### Change a knob, predict first
#
# The film shows both kinds of steps, with three knobs. What will you see for
#
# 1. `GAMMA = 0.5`, the friction of above;
# 2. `GAMMA = 5`, ten times as much friction: is it home sooner?
# 3. `GAMMA = 0.5` and `STEP = 2.1`, a step just above $\gamma/s^2 = 2$?
# 4. `GAMMA = 0` and `LOSS = "wasserstein"`, the loss of chapter 08, with which the sigmoids are gone and $s = 1$?

# %%
LOSS, STEP, GAMMA = "minimax", 0.2, 0.0                        # the knobs; losses: minimax, non-saturating, wasserstein


def knobs(loss, step, gamma, steps=120):
    """The two paths of a game with these knobs, (121, 2) each."""
    variant = dirac.Variant("film", loss, penalty="r1", gamma=gamma)
    return {mode: dirac.trajectory(variant, h=step, steps=steps, mode=mode, start=START)
            for mode in ("simultaneous", "alternating")}


film = knobs(LOSS, STEP, GAMMA)
for setting in (("minimax", 0.2, 0.0), ("minimax", 0.2, 0.5), ("minimax", 0.2, 5.0), ("minimax", 2.1, 0.5),
                ("wasserstein", 0.2, 0.0)):
    ends = [np.linalg.norm(path[-1]) for path in knobs(*setting).values()]
    print(f"{setting[0]:<12} h = {setting[1]}, gamma = {setting[2]}:  after 120 steps simultaneous {ends[0]:.2g}, "
          f"alternating {ends[1]:.2g}")

# %% draw
frames = []
for end in range(0, 121, 5):
    picture = figure(4.4, 4.2)
    axes = picture.subplots()
    for (name, path), colour, mark in zip(film.items(), (BLUE, VERMILLION), ("-", "--"), strict=True):
        axes.plot(*path[:end + 1].T, mark, color=colour, linewidth=1.2, label=name)
        axes.plot(*path[end], "o" if mark == "-" else "s", color=colour, markersize=8)
    axes.plot(0, 0, "+", color=BLACK, markersize=12)
    axes.set(xlim=(-2.5, 2.5), ylim=(-2.5, 2.5), xlabel="$\\psi$, D's slope", ylabel="$\\theta$, G's point", aspect="equal")
    axes.set_title(f"{LOSS}, h = {STEP}, gamma = {GAMMA}, step {end}", fontsize=10)
    axes.legend(fontsize=9, loc="upper right")
    picture.tight_layout()
    frames.append(picture)
animation_html(frames, [f"step {end}" for end in range(0, 121, 5)], interval=150, label="The Dirac-GAN, step by step")

# %% [markdown]
# 1. Both come home, in about the same number of steps. 2. No: with $\gamma > 2s$ the square root is real, and the larger of
# the two $\lambda$, close to $-s^2/\gamma = -0.05$, decides: $D$ hardly moves any more, and $G$ has no one to follow.
# 3. Simultaneous steps do not settle, alternating ones do. 4. Simultaneous steps leave the picture soon, for $s = 1$ makes
# them grow faster; alternating ones go round an ellipse for ever.
#
# ### Why without momentum?
#
# Chapter 04's Adam has a momentum, $\beta_1 = 0.5$. Many recipes for games with a penalty set it to 0 (WGAN-GP's does, in
# chapter 08). Why? Momentum adds a part $\beta$ of the last step to each step. On the way down a valley that is a help.
# On a circle the last step points along the tangent of a moment ago, which leads *outwards*. In numbers: with momentum the
# simultaneous step from the point $P_n = (\psi_n, \theta_n)$ near 0 becomes $P_{n+1} = P_n + hA P_n + \beta (P_n - P_{n-1})$,
# so that along an eigenvector
#
# $$\mu^2 - (1 + \beta + h\lambda)\,\mu + \beta = 0 . \qquad\text{(TurningMomentum.1)}$$

# %%
print("largest |mu|, h = 0.2, for momentum" + "".join(f"{beta:>9}" for beta in (0.0, 0.3, 0.5, 0.9)))
momentum = {}
for gamma in (0.0, 0.5):
    lam = dirac.eigenvalues(dirac.Variant("R1", penalty="r1", gamma=gamma))
    momentum[gamma] = [max(np.abs(np.roots([1, -(1 + beta + H * value), beta])).max() for value in lam)
                       for beta in (0.0, 0.3, 0.5, 0.9)]
    print(f"    gamma = {gamma:<23}" + "".join(f"{size:>9.4f}" for size in momentum[gamma]))

# %% [markdown]
# Without friction each increase of $\beta$ makes the spiral open faster. With R1 a momentum of 0.3 even helps a little
# here, 0.5 does not any more, and 0.9, the default of Adam, drives the game away from its end.

# %% [markdown]
# ### Exercises 07.update_matrix and 07.growth
# With many steps, a point grows or shrinks by the size of the largest eigenvalue each time, its **spectral radius**.

# %%
def update_matrix(h, s, gamma):
    """Numbers.  Returns the matrix (2, 2) of one simultaneous step near 0, with R1; the order is (psi, theta).

    >>> update_matrix(0.5, 0.5, 1.0).tolist()
    [[0.5, -0.25], [0.25, 1.0]]
    """
    # BEGIN SOLUTION
    return np.eye(2) + h * np.array([[-gamma, -s], [s, 0.0]])
    # END SOLUTION


def growth(M):
    """M (2, 2), real.  Returns its spectral radius: the largest size of an eigenvalue, complex or real.

    >>> round(float(growth(np.array([[0.5, -1.0], [1.0, 0.5]]))), 4)
    1.118
    >>> round(float(growth(np.array([[0.5, 0.0], [0.0, -2.0]]))), 4)
    2.0
    """
    # BEGIN SOLUTION
    return np.abs(np.linalg.eigvals(M)).max()
    # END SOLUTION


print(check("07.update_matrix", update_matrix))
check("07.growth", growth)

# %% [markdown]
# ### Theory against code
#
# Before the table, what its rows are. *WGAN* (chapter 08) has no sigmoid: $L_D = f - r$ for the real logit $r$ and the fake
# one $f$, $L_G = -f$, so $s = 1$. *WGAN-GP* adds a penalty that wants the slope 1, here
# $\frac\gamma2(|\psi| - 1)^2$. Two more cures:
#
# **Instance noise** (Sønderby et al. 2017) adds noise $e$ of variance $\tau^2$ to all that $D$ sees, real and fake. Then
# the real logit is $\psi e$ and the fake one $\psi(\theta + e)$, and $D$'s loss, which was flat in $\psi$ at the end,
# curves there: its second derivative in $\psi$ is the mean of $\sigma'(0)\,e^2$, once for real and once for fake,
#
# $$2 \cdot \tfrac14\,\tau^2 = \frac{\tau^2}2 = d \quad\text{in the place of $\gamma$:}\qquad
#   \lambda = -\frac{\tau^2}4 \pm \sqrt{\frac{\tau^4}{16} - s^2} . \qquad\text{(DiracNoise.1)}$$
#
# **Consensus optimisation** (Mescheder et al. 2017) makes both players descend $\frac\gamma2 |v|^2$ besides their own
# loss: both want to come to a point where nobody pulls. Its gradient is $\gamma J^T v$. With the $J(0)$ of (Dirac.3),
# $J^TJ = s^2 I$, so near the end $A$ becomes $-J - \gamma s^2 I$, and $\lambda = -\gamma s^2 \pm i s$: friction for both
# players. It needs products with $J^T$, second derivatives of both nets, in every step.
#
# `scratchgan/theory/dirac.py` has these formulas for nine variants. `dirac_nets.py` builds the same games out of the
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
# ![Eight phase portraits of the Dirac-GAN, psi across and theta upwards: instance noise, R1 and consensus come home, the others circle or leave](../benchmarks/results/theory_dirac.png)
#
# (`python -m benchmarks.theory`; axes and colours are those of the picture above.) What Mescheder et al. proved in 2018,
# you can read off. Instance noise, consensus optimisation and zero-centred penalties such as R1 come home at the rate of
# a power of $|\mu| < 1$. The others have no such rate: minimax circles or leaves, and so does WGAN; WGAN-GP, with finitely
# many turns of the critic, keeps dancing about the end, because it asks for the slope 1 everywhere, also at the end, where
# the slope should be 0. The non-saturating game with alternating steps comes home without any penalty, but only like
# $1/\sqrt n$.
#
# ### And for nets?
#
# Is every GAN without a penalty as bad as this one, then? No, and (DiracNoise.1) says why. Noise on a single point is the
# same as *data with a width*: if the data are spread with variance $\tau^2$ and the fakes as well, $D$'s loss curves in
# $\psi$, and minimax and non-saturating come home for every $\tau > 0$ without any cure. It is the point mass, all data at
# $x = 0$ where $D$'s slope makes no difference, that takes the friction away. Nagarajan and Kolter (2017) proved for nets
# that a GAN is locally stable near an equilibrium if, roughly, data have a density that $D$ can feel in all its
# directions; Mescheder et al. (2018) answered with the Dirac-GAN that this cannot be left out. Images lie in between: they
# fill few of the directions of their space. And WGAN's loss is linear in the logit, it curves nowhere, so no width helps.
#
# The same matrix $A$ exists for any two nets; it only has as many rows as there are weights. `dynamics.py` multiplies it
# with a vector, by the tangent passes of chapter 03 (Dynamics.1), and so builds it column by column. Here are two small
# nets at an exact equilibrium: the data come from a third net, a curve in the plane, $G$ equals that net, and the last
# layer of $D$ is 0. (Then $C = 0$ for real and fake, so $D$'s gradient, real minus fake, is 0, and $G$ gets none through a
# $D$ that is flat: nobody moves.) Eigenvalues that are 0 belong to directions in which nothing changes, such as all changes
# of $D$'s first layer while its last one is 0; they are left out.

# %%
from scratchgan.penalties import R1
from scratchgan.theory import eigenvalues

spectra = {}
for loss in ("wasserstein", "non-saturating"):
    nets, real, Z = eigenvalues.teacher_game(loss=loss)
    for name, penalty in (("no penalty", None), ("R1, gamma = 1", R1(1.0))):
        values = eigenvalues.eigenvalues(nets, real, Z, penalty)
        spectra[loss, name] = values = values[np.abs(values) > 1e-4]
        turning = values[np.abs(values.imag) > 0.1]
        print(f"{loss:<16}{name:<15}largest real part {values.real.max():+.0e};  of the pairs that turn fast "
              f"{turning.real.max():+.4f};  simultaneous steps shrink up to h = {eigenvalues.largest_step(values):.3f}")

# %% draw
# alt: Two panels of eigenvalues, real part across, imaginary part upwards. Left, the Wasserstein game: without a penalty
#   all lie on the vertical axis; with R1 they move to its left. Right, the non-saturating game: already without a
#   penalty they lie a little to the left of the axis, with R1 further; one lone value lies near -1.8.
#   Insets enlarge a strip beside the axis.
fig = figure(10.5, 4.6)
for axes, loss in zip(fig.subplots(1, 2), ("wasserstein", "non-saturating"), strict=True):
    inset = axes.inset_axes((0.2, 0.36, 0.34, 0.38))
    for name, marker, colour in (("no penalty", "o", VERMILLION), ("R1, gamma = 1", "s", BLUE)):
        values = spectra[loss, name]
        for place in (axes, inset):
            place.plot(values.real, values.imag, marker, color=colour, label=name, markersize=7, alpha=0.8,
                       fillstyle="none", markeredgewidth=1.6)
    for place in (axes, inset):
        place.axvline(0, color=GREY, linewidth=1)
        place.grid(alpha=0.3)
    inset.set(xlim=(-0.06, 0.01), ylim=(-1.25, 1.25), xticks=(-0.05, 0))
    inset.set_title("near the axis", fontsize=9)
    axes.indicate_inset_zoom(inset)
    axes.set(xlabel="real part", ylabel="imaginary part", xlim=(-2, 0.15), ylim=(-2.9, 2.3))
    axes.set_title(f"{loss}: {'on the axis' if loss == 'wasserstein' else 'left of the axis'} without a penalty,\n"
                   "further to the left with R1", fontsize=11)
    axes.legend(fontsize=9, loc="lower left")
fig.tight_layout()
fig

# %% [markdown]
# Without a penalty the Wasserstein game of two nets only turns, as the Dirac-GAN does. The non-saturating one comes home
# by itself, since its data are no single point, and R1 makes it come home faster. Some eigenvalues stay close to the axis
# even with R1: those directions come home, but slowly, and they decide how long training takes.
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
# - **"Why NaN?"** Some number left the range that floats have. Either the game leads outwards: WGAN's simultaneous steps
#   in the table above do so for *every* $h$, had led beyond $10^4$ after 500 of them, and after some thousands float32 has
#   no number for it; or the step was too large for a game that would come home; or a logarithm was taken of a probability
#   that had been rounded to 0 (chapter 02). Training here stops at the first number that is not finite, and names the step.
# - **"One seed was fine."** Then run five.
# - **"All modes found."** With which share of the samples near one? One stray point a mode is enough for the count.
# - **"The literature says that this cure is best."** Under its protocol. Ours put the bundle with R1 and R2 first in one
#   comparison; in the other, R1 left the samples nowhere, because the cause was another one.
#
# ## Sources
#
# Goodfellow et al. 2014 for both losses. Arjovsky & Bottou 2017, *Towards principled methods for training generative
# adversarial networks*, figures 2 and 3. Prince 2023, *Understanding deep learning*, chapter 15, for the two terms of JSD.
# Mescheder, Geiger & Nowozin 2018, *Which training methods for GANs do actually converge?*, for the Dirac-GAN and R1;
# Mescheder, Nowozin & Geiger 2017, *The numerics of GANs*, for the eigenvalues and consensus optimisation. Nagarajan &
# Kolter 2017, *Gradient descent GAN optimization is locally stable*. Sønderby et al. 2017, *Amortised MAP inference for
# image super-resolution*, for instance noise. Heusel et al. 2017 for two time scales. Metz et al. 2017 (unrolled GANs),
# Srivastava et al. 2017 (VEEGAN) and Lin et al. 2018
# (PacGAN) for the ring, the grid and the counting.
