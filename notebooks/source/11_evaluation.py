# %% [markdown]
# # 11 · Evaluation: how good is it?
#
# *About 70 minutes. You need: chapters 01 and 04; means, variances, covariance matrices; eigenvalues and singular
# values for one section.*
#
# **Question.** Two generators made a thousand digits each. Which is the better one, and how sure are you?
#
# A classifier is right or wrong, and you count. A generator has no right answer to be compared with: it should draw
# digits that nobody has drawn before, from a distribution that nobody can write down. And the losses of the game do
# not help (chapter 04). So people have invented numbers. Each sees something, and each is blind to something. In this
# chapter you derive the ones in use, and then you break real digits on purpose to find out what each of them cannot
# see.

# %%
try:
    import scratchgan
except ModuleNotFoundError as error:
    raise ImportError(f"no scratchgan here ({error}): ask your teacher, or install it as its README says") from None
import inspect

import numpy as np

from scratchgan.exercises import check
from scratchgan.plots import BLUE, FAKE, GREEN, GREY, ORANGE, REAL, VERMILLION, figure, image_grid

# %% [markdown]
# ## Real digits, broken on purpose
#
# The best way to test a ruler is to measure something that you know. So we take real digits and spoil them, each set of
# a thousand in one way. Cut the embedded MNIST digits into `A`, the real ones that everything is held against, `B`,
# other real ones, and a rest. Then:
#
# | set | what it is | which failure of a generator it stands for |
# |---|---|---|
# | real | `B` | none: as good as it gets |
# | copies | the digits of `A` themselves | it learned its training set by heart |
# | one class | eights only, each turned a little | it lost nine digits of ten |
# | ten images | ten digits, repeated a hundred times, each turned a little | mode collapse |
# | blurred | `B` under a Gaussian of 1 pixel | timid, washed-out drawings |
# | noisy | `B` plus noise | dirt |
# | noise | every pixel random | it learned nothing |

# %%
from scratchgan.data import load
from scratchgan.metrics import load_classifier
from scratchgan.metrics.augment import random_warp

data, rng, N = load("mnist-5k"), np.random.default_rng(0), 1000
order = rng.permutation(len(data))
A, B, rest = data.x[order[:N]], data.x[order[N:2 * N]], data.x[order[2 * N:]]
small = dict(rng=rng, degrees=4, scale=0.04, slant=0.04, shift=0.5)


def blur(images):
    """A Gaussian of 1 pixel over rows, then over columns; black outside."""
    weights = np.exp(-np.arange(-4, 5) ** 2 / 2)
    for axis in (1, 2):
        padded = np.pad(images, [(4, 4) if a == axis else (0, 0) for a in range(4)], constant_values=-1)
        images = sum(w * np.take(padded, np.arange(k, k + 28), axis) for k, w in enumerate(weights / weights.sum()))
    return images.astype(np.float32)


sets = {
    "real": B,
    "copies": A[::-1],
    "one class": random_warp(np.repeat(data.x[data.labels == 8], 2, axis=0), **small),
    "ten images": random_warp(np.tile(B[:10], (100, 1, 1, 1)), **small),
    "blurred": blur(B),
    "noisy": np.clip(B + 0.3 * rng.standard_normal(B.shape), -1, 1).astype(np.float32),
    "noise": rng.uniform(-1, 1, B.shape).astype(np.float32),
}

# %% draw
# alt: Seven panels of twenty small digits each: real; copies, which look the same; one class, only eights; ten images, a few
#   digits again and again; blurred digits; digits under grey noise; and noise without any digit.
fig = figure(9, 2)
for axes, (name, images) in zip(fig.subplots(1, len(sets)), sets.items(), strict=True):
    axes.imshow(image_grid(images[:20], columns=4)[..., 0], cmap="gray", interpolation="nearest")
    axes.set_title(name, fontsize=9)
    axes.set_axis_off()
fig.suptitle("Twenty of each set: which of them would you call good?", fontsize=10)
fig.tight_layout()
fig

# %% [markdown]
# ## Predict
#
# 1. Two hundred real digits are held against two hundred *other* real digits. Is their distance 0?
# 2. Which of the seven sets could fool a number that asks "do these samples look like digits?"
# 3. Which could fool a number that compares means and covariances? Which of them will fool *every* number here that
#    compares samples with `A`?
#
# Write your answers down. The sections and the table below resolve them.
#
# ## What is compared: features
#
# A digit that is moved by one pixel is the same digit to you, and a large distance in pixels. So the distances in use
# do not compare pixels, but the activations of some layer of a classifier: **features**. The published figures take
# an Inception network that was trained on a million photographs, which has never seen your digits. This package
# brings a judge of its own, a small convolutional network of its own layers, that was trained on 4,000 of the
# 5,000 embedded digits. Its last hidden layer has 64 numbers.

# %%
judge = load_classifier()
print(judge.facts)
features = {name: judge.features(images).astype(np.float64) for name, images in sets.items()}
real = judge.features(A).astype(np.float64)
others = np.concatenate([real, features["real"], judge.features(rest[:1000])])       # 3,000 real digits, no two alike
print("features of A:", real.shape)

# %% [markdown]
# So the numbers below are in the units of *this* judge. They cannot be compared with a Frechet distance in a paper,
# which is in the units of Inception; and a metric on features sees only what the features see.
#
# One thing should worry you: most of the digits that we compare are digits that the judge was trained on. Does it matter? Hold
# 1,000 digits that it has seen against 1,000 others that it has seen, and against the 1,000 that were kept from it, a hundred
# of each class each time. (The Frechet distance, which the next section derives, is 0 for equal clouds.)

# %%
from scratchgan.losses.cross_entropy import softmax
from scratchgan.metrics import frechet_distance

everything = judge.features(data.x).astype(np.float64)
right = judge.classify(everything).argmax(axis=1) == data.labels
by_class = [np.flatnonzero(data.labels == digit) for digit in range(10)]
kept = np.concatenate([rows[-100:] for rows in by_class])             # the last hundred of each class, as in its training
seen = np.concatenate([rows[:-100] for rows in by_class])
print(f"right on {right[seen].mean():.1%} of the digits that it was trained on, on {right[kept].mean():.1%} of the others")
judged = []
for _ in range(5):
    one, two = np.split(np.stack([rng.permutation(rows[:-100])[:200] for rows in by_class]), 2, axis=1)
    judged.append([frechet_distance(everything[one.ravel()], everything[x.ravel()]) for x in (two, kept)])
