# %% [markdown]
# # 08 · Wasserstein: what is a better distance?
#
# *About 90 minutes. You need: chapters 01, 03 and 07; integration by parts.*
#
# Chapter 01 ended with a promise. A generator that plays against the best discriminator minimises a distance to the
# data, the Jensen-Shannon divergence. Chapter 07 showed what that is worth when $D$ is good: no gradient. So perhaps it
# is the wrong distance. There is another one, as old as the question of how to move heaps of earth, and it changes the
# game: $D$ becomes a critic without a sigmoid, its loss gets a meaning, and its slope has to be kept in check.
#
# **Question.** What is a better distance, and what does it cost?

# %%
try:
    import scratchgan
except ModuleNotFoundError as error:
    raise ImportError(f"no scratchgan here ({error}): ask your teacher, or install it as its README says") from None
import inspect
from itertools import permutations

import numpy as np

from scratchgan.exercises import check
from scratchgan.plots import BLACK, BLUE, FAKE, GREEN, GREY, ORANGE, REAL, VERMILLION, figure

# %% [markdown]
# ## Predict
#
# All data lie at 0, all fakes at $a$. You may move $a$.
#
# 1. How does the Jensen-Shannon divergence change when $a$ goes from 4 to 2?
# 2. Three heaps of earth lie at 0, 1 and 3, three holes are at 2, 4 and 5. Which heap goes into which hole, if the work
#    is to be least?
# 3. You are a critic and may give every point a number. The mean over the data minus the mean over the fakes is your
#    score, but your numbers may differ by no more than the points are apart. What can you reach?
#
# ## A distance without a slope
#
# Suppose that $p$ and $q$ do not overlap, and let $m = (p+q)/2$. Where $p > 0$, $q$ is 0 and $m = p/2$. So
#
# $$\mathrm{KL}(p \,\|\, m) = \int p \log \frac p{p/2} = \log 2 \int p = \log 2,$$
#
# the same for $q$, and $\mathrm{JSD} = \frac12 \log 2 + \frac12 \log 2 = \log 2$ (Divergence.2). It does not say how
# far apart they are. Two narrow Gaussians, the data at 0 and the fakes at $a$:

# %%
from scratchgan.theory import gaussian, js, w1

shifts = np.linspace(0, 4, 81)
narrow = [(js(gaussian(0, 0.1), gaussian(a, 0.1)).value, w1(gaussian(0, 0.1), gaussian(a, 0.1)).value) for a in shifts]
jsd, earth = np.array(narrow).T
fig = figure(9, 3.2)
left, right = fig.subplots(1, 2)
left.plot(shifts, jsd, color=VERMILLION)
left.axhline(np.log(2), color=GREY, linestyle=":", label="log 2")
left.set(xlabel="a, where the fakes are", ylabel="JSD (nats)", title="JSD is flat as soon as they are apart")
left.legend(fontsize=8)
right.plot(shifts, earth, color=BLUE)
right.set(xlabel="a, where the fakes are", ylabel="earth mover's distance", title="This one tells which way is home")
for axes in (left, right):
    axes.grid(alpha=0.3)
fig.tight_layout()
print(f"{'a':>4}{'JSD':>10}{'slope':>12}{'earth mover':>14}{'slope':>8}")
for i in (10, 20, 40, 79):
    print(f"{shifts[i]:>4.1f}{jsd[i]:>10.6f}{(jsd[i + 1] - jsd[i - 1]) / 0.1:>12.1e}{earth[i]:>14.4f}"
          f"{(earth[i + 1] - earth[i - 1]) / 0.1:>8.4f}")
fig

# %% [markdown]
# At $a = 2$ JSD has no slope left that float64 could tell from 0. The other curve has the slope 1 everywhere. What is
# it?
#
# ## Moving earth
#
# Take $N$ heaps of $1/N$ each at $x_1, \dots, x_N$ and as many holes at $y_1, \dots, y_N$. A **plan** says how much
# goes from where to where, $\pi_{ij} \ge 0$, such that each heap is used up and each hole is filled. Its work is mass
# times way. The **earth mover's distance**, or Wasserstein-1, is the least work:
#
# $$W_1 = \min_\pi \sum_{ij} \pi_{ij}\, |x_i - y_j| . \qquad\text{(EarthMover.1)}$$
#
# On a line you can do it by hand: **sort both, and move the first to the first, the second to the second.** Why is that
# best? Look at one point $t$ of the line, and at what is carried across it. To its left there is the share $F_x(t)$ of
# all heaps and the share $F_y(t)$ of all holes. Whatever the plan, the difference has to be carried across $t$, so at
# least $|F_x(t) - F_y(t)|$ passes there. And the work of a plan is what passes, added up over all $t$: a way of length
# $|x_i - y_j|$ passes just the points between. Hence
#
# $$\text{work of any plan} \;\ge\; \int |F_x(t) - F_y(t)|\, dt .$$
#
# The sorted plan reaches the bound, because it never carries earth across $t$ in both directions. If it did, some heap
# left of $t$ would go to a hole on its right, and some heap right of $t$ to a hole on its left: a lower heap with a
# higher hole and a higher heap with a lower hole. Sorting excludes that. So
#
# $$W_1 = \int |F_x(t) - F_y(t)|\, dt = \frac1N \sum_i |x_{(i)} - y_{(i)}|, \qquad\text{(EarthMover.2)}$$
#
# where $x_{(i)}$ is the $i$-th in order. Here are all six ways to fill the three holes, and the picture of the bound.

