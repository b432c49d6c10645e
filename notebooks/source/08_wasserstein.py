# %% [markdown]
# # 08 · Wasserstein: what is a better distance?
#
# *About 85 minutes. You need: chapters 01, 03 and 07; integration by parts.*
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
# far apart they are.
#
# Is it not rare that two densities do not overlap? Not where there is much room. Images have thousands of pixels and few
# things that can change in them (where, how large, in which light), so they lie on a thin sheet in their space, and the
# fakes of a $G$ with few latent numbers lie on another one. Two sheets in space meet in a curve at most, and a curve is no
# share of either (Arjovsky & Bottou 2017):

# %% draw
# alt: Two curved sheets in a cube, an orange one for the data and a blue one for the fakes, one above the other. They do
#   not touch, and both are thin: they fill no part of the cube.
fig = figure(5.4, 4.4)
axes = fig.add_subplot(projection="3d")
across, along = np.meshgrid(np.linspace(0, 1, 30), np.linspace(0, 1, 30))
axes.plot_surface(across, along, 0.7 + 0.15 * np.sin(5 * across) * np.cos(3 * along), color=REAL, alpha=0.7)
axes.plot_surface(across, along, 0.25 + 0.15 * np.cos(4 * along + across), color=FAKE, alpha=0.7)
axes.text(0.9, 0.1, 1.02, "data", fontsize=11)
axes.text(0.9, 0.1, 0.02, "fakes", fontsize=11)
axes.set(xlabel="$x_1$", ylabel="$x_2$", zlabel="$x_3$", zlim=(0, 1), xticks=(0, 1), yticks=(0, 1), zticks=(0, 1))
axes.set_title("Two sheets in space: somewhere between them\na D fits that makes no mistake", fontsize=11)
fig.tight_layout()
fig

# %% [markdown]
# So let us see what a distance makes of that. Two narrow Gaussians, the data at 0 and the fakes at $a$:

# %%
from scratchgan.theory import gaussian, js, w1

shifts = np.linspace(0, 4, 81)
narrow = [(js(gaussian(0, 0.1), gaussian(a, 0.1)).value, w1(gaussian(0, 0.1), gaussian(a, 0.1)).value) for a in shifts]
jsd, earth = np.array(narrow).T
print(f"{'a':>4}{'JSD':>10}{'slope':>12}{'earth mover':>14}{'slope':>8}")
for i in (10, 20, 40, 79):
    print(f"{shifts[i]:>4.2f}{jsd[i]:>10.6f}{(jsd[i + 1] - jsd[i - 1]) / 0.1:>12.1e}{earth[i]:>14.4f}"
          f"{(earth[i + 1] - earth[i - 1]) / 0.1:>8.4f}")

# %% draw
# alt: Two curves against a, where the fakes are, from 0 to 4. Left, the Jensen-Shannon divergence jumps to log 2 within
#   the first half and is flat from there on. Right, the earth mover's distance is a straight line of slope 1.
fig = figure(9.5, 3.6)
left, right = fig.subplots(1, 2)
left.plot(shifts, jsd, color=VERMILLION)
left.axhline(np.log(2), color=GREY, linestyle=":", label="log 2")
left.set(xlabel="a, where the fakes are", ylabel="JSD (nats)")
left.set_title("JSD is flat as soon as they are apart", fontsize=11)
left.legend(fontsize=10)
right.plot(shifts, earth, color=BLUE)
right.set(xlabel="a, where the fakes are", ylabel="earth mover's distance")
right.set_title("This one tells which way is home", fontsize=11)
for axes in (left, right):
    axes.grid(alpha=0.3)
fig.tight_layout()
fig

# %% [markdown]
# That answers the first prediction: from $a = 4$ to $a = 2$ JSD does not change at all, and at $a = 2$ it has no slope left
# that float64 could tell from 0. The other curve has the slope 1 everywhere. What is it?
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

