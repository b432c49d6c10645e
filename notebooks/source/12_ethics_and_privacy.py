# %% [markdown]
# # 12 · Ethics and privacy: what can it leak, and what can it fake?
#
# *About 75 minutes. You need: chapter 04; chapter 11 helps.*
#
# **Question.** A generator was trained on pictures of people. What does it give away about them, and what can be done
# with it to others?
#
# Both halves of the question can be measured, at least in part, on a laptop. In this chapter you catch a
# generator copying, count how many images it can make, find out who was in its training set, build a detector and
# break it, and watch a minority disappear. Then come the questions that no cell can answer.

# %%
try:
    import scratchgan
except ModuleNotFoundError as error:
    raise ImportError(f"no scratchgan here ({error}): ask your teacher, or install it as its README says") from None
import inspect

import numpy as np

from scratchgan.exercises import check
from scratchgan.plots import BLUE, GREEN, GREY, ORANGE, VERMILLION, figure, image_grid

# %% [markdown]
# ## Two generators
#
# The same recipe, dense networks on 8 x 8 digits, is trained twice: on **64** digits for 2,700 steps, and on **900**
# digits for 1,200. The other 897 digits of the data are never shown to either of them.
#
# ## Predict
#
# 1. Will the generator that saw 64 digits draw *new* digits? How would you find out without looking at every sample?
# 2. You are given the discriminator and a digit. Can you tell whether the digit was in its training set?
# 3. One image in a hundred is fake, and a detector is right in 95 cases of 100. It raises an alarm. How sure are you?
#
# Write three guesses down, the third as a percentage.

# %%
from scratchgan.data import BatchStream, load
from scratchgan.data.dataset import Dataset
from scratchgan.metrics import membership_advantage
from scratchgan.models import dcgan, mlp_gan

digits = load("uci-digits-8x8")
order = np.random.default_rng(0).permutation(len(digits))
few, many, unseen = digits.x[order[:64]], digits.x[order[:900]], digits.x[order[900:]]


def dense(seed=0):
    return mlp_gan(data_shape=(8, 8, 1), latent_dim=32, hidden=(128, 128), lr_g=1e-3, lr_d=1e-3, ema_decay=0.99,
                   seed=seed)


def convolutional(seed=0):
    return dcgan(image_size=8, channels=1, latent_dim=32, width=16, dense=64, lr_g=1e-3, lr_d=1e-3, ema_decay=0.99,
                 seed=seed)


def train(gan, images, steps, seed=0, watch=lambda step: None):
    stream = BatchStream(Dataset(images), 64, rng=np.random.default_rng(seed))
    for step in range(1, steps + 1):
        gan.train_step(stream.next())
        watch(step)
    return gan


leak = {"64 digits": [], "900 digits": []}


def watcher(gan, members, name):
    def watch(step):
        if step % 150 == 0:
            found = membership_advantage(gan.probability(members), gan.probability(unseen))
            leak[name].append((step, found.auc, found.advantage))
    return watch


gan_few, gan_many = dense(), dense()
train(gan_few, few, 2700, watch=watcher(gan_few, few, "64 digits"))
train(gan_many, many, 1200, watch=watcher(gan_many, many, "900 digits"))
made_few, made_many = (np.clip(gan.sample(900, seed=1), -1, 1) for gan in (gan_few, gan_many))

# %% [markdown]
# ## Does it copy? Nearest neighbours
#
# Put each sample beside the training images that are nearest to it. But what is "near"? The scale comes from the real
# images: how far is one of them from the nearest *other* one?

# %%
from scratchgan.plots import nearest_images, neighbours

for name, images in (("64 digits", few), ("900 digits", many)):
    print(f"median distance from one of the {name} to the nearest other one: "
          f"{np.median(nearest_images(images, images, 2)[1][:, 1]):.2f}")

# %% draw
# alt: Four samples of the generator that was trained on 64 digits, each beside its five nearest training digits with their
#   distances; the nearest one looks like the sample itself and is marked "copy?".
neighbours(made_few[:4], few, k=5, title="Trained on 64 digits")

# %% draw
# alt: Four samples of the generator that was trained on 900 digits, each beside its five nearest training digits with their
#   distances; they resemble the sample in kind, and hardly any is marked as a copy.
neighbours(made_many[:4], many, k=5, title="Trained on 900 digits")

# %% [markdown]
# Beware of the yardstick. Among 900 images the nearest other one is nearer than among 64, whatever the generator does: the
# two printed scales differ. So "copy?" is easier to earn in the first picture, and the two pictures must not be compared by
# counting marks.

# %% [markdown]
# ### Exercise 12.scale
# The scale in these pictures: the median distance of an image to the nearest other image. Mind that some data sets hold the
# same image twice.