# %%
from scratchgan.metrics import earth_mover_1d

x, y = np.array([0.0, 1.0, 3.0]), np.array([2.0, 4.0, 5.0])
for order in permutations(range(3)):
    print(f"0 -> {y[order[0]]:.0f}, 1 -> {y[order[1]]:.0f}, 3 -> {y[order[2]]:.0f}:   work "
          f"{np.abs(x - y[list(order)]).mean():.4f}")
t = np.linspace(-1, 6, 7001)
F_x, F_y = (t[:, None] >= x).mean(axis=1), (t[:, None] >= y).mean(axis=1)
area = np.abs(F_x - F_y).sum() * (t[1] - t[0])
print(f"area between the curves {area:.4f};  earth_mover_1d {earth_mover_1d(x, y):.4f}")

fig = figure(7, 3)
axes = fig.subplots()
axes.plot(t, F_x, color=REAL, label="share of heaps left of t")
axes.plot(t, F_y, color=FAKE, label="share of holes left of t")
axes.fill_between(t, F_x, F_y, color=GREEN, alpha=0.25, label="what must be carried across t")
axes.set(xlabel="t", ylabel="share", title="The area between the two staircases is the least work")
axes.legend(fontsize=8, loc="upper left")
fig.tight_layout()
fig

# %% [markdown]
# More than one plan may be best, as here; it is only necessary that nothing is carried back and forth.
#
# ### Exercise 08.w1

# %%
def w1_of_samples(x, y):
    """x, y (N,): points on a line, in any order.  Returns their earth mover's distance."""
    # BEGIN SOLUTION
    return np.mean(np.abs(np.sort(x) - np.sort(y)))
    # END SOLUTION


check("08.w1", w1_of_samples)

# %% [markdown]
# ## The same distance, seen by a critic
#
# How could a network compute that? It has no plan, and in an image's thousand dimensions nothing can be sorted. Here is
# the turn that made it possible. Let $f$ be *any* function that is **1-Lipschitz**, which means that it is nowhere
# steeper than 1: $|f(x) - f(y)| \le |x - y|$ for all pairs. Take any plan. Since it uses up each heap and fills each
# hole,
#
# $$\mathbb E_p[f] - \mathbb E_q[f] = \sum_{ij} \pi_{ij}\, \big(f(x_i) - f(y_j)\big)
#   \;\le\; \sum_{ij} \pi_{ij}\, |x_i - y_j| .$$
#
# The left side does not know the plan, the right side does not know $f$. So *every* such $f$ bounds the work of *every*
# plan from below, and in particular that of the best:
#
# $$\mathbb E_p[f] - \mathbb E_q[f] \;\le\; W_1(p, q) \quad\text{for every 1-Lipschitz } f .$$
#
# This is **weak duality**. Is there an $f$ that reaches $W_1$? On a line we can find it. Integrate by parts;
# $F_p - F_q$ is 0 at both ends, so nothing is left there:
#
# $$\mathbb E_p[f] - \mathbb E_q[f] = \int f\,(p - q)\, dx = -\int f'\,(F_p - F_q)\, dx = \int f'\,(F_q - F_p)\, dx .$$
#
# With $|f'| \le 1$ the integral is largest if $f'$ has the sign of what it is multiplied with,
#
# $$f'(x) = \operatorname{sign}\big(F_q(x) - F_p(x)\big), \qquad\text{and then it is}\quad
#   \int |F_q - F_p|\, dx = W_1 .$$
#
# So the bound is reached. (In any dimension it is: the theorem of Kantorovich and Rubinstein.) Look at the sign: where
# the fakes lie more to the left, $F_q > F_p$, the critic goes *up* to the right. It points from the fakes to the data.
#
# That answers the third prediction. The best critic's score *is* the earth mover's distance.

# %% [markdown]
# ### Exercise 08.critic_slope