print("Frechet distance, mean of 5: seen against seen {:.2f}, seen against kept out {:.2f}".format(*np.mean(judged, axis=0)))

# %% [markdown]
# It matters a little: to this judge, digits that it has not seen are nearly twice as far from those that it has seen as these
# are from each other. A generator's samples are new to the judge, too, so a perfect generator would not come down to the
# floor of this chapter. Against what blur or noise do (13 and 35, in the table below) the effect is small. The published
# figures avoid it: their judge has seen neither side.
#
# ## The Frechet distance, derived
#
# The idea: describe each cloud of features by its mean $m$ and its covariance $S$, and ask how much work it is to
# move one Gaussian onto the other. Work means the **squared Wasserstein-2 distance**: pair every $x$ of the one with
# a $y$ of the other, in any way you like as long as both keep their distributions, and make the mean squared length
# of the way small,
#
# $$W^2 = \min_{\text{pairings}} \mathbb E\,|x - y|^2 .$$
#
# **On a line.** Let $x$ have the mean $m_r$ and the standard deviation $s_r$, and $y$ have $m_f$ and $s_f$. Multiply
# out:
#
# $$\mathbb E (x-y)^2 = \big(\mathbb E[x - y]\big)^2 + \operatorname{Var}(x - y)
# = (m_r - m_f)^2 + s_r^2 + s_f^2 - 2\operatorname{Cov}(x, y) .$$
#
# A pairing can change only the last term. By Cauchy and Schwarz a covariance is at most $s_r s_f$. It reaches that if
# $y$ is an increasing linear function of $x$, namely $y = m_f + \frac{s_f}{s_r}(x - m_r)$. If $x$ is Gaussian, this
# $y$ is Gaussian, with the mean $m_f$ and the standard deviation $s_f$ that it should have. So the pairing is
# allowed, and
#
# $$W^2 = (m_r - m_f)^2 + s_r^2 + s_f^2 - 2 s_r s_f = (m_r - m_f)^2 + (s_r - s_f)^2 .$$
#
# With numbers: from a Gaussian of mean 0 and standard deviation 1 to one of mean 1 and standard deviation 3 it is
# $1 + 4 = 5$.
#
# **In $F$ dimensions, if the axes agree.** Say that $S_r$ and $S_f$ commute. Then they have the same eigenvectors;
# turn the coordinates so that these are the axes, and both are diagonal, with the variances $l_{r,i}$ and $l_{f,i}$.
# The squared length is a sum over coordinates, and each coordinate costs at least what the line costs. Pair every
# coordinate by its own linear map, and all of them cost exactly that:
#
# $$W^2 = |m_r - m_f|^2 + \sum_i \big(\sqrt{l_{r,i}} - \sqrt{l_{f,i}}\big)^2
# = |m_r - m_f|^2 + \operatorname{Tr}\big(S_r + S_f - 2\, S_r^{1/2} S_f^{1/2}\big) .$$
#
# **In general**, for covariances that can be inverted. Let $\Gamma$ be the cross-covariance of a pairing, so that
# $\mathbb E|x-y|^2 = |m_r-m_f|^2 + \operatorname{Tr} S_r + \operatorname{Tr} S_f - 2\operatorname{Tr} \Gamma$. Whiten both
# sides, $\tilde x = S_r^{-1/2}(x - m_r)$ and $\tilde y = S_f^{-1/2}(y - m_f)$. Their cross-covariance is
# $\tilde\Gamma = S_r^{-1/2}\, \Gamma\, S_f^{-1/2}$, so $\Gamma = S_r^{1/2}\, \tilde\Gamma\, S_f^{1/2}$. For unit vectors
# $u, v$ the number $u^\top \tilde\Gamma v$ is the covariance of $u\cdot\tilde x$ and $v\cdot\tilde y$, which both have
# variance 1. So it is at most 1, again by Cauchy and Schwarz. Now write
# $S_f^{1/2} S_r^{1/2} = U\,\mathrm{diag}(\tau)\,V^\top$, its singular value decomposition:
#
# $$\operatorname{Tr} \Gamma = \operatorname{Tr}\big(\tilde\Gamma\, S_f^{1/2} S_r^{1/2}\big)
# = \sum_i \tau_i\; v_i^\top \tilde\Gamma u_i \;\le\; \sum_i \tau_i ,$$
#
# and $\tilde\Gamma = V U^\top$ reaches it: pair each $x$ with the $y$ for which $\tilde y = \tilde\Gamma^\top \tilde x$, a
# rotation of a white Gaussian, which is a white Gaussian. The singular values of $S_f^{1/2} S_r^{1/2}$ are the roots of the
# eigenvalues of $S_r^{1/2} S_f S_r^{1/2}$, the product of its transpose and itself. Hence
#
# $$d^2 = |m_r - m_f|^2 + \operatorname{Tr} S_r + \operatorname{Tr} S_f -
# 2 \operatorname{Tr} \big(S_r^{1/2} S_f S_r^{1/2}\big)^{1/2} . \qquad\text{(Frechet.1)}$$
#
# The package's code takes the singular values directly, which is (Frechet.2):

# %%
from scratchgan.metrics.frechet import moments

print(inspect.getsource(frechet_distance).rsplit('"""', 1)[1], inspect.getsource(moments), sep="\n")

# %% [markdown]
# Do the formulas agree with the thing itself? On a line, the best pairing of two samples is to sort both. In five
# dimensions, make two covariances with different axes, and compare the closed form with the pairing that the proof
# constructs.

# %%
x, y = np.sort(1 + 2.0 * rng.standard_normal(200_000)), np.sort(-0.5 + 0.5 * rng.standard_normal(200_000))
print(f"on a line, 200,000 points each, sorted and paired: {np.mean((x - y) ** 2):.3f}"
      f"     closed form: {1.5**2 + (2 - 0.5) ** 2:.3f}")


def root(S):
    values, vectors = np.linalg.eigh(S)
    return (vectors * np.sqrt(values)) @ vectors.T


