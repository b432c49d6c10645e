# %% [markdown]
# # 04 · Training, step by step
#
# *About 51 minutes. You need: chapters 01 to 03, and 03b for Adam.*
#
# **Question.** Who is updated when, and with whose gradient?
#
# Most GANs that do not learn have no wrong formula in them. They train a player on the wrong samples, with the wrong
# label, or let one player's gradient reach the other's weights. So we take one step of training apart, until every array
# in it has been seen. At the end there is nothing left of the package: the functions that *you* wrote in the chapters 02 to 04 train a GAN.

# %%
try:
    import scratchgan
except ModuleNotFoundError as error:
    raise ImportError(f"no scratchgan here ({error}): ask your teacher, or install it as its README says") from None
import inspect

import numpy as np

from scratchgan.exercises import check, solved
from scratchgan.plots import BLACK, BLUE, FAKE, GREY, ORANGE, REAL, animation_html, figure

# %% [markdown]
# ## The procedure
#
# The first lines of `scratchgan/gan.py` are the whole of it (Goodfellow et al. 2014, algorithm 1, with $k = 1$):

# %%
import scratchgan.gan

print(scratchgan.gan.__doc__)

# %% [markdown]
# ## Predict
#
# 1. In $D$'s turn the fakes come from $G$. Does $G$ get a gradient there?
# 2. In $G$'s turn the loss goes through $D$. Do $D$'s weights get a gradient there? Do they change?
# 3. Why does $G$'s turn draw *new* noise?
#
# ## The players
#
# The data: eight Gaussians on a ring, each with a standard deviation $\sigma = 0.02$. All there is to know about them fits into a picture. Both players are small
# nets of dense layers. Both are trained by Adam with a learning rate (`lr_g`, `lr_d`) that stays at 0.001 for the first half of the steps and then falls to 0 along a straight line.

# %%
from scratchgan.data import load
from scratchgan.models import mlp_gan

ring = load("ring")
STEPS = 2500
gan = mlp_gan(2, 2, (64, 64), lr_g=1e-3, lr_d=1e-3, lr_schedule="linear", total_steps=STEPS, seed=0)
data_rng = np.random.default_rng(0)
real = ring.sample(256, rng=data_rng)
print(gan.G, gan.D, sep="\n")

# %% [markdown]
# ## $D$'s turn, by hand
#
# Steps 1 to 3, one at a time, with nothing but the layers' own passes. `train=True` tells a layer that it is being trained (some layers then behave
# differently), and what `forward` returns second is the cache of chapter 03, which `backward` needs.

# %%
G, D, loss = gan.G, gan.D, gan.loss
Z = gan.noise(256)                                              # 1. noise ...
fake, _ = G.forward(Z, train=True)                              #    ... becomes fakes
D.zero_grads()
real_logits, on_real = D.forward(real, train=True)              # 2. D sees both, as two batches
fake_logits, on_fake = D.forward(fake, train=True)
value, d_real, d_fake = loss.discriminator(real_logits, fake_logits)
D.backward(d_real, on_real, input_grad=False)                   # 3. back through D, for each batch from its own cache
D.backward(d_fake, on_fake, input_grad=False)                   #    gradients add up
print(f"L_D = {value:.4f}   (log 4 = {np.log(4):.4f} if D said 1/2 to all; fresh weights say something at random)")
print("largest gradient in each array of D:", {path: round(float(np.abs(g).max()), 4) for path, g in D.gradients()})
print("largest gradient in each array of G:", {path: float(np.abs(g).max()) for path, g in G.gradients()})

# %% [markdown]
# $G$ was only fed forward: nothing was sent back into it, so it has no gradient. That answers the first question. (A framework that records every computation
# would, on the way back from $D$'s loss, follow the record through the fakes into $G$. There one has to say "forget where these fakes came from"; that is what
# `detach` does in other people's code. Here nobody goes back into $G$ unless we call `G.backward`.) Then the optimiser moves $D$'s weights, in
# a call of its own.