# %%
def critic_slope(F_p, F_q):
    """F_p, F_q (n,): shares of data and of fakes left of some points.  Returns the best critic's slope there."""
    # BEGIN SOLUTION
    return np.sign(F_q - F_p)
    # END SOLUTION


check("08.critic_slope", critic_slope)

# %%
from scratchgan.theory import mixture

p, q = mixture([-2.0, 2.0], [0.5, 0.5]), gaussian(0, 1)       # data: two modes; fakes: one in the middle
t = np.linspace(-8, 8, 16001)
step = t[1] - t[0]
potential = np.cumsum(np.sign(q.cdf(t) - p.cdf(t))) * step
difference = (p.density(t) - q.density(t)) * step
print(f"earth mover's distance                    {w1(p, q).value:.4f}")
for name, f in (("the best critic", potential), ("f(x) = |x|", np.abs(t)), ("f(x) = -|x|", -np.abs(t)), ("f(x) = x", t),
                ("f(x) = sin x", np.sin(t)), ("f(x) = -cos x", -np.cos(t))):
    print(f"{name:<18} score E_p[f] - E_q[f]  {f @ difference:+.4f}   "
          f"largest slope {np.abs(np.diff(f)).max() / step:.2f}")

fig = figure(7, 4.4)
upper, lower = fig.subplots(2, 1, sharex=True, height_ratios=(1, 1.6))
upper.fill_between(t, p.density(t), color=REAL, alpha=0.5, label="p, data")
upper.fill_between(t, q.density(t), color=FAKE, alpha=0.5, label="q, fakes")
upper.set(ylabel="density", xlim=(-4.5, 4.5), title="The best critic climbs from the fakes to the data, with slope 1")
upper.legend(fontsize=8)
shown = np.abs(t) < 4.5
lower.plot(t[shown], potential[shown] - potential[shown].mean(), color=GREEN, linewidth=3, label="the best critic")
lower.plot(t[shown], np.abs(t[shown]) - np.abs(t[shown]).mean(), color=BLACK, linestyle=":", label="|x|")
lower.set(xlabel="x", ylabel="f(x), mean 0", title="Its slope is +1 or -1: it may not climb faster")
lower.legend(fontsize=8)
lower.grid(alpha=0.3)
fig.tight_layout()
fig

# %% [markdown]
# Only far outside, where hardly any mass is, does the best critic differ from $|x|$: beyond the modes the fakes reach
# further than the data, and it turns back.
#
# ## A critic for a discriminator
#
# Arjovsky, Chintala and Bottou (2017) put a network in the place of $f$. Then $C(x)$ is no logit any more but a score.
# It needs **no sigmoid**: the score is not a probability, it may be any number, and squeezing it into $0..1$ would
# flatten the very slope that is wanted. $D$ maximises $\mathbb E_p[C] - \mathbb E_q[C]$. As always code minimises, so
# with real scores $r_n$ and fake ones $f_n$
#
# $$L_D = \frac1N\sum f_n - \frac1N\sum r_n, \qquad \frac{\partial L_D}{\partial r_n} = -\frac1N, \qquad
#   \frac{\partial L_D}{\partial f_n} = \frac1N . \qquad\text{(Wasserstein.1, Wasserstein.2)}$$
#
# $G$ can only move the fakes, and wants to make the distance small:
#
# $$L_G = -\frac1N\sum f_n, \qquad \frac{\partial L_G}{\partial f_n} = -\frac1N .
#   \qquad\text{(Wasserstein.3, Wasserstein.4)}$$
#
# The pull at a fake is $1/N$, however sure $D$ is: nothing saturates. That is why this $D$ may, and should, be trained
# well, usually five turns to one of $G$.
#
# **Why is the WGAN loss negative?** Because of that minus sign: for a good critic $L_D = -W_1$. As training succeeds it
# *rises*, towards 0. $L_G$ by itself means nothing, since $C + 5$ is as good a critic as $C$, with an $L_G$ that is 5
# lower.

# %% [markdown]
# ### Exercise 08.wasserstein_gradients

# %%
def wasserstein_gradients(real_scores, fake_scores):
    """real_scores (N, 1), fake_scores (M, 1).  Returns dL_D/dr, dL_D/df and dL_G/df."""
    # BEGIN SOLUTION
    N, M = len(real_scores), len(fake_scores)
    return np.full((N, 1), -1 / N), np.full((M, 1), 1 / M), np.full((M, 1), -1 / M)
    # END SOLUTION


check("08.wasserstein_gradients", wasserstein_gradients)

# %%
from scratchgan import losses