# %% draw
# alt: Two staircases from 0 to 1 against t from -1 to 6: the share of heaps left of t rises at 0, 1 and 3, the share of
#   holes at 2, 4 and 5. The area between them is shaded.
fig = figure(7.5, 3.4)
axes = fig.subplots()
axes.plot(t, F_x, color=REAL, label="share of heaps left of t")
axes.plot(t, F_y, color=FAKE, linestyle="--", label="share of holes left of t")
axes.fill_between(t, F_x, F_y, color=GREEN, alpha=0.25, label="what must be carried across t")
axes.set(xlabel="t", ylabel="share")
axes.set_title("The area between the two staircases is the least work", fontsize=11)
axes.legend(fontsize=9, loc="upper left")
fig.tight_layout()
fig

# %% [markdown]
# That answers the second prediction: 0 to 2, 1 to 4, 3 to 5 is a best plan, and not the only one here; it is only necessary
# that nothing is carried back and forth.
#
# ### Exercise 08.w1

# %%
def w1_of_samples(x, y):
    """x, y (N,): points on a line, in any order.  Returns their earth mover's distance.

    >>> round(float(w1_of_samples(np.array([3.0, 0.0, 1.0]), np.array([2.0, 5.0, 4.0]))), 4)
    2.3333
    """
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
    """F_p, F_q (n,): shares of data and of fakes left of some points.  Returns the best critic's slope there, (n,).

    >>> critic_slope(np.array([0.1, 0.5]), np.array([0.3, 0.2])).tolist()
    [1.0, -1.0]
    """
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
scores = {}
for name, f in (("the best critic", potential), ("f(x) = |x|", np.abs(t)), ("f(x) = -|x|", -np.abs(t)), ("f(x) = x", t),
                ("f(x) = sin x", np.sin(t)), ("f(x) = -cos x", -np.cos(t))):
    scores[name] = f @ difference
    print(f"{name:<18} score E_p[f] - E_q[f]  {f @ difference:+.4f}   "
          f"largest slope {np.abs(np.diff(f)).max() / step:.2f}")

# %% draw
# alt: Above, two densities against x from -4.5 to 4.5: the data with modes at -2 and 2, the fakes with one at 0. Below,
#   the best critic is a V with its fold at 0 and slopes -1 and +1; the dotted curve |x| is the same but for the ends.
fig = figure(7.5, 4.8)
upper, lower = fig.subplots(2, 1, sharex=True, height_ratios=(1, 1.6))
upper.fill_between(t, p.density(t), color=REAL, alpha=0.5, label="p, data")
upper.fill_between(t, q.density(t), color=FAKE, alpha=0.5, label="q, fakes")
upper.set(ylabel="density", xlim=(-4.5, 4.5))
upper.set_title("The best critic climbs from the fakes to the data, with slope 1", fontsize=11)
upper.legend(fontsize=9)
shown = np.abs(t) < 4.5
lower.plot(t[shown], potential[shown] - potential[shown].mean(), color=GREEN, linewidth=3, label="the best critic")
lower.plot(t[shown], np.abs(t[shown]) - np.abs(t[shown]).mean(), color=BLACK, linestyle=":", label="|x|")
lower.set(xlabel="x", ylabel="f(x), mean 0")
lower.set_title("Its slope is +1 or -1: it may not climb faster", fontsize=11)
lower.legend(fontsize=9)
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
    """real_scores (N, 1), fake_scores (M, 1).  Returns dL_D/dr (N, 1), dL_D/df (M, 1) and dL_G/df (M, 1).

    >>> [part.tolist() for part in wasserstein_gradients(np.array([[3.0], [1.0]]), np.array([[-7.0]]))]
    [[[-0.5], [-0.5]], [[1.0]], [[-1.0]]]
    """
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
# (Histograms of the weights are in `benchmarks/results/critics_layers.png`.) Worse, what is left is rather simple: with
# weights at the walls a net can do little else than one big hill, as Gulrajani et al. (2017) found. In the picture the
# clipped critics are polygons with one summit, whatever the data look like:
#
# ![Critics in the plane, rows ring and spirals, columns plain, clipped twice, two-sided and one-sided penalty: colour is C, green dots are data](../benchmarks/results/critics_plane.png)
#
# Simple need not be bad. On a line with two modes one big valley is just what is wanted, and there the clipped critics,
# divided by their largest slope, estimate 1.018 and 0.835 of the true 1.202.
#
# ### Second answer: punish the slope
#
# The best critic has slope 1 on the way from a fake to a real sample *if the two belong together*, that is, if the best
# plan moves the one to the other (Gulrajani et al. 2017, proposition 1). So demand slope 1 there. But nobody knows the
# plan, and the penalty takes the line between a fake and *any* real sample. That is a simplification, and we shall see
# what it costs: at points between real
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
    """g (N, D): gradients, one row a sample; weight: lambda.  Returns u = dP/dg (N, D) of (WganGp.1).

    >>> gp_direction(np.array([[0.0, 3.0], [0.6, 0.8]]), 10.0).round(6).tolist()
    [[0.0, 20.0], [0.0, 0.0]]
    """
    # BEGIN SOLUTION
    norm = np.sqrt(np.sum(g**2, axis=1, keepdims=True))
    return 2 * weight / len(g) * (norm - 1) * g / norm
    # END SOLUTION