# %%
before = {path: w.copy() for path, w in G.parameters()}
gan.d_optimizer.step()
print("G moved in D's turn:", any((w != before[path]).any() for path, w in G.parameters()))

# %% [markdown]
# ## $G$'s turn, by hand
#
# Steps 4 to 6. The fakes carry the label 1 now, which is what `loss.generator` means. Then the gradient goes back through
# $D$ *down to its input*, with `param_grads=False`: $D$ is frozen. What comes out is $\partial L_G/\partial x$ for every fake $x$; *against* it lies the direction in
# which $D$ would see more truth in this fake. That array is all that $G$ gets.

# %%
Z = gan.noise(256)                                              # 4. new noise, fakes that D was not just trained on
G.zero_grads()
D.zero_grads()
before = {path: w.copy() for path, w in D.parameters()}
fake, through_g = G.forward(Z, train=True)
logits, through_d = D.forward(fake, train=True)                 # 5. shown to D, label 1
value, d_logits = loss.generator(logits)
d_fake = D.backward(d_logits, through_d, param_grads=False)     # 6. through D, whose weights get nothing ...
G.backward(d_fake, through_g, input_grad=False)                 #    ... and on through G
print(f"L_G = {value:.4f}   (log 2 = {np.log(2):.4f} if D said 1/2 to all)")
print("dL_G/dfake has the shape of the fakes:", d_fake.shape)
print("largest gradient in each array of D:", {path: float(np.abs(g).max()) for path, g in D.gradients()})
gan.g_optimizer.step()
print("D moved in G's turn:", any((w != before[path]).any() for path, w in D.parameters()))

# %% [markdown]
# The other two questions. $D$'s weights get no gradient in $G$'s turn, and none of them moves; yet every one of them takes part in computing $\partial L_G/\partial x$. And the noise
# is new because on the fakes of $D$'s turn $D$ is no fair judge any more: it has just been trained on exactly these.
#
# Freezing means only that. $D$ still runs in *training* mode: if it has BatchNorm (chapter 05b), this batch is normalised by its own statistics, and the backward
# pass has to be the derivative of exactly that.
#
# ### Exercises 04.labels and 04.adam_step
# Adam, as derived in [03b](03b_optimisers.ipynb). For each weight it carries along two running means, which start at 0, and the number $t = 1, 2, \dots$ of the step:
#
# $$m \leftarrow \beta_1 m + (1-\beta_1)\, g \qquad\text{(Adam.1)}$$
# $$v \leftarrow \beta_2 v + (1-\beta_2)\, g^2 \qquad\text{(Adam.2)}$$
# $$\hat m = \frac{m}{1 - \beta_1^t}, \qquad \hat v = \frac{v}{1 - \beta_2^t} \qquad\text{(Adam.3)}$$
# $$w \leftarrow w - \mathrm{lr}\,\frac{\hat m}{\sqrt{\hat v} + \varepsilon} \qquad\text{(Adam.4)}$$
#
# The first is momentum: what jumps to and fro cancels. The second measures the usual size of the gradient, so that all weights move by about $\mathrm{lr}$. The
# third takes out that both means started at 0: without it $m$ would be too small by the factor $1 - \beta_1^t$.

# %%
def labels(turn, N):
    """turn: "D" or "G".  Returns the labels (N, 1) that this turn puts on the fakes, with the non-saturating loss.

    >>> labels("D", 2).tolist()
    [[0.0], [0.0]]
    """
    # BEGIN SOLUTION
    return np.full((N, 1), 1.0 if turn == "G" else 0.0)
    # END SOLUTION


def adam_step(w, g, m, v, t, lr, beta1, beta2, eps):
    """One step of Adam, the t-th, t = 1, 2, ...; w, g, m and v are arrays of one shape.  Returns the new w, m, v.

    >>> w, m, v = adam_step(np.array([1.0]), np.array([2.0]), np.array([0.0]), np.array([0.0]), 1, 0.5, 0.5, 0.75, 0.5)
    >>> w.tolist(), m.tolist(), v.tolist()
    ([0.6], [1.0], [1.0])
    """
    # BEGIN SOLUTION
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    return w - lr * m_hat / (np.sqrt(v_hat) + eps), m, v
    # END SOLUTION