print(inspect.getsource(losses.Wasserstein.real_term), inspect.getsource(losses.Wasserstein.fake_term), sep="\n")
critic_loss, far = losses.Wasserstein(), np.array([[-1000.0], [0.0], [2000.0]])
print(f"pull at fakes with scores -1000, 0, 2000: {critic_loss.generator(far)[1][:, 0].round(4)}")
print(f"L_G {critic_loss.generator(far)[0]:.2f}; of C + 5: {critic_loss.generator(far + 5)[0]:.2f}")
print(f"L_D {critic_loss.discriminator(far + 5, far)[0]:.2f}; both scores + 5: "
      f"{critic_loss.discriminator(far + 10, far + 5)[0]:.2f}; of 10 C: "
      f"{critic_loss.discriminator(10 * (far + 5), 10 * far)[0]:.2f}")

# %% [markdown]
# ## What keeps a critic honest?
#
# Without a bound on its slope the critic's score has no maximum: ten times $C$ has ten times the score. How do you
# make a network 1-Lipschitz? There are three answers: clip, punish, or normalise.
#
# ### First answer: clip the weights
#
# After each step put every weight back into $[-c, c]$ (Clip.1). Weights in a box make a slope that is bounded by
# *something*. By what? In a net with ReLU the slope is a sum over paths from the input to the output, and each path
# contributes the product of the weights on it, or 0 if a unit on it is off. With $L$ hidden layers of width $m$ and one
# input there are $m^L$ paths with $L + 1$ weights each:
#
# $$\Big|\frac{dC}{dx}\Big| \le m^L c^{L+1} .$$

# %%
m, L = 64, 8
for c in (0.1, 0.01):
    print(f"{L} hidden layers of {m}, c = {c}: slope at most {m**L * c**(L + 1):.1e}")
print(f"c ten times as large: a bound {10.0**(L + 1):.0e} times as large;  a tenth larger: {1.1**(L + 1):.2f} times")

# %% [markdown]
# A factor of ten in $c$ is a factor of $10^9$ in the bound, and ten percent are a factor of 2.36. To come out near 1,
# $c$ would have to be hit exactly, and anew for every depth and width. And a critic that wants to be steep pushes all
# its weights to the walls of the box. In a comparison on four data sets with nets of that depth and width
# (`python -m benchmarks.critics`, numbers in `benchmarks/results/critics.json`) clipping at 0.1 made largest slopes
# from 1,700 to 5,000, and clipping at 0.01 from $1.7 \cdot 10^{-12}$ to $2.3 \cdot 10^{-11}$. From 59 to 84 % of the
# weights lay at the bound.
#
# ![Gradients by layer, and where the weights go](../benchmarks/results/critics_layers.png)
#
# Worse, what is left is too simple: with weights at the walls a net can do little else than one big hill. Gulrajani et
# al. (2017) found that, and the pictures of this comparison show it too:
#
# ![Critics in the plane: plain, clipped, penalised](../benchmarks/results/critics_plane.png)
#
# ### Second answer: punish the slope
#
# The best critic has slope 1 between fakes and data. So demand that (Gulrajani et al. 2017): at points between real
# samples and fakes, $\hat x = e\,x + (1 - e)\,G(z)$ with $e$ uniform in $0..1$, let
# $g_n = \partial C/\partial\hat x_n$, and add to $L_D$
#
# $$P = \frac\lambda N \sum_n (|g_n| - 1)^2, \qquad
#   u_n = \frac{\partial P}{\partial g_n} = \frac{2\lambda}N\,(|g_n| - 1)\,\frac{g_n}{|g_n|} . \qquad\text{(WganGp.1)}$$
#
# $|g_n|$ is the length of *one sample's* gradient. The $u_n$ comes from the chain rule, as
# $\partial|g|/\partial g = g/|g|$.

# %% [markdown]
# ### Exercise 08.gp_direction

# %%
def gp_direction(g, weight):
    """g (N, D): gradients, one row a sample; weight: lambda.  Returns u = dP/dg (N, D) of (WganGp.1)."""
    # BEGIN SOLUTION
    norm = np.sqrt(np.sum(g**2, axis=1, keepdims=True))
    return 2 * weight / len(g) * (norm - 1) * g / norm
    # END SOLUTION


check("08.gp_direction", gp_direction)