check("08.gp_direction", gp_direction)

# %% [markdown]
# #### The second derivative, by hand
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
# #### The same, for any net
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
from scratchgan.penalties import Penalised, R1, WganGp, penalty_backward

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
# #### What the penalty cannot do
#
# The penalty of (WganGp.1) is **two-sided**: it punishes slopes *below* 1 as well. Look at the best critic of the two
# modes again. It goes down with slope $-1$ and up with slope $+1$, with a fold at 0. Where the fold is, the slope passes
# through 0, and a fake on the left is often joined with a real sample on the right, by a line that crosses the fold. Each
# such point pays up to $\lambda\,(0 - 1)^2 = 10$, where the whole distance is 1.202. A critic that begins as a straight
# line has to let a fold in, from one end, and at every place on its way the fold costs more than it brings. It can get
# stuck.
#
# ![Densities and critics on the line beside the exact one, an upper and a lower panel for each of two data sets](../benchmarks/results/critics_line.png)
#
# In this comparison (`python -m benchmarks.critics` again; $G$ stands still, and each critic is divided by its largest
# slope) the two-sided critic stayed nearly straight and estimated 0.012 where the distance is 1.202. The **one-sided**
# penalty, $\max(0, |g| - 1)^2$, lets a critic be flat and estimated 1.060. That is one run each.
# And luck has its part in it. On five seeds, with smaller nets (`python -m benchmarks.critics_seeds`,
# `benchmarks/results/critics_seeds.json`), of the two-sided critics two stay straight and estimate 0.02; the other
# three fold, and of these two come near the distance. So the two-sided penalty does not forbid the fold. It makes it a
# matter of where the critic began.
#
# In the plane there is one thing more to say, lest you think that a gradient could turn round there without becoming 0.
# Inside the ring the best critic has a valley: at its bottom the gradient is 0, as at the fold. A field of gradients cannot
# be turned from inwards to outwards by a rotation on the way, for it would be a vortex then, and gradients have none. In
# the picture above, panel "ring, penalty", the two-sided critic has its *summit* in the empty centre: it has not folded
# either. It estimates 0.35, and the one-sided one 0.51. Of the five runs with smaller nets
# four have their summit near the centre as well, one has its valley there, as it should. WGAN-GP as published is the
# two-sided one. Know what it asks.

# %% [markdown]
# ### Third answer: divide by the slope
#
# A dense layer stretches no vector by more than its largest **singular value** $s_1$ of $W$. So use $S = W/\sigma$ with
# $\sigma = s_1$ in its place (Miyato et al. 2018): then no layer stretches anything, LeakyReLU does not either, and the
# whole net is 1-Lipschitz, as far as $\sigma$ is exact.
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
# A step of training hardly moves $W$, so one round a step is enough if it starts where the last one ended. One thing to
# know: $u^TWv$ of two unit vectors is never *larger* than $s_1$, so $\sigma$ is always too small, and $|S| = s_1/\sigma$
# a little above 1.

# %% [markdown]
# ### Exercise 08.power_step