X = rng.standard_normal((20_000, 5)) @ rng.standard_normal((5, 5))
Y = 1 + rng.standard_normal((20_000, 5)) @ rng.standard_normal((5, 5))
S_r, S_f = np.cov(X.T), np.cov(Y.T)
U, _, Vt = np.linalg.svd(root(S_f) @ root(S_r))
paired = Y.mean(axis=0) + (X - X.mean(axis=0)) @ np.linalg.inv(root(S_r)) @ (Vt.T @ U.T) @ root(S_f)
print(f"5 dimensions, the proof's pairing: {((X - paired) ** 2).sum(axis=1).mean():.3f}"
      f"     frechet_distance: {frechet_distance(X, Y):.3f}"
      f"     paired at random: {((X - Y) ** 2).sum(axis=1).mean():.3f}")

# %% [markdown]
# ### Exercise 11.frechet_1d
# From two samples on a line. Use the divisor $N - 1$ for variances, as the package does.

# %%
def frechet_1d(x, y):
    """x (N,), y (M,): numbers.  Returns the squared Frechet distance of the Gaussians fitted to them.

    >>> round(float(frechet_1d(np.array([-1.0, 0.0, 1.0]), np.array([-2.0, 1.0, 4.0]))), 6)
    5.0
    """
    # BEGIN SOLUTION
    return (x.mean() - y.mean()) ** 2 + (x.std(ddof=1) - y.std(ddof=1)) ** 2
    # END SOLUTION


check("11.frechet_1d", frechet_1d)

# %% [markdown]
# ## Floor and ceiling
#
# Real digits against other real digits: what should come out? Both samples come from one distribution, whose distance
# from itself is 0. But a sample is not its distribution. On a line you can say by how much it misses. Let $s$ be the standard
# deviation of both. The means of $N$ and of $M$ draws differ by something of variance $s^2/N + s^2/M$; a Gaussian sample's
# standard deviation has a variance of about $s^2/2N$. Both gaps are *squared*, so what is right on average in each gap
# does not cancel:
#
# $$\mathbb E\, d^2 \approx s^2\Big(\frac1N + \frac1M\Big) + \frac{s^2}{2}\Big(\frac1N + \frac1M\Big)
# = \frac{3 s^2}{N} \quad\text{for } N = M .$$
#
# The estimate is **biased upwards**, and the bias falls like $1/N$. In 64 dimensions it is the same story with a larger
# constant. That resolves the first prediction: no, it is not 0. So every metric needs a **floor** (Floor.1), real against real with the same number of samples, and a
# **ceiling** (Floor.2), noise against real. A value says something only between the two.

# %%
from scratchgan.metrics import kernel_distance

line = [frechet_distance(rng.standard_normal((50, 1)), rng.standard_normal((50, 1))) for _ in range(8000)]
print(f"on a line, N = 50, mean of 8,000 pairs of samples: {np.mean(line):.4f}     3/N: {3 / 50:.4f}\n")

counts = np.array([50, 100, 200, 400, 1000])
repeats = {frechet_distance: 10, kernel_distance: 100}
floor = {metric.__name__: np.array([[metric(*np.split(others[rng.permutation(len(others))[:2 * n]], 2))
                                     for _ in range(times)] for n in counts]) for metric, times in repeats.items()}
print("real against real" + " " * 14 + "".join(f"{f'n = {n:,}':>12}" for n in counts))
for name, values in floor.items():
    print(f"{name + ', mean':<31}" + "".join(f"{v:>12.3f}" for v in values.mean(axis=1)))
    print(f"{'  n times the mean':<31}" + "".join(f"{v:>12.1f}" for v in counts * values.mean(axis=1)))
errors = floor["kernel_distance"].std(axis=1, ddof=1) / 10                          # of the mean of 100
print(f"{'  standard error of that mean':<31}" + "".join(f"{v:>12.3f}" for v in errors))
small_real = frechet_distance(others[:40], others[40:80])
print(f"\n40 real against 40 real: {small_real:.1f};   1,000 blurred against 1,000 real: "
      f"{frechet_distance(real, features['blurred']):.1f}")

# %% draw
# alt: Two panels against the number n of samples on each side, from 50 to 1,000. Left, both axes logarithmic: Frechet distances
#   of real digits from real digits, falling along a straight line of slope -1. Right: kernel distances, a hundred points for
#   each n, scattered on both sides of 0, more narrowly for larger n; their means lie on 0.
fig = figure(9, 3.3)
left, right_half = fig.subplots(1, 2)
values = floor["frechet_distance"]
left.loglog(np.repeat(counts, 10), values.ravel(), "o", color=BLUE, markersize=4, alpha=0.6, label="real against real")
left.loglog(counts, np.mean(counts * values.mean(axis=1)) / counts, color=VERMILLION, label="constant / n")
left.set(xlabel="samples on each side, n", ylabel="Frechet distance",
         title="The Frechet distance of equals falls like 1/n")
values = floor["kernel_distance"]
right_half.semilogx(np.repeat(counts, 100), values.ravel(), "o", color=BLUE, markersize=3, alpha=0.2,
                    label="real against real")
right_half.errorbar(counts, values.mean(axis=1), 2 * errors, fmt="D-", color=VERMILLION, markersize=4,
                    label="mean of 100, 2 standard errors")
right_half.axhline(0, color=GREY, linestyle=":", linewidth=1)
right_half.set(xlabel="samples on each side, n", ylabel="kernel distance",
               title="The kernel distance of equals is 0 on average")
for axes in (left, right_half):
    axes.legend(fontsize=9)
    axes.grid(alpha=0.3)
    axes.set_xticks(counts, [f"{n:,}" for n in counts])
    axes.minorticks_off()
fig.tight_layout()
fig