# %% [markdown]
# ### The second derivative, by hand
#
# To lower $P$, $D$'s optimiser needs $\partial P/\partial\theta$ for all weights $\theta$. But $g$ is itself a
# derivative. So this is a derivative of a derivative, and ordinary backpropagation does not give it. Do it once by
# hand, for the smallest net that shows everything:
#
# $$C(x) = \sum_k a_k\, \varphi(h_k), \qquad h = xW + b .$$
#
# Its gradient in $x$ is, by the chain rule, $g_i = \sum_k W_{ik}\, a_k\, \varphi'(h_k)$. A weight changes $P$ by
# changing $g$, so $\partial P/\partial\theta = \sum_n u_n \cdot \partial g_n/\partial\theta$ with $u_n$ held fixed. We
# need the derivatives of
#
# $$\langle g, u\rangle = \sum_n \sum_k (u_n W)_k\, a_k\, \varphi'(h_{nk}), \qquad (u_nW)_k = \sum_i u_{ni} W_{ik} .$$
#
# $a$ stands in one place, $b$ only within $h$, and $W$ in two places: in front, and within $h = xW + b$.
#
# $$\frac{\partial P}{\partial a_k} = \sum_n (u_nW)_k\, \varphi'(h_{nk}), \qquad
#   \frac{\partial P}{\partial b_k} = \sum_n (u_nW)_k\, a_k\, \varphi''(h_{nk}),$$
#
# $$\frac{\partial P}{\partial W_{ik}} = \sum_n \Big[\, u_{ni}\, a_k\, \varphi'(h_{nk})
#   \;+\; x_{ni}\, (u_nW)_k\, a_k\, \varphi''(h_{nk}) \Big] .$$
#
# That is all of it. For ReLU and LeakyReLU $\varphi'' = 0$, and only the first term of $\partial P/\partial W$ and
# $\partial P/\partial a$ are left.
#
# ### The same, for any net
#
# There is a pattern in it. Read $u$ as a small movement of the *input*: it moves $h$ by $uW$, and $\varphi'(h)$ by
# $\varphi''(h)\,uW$. Now take the *ordinary* gradient of the output in the weights,
# $\partial F/\partial W_{ik} = \sum_n x_{ni}\, a_k\, \varphi'(h_{nk})$ with $F = \sum_n C(x_n)$, and ask how it
# changes when $x$ moves along $u$. By the product rule:
# $u_{ni}\, a_k\, \varphi'(h_{nk}) + x_{ni}\, a_k\, \varphi''(h_{nk})\,(u_nW)_k$. The same two terms. Always:
#
# $$\nabla_\theta P = \nabla_\theta \langle \nabla_x F, u\rangle
#   = \frac{d}{d\epsilon} \nabla_\theta F(x + \epsilon u) \Big|_{\epsilon = 0}, \qquad\text{(Families.1)}$$
#
# because $\langle\nabla_x F, u\rangle$ is $\frac{d}{d\epsilon}F(x + \epsilon u)$, and it does not matter in which order
# one differentiates by $\theta$ and by $\epsilon$. So no new theory is needed for a second derivative: run the backward
# pass, then *differentiate it along $u$*. Every layer of the package has these two more passes, `tangent` and
# `tangent_backward`, and a penalty is a few lines:

# %%
from scratchgan.penalties import Penalised, R1, WganGp, interpolate, penalty_backward

print(inspect.getsource(penalty_backward).split('"""')[2])

# %% [markdown]
# Three ways to the same numbers: the formulas from above, the package's passes, and (Families.1) itself with a finite
# $\epsilon$, which needs nothing but ordinary gradients.

# %%
from scratchgan.layers import Sequential
from scratchgan.gradcheck import check as gradcheck
from scratchgan.layers import Dense, LeakyReLU, ReLU, Tanh

rng = np.random.default_rng(0)
net = Sequential([Dense(2, 5, rng=rng, dtype=np.float64), Tanh(), Dense(5, 1, rng=rng, dtype=np.float64)])
W, b, a, _ = (array for _, array in net.parameters())
b[...] = rng.standard_normal(5)
x = rng.standard_normal((6, 2))

h = x @ W + b                                                  # by hand, with phi = tanh
slope, bend = 1 - np.tanh(h)**2, -2 * np.tanh(h) * (1 - np.tanh(h)**2)
g = (a[:, 0] * slope) @ W.T
value, u = WganGp(10.0)(g)
by_hand = {"0.W": u.T @ (a[:, 0] * slope) + x.T @ ((u @ W) * a[:, 0] * bend),
           "0.b": ((u @ W) * a[:, 0] * bend).sum(axis=0), "2.W": ((u @ W) * slope).sum(axis=0)[:, None]}


def weight_gradients(x):
    """The ordinary gradient of the summed outputs in the weights."""
    net.zero_grads()
    y, cache = net.forward(x, train=True)
    net.backward(np.ones_like(y), cache, input_grad=False)
    return {path: gradient.copy() for path, gradient in net.gradients()}


plus, minus = weight_gradients(x + 1e-5 * u), weight_gradients(x - 1e-5 * u)
net.zero_grads()
package_value, _ = penalty_backward(net, x, WganGp(10.0))
print(f"P by hand {value:.6f}, by the package {package_value:.6f}")
for path, gradient in net.gradients():
    if path in by_hand:
        moved = (plus[path] - minus[path]) / 2e-5
        print(f"{path}: largest entry {np.abs(gradient).max():.3f},  |hand - package| "
              f"{np.abs(by_hand[path] - gradient).max():.1e},  |difference along u - package| "
              f"{np.abs(moved - gradient).max():.1e}")