# %%
def power_step(W, u):
    """W (K, C), u (K,) of length 1.  One round of the power iteration.  Returns the new u (K,), v (C,) and sigma.

    >>> W = np.array([[3.0, 0.0], [0.0, 1.0]])
    >>> [np.round(part, 4).tolist() for part in power_step(W, np.array([0.6, 0.8]))]
    [[0.9892, 0.1465], [0.9138, 0.4061], 2.7714]
    """
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
stretch = {}
for rounds in (1, 3, 10, 30, 100):
    sigma = power_iteration(W, u, iterations=rounds)[2]
    stretch[rounds] = s[0] / sigma
    print(f"{rounds:>4} rounds: sigma = {sigma:.6f}, too small by {s[0] - sigma:.1e}: S stretches by up to "
          f"{stretch[rounds]:.6f}")

# %% [markdown]
# So right after the start "1-Lipschitz by construction" is not true: with one round from a random $u$ a layer stretches
# noticeably more than 1, and $L$ such layers by that number to the power $L$. Over the rounds it comes down to 1, from
# above. In training it stays a little above as long as $W$ moves.

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
    """dS, W (K, C); u (K,), v (C,): the first singular vectors of W.  Returns dW (K, C).

    >>> W = np.array([[2.0, 0.0], [0.0, 1.0]])
    >>> spectral_backward(np.array([[1.0, 1.0], [1.0, 1.0]]), W, np.array([1.0, 0.0]), np.array([1.0, 0.0])).tolist()
    [[-0.25, 0.5], [0.5, 0.5]]
    """
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
scored = [normalised.forward(points, train=False)[0][:, 0] for points in (one, two)]
steepest = (np.abs(scored[0] - scored[1]) / np.linalg.norm(one - two, axis=1)).max()
print(f"steepest of 5,000 pairs: {steepest:.3f}")

# %% [markdown]
# No pair is steeper than 1, and the steepest is much flatter: layer by layer "at most 1" is a cautious bound. For a
# convolution the package and the paper take $\sigma$ of the kernel as a matrix, which is not quite the norm of the
# whole map.
#
# #### The loss that goes with it: hinge
#
# Miyato et al. trained their normalised $D$ with the **hinge loss** (Lim & Ye 2017): a score on the right side of 0 by more
# than 1 costs nothing.
#
# $$L_D = \frac1N\sum_n \max(0, 1 - r_n) + \frac1N\sum_n \max(0, 1 + f_n), \qquad
#   \frac{\partial L_D}{\partial r_n} = \begin{cases} -1/N & r_n < 1 \\ 0 & \text{else,}\end{cases} \qquad
#   \frac{\partial L_D}{\partial f_n} = \begin{cases} 1/N & f_n > -1 \\ 0 & \text{else,}\end{cases}
#   \qquad\text{(Hinge.1, Hinge.2)}$$
#
# and $L_G = -\frac1N\sum f_n$ as in WGAN (Hinge.3). What is the best $D$? At a point $x$ let the score be $c$. There it
# costs $p\max(0, 1-c) + q\max(0, 1+c)$. Between $-1$ and 1 both are at work, $p(1-c) + q(1+c)$, a straight line in $c$
# with the slope $q - p$; outside, one of the two goes on rising and the other is 0. So the least is at an end:
#
# $$C^*(x) = \operatorname{sign}\big(p(x) - q(x)\big), \qquad L_D^* = \int 2\min(p, q) = 2 - \int |p - q|,$$
#
# for $2\min(p,q) = p + q - |p-q|$. $\frac12\int|p-q|$ is the **total variation** between the two. It is as flat as JSD when
# they lie apart: it is not the loss that gives $G$ a slope here, but the bound on $D$'s. In equilibrium, $p = q$, every $C$
# between $-1$ and 1 is best, and $L_D = 2$.

# %%
print(inspect.getsource(losses.Hinge.real_term), inspect.getsource(losses.Hinge.fake_term), sep="\n")
hinge, candidates = losses.Hinge(), np.linspace(-3, 3, 601)
for p_here, q_here in ((0.6, 0.2), (0.1, 0.4)):
    costs = p_here * hinge.real_term(candidates)[0] + q_here * hinge.fake_term(candidates)[0]
    best = candidates[costs.argmin()]
    print(f"p = {p_here}, q = {q_here}: the best score is {best:+.2f}, it costs {costs.min():.2f} = 2 min(p, q)")