# %%
def scale(x):
    """x (N, F): images as rows.  Returns the median distance from a row to the nearest OTHER row.

    >>> float(scale(np.array([[0.0, 0.0], [3.0, 4.0], [3.0, 6.0]])))
    2.0
    """
    # BEGIN SOLUTION
    distances = np.linalg.norm(x[:, None] - x[None], axis=2)
    return np.median(np.sort(distances, axis=1)[:, 1])
    # END SOLUTION


check("12.scale", scale)

# %% [markdown]
# Four samples are an anecdote. For a number you need to know how near to its training images an *innocent* generator
# would be, and held-out images of the same kind tell: a generator that learned the distribution and not the images is
# as near to the ones as to the others.

# %%
from scratchgan.metrics import memorisation_ratio

for name, train_set, samples in (("trained on 64", few, made_few), ("trained on 900", many, made_many)):
    print(f"{name}\n{memorisation_ratio(train_set, unseen, samples)}\n")

# %% [markdown]
# (*Copies* are nearer to a training image than 99 % of unseen real images are, and the two sets that are compared have the
# same size here, which the pictures' yardsticks had not.) That resolves the first prediction. One generator is a photocopier
# with some noise in it; of the other, this test finds little. "Finds little" is all that it can say: a copy that is moved by
# a pixel is far away in pixels.
#
# ## How many images can it make? The birthday test
#
# In a room of 23 people, two share a birthday with a probability of about one half. It surprises, because 23 is small against
# 365 days. But 23 people make $23\cdot 22/2 = 253$ *pairs*.
#
# Let $N$ things be equally likely, and draw $s$ of them. All are different if the second avoids the first, the third
# the first two, and so on:
#
# $$P(\text{all different}) = \prod_{i=0}^{s-1}\Big(1 - \frac iN\Big) .$$
#
# Take the logarithm. For small $i/N$, $\log(1 - i/N) \approx -i/N$, and the sum $0 + 1 + \dots + (s-1)$ is
# $s(s-1)/2$. Hence
#
# $$P(\text{a repeat}) \approx 1 - \exp\Big(-\frac{s(s-1)}{2N}\Big) .$$
#
# It is one half when $s(s-1) = 2N\log 2$, so at $s \approx \sqrt{2 \log 2\, N} \approx 1.18 \sqrt N$, which is
# (Birthday.4). **Repeats appear at the root of the number of things.** Arora and Zhang (2017) turned it round: if a
# batch of $s$ samples holds a repeated image about every second time, the generator makes about as many different images as
# $s^2/(2\log 2)$ (if it makes all of them equally often), however convincing each of them looks. One with numbers: repeats
# in every second batch of 10 mean about 72 images.

# %%
rng = np.random.default_rng(0)


def repeats(s, N, tries=2000):
    """The share of `tries` batches of s draws out of N in which two are the same."""
    drawn = np.sort(rng.integers(0, N, (tries, s)), axis=1)
    return (np.diff(drawn, axis=1) == 0).any(axis=1).mean()


s, gaps = np.arange(2, 101), []
shares = {N: np.array([repeats(k, N) for k in s[::7]]) for N in (50, 365, 2000)}
for N, found in shares.items():
    gaps.append(np.abs(found - (1 - np.exp(-s[::7] * (s[::7] - 1) / (2 * N)))).max())
    exact = 1 - np.cumprod(1 - np.arange(N) / N)
    print(f"N = {N:>5,}: the first s with an exact probability of at least 1/2: {np.argmax(exact >= 0.5) + 1},  "
          f"sqrt(2 N log 2) = {np.sqrt(2 * N * np.log(2)):.1f}")

# %% draw
# alt: Three rising curves from 0 to 1, the probability of a repeat against the number s of samples, for N = 50, 365 and
#   2,000 things. The smaller N, the sooner the curve crosses one half; drawn dots, squares and triangles lie on the curves.
fig = figure(7, 3.2)
axes = fig.subplots()
for (N, found), colour, marker in zip(shares.items(), (ORANGE, BLUE, GREEN), "os^", strict=True):
    axes.plot(s, 1 - np.exp(-s * (s - 1) / (2 * N)), color=colour, label=f"N = {N:,}: formula")
    axes.plot(s[::7], found, marker, color=colour, markersize=4)
axes.axhline(0.5, color=GREY, linestyle=":", linewidth=1)
axes.set(xlabel="samples in a batch, s", ylabel="P(two are the same)",
         title="A batch of about 1.2 roots of N repeats every second time; marks: drawn")
axes.legend(fontsize=9)
fig.tight_layout()
fig

# %% [markdown]
# ### Exercise 12.birthday
# The exact probability, for any $s$, also for more draws than there are things.

# %%
def birthday(s, N):
    """Returns the exact probability that among s draws from N equally likely things at least two are the same.

    >>> round(float(birthday(23, 365)), 3)
    0.507
    """
    # BEGIN SOLUTION
    return 1 - np.prod(1 - np.arange(s) / N)
    # END SOLUTION