# %% [markdown]
# $n$ times the mean of the Frechet distance is nearly constant: the law $1/n$ holds. Look at the last line that was printed, too. Forty real
# digits look worse than a thousand blurred ones. Nobody lied; the two values have different $n$. **A Frechet distance
# without its $n$ is not a result**, and values at different $n$ must not be compared.
#
# ## A distance without that bias
#
# The kernel distance on the right hovers around 0. Why? Take any function $\varphi$ that maps a sample to a vector,
# as long as you like, and compare mean vectors: $|\mathbb E\varphi(x) - \mathbb E\varphi(y)|^2$, the squared **maximum mean
# discrepancy**, MMD. With the **kernel** $\kappa(a, b) = \varphi(a)\cdot\varphi(b)$, the vectors themselves are not needed:
#
# $$\mathrm{MMD}^2 = \mathbb E\,\kappa(x, x') + \mathbb E\,\kappa(y, y') - 2\,\mathbb E\,\kappa(x, y), \qquad\text{(Mmd.1)}$$
#
# where $x$ and $x'$ are two *independent* draws. There is the point. Estimate $\mathbb E\,\kappa(x, x')$ by the mean of
# the whole table $\kappa(x_i, x_j)$, and $N$ of its $N^2$ entries pair a sample with itself: their mean is
# $\mathbb E\,\kappa(x, x)$, which is larger (for the kernel below). The mean of the table has the expectation
#
# $$\frac1N \mathbb E\,\kappa(x,x) + \Big(1 - \frac1N\Big) \mathbb E\,\kappa(x,x') ,$$
#
# so for equal distributions the estimate is too large by
# $\big(\frac1N + \frac1M\big)\big(\mathbb E\,\kappa(x,x) - \mathbb E\,\kappa(x,x')\big)$ on average. Leave the diagonals out,
# and each of the three terms is a mean over pairs of independent draws. Its expectation is what it should be, for
# every $N$ and $M$:
#
# $$\sum_{i \ne j} \frac{\kappa(x_i, x_j)}{N(N-1)} + \sum_{i \ne j} \frac{\kappa(y_i, y_j)}{M(M-1)} -
# 2 \operatorname{mean}_{ij} \kappa(x_i, y_j) .
# \qquad\text{(Mmd.2)}$$
#
# Unbiased has a price: the estimate can be negative. With the kernel $(x\cdot y/F + 1)^3$ of (KernelDistance.1) on
# features it is called KID (Binkowski et al. 2018). That kernel compares the first three moments.

# %% [markdown]
# ### Exercise 11.mmd2
# From the three tables of kernel values.

# %%
def mmd2(Kxx, Kyy, Kxy):
    """Kxx (N, N), Kyy (M, M), Kxy (N, M): kernel values.  Returns the unbiased MMD^2.

    >>> float(mmd2(np.array([[9.0, 1.0], [1.0, 9.0]]), np.array([[9.0, 2.0], [2.0, 9.0]]), np.ones((2, 2))))
    1.0
    """
    # BEGIN SOLUTION
    N, M = Kxy.shape
    real_pairs = (Kxx.sum() - np.trace(Kxx)) / (N * (N - 1))
    fake_pairs = (Kyy.sum() - np.trace(Kyy)) / (M * (M - 1))
    return real_pairs + fake_pairs - 2 * Kxy.mean()
    # END SOLUTION


check("11.mmd2", mmd2)

# %%
kernel = lambda a, b: (a @ b.T / a.shape[1] + 1) ** 3
gaps, predicted = [], []
for _ in range(30):
    a, b = np.split(others[rng.permutation(len(others))[:400]], 2)
    Kaa, Kbb, Kab = kernel(a, a), kernel(b, b), kernel(a, b)
    gaps.append(Kaa.mean() + Kbb.mean() - 2 * Kab.mean())
    predicted.append((1 / 200 + 1 / 200) * (np.diag(Kaa).mean() - Kab.mean()))
print(f"with the diagonals, real against real, n = 200, mean of 30: {np.mean(gaps):.3f}     "
      f"predicted bias: {np.mean(predicted):.3f}")
print(f"copies against their originals, without the diagonals: {kernel_distance(real, features['copies']):.4f}")

# %% [markdown]
# The last line is *below* 0, though nothing can be closer than equal. Copies are not independent draws: the pairs
# $(i, i)$ are still in the third term. A value below the floor is a reason for suspicion, not for joy.
#
# ## Precision and recall
#
# One number cannot say *how* a generator fails. Ugly digits and missing digits both raise a distance. So ask twice:
# which share of the fakes looks real, and which share of the real is reached by fakes? For that you need to know where
# "real" is, from a thousand points. Kynkaanniemi et al. 2019 put a ball around each point, up to its $k$-th nearest
# neighbour in its own sample ($k = 3$ in this package). Where points are dense, balls are small.
#
# $$\text{precision} = \text{share of the fakes in at least one ball of a real point} \qquad\text{(PrecisionRecall.1)}$$
#
# $$\text{recall} = \text{share of the real points in at least one ball of a fake} \qquad\text{(PrecisionRecall.2)}$$

# %%
from matplotlib.patches import Circle

from scratchgan.metrics import precision_recall
from scratchgan.metrics.precision_recall import ball_squares

angle = rng.uniform(0, 2 * np.pi, 60)
on_ring = np.c_[np.cos(angle), np.sin(angle)] + 0.08 * rng.standard_normal((60, 2))
fakes = np.r_[np.c_[np.cos(angle[:45] / 4), np.sin(angle[:45] / 4)] + 0.08 * rng.standard_normal((45, 2)),
              0.12 * rng.standard_normal((15, 2))]
on_target, reached = precision_recall(on_ring, fakes)

# %% draw
# alt: Two panels in the plane, each with 60 real points on a ring and the balls that a metric uses. Left: balls around real
#   points; fakes on a quarter of the ring lie inside, the fakes in the middle outside, as crosses. Right: balls around
#   fakes; real points on that quarter lie inside, many on the rest of the ring outside, as crosses.
fig = figure(8, 4.1)
for axes, centres, points, colour, other, title in zip(
        fig.subplots(1, 2), (on_ring, fakes), (fakes, on_ring), (REAL, FAKE), (FAKE, REAL),
        (f"Precision {on_target:.2f}: fakes in a real point's ball",
         f"Recall {reached:.2f}: real points in a fake's ball"),
        strict=True):
    radii = np.sqrt(ball_squares(centres, 3))
    inside = (np.linalg.norm(points[:, None] - centres[None], axis=2) <= radii).any(axis=1)
    for centre, radius in zip(centres, radii, strict=True):
        axes.add_patch(Circle(centre, radius, color=colour, alpha=0.1, linewidth=0))
    axes.plot(*points[inside].T, "o", color=other, markersize=4, label="inside")
    axes.plot(*points[~inside].T, "x", color=other, markersize=4, label="outside")
    axes.set(xlim=(-1.6, 1.6), ylim=(-1.6, 1.6), aspect="equal", xlabel="x1", ylabel="x2")
    axes.set_title(title, fontsize=10)
    axes.legend(fontsize=9, loc="lower left")
