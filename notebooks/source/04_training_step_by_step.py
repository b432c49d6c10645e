# %% [markdown]
# # 04 · Training, step by step
#
# *About 60 minutes. You need: chapters 01 to 03.*
#
# **Question.** Who is updated when, and with whose gradient?
#
# Most GANs that do not learn have no wrong formula in them. They train a player on the wrong samples, with the wrong
# label, or let one player's gradient reach the other's weights. So we take one step of training apart, until every array
# in it has been seen.

# %%
try:
    import scratchgan
except ModuleNotFoundError as error:
    raise ImportError(f"no scratchgan here ({error}): ask your teacher, or install it as its README says") from None
import inspect

import numpy as np

from scratchgan.exercises import check
from scratchgan.plots import BLUE, FAKE, GREY, ORANGE, REAL, VERMILLION, animation_html, figure

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
# The data: eight Gaussians on a ring. All there is to know about them fits into a picture.

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
# Steps 1 to 3, one at a time, with nothing but the layers' own passes.

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
# $G$ was only fed forward: nothing was sent back into it, so it has no gradient. No "detach" is needed, because there is no
# record that would have to be cut. Then the optimiser moves $D$'s weights, in a call of its own.

# %%
before = {path: w.copy() for path, w in G.parameters()}
gan.d_optimizer.step()
print("G moved:", any((w != before[path]).any() for path, w in G.parameters()))

# %% [markdown]
# ## $G$'s turn, by hand
#
# Steps 4 to 6. The fakes carry the label 1 now, which is what `loss.generator` means. Then the gradient goes back through
# $D$ *down to its input*, with `param_grads=False`: $D$ is frozen. What comes out is, for every fake, the direction in
# which $D$ would see more truth in it. That array is all that $G$ gets.

# %%
Z = gan.noise(256)                                              # 4. new noise, fakes that D was not just trained on
G.zero_grads()
fake, through_g = G.forward(Z, train=True)
logits, through_d = D.forward(fake, train=True)                 # 5. shown to D, label 1
value, d_logits = loss.generator(logits)
d_fake = D.backward(d_logits, through_d, param_grads=False)     # 6. through D, whose weights get nothing ...
G.backward(d_fake, through_g, input_grad=False)                 #    ... and on through G
print(f"L_G = {value:.4f}   (log 2 = {np.log(2):.4f} if D said 1/2 to all)")
print("dL_G/dfake has the shape of the fakes:", d_fake.shape)
gan.g_optimizer.step()

# %% [markdown]
# Freezing means only that no gradient of $D$'s weights is taken, and none of them moves. $D$ still runs in *training* mode: if
# it has BatchNorm, this batch is normalised by its own statistics, and the backward pass has to be the derivative of
# exactly that. (A popular implementation runs it forward with the running statistics and backward with the formula for
# batches; its gradient is a quarter off.)
#
# ### Exercises 04.labels and 04.adam_step

# %%
def labels(turn, N):
    """turn: "D" or "G".  Returns the labels (N, 1) that this turn puts on the fakes."""
    # BEGIN SOLUTION
    return np.full((N, 1), 1.0 if turn == "G" else 0.0)
    # END SOLUTION


def adam_step(w, g, m, v, t, lr, beta1, beta2, eps):
    """One step of Adam, the t-th.  Returns the new w, m, v."""
    # BEGIN SOLUTION
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    return w - lr * m_hat / (np.sqrt(v_hat) + eps), m, v
    # END SOLUTION


print(check("04.labels", labels))
check("04.adam_step", adam_step)

# %% [markdown]
# ## One step, seen whole
#
# The same six sub-steps as a picture. `play_turn` plays one step with the GAN's own methods and keeps what it sees on the way.
# The fourth picture shows only the *change* of $D$, and the last one only which way the fakes go; both are drawn as large as
# can be seen, and say how large they were. Step through the film, then find each sub-step in the text above.
#
# In which direction do the arrows of sub-steps 5 and 6 differ, and why must they? (An arrow of 5 is what $D$ asks of this one
# fake. $G$ has to move *weights*, which serve all fakes at once.)

# %%
from scratchgan.plots import play_turn

for _ in range(60):
    gan.train_step(ring.sample(256, rng=data_rng))
turn = play_turn(gan, ring, rng=data_rng)
animation_html(*turn.frames(), interval=2000, label="One step of training in six sub-steps")

# %%
turn.sheet()

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
animation_html(frames, titles, interval=700, label="Eight Gaussians: D's surface and G's points")