check("12.birthday", birthday)

# %% [markdown]
# One batch of 900 samples holds $900 \cdot 899/2$ pairs, and each of them is a small test. If thing $i$ has the
# probability $p_i$, two draws are the same with probability $\sum_i p_i^2$, which is (Birthday.1); for $N$ equally
# likely things it is $1/N$. So the share of the pairs that repeat estimates $1/N$, and
#
# $$\text{support} = \frac{\text{number of pairs}}{\text{number of repeating pairs}} . \qquad\text{(Birthday.2)}$$
#
# Samples of a network hardly ever repeat to the last bit. Two count as one here if they are at most as far from each other
# as the closest two of the 897 unseen real digits.

# %%
from scratchgan.metrics import birthday_test

for name, samples in (("trained on 64", made_few), ("trained on 900", made_many)):
    report = birthday_test(samples, real=unseen)
    print(f"{name}\n{report}\n")
    if report.repeats:
        flat = samples.reshape(len(samples), -1)
        s = int(np.ceil(report.half_batch))
        batches = [flat[rng.permutation(len(flat))[:s]] for _ in range(2000)]
        same = np.mean([(np.linalg.norm(x[:, None] - x[None], axis=2) + 9 * np.eye(s)).min() <= report.threshold
                        for x in batches])                            # 9: nobody repeats himself
        print(f"of 2,000 batches of {s} samples {same:.0%} hold a repeat; "
              f"by the formula: {1 - np.exp(-s * (s - 1) / (2 * report.support)):.0%}\n")

# %% [markdown]
# The generator of 64 digits can make dozens of different images, no more than it was shown. (By the formula slightly more
# batches should have a repeat: three samples that are alike make three pairs at once, in one batch.) Of the other generator
# the test gives only a lower bound: no pair repeats among 404,550.
#
# ### Exercise 12.support
# From the samples and the threshold. The distance is the Euclidean one.

# %%
def support(x, threshold):
    """x (N, F): samples; two of them repeat if they are at most `threshold` apart.  Returns pairs / repeating pairs.

    >>> float(support(np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 0.1]]), 1.0))
    3.0
    """
    # BEGIN SOLUTION
    distances = np.linalg.norm(x[:, None] - x[None], axis=2)
    above = np.triu(np.ones_like(distances, bool), 1)                # each pair once, nobody with himself
    return above.sum() / (distances[above] <= threshold).sum()
    # END SOLUTION


check("12.support", support)

# %% [markdown]
# ## Who was in the training set? Membership inference
#
# Suppose that the pictures are of patients of one clinic. Then it is a secret *that* somebody's picture was used,
# whatever it shows. The discriminator was trained to say "real" to exactly these pictures. Does it say so more loudly
# to them than to others?
#
# An attacker who has $D$ calls everybody with a score of at least $t$ a member. Of the true members he finds the
# share $\mathrm{TPR}(t)$, and of the others he wrongly accuses the share $\mathrm{FPR}(t)$. Two numbers sum it up:
#
# $$\text{advantage} = \max_t\, \mathrm{TPR}(t) - \mathrm{FPR}(t) \qquad\text{(Membership.1)}$$
#
# $$\text{AUC} = P(\text{a member's score} > \text{another's}) + \tfrac12 P(\text{equal}) \qquad\text{(Membership.2)}$$
#
# TPR and FPR stand for true and false positive rate, AUC for area under the curve (of TPR against FPR: it is the same number).
# No leak is an advantage of 0, up to what chance finds, and an AUC of $1/2$. With members' scores 1 and 3 and others' scores
# 0 and 2: $t = 3$ finds one member of two and accuses nobody, $t = 1$ finds both and accuses one of two; the advantage is
# $1/2$. Of the four pairs the member wins three: the AUC is $3/4$. Hayes et al. (2019) did this to GANs and called it LOGAN.
# The package's code:

# %%
print(inspect.getsource(membership_advantage).rsplit('"""', 1)[1])

# %% [markdown]
# How often is a score of another below a member's? Sort the others, and `searchsorted` tells for each member; the two
# sides count ties as one half.

# %%
scores_of = lambda gan, images: gan.D.forward(images, train=False)[0][:, 0]              # the logits

attack = {name: membership_advantage(scores_of(gan, members), scores_of(gan, unseen))
          for name, gan, members in (("64 digits", gan_few, few), ("900 digits", gan_many, many))}
for name, found in attack.items():
    print(f"{name}\n{found}\n")