fig.suptitle("Orange: 60 real points on a ring.  Blue: 60 fakes, 45 on a quarter of it and 15 in the middle",
             fontsize=10)
fig.tight_layout()
fig

# %% [markdown]
# The fakes in the middle do not look real, and much of the ring is not reached: two failures, two numbers.
#
# ### Exercises 11.knn_radii and 11.precision

# %%
def knn_radii(x, k):
    """x (N, F).  Returns (N,): the distance from each row to its k-th nearest OTHER row.

    >>> knn_radii(np.array([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]]), 2).tolist()
    [10.0, 5.0, 10.0]
    """
    # BEGIN SOLUTION
    distances = np.linalg.norm(x[:, None] - x[None], axis=2)
    return np.sort(distances, axis=1)[:, k]
    # END SOLUTION


def precision(distances, radii):
    """distances (M, N) from each fake to each real point; radii (N,) of the real points' balls.  Returns precision.

    >>> float(precision(np.array([[1.0, 5.0], [4.0, 3.0]]), np.array([2.0, 2.0])))
    0.5
    """
    # BEGIN SOLUTION
    return (distances <= radii).any(axis=1).mean()
    # END SOLUTION


print(check("11.knn_radii", knn_radii))
check("11.precision", precision)

# %% [markdown]
# **Density and coverage** (Naeem et al. 2020) mend a weakness. A single stray point has a huge ball, because its
# neighbours are far. So let only real points have balls, up to their $k$-th nearest neighbours ($k = 5$), and count. With
# $N$ real points $x_i$, their balls $B(x_i)$ and $M$ fakes $y_j$:
#
# $$\text{density} = \frac{1}{kM} \sum_{j} \big(\text{number of the balls } B(x_i) \text{ that } y_j \text{ lies in}\big)
# \qquad\text{(DensityCoverage.1)}$$
#
# $$\text{coverage} = \text{share of the } x_i \text{ whose ball } B(x_i) \text{ holds at least one fake}
# \qquad\text{(DensityCoverage.2)}$$
#
# What should come out for equal distributions? Around $x_i$ the other $N - 1$ real points and the $M$ fakes come in a random
# order, every order equally likely. One fake and the $N - 1$ other real points: the fake lies in the ball if it is among the
# first $k$ of these $N$, which has the probability $k/N$. So it lies in $k$ of the $N$ balls on average: density 1, for all $N$. And $x_i$ is missed if the $k$ nearest of all are real, for $N = M$
# with a probability of about $2^{-k}$: coverage $1 - 2^{-5} \approx 0.97$. These two floors are known without a measurement.
#
# Put one stray fake beside the sixty:

# %%
from scratchgan.metrics import density_coverage

stray = np.r_[fakes, [[-0.7, -0.7]]]
for name, points in (("60 fakes", fakes), ("and one stray fake", stray)):
    print(f"{name:<20}recall {precision_recall(on_ring, points)[1]:.2f}, "
          f"coverage {density_coverage(on_ring, points)[1]:.2f}")
print("real against real, n = 1,000: density {:.3f}, coverage {:.3f}".format(*density_coverage(real, features["real"])))

# %% [markdown]
# One fake in sixty-one cannot make a generator that much better: recall jumps, since the stray fake's ball is huge, and
# coverage hardly moves. Density counts in how *many* real balls a fake lies, so that a stray real point's ball counts once. It
# is not a share: it can exceed 1.
#
# ## The Inception score
#
# The number that the early papers report (Salimans et al. 2016) uses no real data. A classifier says $p(y \mid x)$, the
# probabilities of the classes $y$ for a sample $x$. For a good sample it should be sure. And over all samples,
# $p(y) = \mathbb E_x\, p(y \mid x)$ should be spread over the classes. Both make the two distributions differ, and the KL
# divergence of chapter 01 measures that:
#
# $$\mathrm{IS} = \exp\, \mathbb E_x\, \mathrm{KL}\big(p(y \mid x) \,\|\, p(y)\big) . \qquad\text{(Inception.1)}$$
#
# Write the KL out. Its first part is minus an entropy, with $H(p) = -\sum_y p(y) \log p(y)$, and in the second part the mean
# over $x$ turns $p(y \mid x)$ into $p(y)$:
#
# $$\log \mathrm{IS} = \mathbb E_x \sum_y p(y \mid x) \log p(y \mid x) - \mathbb E_x \sum_y p(y \mid x) \log p(y)
# = H\big(p(y)\big) - \mathbb E_x\, H\big(p(y \mid x)\big) . \qquad\text{(Inception.2)}$$
#
# A KL divergence is at least 0, and 0 if both are equal. So the score is at least 1, and 1 if every sample gets the same
# answer. An entropy is at least 0, and that of ten classes at most $\log 10$. So the score is at most 10, and 10 if every
# answer is certain and all classes are equally frequent. Two examples: all samples certain, half of them threes and half
# sevens: $\exp(\log 2 - 0) = 2$. Every sample "a three or a seven, one half each": $\exp(\log 2 - \log 2) = 1$.
#
# What can it not see? Whatever does not change the answers: a blur that the classifier looks through; and one image of each
# class, repeated for ever, if the classifier is sure of the ten. The table below has it.
#
# ## Let a classifier try: the two-sample test
#
# If real and fake are alike, no classifier can tell them apart on samples that it was not trained on. So train one and count.
# Here it is a **logistic regression**, a net of a single dense layer: $p(\text{real} \mid x)$ is the sigmoid of a weighted sum
# of the features, fitted with the cross-entropy of chapter 02. **Cross-validation** means: cut the samples into five parts,
# and have each part judged by the regression that was fitted to the other four. Accuracy 1/2 is best. How far from 1/2 is chance? With
# $n$ samples of each kind there are $2n$ verdicts. If each is a fair coin, its variance is
# $\frac12\cdot\frac12 = \frac14$, that of the mean of $2n$ is $\frac{1}{8n}$, and its standard error
#
# $$\frac{1}{\sqrt{8n}} = \frac{1/2}{\sqrt{2n}} .$$
#
# ### Exercise 11.two_sample
# The accuracy (TwoSample.1) of verdicts on samples that were not trained on, and that standard error.