# %% [markdown]
# ## The whole game on a line
#
# Now let $G$ move. On a line the earth mover's distance is known exactly at any time: `earth_mover_1d` of many samples.
# Does the critic's loss, with its sign turned and without the penalty, tell the same? Both penalties, 1,500 turns of
# the critic, of which every fifth is followed by one of $G$. (Adam's momentum is 0: chapter 07 says why.)

# %%
from scratchgan.data.toy import gaussian_mixture_1d
from scratchgan.models.training import game
from scratchgan.rules import GradientPenalty

data = gaussian_mixture_1d((-2.0, 2.0), 0.5, None)
many = data.sample(20_000, rng=np.random.default_rng(9))[:, 0]
SEED = 1                                                       # the knob


def dense(widths, activation, rng):
    layers = []
    for i, o in zip(widths[:-2], widths[1:-1], strict=True):
        layers += [Dense(i, o, init="he", rng=rng), activation()]
    return Sequential([*layers, Dense(*widths[-2:], init="glorot", rng=rng)])


def wgan_on_a_line(one_sided, seed=SEED, turns=1500):
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


games = {}
for one_sided in (True, False):
    games[one_sided] = turn, estimate, exact, slopes = wgan_on_a_line(one_sided)
    print(f"{'one' if one_sided else 'two'}-sided: exact distance from {exact[0]:.2f} to {exact[-1]:.2f}, largest "
          f"{exact.max():.2f};\n    estimate at the end {estimate[-1]:.2f}, smallest {estimate.min():.2f}; correlation "
          f"{np.corrcoef(estimate, exact)[0, 1]:.2f}\n    the critic's slopes between -4 and 4, in the end: "
          f"{slopes.min():.2f} to {slopes.max():.2f}")

# %% draw
# alt: Two panels against the turns of the critic, 0 to 1,500: a broad line, the exact earth mover's distance, and a thin
#   one, the critic's estimate. Left, one-sided: both fall together to about 0.3. Right, two-sided: the exact distance
#   climbs to more than 10, while the estimate goes below 0.
fig = figure(10, 4)
for axes, (one_sided, (turn, estimate, exact, _)) in zip(fig.subplots(1, 2), games.items(), strict=True):
    axes.plot(turn, exact, color=GREEN, linewidth=4, alpha=0.5, label="earth mover's distance, exact")
    axes.plot(turn, estimate, color=BLUE, label="the critic's estimate, -L_D without penalty")
    axes.axhline(0, color=GREY, linewidth=1)
    axes.set(xlabel="turns of the critic", ylabel="distance")
    axes.set_title(f"One-sided: the loss follows the distance (seed {SEED})" if one_sided else
                   f"Two-sided: G runs away, the estimate is wrong (seed {SEED})", fontsize=11)
    if one_sided:
        axes.legend(fontsize=9)
    axes.grid(alpha=0.3)
fig.tight_layout()
fig