print(check("04.labels", labels))
check("04.adam_step", adam_step)

# %% [markdown]
# Is `loss.generator` what your labels say? Put them into the cross-entropy of chapter 02, $\operatorname{softplus}(l) - t\,l$ for a logit $l$ with label $t$:

# %%
label = solved("04.labels")("G", len(logits))
print(f"cross-entropy with your labels {np.mean(np.logaddexp(0, logits) - label * logits):.6f}, loss.generator {loss.generator(logits)[0]:.6f}")

# %% [markdown]
# ## One step, seen whole
#
# The same six sub-steps as a picture. `play_turn` plays one step with the GAN's own methods and keeps what it sees on the way.
# The fourth picture shows only the *change* of $D$, and the last one only which way the fakes go; both are drawn as large as
# can be seen, and say how large they were. Step through the film, then find each sub-step in the text above.
#
# Before you look: will the arrows of sub-step 6, how the fakes move, be those of sub-step 5, what $D$ asks of each fake?

# %%
from scratchgan.plots import play_turn

for _ in range(60):
    gan.train_step(ring.sample(256, rng=data_rng))
turn = play_turn(gan, ring, rng=data_rng)
cosine = np.sum(turn.push * (turn.moved - turn.fake_2), axis=1) / (
    np.linalg.norm(turn.push, axis=1) * np.linalg.norm(turn.moved - turn.fake_2, axis=1) + 1e-30)
low, high = turn.extent[:2]
column, row = ((ring.modes - low) / (high - low) * 60).round().astype(int).T  # the modes on the grid of sub-step 4
grown = (turn.after - turn.before)[row, column]
print(f"arrows of 5 and 6: their angle is below 60 degrees for {np.mean(cosine > 0.5):.0%} of the fakes, above 90 for {np.mean(cosine < 0):.0%}")
print("change of D at the eight modes, by their height x_2:", "  ".join(f"{ring.modes[k, 1]:+.2f}: {grown[k]:+.4f}" for k in np.argsort(ring.modes[:, 1])))
animation_html(*turn.frames(), interval=2000, label="One step of training in six sub-steps")

# %% draw
# alt: Six panels of one training step: the noise; fakes and real points; D's output as a surface under both; where D rose and fell by its update; new fakes with arrows, the
#   push that D gives them; and the same fakes with arrows that show how they moved.
turn.sheet()

# %% [markdown]
# **Sub-step 4.** $D$ should rise where points are real and fall where they are fake. But the three modes at the bottom lie in the blue, where it fell, even the one
# on the right, which has no fake near it. $D$ is a smooth function with few weights, and cannot be moved at one point alone. Most fakes are at the bottom; to fall there, $D$ falls along the whole lower edge, and pays
# with the real points that lie there. Later steps take that back.
#
# **Sub-steps 5 and 6.** For most fakes the two arrows point roughly the same way, but they are not the same. An arrow of 5 is what $D$ asks of this one fake. $G$ cannot
# move fakes, only *weights*, which serve all of them at once; so neighbours move together, and a fake that asks for something else is outvoted. And Adam has divided each weight's gradient by its usual
# size, which turns the arrows further.

# %% [markdown]
# ## The game, in motion
#
# Now the same steps many times, from the beginning. Each frame below shows one moment: real points, fakes, $D$'s surface, and the push that
# $G$'s loss gives to each fake. Press play, or step through the frames.

# %%
from scratchgan.plots import surface

gan = mlp_gan(2, 2, (64, 64), lr_g=1e-3, lr_d=1e-3, lr_schedule="linear", total_steps=STEPS, seed=0)
log, frames, titles, points = [], [], [], {}
shown = {0, 20, 60, 120, 200, 300, 450, 700, 1000, 1500, 2000, STEPS}
for step in range(STEPS + 1):
    if step in shown:
        frames.append(surface(gan, ring, seed=1, n=400, title=f"after {step:,} steps"))
        titles.append(f"step {step:,}")
        points[step] = gan.sample(400, seed=1)
    log.append(gan.train_step(ring.sample(256, rng=data_rng)))