# %% [markdown]
# And by central differences of $P$ itself, weight by weight, which is what `scratchgan gradcheck` does. A deeper net,
# and R1 as well:

# %%
deep = Sequential([Dense(3, 8, rng=rng), Tanh(), Dense(8, 8, rng=rng), LeakyReLU(0.2), Dense(8, 1, rng=rng)])
for penalty in (WganGp(10.0), R1(10.0)):
    report = gradcheck(Penalised(deep, penalty), rng.standard_normal((4, 3)))
    print(f"{type(penalty).__name__:<8} ok: {report.ok}, largest relative error of {len(report.rows)} arrays "
          f"{report.max_error:.1e}")

# %% [markdown]
# ### What the penalty cannot do
#
# The penalty of (WganGp.1) is **two-sided**: it punishes slopes *below* 1 as well. Look at the best critic of the two
# modes again. It goes down with slope $-1$ and up with slope $+1$, with a fold in the middle. A critic that begins as a
# straight line has to turn the slope of one half round, from $+1$ through 0 to $-1$, and on the way every point of that
# half pays up to $\lambda\,(0 - 1)^2 = 10$, more than there is to win: the whole distance is 1.202. So on a line it
# hardly folds.
#
# ![Critics on the line beside the exact one](../benchmarks/results/critics_line.png)
#
# In this comparison (`python -m benchmarks.critics` again; $G$ stands still, and each critic is divided by its largest
# slope) the two-sided critic stayed nearly straight and estimated 0.012 where the distance is 1.202. The **one-sided**
# penalty, $\max(0, |g| - 1)^2$, lets a critic be flat and estimated 1.060. In the plane and beyond, a gradient can turn
# round without ever becoming 0, and there the two-sided critic follows the data, as the picture further up shows. On
# the ring it estimates 0.35, and the one-sided one 0.51. WGAN-GP as published is the two-sided one. Know what it asks.

# %% [markdown]
# ## The whole game on a line
#
# Now let $G$ move. On a line the earth mover's distance is known exactly at any time: `earth_mover_1d` of many samples.
# Does the critic's loss, with its sign turned and without the penalty, tell the same? Both penalties, 1,500 turns of
# the critic, of which every fifth is followed by one of $G$.

# %%
from scratchgan.data.toy import gaussian_mixture_1d
from scratchgan.models.training import game
from scratchgan.rules import GradientPenalty

data = gaussian_mixture_1d((-2.0, 2.0), 0.5, None)
many = data.sample(20_000, rng=np.random.default_rng(9))[:, 0]


def dense(widths, activation, rng):
    layers = []
    for i, o in zip(widths[:-2], widths[1:-1], strict=True):
        layers += [Dense(i, o, init="he", rng=rng), activation()]
    return Sequential([*layers, Dense(*widths[-2:], init="glorot", rng=rng)])


def wgan_on_a_line(one_sided, seed=1, turns=1500):
    """Returns the turns, the critic's estimate then, the exact distance then, and the critic's slopes in the end."""
    rng = np.random.default_rng(seed)
    gan = game(dense((2, 48, 48, 1), ReLU, rng), dense((1, 48, 48, 1), LeakyReLU, rng), latent_dim=2, data_shape=(1,),
               loss="wasserstein", d_steps=5, lr_g=6e-4, lr_d=5e-3, beta1=0.0, beta2=0.9, seed=seed,
               rules=[GradientPenalty(WganGp(10.0, one_sided=one_sided), "between")])
    for _ in range(300):                                       # first the critic alone
        gan.d_step(data.sample(128, rng=rng))
    estimates, rows = [], []
    for turn in range(1, turns + 1):
        report = gan.train_step(data.sample(128, rng=rng))
        estimates.append(report["penalty_between"] - report["d_loss"])
        if turn % 50 == 0:
            rows.append((turn, np.mean(estimates[-25:]), earth_mover_1d(many, gan.sample(20_000, seed=3)[:, 0])))
    scores = gan.D.forward(np.linspace(-4, 4, 401, dtype=np.float32)[:, None], train=False)[0][:, 0]
    return *np.array(rows).T, np.diff(scores) / 0.02