# %% [markdown]
# On the left the two curves belong together, although the critic lags behind whenever $G$ has just moved fast. On the
# right, in this run, the critic's slope has one sign everywhere: no fold. It pushes all fakes one way, past the data and
# out on the other side. There its estimate is *negative*: the tilt is the wrong way round, and turning costs the penalty.
# When it turns at last, the estimate jumps to more than the distance, and the fakes begin to come back.
#
# That was one seed. On five (`python -m benchmarks.critics_seeds`, `benchmarks/results/critics_seeds.json`) the one-sided
# games end at an exact distance from 0.22 to 0.33; of the two-sided ones each runs away on its way, to a largest distance
# between 3.5 and 17.5. And not because such a critic "cannot fold": two of the five have slopes of both signs in the end.
# (Of the one-sided ones all five have.)
#
# **Change a knob, predict first.** Set `SEED` to 0, 2, 3 or 4 and run the two cells again. Which of the following will be
# different: that the one-sided game comes home, that the two-sided one runs away, how far, and to which side? (By the five
# seeds: the first two will not, the last two will. With seed 0 the excursion is the shortest.)
#
# Is it the *random* pairs that are to blame, whose lines cross the fold? That can be tried, for on a line the best plan is
# known: sort both batches, and take the penalty between the pairs that belong together. The same five seeds were run so,
# and it is no better: 2.8 to 16.8. So it is the two-sidedness, not the pairs: a slope below 1 costs, wherever it is asked.
#
# ### Does the loss mean anything?
#
# In the left panel both curves fall. So does the number of pages left in this chapter, and nobody would call that a measure
# of your samples. **Two curves that both fall with time have a rank correlation near 1, whatever they measure.** (It is the correlation of the
# ranks, 1 for two curves that put all moments in the same order.) To learn whether the loss knows anything about *this* run, take the trend out: at each turn subtract from each curve its mean over
# several seeds, and correlate what is left. Is the run whose loss says more than the others say at this turn also the one
# that is worse than the others at this turn?
#
# On the line, five seeds: the correlation is 0.86 for the one-sided penalty and 0.24 for the two-sided one. So the loss of
# a critic that is good tells something about its own run, and the loss of one that does not fold tells little.
#
# On digits, three seeds (`python -m benchmarks.family`; the Frechet distance, chapter 11, says how far samples are from
# data): both ways to ask, of $-L_D$ without penalty and the logarithm of the Frechet distance, at ten times of each run.
#
# | recipe | rank correlation over time | correlation without the trend |
# |---|---|---|
# | `wgan-gp-mnist` | 0.98 | 0.54 |
# | `wgan-clip-mnist` | 1.00 | -0.02 |
# | `r1-mnist`, no WGAN | 1.00 | 0.45 |
# | `dcgan-mnist`, no WGAN | -0.78 | -0.33 |
# | `dragan-mnist`, no WGAN | 0.79 | 0.88 |
#
# Over time the losses of both WGANs "tell" how good the samples are, but so does that of `r1-mnist`, which estimates no
# distance at all. Without the trend something is left for WGAN-GP and nothing for clipping, and the largest number belongs
# to DRAGAN, which is no WGAN (it has the loss of the first GAN, and asks for slope 1 around the data, Kodali et al. 2017). Ten times of three runs are few, and the runs of a recipe differ little, so this proves
# nothing against the losses. It does say that a curve that falls is no evidence for them. A loss that goes the *wrong* way,
# as that of `dcgan-mnist` does, cannot even tell that training goes on.
#
# ## What to use today
#
# Ten years after the first GAN, Huang, Gokaslan, Kuleshov and Tompkin (2024, *The GAN is dead; long live the GAN!*) asked
# what is left of all the tricks if one begins from the theory. Their answer, **R3GAN**, has two parts that you know
# the pieces of: a loss that compares, and two penalties that make it converge.
#
# **The loss: which of the two is real?** (Jolicoeur-Martineau 2019.) $D$ gets a real sample $x$ and a fake $\tilde x$, and
# says $\sigma(C(x) - C(\tilde x))$: the probability that $x$ is the real one. With $\operatorname{softplus}(t) =
# \log(1 + e^t) = -\log\sigma(-t)$, the mean being over pairs,
#
# $$L_D = \mathbb E\big[-\log\sigma(C(x) - C(\tilde x))\big] = \mathbb E\,\operatorname{softplus}(C(\tilde x) - C(x)), \qquad
#   L_G = \mathbb E\,\operatorname{softplus}(C(x) - C(\tilde x)) . \qquad\text{(Pairs.1)}$$
#
# For one pair with the logits $r$ and $f$, and since $\operatorname{softplus}' = \sigma$,
#
# $$\frac{\partial L_D}{\partial r} = -\sigma(f - r), \qquad \frac{\partial L_D}{\partial f} = \sigma(f - r), \qquad
#   \frac{\partial L_G}{\partial f} = -\sigma(r - f) . \qquad\text{(Pairs.2)}$$
#
# Only differences count, as for a critic; and the pull ends when the fake is *more* real than its partner, instead of never.
#
# **Its optimum.** The pair $(x, y)$, real first, has the density $p(x)\,q(y)$; the same two points the other way round have
# $p(y)\,q(x)$. So $D$ has to tell two densities of pairs apart, and by chapter 01 the best answer is
# $p(x) q(y) / (p(x) q(y) + p(y) q(x))$. Divide by the numerator: it is $\sigma(C^*(x) - C^*(y))$ with
#
# $$C^*(x) = \log\frac{p(x)}{q(x)} + \text{any constant}, \qquad L_D^* = \log 2 - \mathrm{JSD}\big(p(x) q(y),\; q(x) p(y)\big) ,
#   \qquad\text{(Pairs.3)}$$
#
# the same logit as that of the first GAN. In equilibrium, $p = q$, $C$ is constant and both losses are $\log 2$. What is
# different is the way there. With the old loss $D$ can put *all* fakes on the wrong side of one fixed threshold, and then it
# is flat there; here every fake is measured against each real sample, and those of a mode that $G$ has lost keep asking for
# more than it offers (Sun et al. 2020 show that this loss has no bad local minima where the old one has them).
#
# **The penalties.** The loss alone need not converge. On the Dirac-GAN $r = 0$ and $f = \psi\theta$: its $L_G$ is
# $\operatorname{softplus}(-\psi\theta)$, the non-saturating one, and $D$'s gradient is the same as well. So all of chapter 07
# holds: $|\mu| = 1$ with alternating steps, more than 1 with simultaneous ones. With R1 or R2 it comes home, as you have
# seen; the paper proves it locally for this loss in general. It takes *both*, because R1 knows only how steep $D$ is at
# data, and early in training fakes are where no data are (in their experiments R1 alone diverged; R1 with R2 did not).
#
# The cell checks these sentences with five points instead of images, and with the Dirac-GAN. In the package the loss is
# `losses.RelativisticPairing`, and the recipe `r3gan-mnist` has it with R1 and R2.