for step in (0, 60, 120):
    print(f"step {step:>3}: {np.mean(np.abs(points[step]).max(axis=1) > 1.6):4.0%} of the points lie outside of the picture; mean of x_1 {points[step][:, 0].mean():+.2f}")
animation_html(frames, titles, interval=700, label="Eight Gaussians: D's surface and G's points")

# %% draw
# alt: Six scatter plots of the same 400 generated points, after 0, 60, 120, 300, 700 and 2,500 steps, with the eight modes as circles.  First the points are scattered, then they
#   lie in one crowd at one side, then they reach out to all sides, and at the end there are points at every circle.
fig = figure(10, 2.5)
for axes, step in zip(fig.subplots(1, 6, sharey=True), (0, 60, 120, 300, 700, STEPS), strict=True):
    axes.scatter(*ring.modes.T, s=40, facecolors="none", edgecolors=REAL)
    axes.scatter(*points[step].T, s=2, color=FAKE, alpha=0.5)
    axes.set(xlabel="$x_1$", title=f"step {step:,}", xticks=(-1, 0, 1), xlim=(-1.6, 1.6), ylim=(-1.6, 1.6), aspect="equal")
fig.axes[0].set_ylabel("$x_2$")
fig.suptitle("The same 400 codes at six moments: first a chase, then all modes at once", fontsize=10)
fig.tight_layout()
fig

# %% [markdown]
# At first $G$'s points lie scattered, many of them outside of the picture, and $D$ knows nothing yet. Then watch the chase: the points run together on one side, and then all of them together
# over to another. As soon as many of them sit in one place, $D$ learns that this place is now half fake, its surface sinks there, and they move on. Later they reach out in all
# directions at once. At the end every mode has its points, and the falling learning rate lets both players settle.
#
# ## What the losses tell

# %%
steps = np.arange(49, len(log))
smooth = {key: np.convolve([record[key] for record in log], np.ones(50) / 50, mode="valid") for key in log[0]}
for key, curve in smooth.items():
    print(f"{key:<7} mean of the first 50 steps {curve[0]:.3f}, of the last 50 {curve[-1]:.3f}; between {curve.min():.3f} and {curve.max():.3f}")

# %% draw
# alt: Two panels against the training step.  Left: D's loss stays near the dotted line at log 4 and G's near log 2, both far above 0.  Right: the means of D(x) and of D(G(z)) stay near the
#   dotted line at one half, the first a little above, the second a little below.
fig = figure(9.6, 3.6)
left, right = fig.subplots(1, 2)
for key, colour, style, name in (("d_loss", BLUE, "-", "D's loss"), ("g_loss", ORANGE, "--", "G's loss")):
    left.plot(steps, smooth[key], color=colour, linestyle=style, label=name)
left.axhline(np.log(4), color=BLUE, linestyle=":", linewidth=1)
left.axhline(np.log(2), color=ORANGE, linestyle=":", linewidth=1)
left.set(xlabel="training step", ylabel="loss (nats), mean of 50 steps", ylim=(0, 2.4), title="Near log 4 and near log 2, never near 0")
for key, colour, style, name in (("d_real", REAL, "-", "D(x)"), ("d_fake", FAKE, "--", "D(G(z))")):
    right.plot(steps, smooth[key], color=colour, linestyle=style, label=name)
right.axhline(0.5, color=GREY, linestyle=":", linewidth=1)
right.set(xlabel="training step", ylabel="mean over the batch", ylim=(0, 1), title="Near 1/2 all the time: D is never far ahead")
for axes in (left, right):
    axes.legend(fontsize=9)
    axes.grid(alpha=0.3)
fig.tight_layout()
fig