# %% draw
# alt: Two histograms of the logit of D and a line plot. Trained on 64 digits, the logits of members lie to the right of those
#   of others with little overlap; trained on 900, the two histograms overlap nearly everywhere. On the right the AUC of the
#   attack against the training step: for 64 digits it rises from 0.7 to above 0.95
#   within 500 steps, for 900 slowly from near one half.
fig = figure(10, 3.2)
one, two, three = fig.subplots(1, 3)
for axes, gan, members, name in ((one, gan_few, few, "64 digits"), (two, gan_many, many, "900 digits")):
    inside, outside = scores_of(gan, members), scores_of(gan, unseen)
    bins = np.linspace(min(inside.min(), outside.min()), max(inside.max(), outside.max()), 30)
    axes.hist(inside, bins, density=True, color=VERMILLION, alpha=0.6, label="members")
    axes.hist(outside, bins, density=True, color=BLUE, histtype="step", linewidth=2, label="others")
    axes.set(xlabel="D's logit", ylabel="density")
one.set_title("Trained on 64: told apart", fontsize=10)
two.set_title("Trained on 900: hardly", fontsize=10)
for (name, rows), colour, marker in zip(leak.items(), (VERMILLION, GREEN), "os", strict=True):
    at, areas, _ = np.array(rows).T
    three.plot(at, areas, color=colour, marker=marker, markersize=4, label=name)
three.axhline(0.5, color=GREY, linestyle=":", linewidth=1)
three.set(xlabel="training step", ylabel="AUC of the attack", ylim=(0.45, 1.02))
three.set_title("64 digits leak at once, 900 slowly", fontsize=10)
for axes in (one, two, three):
    axes.legend(fontsize=9)
fig.tight_layout()
fig

# %% [markdown]
# $D$ has learned the 64 digits by heart, and its logit gives most of them away. With 900 digits the leak is
# small, and it is not nothing: the advantage is above what chance finds, and the AUC is larger at the end of training than at
# its beginning. More data and an earlier stop are the two cheapest protections. That resolves the second prediction: it
# depends on how many digits there were.
#
# "Then do not publish $D$." It helps, but not always. Here is an attack that has only *samples*: the score of a
# picture is minus its distance to the nearest of 900 samples.

# %%
COUNT = 900                                                       # the knob of this chapter
for name, members, gan in (("trained on 64", few, gan_few), ("trained on 900", many, gan_many)):
    samples = np.clip(gan.sample(COUNT, seed=1), -1, 1)
    found = membership_advantage(*(-nearest_images(x, samples)[1][:, 0] for x in (members, unseen)))
    print(f"{name:<16} attack by {COUNT} samples alone: advantage {found.advantage:.2f} (by chance {found.floor:.2f}), "
          f"AUC {found.auc:.2f}")

# %% [markdown]
# **Change a knob, predict first.** `COUNT` is the number of samples that the attacker may draw. What will the two AUCs be with
# 90, and with 9,000? (Every sample is another chance to land on a training image. So for the generator that copies, the
# attack becomes better with the number: about 0.60, 0.63, 0.65. For the other one there is little to land on, and the AUC
# stays near 0.54.)
#
# On larger images it is the same: `python -m benchmarks.metrics` trains a DCGAN on 200 MNIST digits (AUC 0.73) and on
# 4,000 (AUC 0.55). And it is not a weakness of GANs alone. Carlini et al. (2023) extracted training images from
# diffusion models, and found those more prone to it than GANs. A guarantee, and not only the absence of a known
# attack, takes differential privacy (Abadi et al. 2016): gradients of single images are clipped and noise is added,
# at a price in quality.
#
# ### Exercises 12.advantage and 12.auc

# %%
def advantage(members, others):
    """members (N,), others (M,): scores.  Returns max over t of TPR(t) - FPR(t), "member" being a score >= t.

    >>> float(advantage(np.array([1.0, 3.0]), np.array([0.0, 2.0])))
    0.5
    """
    # BEGIN SOLUTION
    thresholds = np.concatenate([members, others])
    return max(np.mean(members >= t) - np.mean(others >= t) for t in thresholds)
    # END SOLUTION


def auc(members, others):
    """The probability that a random member has a higher score than a random other; a tie counts one half.

    >>> float(auc(np.array([1.0, 3.0]), np.array([0.0, 2.0])))
    0.75
    """
    # BEGIN SOLUTION
    higher, equal = members[:, None] > others, members[:, None] == others
    return np.mean(higher + 0.5 * equal)
    # END SOLUTION


print(check("12.advantage", advantage))
check("12.auc", auc)

# %% [markdown]
# ## Telling fakes from real
#
# Now the other side: somebody shows you an image. Is it real? Train a detector on samples of a GAN, you might say, as
# $D$ is one. The first detector below makes no error here, and has no network at all. The real digits were stored with 17
# levels of grey; a generator's pixels lie anywhere between.

# %%
def off_the_levels(images):
    """The largest distance of a pixel from the 17 levels of grey, for each image."""
    levels = 8 * (images.reshape(len(images), -1) + 1)
    return np.abs(levels - np.rint(levels)).max(axis=1)