# %%
def two_sample(real, fake):
    """real (n,), fake (n,): logits, above 0 is "real".  Returns (accuracy, standard error if all were coin flips).

    >>> right, error = two_sample(np.array([1.0, -2.0]), np.array([-1.0, -3.0]))
    >>> float(right), float(error)
    (0.75, 0.25)
    """
    # BEGIN SOLUTION
    n = len(real)
    return (np.sum(real > 0) + np.sum(fake <= 0)) / (2 * n), 0.5 / np.sqrt(2 * n)
    # END SOLUTION


check("11.two_sample", two_sample)

# %%
from scratchgan.metrics import two_sample_accuracy
from scratchgan.metrics.two_sample import fit_logistic


def once(n=400):
    """One logistic regression of real against real, tested on n of each kind that it was not fitted to."""
    x = others[rng.permutation(len(others))[:4 * n]]
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    w, b = fit_logistic(x[:2 * n], np.repeat([1.0, 0.0], n))
    logits = x[2 * n:] @ w + b
    return (np.sum(logits[:n] > 0) + np.sum(logits[n:] <= 0)) / (2 * n)


folded = [two_sample_accuracy(*np.split(others[rng.permutation(len(others))[:800]], 2), rng=rng) for _ in range(60)]
single = [once() for _ in range(60)]
print(f"real against real, n = 400, 60 times: 1/sqrt(8n) = {1 / np.sqrt(8 * 400):.3f}")
for name, tries in (("one split", single), ("five folds", folded)):
    print(f"  {name:<12} mean {np.mean(tries):.3f}, standard deviation {np.std(tries):.3f}")

# %% [markdown]
# With one split the formula holds, up to the luck of sixty tries. The package's `two_sample_accuracy` uses every sample once for
# testing, in five folds. Then the verdicts are not quite independent, because each is given by a classifier that was fitted to
# the others. Take the formula as the least error that there is.
#
# **Copies score below one half.** Give the test copies, and every image is there twice, once called real and once called fake.
# Tested is one of the twins. Where is the other? In four cases of five in another part, so that the regression was fitted to
# it, *with the opposite label*, and leans to that. In the fifth case both are tested by the same regression: it gives both the
# same verdict, which is right for one of them, an accuracy of exactly 1/2. Take the two cases apart:

# %%
parts = [rng.permutation(N) % 5 for _ in range(2)]                    # of the originals, of the copies
verdicts = {"in another part": [], "in the same part": []}
for part in range(5):
    fitted = [real[its != part] for its in parts]
    mean, std = np.concatenate(fitted).mean(axis=0), np.concatenate(fitted).std(axis=0)
    w, b = fit_logistic((np.concatenate(fitted) - mean) / std, np.repeat([1.0, 0.0], [len(x) for x in fitted]))
    called_real = (real - mean) / std @ w + b > 0
    for its, twin, label in ((parts[0], parts[1], True), (parts[1], parts[0], False)):
        for where, tested in (("in another part", (its == part) & (twin != part)),
                              ("in the same part", (its == part) & (twin == part))):
            verdicts[where].append(called_real[tested] == label)
for where, lists in verdicts.items():
    together = np.concatenate(lists)
    print(f"twin {where:<17} {len(together):>5} verdicts, {together.mean():.3f} of them right")

# %% [markdown]
# An accuracy *below* one half by many standard errors is a trace of copies.
#
# "But that is what $D$ does", you may say. It is, with two differences: this classifier is tested on samples that it has
# not seen, and nobody trained against it.
#
# ## The table
#
# Now all of them on all sets. *sure* is the share of the samples of which the judge is at least 90 %
# sure, *classes* counts the digits that occur among these, and *KL* is the divergence of their shares from a tenth each, in nats, as for the modes of chapter 07 (Modes.3). *IS* is
# the Inception score, with this chapter's judge in the place of Inception.

# %%
from scratchgan.metrics import inception_score
from scratchgan.metrics.modes import reverse_kl


def all_metrics(f):
    p = softmax(judge.classify(f))
    counts = np.bincount(p.argmax(axis=1)[p.max(axis=1) >= 0.9], minlength=10)
    return {"Frechet": frechet_distance(real, f), "KID": kernel_distance(real, f),
            **dict(zip(("precision", "recall"), precision_recall(real, f), strict=True)),
            **dict(zip(("density", "coverage"), density_coverage(real, f), strict=True)),
            "two-sample": two_sample_accuracy(real, f, rng=np.random.default_rng(0)),
            "IS": inception_score(p), "sure": counts.sum() / len(f), "classes": int((counts > 0).sum()),
            "KL": reverse_kl(counts, np.full(10, 0.1))}


table = {name: all_metrics(f) for name, f in features.items()}
print(f"{'':<12}" + "".join(f"{name:>12}" for name in table))
for metric in table["real"]:
    print(f"{metric:<12}" + "".join(f"{row[metric]:>12.3g}" for row in table.values()))

# %% [markdown]
# Read it row by row, against the column *real*, the floor, and the column *noise*, the ceiling.
#
# - **Precision and density hardly see collapse.** One class and ten images score about as well as real digits: what
#   they draw, they draw well. Recall and coverage see it.
# - **A classifier is sure of noise.** It knows ten answers and no "none of these". So "sure" alone is worthless, and
#   it says nothing about variety. That resolves the second prediction: even noise can fool such a number.
# - **Counting classes does not see blur, and the Inception score hardly**; both see ten images only as far as these happen to
#   lack a digit.
# - **Copies pass.** Frechet 0, recall 1, coverage 1: a generator that does nothing but hand out its training set is perfect.
#   The only trace is that values are *better* than the floor: Frechet 0, a negative kernel distance, a two-sample accuracy below
#   one half. That resolves the third prediction: means and covariances are fooled by copies, and copies are what fools every
#   number here. Chapter 12 has tests for them.
#
# **Change a knob, predict first.** Below, a share of the real digits is replaced by the eights of *one class*. With
# `SHARE = 0.9`, will recall fall? Coverage? The Inception score?