# %% [markdown]
# Neither loss goes to 0, and neither should: they are the score of a game, not an error. At equilibrium $D$ says $1/2$ to
# everything, so $L_D = \log 4$ and $L_G = \log 2$. But do not read the pictures as an approach to it. The curves *start* near these values, when $G$ makes
# nonsense, because a $D$ that has learned nothing says about $1/2$ as well; in between $D$ gets a little ahead, while the points in the film become better and better. So a $D$ at
# $1/2$ may have met a perfect $G$, or be too weak, or have just been outrun. Quality has to be counted; it cannot be read off a loss.
#
# ### Exercises 04.high_quality and 04.modes_found
# As in the papers: a sample is *of high quality* if it is within $3\sigma$ of the nearest mode; a mode is *found* if it is the
# nearest to at least one such sample.

# %%
def high_quality(points, modes, sigma):
    """points (N, 2), modes (K, 2).  Returns the share of points within 3 sigma of the nearest mode.

    >>> high_quality(np.array([[0.0, 0.2], [9.0, 5.0]]), np.array([[0.0, 0.0], [9.0, 9.0]]), 0.1)
    0.5
    """
    # BEGIN SOLUTION
    distances = np.linalg.norm(points[:, None] - modes[None], axis=2)
    return float(np.mean(distances.min(axis=1) <= 3 * sigma))
    # END SOLUTION


def modes_found(points, modes, sigma):
    """points (N, 2), modes (K, 2).  The number of modes that are nearest to at least one point within 3 sigma.

    >>> modes_found(np.array([[0.0, 0.2], [9.0, 5.0]]), np.array([[0.0, 0.0], [9.0, 9.0]]), 0.1)
    1
    """
    # BEGIN SOLUTION
    distances = np.linalg.norm(points[:, None] - modes[None], axis=2)
    good = distances.min(axis=1) <= 3 * sigma
    return len(set(distances.argmin(axis=1)[good].tolist()))
    # END SOLUTION


print(check("04.high_quality", high_quality))
check("04.modes_found", modes_found)

# %% [markdown]
# Count with your own functions, on 2,500 points of the GAN whose film you have seen. Perfect samples would score $1 - e^{-9/2} = 98.9$ %: that is how often a Gaussian in the plane stays
# within $3\sigma$.

# %%
share_of_good, count_modes = solved("04.high_quality"), solved("04.modes_found")
SIGMA = 0.02


def judged(points):
    return f"{count_modes(points, ring.modes, SIGMA)} of 8 modes, {share_of_good(points, ring.modes, SIGMA):.1%} within 3 sigma"


print(judged(gan.sample(2500, seed=1)))
print("real points:", judged(ring.sample(2500, rng=data_rng)))

# %% [markdown]
# (2,500 short steps do not finish the job. `scratchgan train mlp-ring` takes 6,000 steps with larger nets: 8 of 8 modes, 93 to 96 % of
# high quality over five seeds.)

# %% [markdown]
# ## Your own GAN on the ring
#
# Now without the package. What a GAN needs you have written:
#
# | from | function | what it does in the GAN |
# |---|---|---|
# | 03 | `dense_forward`, `dense_backward` | the layers of both players |
# | 03 | `leaky_relu_backward` | the way back through the bend between two layers |
# | 02 | `d_loss_gradient`, `g_loss_gradient` | where the way back starts: the derivatives of both losses |
# | 04 | `adam_step` | moves the weights |
# | 04 | `high_quality`, `modes_found` | say how good the result is (`judged`, above) |
#
# `adam_step` and the last two are in this notebook. Paste the others, with their `def` lines, into the next cell. `solved` then looks for each of them, checks it, and says
# whether it takes yours. Where there is none, or it is not right yet, you get the package's, so that the GAN runs in any case.

# %%
# paste your d_loss_gradient and g_loss_gradient of chapter 02 here,
# and your dense_forward, dense_backward and leaky_relu_backward of chapter 03

layer_forward, layer_backward = solved("03.dense_forward"), solved("03.dense_backward")
bend_backward = solved("03.leaky_relu_backward")
d_gradient, g_gradient = solved("02.d_loss_gradient"), solved("02.g_loss_gradient")
adam = solved("04.adam_step")

# %% [markdown]
# A player is a list of layers, a layer is a weight and a bias, and with each of these arrays go Adam's two running means. The rest is what you have seen in this chapter,
# step by step, with nothing hidden in it. (The last line of a step keeps a running mean of $G$'s weights; it plays no part in the game, and we come back to it.)