fig = figure(10, 3.6)
for axes, one_sided in zip(fig.subplots(1, 2), (True, False), strict=True):
    turn, estimate, exact, slopes = wgan_on_a_line(one_sided)
    axes.plot(turn, exact, color=GREEN, linewidth=4, alpha=0.5, label="earth mover's distance, exact")
    axes.plot(turn, estimate, color=BLUE, label="the critic's estimate, -L_D without penalty")
    axes.axhline(0, color=GREY, linewidth=1)
    axes.set(xlabel="turns of the critic", ylabel="distance")
    axes.set_title("One-sided: the loss tells the distance" if one_sided else
                   "Two-sided: the critic cannot fold, G runs away", fontsize=11)
    if one_sided:
        axes.legend(fontsize=8)
    axes.grid(alpha=0.3)
    print(f"{'one' if one_sided else 'two'}-sided: exact distance from {exact[0]:.2f} to {exact[-1]:.2f}, largest "
          f"{exact.max():.2f};\n    estimate at the end {estimate[-1]:.2f}, smallest {estimate.min():.2f}; correlation "
          f"{np.corrcoef(estimate, exact)[0, 1]:.2f}\n    the critic's slopes between -4 and 4, in the end: "
          f"{slopes.min():.2f} to {slopes.max():.2f}")
fig.tight_layout()
fig

# %% [markdown]
# On the left the two curves belong together, although the critic lags behind whenever $G$ has just moved fast. On the
# right the critic's slope has one sign everywhere: no fold. It pushes all fakes one way, past the data and out on the
# other side. There its estimate is *negative*: the tilt is the wrong way round, and turning costs the penalty. When it
# turns at last, the estimate jumps, and the fakes come back.
#
# On digits, where a gradient has room to turn, both WGANs' losses tell how good the samples are.
# `python -m benchmarks.family` compares $-L_D$ without penalty with the Fréchet distance (chapter 11) over training.
# The rank correlation is 0.98 for `wgan-gp-mnist`, 1.00 for `wgan-clip-mnist`, and $-0.78$ for the plain `dcgan-mnist`,
# whose loss tells it the wrong way round. (For `r1-mnist`, no WGAN but with a penalty, it is 1.00, too: perhaps a $D$
# that is kept in check matters more than the distance.)
#
# ![What the critics' losses tell](../benchmarks/results/family_estimates.png)
#
# ## Third answer: divide by the slope
#
# A dense layer stretches no vector by more than its largest **singular value** $s_1$ of $W$. So use $S = W/\sigma$ with
# $\sigma = s_1$ in its place (Miyato et al. 2018): then no layer stretches anything, LeakyReLU does not either, and the
# whole net is 1-Lipschitz by construction.
#
# How do you find $\sigma$ in every step, cheaply? Write $W = \sum_i s_i\, u_i v_i^T$ with $s_1 > s_2 \ge \dots$, and
# begin with any $u$, which is $\sum_i \alpha_i u_i$. Then
#
# $$W W^T u = \sum_i \alpha_i\, s_i^2\, u_i :$$
#
# each round makes the first component larger against the $i$-th by $(s_1/s_i)^2$. What remains after some rounds is
# $u_1$. With the length put back to 1 each time,
#
# $$v \leftarrow \frac{W^Tu}{|W^Tu|}, \qquad u \leftarrow \frac{Wv}{|Wv|}, \qquad \sigma = u^T W v .
#   \qquad\text{(Spectral.1, Spectral.2)}$$
#
# A step of training hardly moves $W$, so one round a step is enough if it starts where the last one ended.

# %% [markdown]
# ### Exercise 08.power_step

# %%
def power_step(W, u):
    """W (K, C), u (K,) of length 1.  One round of the power iteration.  Returns the new u, v and sigma."""
    # BEGIN SOLUTION
    v = W.T @ u / np.linalg.norm(W.T @ u)
    u = W @ v / np.linalg.norm(W @ v)
    return u, v, u @ W @ v
    # END SOLUTION


check("08.power_step", power_step)

# %%
from scratchgan.kernels import power_iteration

W = rng.standard_normal((30, 20))
s = np.linalg.svd(W, compute_uv=False)
u = rng.standard_normal(30)
print(f"s1 = {s[0]:.6f}, s2 = {s[1]:.6f}")
for rounds in (1, 3, 10, 30, 100):
    print(f"{rounds:>4} rounds: sigma = {power_iteration(W, u, iterations=rounds)[2]:.6f}, too small by "
          f"{s[0] - power_iteration(W, u, iterations=rounds)[2]:.1e}")