# %%
SHARE = 0.9                                                           # the knob of this chapter
swapped = round(SHARE * N)
mixed = np.concatenate([features["real"][:N - swapped], features["one class"][:swapped]])
for metric, value in all_metrics(mixed).items():
    print(f"{metric:<12}{value:>10.3g}      real: {table['real'][metric]:.3g}, one class: {table['one class'][metric]:.3g}")

# %% [markdown]
# Recall does not fall: it is even higher than for real digits. Only a hundred digits of other kinds are left, but they are so
# thin on the ground that their balls are huge, and reach everything. Coverage, which uses the balls of real points only, falls
# to a half, and the Inception score below 2. At `SHARE = 0.5` recall and coverage both say that nearly all is well; the Frechet
# distance is near 20, and the KL of the classes at 0.6.
#
# And the answer to the chapter's question is: not with one number. Report a distance, a pair, the floor, the ceiling
# and $n$.
#
# The package's benchmark does the same with 18 metrics, 2,000 samples and a trained DCGAN beside the failures
# (`python -m benchmarks.metrics` reproduces it). Red, with a star, is where a metric says no worse than of real digits. (For some metrics a
# value on either side of the real one is a failure: read the caption.)
#
# ![A table of 18 metrics against six failures and a trained DCGAN: no metric sees all of the failures](../benchmarks/results/metrics.png)
#
# For a run of your own, `scratchgan evaluate RUN` prints such a table, with other real data and noise beside your
# samples, and writes `evaluation.json` and `evaluation.png` into the run's folder.
#
# ## Why not the likelihood?
#
# For a model with a density you would ask: how probable are held-out digits under it? A GAN has no density to ask.
# Early papers, including the first GAN paper, put a Gaussian of width $\sigma$ on every sample $x_i$ and called the
# mixture's density the model's: the **Parzen window**. For a digit $t$ with $F = 784$ pixels,
#
# $$\log p(t) = \log \operatorname{mean}_i \exp\Big(-\frac{|t - x_i|^2}{2\sigma^2}\Big) - \frac F2 \log(2\pi\sigma^2) .
# \qquad\text{(Parzen.1)}$$
#
# In so many dimensions no sample is near another, and $\sigma$ must be large to reach from one to the next. Then the score asks
# "is this *near* many digits?", and what is near many digits is an average of digits (Theis, van den Oord and Bethge 2016).
# Below, every set gets the $\sigma$ that is best for it. **Predict** the ranking.

# %%
from scratchgan.metrics import choose_sigma, parzen_log_likelihood
from scratchgan.metrics.neighbours import nearest


def k_means(x, K, rounds=12):
    centres = x[rng.permutation(len(x))[:K]].copy()
    for _ in range(rounds):
        which = nearest(x, centres)[1][:, 0]
        for k in np.unique(which):
            centres[k] = x[which == k].mean(axis=0)
    return centres


flat = lambda images: images.reshape(len(images), -1).astype(np.float64)
fresh, validation, held_out = flat(B), flat(rest[:500]), flat(rest[500:1500])
centres = k_means(flat(rest[1500:]), 500)
rows = {"1,000 real digits": fresh, "500 real digits": fresh[:500], "500 k-means centres of real digits": centres,
        "1,000 blurred digits": flat(sets["blurred"]), "1,000 noisy digits": flat(sets["noisy"]),
        "1,000 times noise": flat(sets["noise"])}
for name, x in sorted(rows.items()):
    sigma = choose_sigma(x, validation)
    print(f"{name:<36} log likelihood {'%8.1f +- %.1f nats' % parzen_log_likelihood(x, held_out, sigma=sigma)}, "
          f"sigma {sigma:.2f}")

# %% [markdown]
# Half as many cluster centres beat a thousand real digits, by several standard errors, and blurred digits beat both. And mix
# 99 images of noise with each real one: the density is at least $p/100$ everywhere, so the log likelihood falls by at most
# $\log 100 = 4.6$ nats, about a twentieth of what lies between real and blurred digits. Likelihood and looks are different
# questions.
#
# ## When do I stop?
#
# The losses of the game do not say (chapter 04). Measure instead. Below, a small DCGAN learns 898 of the 8 x 8
# digits, and every 150 steps its samples are held against 898 digits that were *kept out of training*. Features are
# simply the 64 pixels here.

# %%
from scratchgan.data import BatchStream
from scratchgan.data.dataset import Dataset
from scratchgan.models import dcgan

digits = load("uci-digits-8x8")
order = np.random.default_rng(0).permutation(len(digits))
trained_on, kept_out = digits.x[order[:898]], digits.x[order[898:1796]]
gan = dcgan(image_size=8, channels=1, latent_dim=32, width=16, dense=64, lr_g=1e-3, lr_d=1e-3, ema_decay=0.99, seed=0)
stream = BatchStream(Dataset(trained_on), 64, rng=np.random.default_rng(0))
steps, log, curve, drawn = 2100, [], [], {}
for step in range(1, steps + 1):
    log.append(gan.train_step(stream.next()))
    if step % 150 == 0:
        samples = np.clip(gan.sample(898, seed=1), -1, 1)
        drawn[step] = samples[:20]
        curve.append((step, frechet_distance(kept_out, samples), *precision_recall(kept_out, samples),
                      np.mean([r["d_loss"] for r in log[-150:]]), np.mean([r["g_loss"] for r in log[-150:]])))
at, distance, precise, recalled, d_loss, g_loss = np.array(curve).T
floor_here = frechet_distance(trained_on, kept_out)
rank = lambda v: np.argsort(np.argsort(v))
best = int(distance.argmin())
for name, i in ((f"smallest, step {at[best]:,.0f}", best), (f"last, step {at[-1]:,.0f}", -1)):
    print(f"{name:<24}Frechet distance {distance[i]:.2f} (floor {floor_here:.2f}), precision {precise[i]:.2f}, "
          f"recall {recalled[i]:.2f}")
print(f"rank correlation of the Frechet distance with -L_D: {np.corrcoef(rank(distance), rank(-d_loss))[0, 1]:.2f}")