# %%
fig = figure(9, 2.6)
for axes, step in zip(fig.subplots(1, 6, sharey=True), (0, 60, 120, 300, 700, STEPS), strict=True):
    axes.scatter(*ring.modes.T, s=40, facecolors="none", edgecolors=REAL)
    axes.scatter(*points[step].T, s=2, color=FAKE, alpha=0.5)
    axes.set(xlabel="$x_1$", title=f"step {step:,}", xlim=(-1.6, 1.6), ylim=(-1.6, 1.6), aspect="equal")
fig.axes[0].set_ylabel("$x_2$")
fig.suptitle("The same 400 codes at six moments: first a chase, then all modes at once", fontsize=10)
fig.tight_layout()
fig

# %% [markdown]
# At first $G$'s points lie scattered, many of them outside of the picture, and $D$ knows nothing yet. Then watch the chase: after
# 60 steps the points have run together on the left, after 120 on the right. As soon as many of them sit in one place, $D$
# learns that this place is now half fake, its surface sinks there, and they move on. From step 300 on they reach out in all
# directions at once; later every mode has its points, and the falling learning rate lets both players settle.
#
# ## What the losses tell

# %%
steps = np.arange(49, len(log))
smooth = lambda key: np.convolve([record[key] for record in log], np.ones(50) / 50, mode="valid")
fig = figure(9, 3.4)
left, right = fig.subplots(1, 2)
for key, colour, name in (("d_loss", BLUE, "D's loss"), ("g_loss", ORANGE, "G's loss")):
    left.plot(steps, smooth(key), color=colour, label=name)
left.axhline(np.log(4), color=BLUE, linestyle=":", linewidth=1)
left.axhline(np.log(2), color=ORANGE, linestyle=":", linewidth=1)
left.set(xlabel="training step", ylabel="loss (nats), mean of 50 steps", ylim=(0, 3),
         title="Towards log 4 and log 2, not towards 0")
for key, colour, name in (("d_real", REAL, "D(x)"), ("d_fake", FAKE, "D(G(z))")):
    right.plot(steps, smooth(key), color=colour, label=name)
right.axhline(0.5, color=GREY, linestyle=":", linewidth=1)
right.set(xlabel="training step", ylabel="mean over the batch", ylim=(0, 1), title="Both towards 1/2")
for axes in (left, right):
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)
fig.tight_layout()
last = log[-200:]
print("mean of the last 200 steps: " + ", ".join(f"{key} {np.mean([r[key] for r in last]):.3f}" for key in last[0]))
fig

# %% [markdown]
# Neither loss goes to 0, and neither should: they are the score of a game, not an error. At equilibrium $D$ says $1/2$ to
# everything, $L_D = \log 4$ and $L_G = \log 2$. But the converse does not hold. A $D$ that is too weak, or that has just been
# outrun, says $1/2$ as well. So quality is counted, not read off a loss:
#
# ### Exercises 04.high_quality and 04.modes_found
# As in the papers: a sample is *of high quality* if it is within $3\sigma$ of the nearest mode; a mode is *found* if it is the
# nearest to at least one such sample.

# %%
def high_quality(points, modes, sigma):
    """points (N, 2), modes (K, 2).  Returns the share of points within 3 sigma of the nearest mode."""
    # BEGIN SOLUTION
    distances = np.linalg.norm(points[:, None] - modes[None], axis=2)
    return float(np.mean(distances.min(axis=1) <= 3 * sigma))
    # END SOLUTION


def modes_found(points, modes, sigma):
    """The number of modes that are nearest to at least one point within 3 sigma."""
    # BEGIN SOLUTION
    distances = np.linalg.norm(points[:, None] - modes[None], axis=2)
    good = distances.min(axis=1) <= 3 * sigma
    return len(set(distances.argmin(axis=1)[good].tolist()))
    # END SOLUTION


print(check("04.high_quality", high_quality))
check("04.modes_found", modes_found)

# %%
from scratchgan.metrics import mode_report

print(mode_report(gan.sample(2500, seed=1), ring))

# %% [markdown]
# (2,500 short steps do not finish the job. `scratchgan train mlp-ring` takes 6,000 larger ones: 8 of 8 modes, 93 to 96 % of
# high quality over five seeds.)
#
# ## What can go wrong
#
# - **The same fakes for both turns.** $G$ is then judged by a $D$ that was just trained on exactly these; it sees an opponent
#   that knows its every move. New noise costs nothing.
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
# the counting.