rounded = np.rint(8 * (made_many + 1)) / 8 - 1                        # what saving as a file with 17 levels does
for name, images in (("real, unseen", unseen), ("fakes", made_many), ("fakes, rounded", rounded.astype(np.float32))):
    print(f"{name:<16} called fake: {np.mean(off_the_levels(images) > 0.01):.1%}")

# %% [markdown]
# From perfect to worthless by one line of arithmetic. Detectors find what separates the *files* they were trained on:
# a rounding, a compression, a camera. What they say of the next file is another matter. So round all fakes from here
# on, and train proper detectors: networks, with $D$'s own loss. Three generators are at hand: `gan_many`; the same
# recipe with another seed; and one of convolutions. Each detector is trained on fakes of *one* of them and tested on
# new fakes of all. **Predict**: will it know the others' fakes?

# %%
from scratchgan.layers import Sequential
from scratchgan.layers import Dense, Flatten, LeakyReLU
from scratchgan.losses import Minimax
from scratchgan.optim import Adam


def detector(real, fake, steps=800):
    """A network that says "fake" or "real": D's loss, on fakes that do not learn back."""
    rng, loss = np.random.default_rng(0), Minimax()
    net = Sequential([Flatten(), Dense(64, 64, init="he", rng=rng), LeakyReLU(0.2),
                      Dense(64, 1, init="glorot", rng=rng)], input_shape=(8, 8, 1))
    optimizer = Adam(net, 3e-3)
    for _ in range(steps):
        on_real, on_fake = (net.forward(x[rng.integers(0, len(x), 64)], train=True) for x in (real, fake))
        _, d_real, d_fake = loss.discriminator(on_real[0], on_fake[0])
        net.zero_grads()
        net.backward(d_real, on_real[1], input_grad=False)
        net.backward(d_fake, on_fake[1], input_grad=False)
        optimizer.step()
    return lambda images: net.forward(images, train=False)[0][:, 0] < 0


makers = {"dense": gan_many, "dense, seed 1": train(dense(1), many, 900, seed=1),
          "convolutional": train(convolutional(), many, 800)}
fakes = {name: (np.rint(8 * (np.clip(gan.sample(1800, seed=5), -1, 1) + 1)) / 8 - 1).astype(np.float32)
         for name, gan in makers.items()}
whole = np.zeros((3, 4))
for i, trained_on in enumerate(fakes):
    says_fake = detector(many, fakes[trained_on][:900])
    whole[i] = [says_fake(images).mean() for images in (*(f[900:] for f in fakes.values()), unseen)]

# %% draw
# alt: A table of three rows and four columns in shades: rows are the generator whose fakes a detector was trained on, columns
#   whose new images it is tested on. The diagonal, its own generator, is high; the other generators are much lower; the last
#   column, real digits, has the false alarms.
fig = figure(6.6, 3.1)
axes = fig.subplots()
axes.imshow(whole, vmin=0, vmax=1, cmap="cividis", aspect="auto")
for i in range(3):
    for j in range(4):
        axes.text(j, i, f"{whole[i, j]:.0%}", ha="center", va="center", color="white" if whole[i, j] < 0.6 else "black",
                  weight="bold" if i == j else "normal")
axes.set_xticks(range(4), [*fakes, "real, unseen"], fontsize=9)
axes.set_yticks(range(3), list(fakes), fontsize=9)
axes.set(xlabel="tested on new images of", ylabel="trained on fakes of",
         title="Share called fake: other generators' fakes mostly pass")
fig.tight_layout()
fig

# %% [markdown]
# Bold is a detector on its own generator's fakes; the last column are false alarms. Each detector catches most new
# fakes of the generator that it was trained on. Of another generator's it catches far fewer, in the worst case hardly more
# than it accuses real digits: there it knows nothing. The same recipe with another seed is enough. Wang et al. (2020)
# found with large networks that a detector trained on one GAN can carry over well if its training images are blurred
# and compressed at random: *CNN-generated images are surprisingly easy to spot... for now*. "For now" is the point.
# Whoever has your detector can train against it. You know a procedure for that; you have written one in chapter 04.
#
# ## What an alarm is worth
#
# Say that a share $\pi$ of all images is fake, that the detector catches a share $c$ of the fakes, and raises a false
# alarm on a share $a$ of the real ones. Of $M$ images, $\pi c M$ are fakes with an alarm, and $(1-\pi) a M$ are real
# with an alarm. So of the alarms, the share
#
# $$P(\text{fake} \mid \text{alarm}) = \frac{\pi c}{\pi c + (1 - \pi) a}$$
#
# is right. That is Bayes's rule, by counting. With numbers: of 10,000 images 100 are fake, and 95 of these raise an alarm; of
# the 9,900 real ones 495 do. So 95 of 590 alarms are right.