# %% [markdown]
# **Backward.** The loss gives $\partial L/\partial S$, called $dS$; wanted is $dW$. Let $W$ move by $tW$. At the
# singular vectors $\sigma = u^TWv$ moves by $u^T\,tW\,v$, because turning the unit vectors $u$ and $v$ changes nothing
# to first order: they already make $u^TWv$ as large as it can be. With $E = uv^T$ and $\langle A, B\rangle$ for the sum
# of all $A_{ij}B_{ij}$, that is $\langle E, tW\rangle$, and by the quotient rule
#
# $$tS = \frac{tW}\sigma - \frac{W}{\sigma^2}\langle E, tW\rangle
#   = \frac{tW - \langle E, tW\rangle\, S}\sigma . \qquad\text{(Spectral.3)}$$
#
# The loss moves by
# $\langle dS, tS\rangle = \frac1\sigma\big(\langle dS, tW\rangle - \langle dS, S\rangle\,\langle E, tW\rangle\big)$.
# Collect what stands with $tW$:
#
# $$dW = \frac{dS - \langle dS, S\rangle\, E}\sigma . \qquad\text{(Spectral.4)}$$
#
# The second term takes out the part of the gradient that would only make $W$ longer, which dividing by $\sigma$ undoes
# anyway.

# %% [markdown]
# ### Exercise 08.spectral_backward

# %%
def spectral_backward(dS, W, u, v):
    """dS, W (K, C); u (K,), v (C,): the first singular vectors of W.  Returns dW (K, C)."""
    # BEGIN SOLUTION
    sigma = u @ W @ v
    return (dS - np.sum(dS * W / sigma) * np.outer(u, v)) / sigma
    # END SOLUTION


check("08.spectral_backward", spectral_backward)

# %%
from scratchgan.layers import SpectralNorm

print(inspect.getsource(SpectralNorm.weight_adjoint))
U, s, Vt = np.linalg.svd(W)
u, v, dS = U[:, 0], Vt[0], rng.standard_normal(W.shape)
dW = (dS - np.sum(dS * W / s[0]) * np.outer(u, v)) / s[0]
loss = lambda W: np.sum(dS * W / np.linalg.svd(W, compute_uv=False)[0])
tW = rng.standard_normal(W.shape)
print(f"along a random direction: (Spectral.4) {np.sum(dW * tW):.8f}, "
      f"central difference {(loss(W + 1e-5 * tW) - loss(W - 1e-5 * tW)) / 2e-5:.8f}")

normalised = Sequential([SpectralNorm(Dense(4, 32, rng=rng), rng=rng), LeakyReLU(0.2),
                         SpectralNorm(Dense(32, 32, rng=rng), rng=rng), LeakyReLU(0.2),
                         SpectralNorm(Dense(32, 1, rng=rng), rng=rng)])
for _ in range(50):                                            # rounds of the power iteration, one a forward pass
    normalised.forward(np.zeros((1, 4), np.float32), train=True)
one, two = rng.standard_normal((2, 5000, 4)).astype(np.float32)
scores = [normalised.forward(points, train=False)[0][:, 0] for points in (one, two)]
print(f"steepest of 5,000 pairs: {(np.abs(scores[0] - scores[1]) / np.linalg.norm(one - two, axis=1)).max():.3f}")

# %% [markdown]
# No pair is steeper than 1, and the steepest is much flatter: layer by layer "at most 1" is a cautious bound. For a
# convolution the package and the paper take $\sigma$ of the kernel as a matrix, which is not quite the norm of the
# whole map.
#
# ## What can go wrong
#
# - **"Why is the WGAN loss negative?"** It is minus a distance. If it is *positive* for long, the critic is worse than
#   a constant one: it trains too little, or, as on the right above, its penalty holds it.
# - **"My loss is a thousand, with clipping."** Its unit is unknown: with slopes up to $K$ it estimates at most
#   $K\,W_1$. Compare within a run only, never between runs with another $c$ or another depth.
# - **The penalty's norm over the whole batch.** $|g_n|$ is per sample. One norm over all $N$ rows lets one steep sample
#   hide among flat ones. And a penalty through BatchNorm in training means nothing at all, because a sample's own
#   gradient does not exist there. The package refuses it, and says why.
# - **A loss with a penalty in it.** The `d_loss` that is reported contains the penalty. For the distance take it out,
#   as above.
# - **Too few turns of the critic.** By weak duality a critic that is not the best one says too little, if its slope is
#   at most 1. If it is a little steeper, it may also say too much.
# - **"WGAN-GP has solved stability."** Chapter 07 says no: the Dirac-GAN circles under it, since the slope 1 is
#   demanded even where $p = q$, where the best critic is flat. A better distance gives $G$ a direction. It does not
#   stop the turning.
#
# ## Sources
#
# Arjovsky, Chintala & Bottou 2017, *Wasserstein GAN*, for the distance, its critic and clipping. Gulrajani, Ahmed,
# Arjovsky, Dumoulin & Courville 2017, *Improved training of Wasserstein GANs*, for the penalty and for what clipping
# does. Miyato, Kataoka, Koyama & Yoshida 2018, *Spectral normalization for generative adversarial networks*. Villani
# 2003, *Topics in optimal transportation*, for the theorem of Kantorovich and Rubinstein.