# %%
sigmoid, softplus = lambda t: 1 / (1 + np.exp(-t)), lambda t: np.logaddexp(0, t)
at = np.arange(5)                                              # five points, and two densities on them
p5, q5 = np.array([0.1, 0.4, 0.2, 0.2, 0.1]), np.array([0.3, 0.1, 0.2, 0.1, 0.3])
pairs, turned = np.outer(p5, q5), np.outer(q5, p5)


def pair_loss(C):
    """L_D of (Pairs.1) for logits C (5,), over all pairs."""
    return np.sum(pairs * softplus(C[None, :] - C[:, None]))


best_C, middle = np.log(p5 / q5), (pairs + turned) / 2
jsd_pairs = 0.5 * np.sum(pairs * np.log(pairs / middle)) + 0.5 * np.sum(turned * np.log(turned / middle))
others = [pair_loss(best_C + 0.3 * rng.standard_normal(5)) for _ in range(1000)]
print(f"L_D of log p/q: {pair_loss(best_C):.6f};  of log p/q + 7: {pair_loss(best_C + 7):.6f};  log 2 - JSD of the pairs: "
      f"{np.log(2) - jsd_pairs:.6f};  least of 1,000 others: {min(others):.6f}")
slopes_by_hand = {name: (value(1e-6) - value(-1e-6)) / 2e-6 for name, value in
                  {"dL_D/dr": lambda e: softplus(0.5 - (1.2 + e)), "dL_D/df": lambda e: softplus(0.5 + e - 1.2),
                   "dL_G/df": lambda e: softplus(1.2 - (0.5 + e))}.items()}
formulas = {"dL_D/dr": -sigmoid(0.5 - 1.2), "dL_D/df": sigmoid(0.5 - 1.2), "dL_G/df": -sigmoid(1.2 - 0.5)}
for name, value in slopes_by_hand.items():
    print(f"{name} at r = 1.2, f = 0.5: by differences {value:+.6f}, (Pairs.2) {formulas[name]:+.6f}")
home = {}
for gamma in (0.0, 0.5):
    psi = theta = 1.0
    for _ in range(500):
        f = psi * theta                                        # C = psi x, so R1 and R2 are the same here
        psi, theta = psi - 0.2 * (sigmoid(f) * theta + gamma * psi), theta + 0.2 * sigmoid(-f) * psi
    home[gamma] = np.hypot(psi, theta)
    print(f"Dirac-GAN, pairs, 500 simultaneous steps of 0.2, gamma = {gamma}: distance {home[gamma]:.1e}")