# %% draw
# alt: Three panels against the training step, 150 to 2,100. The loss of D, solid, falls slowly, that of G, dashed, rises. The
#   Frechet distance to digits kept out of training falls for some 600 steps, then stays near 1.2, always far above its floor.
#   Precision, solid, rises; recall, dashed, falls after its maximum.
fig = figure(10, 3.2)
one, two, three = fig.subplots(1, 3)
one.plot(at, d_loss, color=BLUE, label="D's loss")
one.plot(at, g_loss, "--", color=ORANGE, label="G's loss")
one.set(ylabel="nats, mean of 150 steps", title="The losses drift")
two.plot(at, distance, color=GREEN, marker="o", markersize=3, label="samples")
two.axhline(floor_here, color=GREY, linestyle=":", label="floor: real")
two.set(ylabel="Frechet distance to kept out", ylim=(0, None), title="It falls, then hardly changes")
three.plot(at, precise, color=VERMILLION, label="precision")
three.plot(at, recalled, "--", color=BLUE, label="recall")
three.set(ylabel="share", ylim=(0, 1), title="Variety is traded for looks")
for axes in (one, two, three):
    axes.set_xlabel("training step")
    axes.legend(fontsize=9)
    axes.grid(alpha=0.3)
fig.tight_layout()
fig

# %% [markdown]
# In this run the distance falls for some 600 steps and hardly changes after that. It goes up and down by less than 0.1 (one
# standard deviation), not much more than with other noise vectors (0.05, measured below); so do not make much of the step at which it happens to be
# smallest. The losses drift all the time, and show nothing of this. The pair on the right tells more: precision goes on
# rising, and recall falls. Single digits become cleaner, and fewer kinds are drawn. So "best" depends on what you want. (This
# $D$ has 898 images only and begins to know them by heart; chapter 12 measures that.) The film shows the same twenty noise
# vectors at every measurement; move the slider to step 600, and on.

# %%
from scratchgan.plots import animation_html

frames = [np.kron(np.broadcast_to(image_grid(drawn[int(step)], columns=10), (19, 91, 3)), np.ones((7, 7, 1), np.uint8))
          for step in at]
animation_html(frames, [f"step {step:,.0f}: Frechet {d:.2f}, precision {a:.2f}, recall {b:.2f}"
                        for step, d, a, b in zip(at, distance, precise, recalled, strict=True)], interval=600,
               label="Samples of twenty noise vectors during training, with their Frechet distance")

# %% [markdown]
# A rule that works:
#
# 1. Choose one distance, one $n$, one set of real images and one seed of the noise beforehand, and measure every few
#    hundred steps. Keep checkpoints (`checkpoint_every` in a recipe).
# 2. Know the noise of the measurement: draw again with other seeds, as below. Differences smaller than that are
#    nothing.
# 3. Stop if the distance has not improved by more than that noise for a good while, and go back to the best checkpoint.
# 4. The smallest of many noisy values is too good on average, because you chose it. Report it on fresh samples.

# %%
again = [frechet_distance(kept_out, np.clip(gan.sample(898, seed=s), -1, 1)) for s in range(2, 12)]
print(f"the last checkpoint, ten other seeds of the noise: {np.mean(again):.2f} +- {np.std(again, ddof=1):.2f}")

# %% draw
# alt: Four panels of twenty digits of 8 x 8 pixels: samples at step 150, at the step with the smallest distance and at the last
#   step, all from the same noise, and real digits. At step 150 they are smudged; later ones look like digits.
fig = figure(10, 2.6)
for axes, step in zip(fig.subplots(1, 4), (150, int(at[best]), steps, None), strict=True):
    axes.imshow(image_grid(kept_out[:20] if step is None else drawn[step], columns=5)[..., 0], cmap="gray",
                interpolation="nearest")
    name = "real" if step is None else f"step {step:,}" + (", the smallest" if step == at[best] else "")
    axes.set_title(name, fontsize=10)
    axes.set_axis_off()
fig.suptitle("The same twenty noise vectors during training: smudges become digits", fontsize=11)
fig.tight_layout()
fig

# %% [markdown]
# Are losses ever good for this? `python -m benchmarks.family` measures the rank correlation of $-L_D$ with the Frechet distance
# over training, for members of the family on MNIST: $-0.78$ for the DCGAN (its loss points the wrong way), 0.98 for WGAN-GP
# and 1.00 for WGAN with clipping. Do not take that for a proof. It is ten points of each run, and both curves fall with time; *any*
# two that fall steadily have a rank correlation of 1, whatever they measure. Evidence would be a correlation that is left when
# the common trend has been taken out, or one between different runs: does the run with the better loss have the better
# samples? Chapter 08 takes up that question. Until you know the answer for your game, measure.
#
# ## What can go wrong
#
# - **"My Frechet distance is 3, the paper's 12: mine is better."** Other features, other units, another $n$. Only
#   numbers from one program on one data set compare.
# - **"Mine is far below real against real."** Then your samples are probably copies of the images that you compare with,
#   or the two sides share data. Keep a part of the data out of training, and compare with that.
# - **"$n = 100$ is quicker."** With 64 features, 100 samples give a floor about ten times that of 1,000. If you
#   cannot afford samples, use the kernel distance, which is right on average, and say how much it scatters.
# - **One seed.** Two runs of one recipe differ. Train three, and show all three before you call one method better
#   than another.
# - **Looking at samples only.** Eyes are good judges of precision and hopeless at recall: you cannot see what is
#   missing in twenty images, and copies look perfect.
# - **Choosing by the metric, then reporting the metric.** What was optimised is no longer a measurement. Use another
#   one, or fresh data.
#
# ## Sources
#
# Dowson & Landau 1982 (the distance of Gaussians); Heusel et al. 2017 (its use on GANs, as FID); Chong & Forsyth 2020
# (its bias); Gretton et al. 2012 (MMD); Binkowski et al. 2018 (KID, and that FID's estimate is biased); Kynkaanniemi
# et al. 2019 (precision and recall by balls); Naeem et al. 2020 (density and coverage); Lopez-Paz & Oquab 2017 (the
# classifier two-sample test); Salimans et al. 2016 (the Inception score); Barratt & Sharma 2018 (what it cannot see); Theis, van den Oord & Bethge 2016, *A note on the evaluation of generative models*. In
# the package: `scratchgan/metrics/`, one metric a file, each with its floor, its ceiling and what it is blind to.