# %%
rates = np.geomspace(1e-4, 0.5, 100)
share_right = lambda fake, c, a: fake * c / (fake * c + (1 - fake) * a)
detectors = ((0.95, 0.05), (0.99, 0.01), (0.95, 0.001))
for c, a in detectors:
    print(f"catches {c:.0%}, false alarms {a:.1%}, 1 % fakes: {share_right(0.01, c, a):.0%} of the alarms are right")

# %% draw
# alt: Three rising curves, solid, dashed and dotted: the share of alarms that are right, from 0 to 1, against the share of
#   images that are fake, from 0.0001 to 0.5 on a logarithmic axis. On the left, where fakes are rare, all are near 0.
fig = figure(6.5, 3.2)
axes = fig.subplots()
for (c, a), colour, style in zip(detectors, (BLUE, GREEN, ORANGE), ("-", "--", ":"), strict=True):
    axes.semilogx(rates, share_right(rates, c, a), style, color=colour, label=f"catches {c:.0%}, false alarms {a:.1%}")
axes.axvline(0.01, color=GREY, linestyle=":", linewidth=1)
axes.set(xlabel="share of images that are fake", ylabel="share of alarms that are right", ylim=(0, 1),
         title="Where fakes are rare, most alarms of a good detector are wrong")
axes.legend(fontsize=9)
fig.tight_layout()
fig

# %% [markdown]
# With one fake in a hundred, a detector that is "95 % accurate" accuses an honest photographer in about five alarms of six:
# the answer to the third prediction is 16 %. What did you guess?
#
# ### Exercise 12.right_alarms

# %%
def right_alarms(fakes, caught, false_alarms):
    """fakes: the share of all images; caught, false_alarms: the shares of fakes and of real ones with an alarm.

    Returns the share of the alarms that are right.

    >>> round(float(right_alarms(0.01, 0.95, 0.05)), 3)
    0.161
    """
    # BEGIN SOLUTION
    return fakes * caught / (fakes * caught + (1 - fakes) * false_alarms)
    # END SOLUTION


check("12.right_alarms", right_alarms)

# %% [markdown]
# ## Who is missing? Bias
#
# Data sets do not show the world, but what somebody could collect. A generator learns the data, at best. Does it keep
# the proportions? Take zeros and ones only, 171 zeros and 9 ones: a minority of 5 %. Train two kinds of generator on
# them, and count among 2,000 samples, with a logistic regression (chapter 11: a weighted sum of the pixels decides) as the
# counter. **Predict** the share of ones.

# %%
from scratchgan.metrics.two_sample import fit_logistic

as_rows = lambda images: images.reshape(len(images), -1).astype(np.float64)
zeros, ones = (digits.x[digits.labels == k] for k in (0, 1))
w, b = fit_logistic(np.concatenate([as_rows(zeros), as_rows(ones)]), np.repeat([0.0, 1.0], [len(zeros), len(ones)]))
is_one = lambda images: as_rows(images) @ w + b > 0
print(f"the counter is right on {1 - np.mean(is_one(zeros)):.1%} of the zeros, {np.mean(is_one(ones)):.1%} of the ones")
rare, even = np.concatenate([zeros[:171], ones[:9]]), np.concatenate([zeros[:90], ones[:90]])
made = {}
for name, gan, images in (("dense, 50 % ones", dense(), even), ("dense, 5 % ones", dense(), rare),
                          ("dense, 5 %, seed 1", dense(1), rare), ("convolutional, 5 % ones", convolutional(), rare)):
    made[name] = np.clip(train(gan, images, 600).sample(2000, seed=1), -1, 1)
    print(f"{name:<26} ones among 2,000 samples: {np.mean(is_one(made[name])):.2%}")

# %% draw
# alt: Three grids of 24 small digits, the samples most like a one of three generators. Dense, trained on half ones: ones. Dense,
#   trained on 5 % ones: zeros, most of them narrow. Convolutional, trained on 5 % ones: ones.
fig, shown = figure(9, 1.7), ("dense, 50 % ones", "dense, 5 % ones", "convolutional, 5 % ones")
for axes, name in zip(fig.subplots(1, 3), shown, strict=True):
    first = np.argsort(-(as_rows(made[name]) @ w + b))[:24]
    axes.imshow(image_grid(made[name][first], columns=8)[..., 0], cmap="gray", interpolation="nearest")
    axes.set_title(name, fontsize=9)
    axes.set_axis_off()
fig.suptitle("Of 2,000 samples each, the 24 that look most like a one", fontsize=10)
fig.tight_layout()
fig