# %% [markdown]
# **And on digits?** The protocol of the family (`python -m benchmarks.family`): the nets of chapter 05b, 1,500 steps, three
# seeds, the distance to 5,000 real digits (chapter 11; for real against real about 0.3), and precision and recall, which say
# how many samples look real, and how much of the data is reached. $\gamma$ was chosen on one seed: 1, among 10, 1 and 0.1.
#
# | recipe | normalisation in $D$ | Frechet distance | precision | recall | seconds |
# |---|---|---|---|---|---|
# | `r3gan-mnist` | none | 1.81 | 0.67 | 0.80 | 336 |
# | `wgan-gp-mnist` | layer | 2.00 | 0.64 | 0.83 | 429 |
# | `dragan-mnist` | none | 3.52 | 0.65 | 0.78 | 137 |
# | `r1-mnist`, $\gamma = 10$ | none | 4.75 | 0.62 | 0.72 | 131 |
# | `hinge-sngan-mnist` | spectral | 6.83 | 0.46 | 0.79 | 151 |
# | `dcgan-mnist` | batch | 1.16 | 0.76 | 0.73 | 110 |
# | `ragan-mnist` | batch | 0.88 | 0.76 | 0.76 | 115 |
#
# (`ragan-mnist` compares each logit with the *mean* of the other kind's. "Layer" means that each sample's numbers are
# normalised by themselves, so that a penalty on single samples remains possible.)
#
# Of the five whose $D$ does without BatchNorm, R3GAN is the nearest to the data, on each of its three seeds nearer than
# any run of the other four. The two below have BatchNorm in $D$; on these small digits they are nearer still, at a third of
# the time, but reach less of the data. (With BatchNorm a penalty on single samples is not possible, as you have seen.) So the
# table does not say "always R3GAN": where BatchNorm works, it is hard to beat. And it compares recipes rather than losses, for
# the $\gamma$ of `r1-mnist` was not chosen in the same way.

# %% [markdown]
# ## What can go wrong
#
# - **"Why is the WGAN loss negative?"** It is minus a distance. If it is *positive* for long, the critic is worse than
#   a constant one: it trains too little, or, as in the two-sided game above, its penalty holds it.
# - **"My loss is a thousand, with clipping."** Its unit is unknown: with slopes up to $K$ it estimates at most
#   $K\,W_1$. Compare within a run only, never between runs with another $c$ or another depth.
# - **The penalty's norm over the whole batch.** $|g_n|$ is per sample. One norm over all $N$ rows lets one steep sample
#   hide among flat ones. And a penalty through BatchNorm in training means nothing at all, because a sample's own
#   gradient does not exist there. The package refuses it, and says why.
# - **A loss with a penalty in it.** The `d_loss` that is reported contains the penalty. For the distance take it out,
#   as above.
# - **Too few turns of the critic.** By weak duality a critic that is not the best one says too little, if its slope is
#   at most 1. If it is a little steeper, it may also say too much.
# - **"My loss falls, so my samples get better."** Perhaps. A falling curve goes well with every other falling curve. Ask
#   whether a run with a lower loss *at the same step* is the better one.
# - **"WGAN-GP has solved stability."** Chapter 07 says no: the Dirac-GAN circles under it, since the slope 1 is
#   demanded even where $p = q$, where the best critic is flat. A better distance gives $G$ a direction. It does not
#   stop the turning.
#
# ## Sources
#
# Arjovsky, Chintala & Bottou 2017, *Wasserstein GAN*, for the distance, its critic and clipping. Gulrajani, Ahmed,
# Arjovsky, Dumoulin & Courville 2017, *Improved training of Wasserstein GANs*, for the penalty and for what clipping
# does. Miyato, Kataoka, Koyama & Yoshida 2018, *Spectral normalization for generative adversarial networks*. Lim & Ye 2017,
# *Geometric GAN*, for the hinge loss. Villani 2003, *Topics in optimal transportation*, for the theorem of Kantorovich and
# Rubinstein. Jolicoeur-Martineau 2019, *The relativistic discriminator*; Sun, Fang & Schwing 2020, *Towards a better global
# loss landscape of GANs*; Huang, Gokaslan, Kuleshov & Tompkin 2024, *The GAN is dead; long live the GAN! A modern baseline
# GAN*.