# %%
def new_player(widths, rng):
    player = []
    for Di, Do in zip(widths, widths[1:]):
        arrays = (np.sqrt(2 / Di) * rng.standard_normal((Di, Do)), np.zeros(Do))
        player.append([(w, np.zeros_like(w), np.zeros_like(w)) for w in arrays])   # (w, m, v)
    return player


def player_forward(player, x):
    kept = []
    for i, ((W, *_), (b, *_)) in enumerate(player):
        y = layer_forward(x, W, b)
        kept.append((x, y))
        x = np.maximum(y, 0.2 * y) if i < len(player) - 1 else y
    return x, kept


def player_backward(player, dy, kept):
    gradients = []
    for i in reversed(range(len(player))):
        x, y = kept[i]
        if i < len(player) - 1:
            dy = bend_backward(dy, y, 0.2)
        dy, dW, db = layer_backward(dy, x, player[i][0][0])
        gradients.insert(0, (dW, db))
    return dy, gradients


def updated(player, gradients, t, lr):
    return [[adam(w, g, m, v, t, lr, 0.5, 0.999, 1e-8) for (w, m, v), g in zip(arrays, gs)]
            for arrays, gs in zip(player, gradients)]


def ring_gan(seed, steps=3000, lr_g=1e-3, lr_d=1e-3, N=128):
    """{step: (2,500 points of G, 2,500 points of the mean of its weights)} before, halfway and at the end."""
    rng = np.random.default_rng(seed)
    G, D = new_player((2, 64, 64, 2), rng), new_player((2, 64, 64, 1), rng)
    mean, seen, codes = G, {}, np.random.default_rng(99).standard_normal((2500, 2))
    for t in range(1, steps + 1):
        if t in (1, steps // 2):
            seen[t] = player_forward(G, codes)[0], player_forward(mean, codes)[0]
        left = 1 - (t - 1) / steps                                              # both learning rates fall to 0
        fake, _ = player_forward(G, rng.standard_normal((N, 2)))                # 1
        real_logits, on_real = player_forward(D, ring.sample(N, rng=rng))       # 2
        fake_logits, on_fake = player_forward(D, fake)
        d_real, d_fake = d_gradient(real_logits, fake_logits)
        _, first = player_backward(D, d_real, on_real)                          # 3
        _, second = player_backward(D, d_fake, on_fake)
        both = [[a + b for a, b in zip(*pair)] for pair in zip(first, second)]
        D = updated(D, both, t, left * lr_d)
        fake, through_g = player_forward(G, rng.standard_normal((N, 2)))        # 4
        logits, through_d = player_forward(D, fake)                             # 5
        dx, _ = player_backward(D, g_gradient(logits), through_d)               # 6
        _, gradients = player_backward(G, dx, through_g)
        G = updated(G, gradients, t, left * lr_g)
        mean = [[(0.99 * a[0] + 0.01 * w[0],) for a, w in zip(*pair)] for pair in zip(mean, G)]
    seen[steps] = player_forward(G, codes)[0], player_forward(mean, codes)[0]
    return seen

# %%
SEED, LR_G, LR_D = 0, 1e-3, 1e-3                                                # <- the knobs, for later
seen = ring_gan(SEED, lr_g=LR_G, lr_d=LR_D)
for step, (of_g, of_mean) in seen.items():
    print(f"step {step:>5,}:  G: {judged(of_g)};  mean of its weights: {judged(of_mean)}")

# %% draw
# alt: Three scatter plots of 2,500 points that the GAN out of the learner's functions makes: at the start, halfway and after 3,000 steps, with the eight modes as circles.  At the
#   start they are scattered; at the end most of them lie in eight small heaps at the circles, with thin bridges between them.
fig = figure(9.6, 3.9)
for axes, (step, (of_g, _)) in zip(fig.subplots(1, 3, sharey=True), seen.items()):
    axes.scatter(*of_g.T, s=3, color=FAKE, alpha=0.4, linewidths=0)
    axes.scatter(*ring.modes.T, s=130, facecolors="none", edgecolors=REAL, linewidths=1.5)
    axes.set(xlabel="$x_1$", title=f"step {step:,}", xlim=(-1.6, 1.6), ylim=(-1.6, 1.6), aspect="equal")
fig.axes[0].set_ylabel("$x_2$")
fig.suptitle("A GAN out of your own functions: at the end most points lie in heaps at the eight modes", fontsize=11)
fig.tight_layout()
fig

# %% [markdown]
# Every number in this picture has gone through your functions, in both directions. Tried with five seeds, it finds all 8 modes with each of them, and 37 to 67 % of the points lie
# within $3\sigma$. That is not yet good: between the heaps there are bridges, because $G$ is continuous and tears its cloud of noise apart only slowly. More steps and larger nets help (above); so
# do the penalties of chapter 07.
#
# ### Two time scales
# Nobody says that both players must have the same learning rate. The theory of chapter 01 even supposes that $D$ is *always* at its best for the present $G$: then $G$ goes down the divergence
# between two distributions. A $D$ that learns much faster than $G$ comes close to that. Heusel et al. (2017) gave it a name, the *two time-scale update rule* (TTUR), and proved, under conditions that
# are stronger than what we have here, that such a game converges to a point at which neither player can improve locally. In practice one tries it: Zhang et al. (2019) took 0.0004 for $D$ and 0.0001
# for $G$. The other way round is dangerous. If $G$ is the faster one, it runs to where $D$ is highest *now*, all of it, and is elsewhere before $D$ has seen it.
#
# ### Change a knob, predict first
# Set `LR_D` two cells above to 1e-4, a tenth of `LR_G`, and run it and the picture again. How many modes will be found? Then try 4e-3, four times `LR_G`.
#
# With the slow $D$, 2 to 4 modes are found over five seeds, and at most 5 % of the points lie within $3\sigma$: that is the chase which does not end. With the fast $D$, 4 of 5 seeds find all 8
# modes and one finds 6. So here the fast $D$ is no better than equal rates; what matters is that $D$ is not the slower one.
#
# ### A moving average of $G$
# In the film the points swing to and fro. If a quantity swings around a good value, its mean lies nearer to it; so average *the weights* of $G$ over its last steps. A
# running mean does it, as in Adam, with $d$ just below 1:
#
# $$\bar w \leftarrow d\,\bar w + (1 - d)\, w. \qquad\text{(EMA.1)}$$
#
# This is an *exponential moving average* (EMA; for GANs see Yazici et al. 2019). The game goes on with $w$, and $D$ never sees the mean: the mean is only what one samples from. `ring_gan` keeps it, with $d = 0.99$, so
# over about the last 100 steps. Halfway, where the learning rate is still large, the mean has the larger share within $3\sigma$ for 4 of 5 seeds. At
# the end it makes no difference: the learning rate has fallen to 0, and nothing swings any more. Both are cures for the same thing. In the package it is `ema_decay`.
#
# ## What can go wrong
#
# - **The same fakes for both turns.** $G$ is then judged by a $D$ that was just trained on exactly these points. New noise costs nothing.
# - **$D$'s gradient left over.** If $G$'s turn adds to $D$'s gradients and nobody clears them, $D$'s next step contains $G$'s
#   wish. Here `param_grads=False` takes none, and `zero_grads` clears anyway.
# - **"When do I stop? Do losses mean anything?"** Not in this game (chapter 08 has one where they do). Stop when samples
#   are good by a measure that $D$ has no part in: chapter 11.
# - **"$D$'s loss goes to 0 and $G$'s rises: is that failure?"** If it stays so, yes: $D$ has won. `scratchgan doctor RUN` names it,
#   with what to try.
#
# ## Sources
#
# Goodfellow et al. 2014, algorithm 1. Kingma & Ba 2015 for Adam. Metz et al. 2017 for the ring; Srivastava et al. 2017 for
# the counting. Heusel et al. 2017 for two time scales; Yazici et al. 2019 for the moving average of $G$.