# %% [markdown]
# The dense generator can draw ones: trained on halves, it does. As a minority it drops them all but entirely, with two seeds of
# two, while the convolutional one keeps them. The same data and the same game: whether the few survive is decided by a choice
# that looks technical. Without counting you would not have known.
#
# Why is it so cheap to forget them? As in chapter 01, $p$ is the density of the data and $q$ that of the samples. Let $G$ make
# the majority perfectly and the minority, a share $\varepsilon$, never. Then $p = (1-\varepsilon)\,q$ where the majority is,
# and $q = 0$ where the minority is. Put that into $V(D^*, G) = 2\,\mathrm{JSD} - \log 4$ of chapter 01:
#
# $$2\,\mathrm{JSD} = (1-\varepsilon)\log\frac{2(1-\varepsilon)}{2-\varepsilon} + \varepsilon \log 2 +
# \log\frac{2}{2-\varepsilon} .$$

# %%
for e in (0.5, 0.05, 0.01):
    loss = (1 - e) * np.log(2 * (1 - e) / (2 - e)) + e * np.log(2) + np.log(2 / (2 - e))
    print(f"minority {e:>4.0%}: forgetting it costs G {loss:.4f} nats, of {2 * np.log(2):.3f} for nothing right;  "
          f"batches of 64 without any: {(1 - e) ** 64:.1%}")

# %% [markdown]
# Forgetting 5 % costs about a fortieth of what there is to lose. For $G$ that is next to nothing; for the people concerned it
# is everything. Buolamwini and Gebru (2018) measured what such gaps do in products: commercial programs that read gender
# from faces erred far more often on darker-skinned women than on lighter-skinned men. If the proportions matter,
# measure them, class by class, and say so beside the generator.
#
# ## What can be faked
#
# **DeepFakes.** The name came up in 2017, for videos in which one person's face was replaced by another's. The programs that
# became known first were not GANs, as far as we know: one encoder for both faces and a decoder for each, so that the
# expression is kept and the face is exchanged. Adversarial losses were added later. A survey by Deeptrace (Ajder et al. 2019) found
# that 96 % of the videos that it counted were pornography of people who had not agreed, and that these target women.
#
# **Gestures from speech.** Ginosar et al. (2019), *Learning individual styles of conversational gesture*, predict
# from the sound of a voice how its speaker would move arms and hands. A discriminator judges whether the motion looks
# like that person's; without one, the mean of all plausible motions comes out, which is hardly any motion. It was
# learned from videos of ten speakers that were found on the web. Style, it turns out, is something that can be taken
# from you as well.
#
# **Voices** can be cloned from a short recording, and fraud by telephone with cloned voices has been reported.
#
# The same tools dub films, give people with a speech impairment a voice of their own, and anonymise a witness's face
# while keeping the expression. It is not the method that tells the two apart. It is *consent*, of the person shown
# and of the person who looks.
#
# ## What can be done
#
# - **Provenance** asks the other question: not "is it fake?" but "where does it come from?" The C2PA standard
#   (Content Credentials) attaches a signed record to a file: which device or program made it, and which edits were
#   made. A valid signature is evidence. A missing one is none, because records are easily stripped.
# - **Watermarks** put the mark into the samples themselves. They must survive compression and cropping, and resist
#   somebody who wants to remove them.
# - **Consent and minimal data.** A picture that is public is not a picture that was given. What was never collected
#   cannot leak.
# - **Write it down.** Model cards (Mitchell et al. 2019) and datasheets (Gebru et al. 2021) say what a model is for,
#   what it was trained on, and where it fails.
# - **Law.** Many places have rules on personal data, on biometric data, on intimate images without consent, and more and more
#   on marking generated content. One example: the European Union's AI Act, Regulation (EU) 2024/1689, says in its Article 50
#   that generated or manipulated images, sound and video have to be marked as such; as adopted, the article applies from
#   2 August 2026. Such rules differ, and they change faster than this text. Look up what holds where you are, when you need it.
#
# ## Where the field went
#
# | year | what happened |
# |---|---|
# | 2014 | Goodfellow et al.: the game; grey digits and faces, and CIFAR-10 in colour, there also with convolutions |
# | 2015/16 | DCGAN (Radford et al.): convolutions, and a recipe that trains |
# | 2017 | WGAN (Arjovsky et al.), WGAN-GP (Gulrajani et al.): another distance |
# | 2017 | CycleGAN (Zhu et al.): no pairs; SRGAN (Ledig et al.): super-resolution |
# | 2018 | progressive growing (Karras et al.): faces of 1024 x 1024; spectral normalisation (Miyato et al.) |
# | 2019 | BigGAN (Brock et al.): size helps; StyleGAN (Karras et al.): control over coarse and fine |
# | 2020 | denoising diffusion (Ho et al.): comparable images from a plain squared error, and no game |
# | 2021 | *Diffusion models beat GANs on image synthesis* (Dhariwal & Nichol) |
# | 2022 on | text to image, mostly by diffusion (Rombach et al. 2022) |
# | 2024 | *The GAN is dead; long live the GAN!* (Huang et al.): relativistic loss, R1 and R2, a modern network |
#
# So have GANs lost? As the main way to make images, yes. The adversarial *loss* is at work in many places. The best answer to
# a squared error is a mean, and a mean of sharp images is blurred; a discriminator is a cure: in super-resolution; in image codecs (Mentzer
# et al. 2020) and audio codecs (Zeghidour et al. 2021); in vocoders that make sound from spectra (HiFi-GAN, Kong et
# al. 2020); in the autoencoder under latent diffusion (Rombach et al. 2022); and in distilling a diffusion model into
# one step (Sauer et al. 2023). A sample takes one pass through one network, where a
# diffusion model takes a pass for each of its steps.
#
# Three things that large GANs do, and that this course only names: they keep a **moving average of $G$'s weights** and sample
# from that (`ema_decay` in this chapter's cells does it); with little data they **augment real images and fakes alike** before
# $D$ sees them, and raise the amount when $D$ begins to know its images by heart (Karras et al. 2020, ADA), which is aimed at
# the very leak that you measured above; and they draw $z$ from a **truncated** Gaussian (Brock et al. 2019), which trades
# variety for looks: precision rises, recall falls.
#
# ## Open problems
#
# An open problem is worth something if you can say what would settle it.
#
# | question | what is known | what would settle it |
# |---|---|---|
# | When does the game of two networks converge? | near an equilibrium, for small steps, under conditions (chapter 07); from afar nearly nothing | a condition that can be checked before a run, and that predicts for a hundred recipes which of them converge |
# | What can a GAN not learn? | a dense net dropped the minority that a convolutional one kept (above); rare modes are cheap to lose | a distribution and a bound: no G of this size, trained by this game, comes nearer than that |
# | What separates learning from memorising? | copies are perfect samples for every distance of chapter 11; tests need held-out data | a test without held-out data that finds planted copies, also shifted and recoloured ones |
# | How is variety measured? | each metric of chapter 11 is blind to something, and recall depends on $n$ | a number that ranks generators of known variety rightly, for each of the failures of that chapter |
# | Is a batch the unit that $D$ should judge? | packing shows $D$ several samples at once, and helps on rings and grids (chapter 07) | the same gain on real images, at equal cost, over several seeds |
# | Can a detector stay ahead of the generators? | yours did not know another seed of the same recipe | a detector, fixed today, that keeps its rate on generators of the year after next |
# | Can one picture be taken out of a trained generator again? | training anew without it does; cheaper ways have to be shown to do the same | an attack that cannot tell the net that forgot from the net that never saw it |
#
# ## For discussion
#
# There are no answers in the back.
#
# 1. A hospital wants to publish a generator of X-ray images instead of the images. Which numbers of this chapter
#    would you want to see, and which values would you accept? Who should decide?
# 2. Your detector catches 95 % of fakes with 1 % false alarms. A newspaper wants to print, next to each reader's
#    photograph, what it says. What do you answer?
# 3. The dense generator dropped the minority. To keep one in twenty would be faithful to the *data*. But suppose that in
#    the world it is one in three. Which share should it make?
# 4. Somebody's voice is in a public podcast. He has died, and his family wants a recording in that voice. Does
#    consent end? Whose is it to give?
# 5. You found a method that removes watermarks. Publishing helps those who build better ones, and those who abuse it.
#    Do you publish? All of it? When?
#
# ## What can go wrong
#
# - **"We looked at the nearest neighbours, and it does not copy."** In pixels, in this sample, with these training
#   images. A shifted or mirrored copy is far. Use a held-out set and features, and say what you did.
# - **Nearest neighbour with itself.** If a sample set and a training set share images, distance 0 says nothing.
# - **Members and others of different kinds.** If members are photographs of one camera and others of another, the
#   attack measures cameras. Cut *one* data set at random.
# - **A small advantage is called "private".** It is the success of *one* attack, on average. An odd image may be
#   given away although most are safe.
# - **"95 % accurate."** Of what? Ask for both rates and the share of fakes.
# - **A detector that was tested on its own generator only** has not been tested.
#
# ## Sources
#
# Arora & Zhang 2017, *Do GANs actually learn the distribution? An empirical study*; Hayes et al. 2019, *LOGAN*; Yeom
# et al. 2018 (the advantage); Karras et al. 2020, *Training generative adversarial networks with limited data* (ADA); Carlini et al. 2023, *Extracting training data from diffusion models*; Abadi et al.
# 2016, *Deep learning with differential privacy*; Wang et al. 2020, *CNN-generated images are surprisingly easy to
# spot... for now*; Ginosar et al. 2019; Ajder et al. 2019, *The state of deepfakes*; Buolamwini & Gebru 2018, *Gender
# shades*; Mitchell et al. 2019, *Model cards for model reporting*; Gebru et al. 2021, *Datasheets for datasets*. In
# the package: `scratchgan/metrics/memorisation.py`, `birthday.py`, `membership.py`, `scratchgan/plots/copies.py`.
