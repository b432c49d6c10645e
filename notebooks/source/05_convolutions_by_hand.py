# %% [markdown]
# # 05 · Convolutions by hand: how do images get in and out?
#
# *About 90 minutes. You need: chapters 03 and 04.*
#
# **Question.** How does a picture become one number, how does noise become a picture, and what are the derivatives?
#
# A discriminator shrinks an image, a generator grows one. We derive that these are the same map, read in two
# directions. Then comes BatchNorm, whose backward pass is easy to get wrong. At the end both players make digits, and
# you walk through the space that they come from.

# %%
try:
    import scratchgan
except ModuleNotFoundError as error:
    raise ImportError(f"no scratchgan here ({error}): ask your teacher, or install it as its README says") from None
import inspect

import numpy as np

from scratchgan.data import load
from scratchgan.exercises import check
from scratchgan.plots import BLUE, GREEN, GREY, ORANGE, VERMILLION, animation_html, figure, image_grid

rng = np.random.default_rng(5)

# %% [markdown]
# ## Why not a dense layer?
#
# An image of 28 x 28 pixels has 784 numbers. A dense layer to 14 x 14 positions with 64 numbers each needs a weight for
# each pair of an input and an output. A convolution makes two assumptions. What matters about a place is **near** it;
# and what is worth looking for at one place is worth looking for at **every** place, with the *same* weights.

# %%
print(f"dense:       {28 * 28 * 14 * 14 * 64:>10,} weights")
print(f"convolution: {4 * 4 * 1 * 64:>10,} weights (64 kernels of 4 x 4)")

# %% [markdown]
# ## Predict
#
# Write your answers down.
#
# 1. A kernel of 4 x 4 takes steps of 2 over an image of 28 x 28 with one row of zeros round it. How many positions has
#    it, along one side?
# 2. A layer enlarges an image that is 1 everywhere, with a kernel of 3 x 3 ones and stride 2. Is the result flat?
# 3. $D$ has BatchNorm, and is in training mode. You show it the same image twice, among different other images. Does it
#    say the same?
#
# ## Convolution
#
# Put the kernel $W$, $k \times k$, on a patch of the image. Multiply what lies on top of each other, add everything up:
# that is one output pixel. Move on by $s$ pixels (the **stride**), and again. With $p$ rows and columns of zeros around
# the image (the **padding**) the kernel can reach over the edge. With $C_i$ numbers a pixel going in and $C_o$ coming
# out,
#
# $$y[n,h,w,o] = b[o] + \sum_{i,j,c} x_{\rm pad}[n,\; s h + i,\; s w + j,\; c]\; W[i,j,c,o] . \qquad\text{(Conv2D.1)}$$
#
# **How large is $y$?** The padded image has $n + 2p$ pixels along a side. The kernel's first pixel may stand at
# $0, s, 2s, \dots$ as long as its last one, $k - 1$ further, is still inside: $s h + k - 1 \le n + 2p - 1$, that is
# $h \le (n+2p-k)/s$. Counting $h = 0$ as well,
#
# $$H_o = \Big\lfloor \frac{n + 2p - k}{s} \Big\rfloor + 1 .$$
#
# With $k = 4$, $s = 2$, $p = 1$ an even $n$ becomes exactly $n/2$. That is why nearly every convolution of a DCGAN has
# these numbers.
#
# Mathematicians call this a *cross-correlation*: their convolution turns the kernel round first. Networks learn the
# kernel, so it does not matter which of the two they learn. But forward, backward and a loaded file must agree.

# %% [markdown]
# ### Exercises 05.conv_output_size and 05.conv_forward
# One image, one channel, no bias. Two loops over the output are enough. (`np.pad(x, p)` puts zeros around an array.)

# %%
def conv_output_size(n, k, s, p):
    """n pixels, kernel k, stride s, padding p.  Returns how many positions the kernel takes, an integer."""
    # BEGIN SOLUTION
    return (n + 2 * p - k) // s + 1
    # END SOLUTION


def conv_forward(x, W, s, p):
    """x (n, n), W (k, k), stride s, padding p.  Returns y (m, m)."""
    # BEGIN SOLUTION
    k, xpad = len(W), np.pad(x, p)
    m = (len(x) + 2 * p - k) // s + 1
    return np.array([[np.sum(xpad[s * h:s * h + k, s * w:s * w + k] * W) for w in range(m)] for h in range(m)])
    # END SOLUTION


print(check("05.conv_output_size", conv_output_size))
check("05.conv_forward", conv_forward)

# %% [markdown]
# What does a kernel see? Below, three kernels of 3 x 3 were put over a digit, by the package's `conv2d`. Each is large
# where the image looks like the kernel. In a GAN nobody chooses them: they are learned. (The stripes at the edges come
# from the padding: zeros are grey here, since pixels run from -1 to 1, and next to black ground grey looks bright.)

# %%
from scratchgan.kernels import conv2d

digit = load("mnist-5k").images[7:8]
kernels = {"brighter below": [[-1, -1, -1], [0, 0, 0], [1, 1, 1]], "brighter to the right": [[-1, 0, 1]] * 3,
           "mean of nine": [[1 / 9] * 3] * 3}
fig = figure(9, 2.9)
panels = fig.subplots(1, 4)
panels[0].imshow(digit[0, :, :, 0], cmap="gray")
panels[0].set_title("x: a digit", fontsize=10)
for axes, (name, W) in zip(panels[1:], kernels.items(), strict=True):
    y = conv2d(digit, np.array(W, np.float32)[:, :, None, None], stride=(1, 1), padding=(1, 1))[0, :, :, 0]
    axes.imshow(y, cmap="gray")
    axes.set_title(f"y: {name}", fontsize=10)
for axes in panels:
    axes.set(xlabel="column", ylabel="row", xticks=[0, 27], yticks=[0, 27])
fig.suptitle("One kernel, the same everywhere: it answers one question about every place", fontsize=11)
fig.tight_layout()
fig

# %% [markdown]
# ## The same as one matrix product
#
# Write each patch as a row of $k\,k\,C_i$ numbers. The patches of all output pixels of all images, one below the other,
# are a matrix. Write the weight as a matrix of $k\,k\,C_i$ rows and $C_o$ columns. Then (Conv2D.1) is one product:
#
# $$\underbrace{y}_{(N H_o W_o,\; C_o)} = \underbrace{\text{patches}}_{(N H_o W_o,\; k k C_i)}\;
#   \underbrace{W}_{(k k C_i,\; C_o)} .$$
#
# Nothing else is computed, and a matrix product is what computers do best (chapter 06). Here is the package's code for
# it, the readable twin of the compiled kernel.

# %%
from scratchgan.kernels import convolution

print(inspect.getsource(convolution.patch_rows))
print(inspect.getsource(convolution.conv2d.twin))

# %% [markdown]
# Loops and product must agree. The loops below are (Conv2D.1) letter by letter.

# %%
def conv_in_loops(x, W, s, p):
    k, _, Ci, Co = W.shape
    N, H = x.shape[:2]
    m = (H + 2 * p - k) // s + 1
    xpad = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
    y = np.zeros((N, m, m, Co))
    for n, h, w, o in np.ndindex(y.shape):
        for i, j, c in np.ndindex(k, k, Ci):
            y[n, h, w, o] += xpad[n, s * h + i, s * w + j, c] * W[i, j, c, o]
    return y


x, W = rng.standard_normal((2, 6, 6, 3)), rng.standard_normal((3, 3, 3, 4))
patches = convolution.patch_rows(convolution.pad_images(x, (1, 1)), (3, 3), (2, 2))
loops, product = conv_in_loops(x, W, s=2, p=1), patches @ W.reshape(27, 4)
kernel = conv2d(x, W, stride=(2, 2), padding=(1, 1))
print("patch matrix", patches.shape, " weight", W.reshape(27, 4).shape, " y", kernel.shape)
print(f"largest difference, loops and product: {np.abs(loops.reshape(-1, 4) - product).max():.1e}")
print(f"largest difference, loops and kernel:  {np.abs(loops - kernel).max():.1e}")

# %% [markdown]
# ## It is linear, so it has a matrix of its own
#
# For a fixed $W$ the map from $x$ to $y$ (without $b$) is linear: $y = A x$, if we write $x$ and $y$ as long vectors.
# We can see $A$: feed it images in which a single pixel is 1, and what comes out are its columns.

# %%
W1 = np.arange(1.0, 10).reshape(3, 3)
units = np.eye(36).reshape(36, 6, 6, 1)                       # 36 images, each with a single 1
A = conv2d(units, W1[:, :, None, None], stride=(1, 1), padding=(0, 0)).reshape(36, 16).T

fig = figure(9, 3.6)
for axes, M, title, names in zip(fig.subplots(1, 2, width_ratios=(2, 1)), (A, A.T),
                                 ("A: 6 x 6 pixels to 4 x 4", "A^T: 4 x 4 pixels to 6 x 6"),
                                 (("pixel of x", "pixel of y"), ("pixel of y", "pixel of x")), strict=True):
    axes.imshow(np.where(M == 0, np.nan, M), cmap="cividis")
    axes.set(xlabel=names[0], ylabel=names[1], title=title)
fig.suptitle("The same nine numbers in every row, shifted; white is 0.  The adjoint is the transposed matrix",
             fontsize=11)
fig.tight_layout()
fig

# %% [markdown]
# ## The way back: the adjoint
#
# A layer's backward pass must turn $dy$ into $dx$. Chapter 03 has the tool: when $x$ moves by $tx$, the loss moves by
# $\langle dy, A\,tx\rangle$, and $dx$ is whatever satisfies $\langle dy, A\,tx\rangle = \langle dx, tx\rangle$ for all
# $tx$. Put (Conv2D.1) in:
#
# $$\langle dy, A\,tx\rangle = \sum_{n,h,w,o} dy[n,h,w,o] \sum_{i,j,c} tx_{\rm pad}[n, sh+i, sw+j, c]\, W[i,j,c,o] .$$
#
# Every term has one entry of $tx_{\rm pad}$ in it. Sort the terms by that entry. The entry at row $a$ and column $b$
# occurs wherever $sh + i = a$ and $sw + j = b$, each time with the factor $\sum_o dy[n,h,w,o]\,W[i,j,c,o]$. So its
# gradient is the sum of these factors, and the simplest way to write that is not to look for them but to hand them out:
#
# $$dx_{\rm pad}[n, sh+i, sw+j, c] \;\mathrel{+}=\; \sum_o dy[n,h,w,o]\, W[i,j,c,o] \quad\text{over all } h, w, i, j.
#   \qquad\text{(Conv2D.2)}$$
#
# Each output pixel puts a copy of the kernel, times its $dy$, back on the patch that it came from; where patches
# overlap, copies **add up**. At last cut the padding off: its zeros were constants. Note that no kernel was flipped.
# (You will read that the gradient of a convolution is a convolution with the flipped kernel. For $s = 1$ that is
# (Conv2D.2), sorted by the entry that receives; for $s > 1$ it takes extra zeros between the pixels as well. Handing
# out needs neither.)

# %% [markdown]
# ### Exercise 05.conv_adjoint

# %%
def conv_adjoint(dy, W, s, p, n):
    """dy (m, m), W (k, k), stride s, padding p of the convolution; its x was (n, n).  Returns dx (n, n)."""
    # BEGIN SOLUTION
    k, dxpad = len(W), np.zeros((n + 2 * p, n + 2 * p))
    for h in range(len(dy)):
        for w in range(len(dy)):
            dxpad[s * h:s * h + k, s * w:s * w + k] += dy[h, w] * W
    return dxpad[p:p + n, p:p + n]
    # END SOLUTION


check("05.conv_adjoint", conv_adjoint)

# %% [markdown]
# ## The "inverted ConvNet" is that adjoint
#
# A generator needs a layer that makes an image larger. Here is one: (Conv2D.2) takes $H_o \times W_o$ pixels to
# $H \times W$. Nothing forbids using it in the *forward* direction, with learned weights. That is `ConvTranspose2D`.
# (It is also called "deconvolution", which is misleading: it undoes nothing.) Its own derivatives cost no new idea. Let
# $y = A^\top x$.
#
# $$\langle dy, A^\top tx\rangle = \langle A\,dy, tx\rangle \;\Rightarrow\; dx = A\,dy, \qquad\text{(ConvT.2)}$$
#
# so its backward pass is the convolution's forward pass. The package writes exactly this down.

# %%
from scratchgan.layers import Conv2D, ConvTranspose2D

print(inspect.getsource(ConvTranspose2D.affine), inspect.getsource(ConvTranspose2D.adjoint), sep="\n")

# %% [markdown]
# Three claims, three checks: the layer is $A^\top$ entry by entry; the inner products agree for random arrays; and it is
# *not* the inverse.

# %%
up = ConvTranspose2D(1, 1, kernel_size=3, bias=False, rng=rng, dtype=np.float64)
up.params["W"][...] = W1[:, :, None, None]
transposed = up.forward(np.eye(16).reshape(16, 4, 4, 1), train=True)[0].reshape(16, 36).T
print("ConvTranspose2D equals A^T entry by entry:", np.array_equal(transposed, A.T))

down = Conv2D(3, 4, kernel_size=4, stride=2, padding=1, bias=False, rng=rng, dtype=np.float64)
back = ConvTranspose2D(4, 3, kernel_size=4, stride=2, padding=1, bias=False, rng=rng, dtype=np.float64)
back.params["W"][...] = down.params["W"]                      # (k, k, 3, 4) for both: one weight, two directions
x, dy = rng.standard_normal((2, 8, 8, 3)), rng.standard_normal((2, 4, 4, 4))
y = down.forward(x, train=True)[0]
there = back.forward(dy, train=True)[0]
print(f"<dy, A x> = {np.vdot(dy, y):.12f}\n<A^T dy, x> = {np.vdot(there, x):.12f}")
again = back.forward(y, train=True)[0]
print(f"A^T A x against x: correlation {np.corrcoef(again.ravel(), x.ravel())[0, 1]:.2f}, and 1 would be an inverse")

# %% [markdown]
# **Sizes.** $A$ takes $n$ to $\lfloor (n+2p-k)/s\rfloor + 1$. So $A^\top$ should take $H$ back to the $n$ that it came
# from, and there may be several: with $k = 3$, $s = 2$, $p = 1$ both 7 and 8 pixels become 4. The smallest is
# $(H-1)s - 2p + k$. Which one is meant, the **output padding** $o$ says, $0 \le o < s$:
#
# $$H_o = (H - 1)s - 2p + k + o .$$
#
# With $k = 4$, $s = 2$, $p = 1$ and $o = 0$ that is $2H$: a generator's 7 x 7 pixels become 14 x 14, and
# those 28 x 28.
#
# ## The weight's gradient
#
# The same sum once more. $W$ moves by $tW$, and terms are sorted by the entry of $tW$ in them:
#
# $$\langle dy, A(x, tW)\rangle = \sum_{i,j,c,o} tW[i,j,c,o] \sum_{n,h,w} x_{\rm pad}[n, sh+i, sw+j, c]\, dy[n,h,w,o]
#   \quad\Rightarrow\quad dW[i,j,c,o] = \sum_{n,h,w}
#   x_{\rm pad}[n,sh+i,sw+j,c]\, dy[n,h,w,o] . \qquad\text{(Conv2D.3)}$$
#
# The sum runs over the batch *and over all positions*, because one kernel served them all. As matrices,
# $dW = \text{patches}^\top dy$, which is (Dense.3) again. And $b[o]$ was added to every pixel, so $db[o] = \sum_{n,h,w}
# dy[n,h,w,o]$ (Conv2D.4).

# %% [markdown]
# ### Exercise 05.conv_weight_grad

# %%
def conv_weight_grad(x, dy, k, s, p):
    """x (n, n), dy (m, m), kernel k, stride s, padding p.  Returns dW (k, k)."""
    # BEGIN SOLUTION
    xpad, dW = np.pad(x, p), np.zeros((k, k))
    for h in range(len(dy)):
        for w in range(len(dy)):
            dW += xpad[s * h:s * h + k, s * w:s * w + k] * dy[h, w]
    return dW
    # END SOLUTION


check("05.conv_weight_grad", conv_weight_grad)

# %% [markdown]
# Believe no derivation that was not compared with differences:

# %%
from scratchgan.gradcheck import check as gradcheck

for layer in (Conv2D(2, 3, kernel_size=3, stride=2, padding=1, rng=rng),
              ConvTranspose2D(2, 3, kernel_size=3, stride=2, padding=1, output_padding=1, rng=rng)):
    report = gradcheck(layer, rng.standard_normal((2, 5, 5, 2)))
    print(f"{type(layer).__name__:<16}{len(report.rows)} derivatives, "
          f"largest error {report.max_error:.0e}, {report.ok}")

# %% [markdown]
# ## Why checkerboards?
#
# Look at (Conv2D.2) from the receiving side. Along one axis, output pixel $a$ receives something from input pixel $h$
# if $a + p = s h + i$ for a tap $i$ of $0, \dots, k-1$. So $i$ must leave the same rest as $a + p$ when divided by $s$.
# How many such $i$ are there? If $s$ divides $k$: exactly $k/s$, for every $a$. If not: for some $a$ one more than for
# others, and that repeats every $s$ pixels. In two dimensions the counts multiply.

# %% [markdown]
# ### Exercise 05.contributions
# Count them along one axis: how many of the $n$ inputs reach each output pixel?

# %%
def contributions(n, k, s, p):
    """n inputs, kernel k, stride s, padding p, no output padding.  Returns integers ((n - 1) s - 2 p + k,)."""
    # BEGIN SOLUTION
    counts = np.zeros((n - 1) * s + k, int)
    for h in range(n):
        counts[s * h:s * h + k] += 1
    return counts[p:len(counts) - p]
    # END SOLUTION


check("05.contributions", contributions)

# %% [markdown]
# Ones in, a kernel of ones: what comes out *is* the count. Then the same layers with random weights, still on a flat
# image. The third way is the one that Odena et al. recommend: enlarge by copying pixels, then convolve.

# %%
from scratchgan.layers import Sequential
from scratchgan.layers import UpsampleNearest2D

ways = {"k = 3, s = 2": lambda: ConvTranspose2D(1, 1, kernel_size=3, stride=2, padding=1, output_padding=1, bias=False,
                                                rng=rng),
        "k = 4, s = 2": lambda: ConvTranspose2D(1, 1, kernel_size=4, stride=2, padding=1, bias=False, rng=rng),
        "up-sampling, then k = 3": lambda: Sequential([UpsampleNearest2D(2), Conv2D(1, 1, kernel_size=3, padding=1,
                                                                                   bias=False, rng=rng)])}
flat = np.ones((1, 6, 6, 1), np.float32)
fig = figure(9.5, 6.2)
panels = fig.subplots(2, 3)
for column, (name, make) in zip(panels.T, ways.items(), strict=True):
    net = make()
    for axes, title in zip(column, (f"{name}: weights 1", f"{name}: random weights"), strict=True):
        if "weights 1" in title:
            for _, w in net.parameters():
                w[...] = 1
        else:
            net = make()
        y = net.forward(flat, train=True)[0][0, :, :, 0]
        inside = y[2:-2, 2:-2]
        axes.imshow(y, cmap="cividis")
        axes.set(xlabel="column", ylabel="row", xticks=[0, 11], yticks=[0, 11])
        axes.set_title(f"{title}\ninside from {inside.min():.2f} to {inside.max():.2f}", fontsize=9)
fig.suptitle("A flat image in.  Whatever pattern comes out was made by the layer", fontsize=11)
fig.tight_layout()
fig

# %% [markdown]
# Top row: $k = 3$, $s = 2$ gives one to four contributions, and with $k = 4$ the count is the same everywhere. (At the
# edges fewer arrive in any case.)
#
# Bottom row: equal counts are not yet a flat result. With $k = 4$, $s = 2$ the four kinds of output pixels (even or odd
# row and column) are made by *different* taps, four each, and their sums differ. Only the third way uses the same nine
# taps for all pixels. So there are two faults to tell apart. Measure both over many random layers: how large each kind
# of pixel is, as a root mean square; and how far the four kinds of one layer lie apart, compared with that size.

# %%
def kinds(net):
    """The four kinds of pixels inside a flat image's output: even and odd rows and columns."""
    y = net.forward(flat, train=True)[0][0, 2:-2, 2:-2, 0]
    return [y[a::2, b::2].mean() for a in (0, 1) for b in (0, 1)]


print(f"{'':<26}{'size of the four kinds, first = 1':<36}apart, over size")
for name, make in ways.items():
    found = np.array([kinds(make()) for _ in range(2000)])
    size = np.sqrt(np.mean(found**2, axis=0))
    apart = np.sqrt(np.mean(found.var(axis=1)) / np.mean(found**2))
    print(f"{name:<26}{np.array2string(size / size[0], precision=2, floatmode='fixed'):<36}{apart:.2f}")

# %% [markdown]
# **First fault**, only of $k = 3$: pixels of one kind are larger than those of another *on average over all weights*.
# Sums of one, two and four independent terms have sizes like $1 : \sqrt 2 : 2$. The layer starts with a built-in
# checkerboard, and flat areas need unequal weights (which ones? $1$ in the middle, $\frac12$ at the sides, $\frac14$ in
# the corners). A kernel size that the stride divides takes this fault away.
#
# **Second fault**, of both strided layers: in any one layer the kinds differ. Training can make them equal, and has to
# learn it. Up-sampling has neither fault from the start. It costs about twice as much: $9$ products an output pixel
# instead of $4$, for each pair of channels.
#
# Backwards the same counts hold. A *discriminator* with $k = 3$, $s = 2$ hands some pixels four terms of gradient and
# others one, and so pushes a checkerboard into $G$'s images from outside.
#
# ## BatchNorm
#
# With every step of training, what a layer puts out changes its mean and its size, and every layer behind it has to
# follow. BatchNorm brings each channel back to mean 0 and variance 1 *over the batch and all positions*, and lets the
# net choose another mean $\beta$ and spread $\gamma$ if it wants them. Write $m(v)$ for that mean, a number for each
# channel. With $x_c = x - m(x)$ and $r = 1/\sqrt{m(x_c^2) + \varepsilon}$,
#
# $$\hat x = r\,x_c \quad\text{(Norm.1)}, \qquad y = \gamma\,\hat x + \beta \quad\text{(Norm.2)} .$$
#
# ## Its derivative, in full
#
# Let $x$ move by $tx$. Three things move.
#
# **The mean.** $x_c$ moves by $tx - m(tx)$.
#
# **The variance.** $m(x_c^2)$ moves by
# $2\,m\big(x_c\,(tx - m(tx))\big) = 2\,m(x_c\,tx) - 2\,m(x_c)\,m(tx) = 2\,m(x_c\,tx)$, because $m(x_c) = 0$.
#
# **The factor.** $r = (\dots)^{-1/2}$, so $tr = -\tfrac12 (\dots)^{-3/2} \cdot 2\,m(x_c\,tx)$, and with
# $\hat x = r\,x_c$
#
# $$tr = -r^3\,m(x_c\,tx) = -r^2\,m(\hat x\,tx) . \qquad\text{(Norm.3)}$$
#
# Together, by the product rule on $\hat x = r\,x_c$, and because
# $tr\,x_c = -r^2\,m(\hat x\,tx)\,x_c = -r\,m(\hat x\,tx)\,\hat x$:
#
# $$t\hat x = r\,\big(tx - m(tx)\big) + tr\,x_c = P\,tx, \qquad P\,v = r\,\big(v - m(v) - \hat x\,m(\hat x\,v)\big) .
#   \qquad\text{(Norm.4)}$$
#
# Now backwards. With $g = \gamma\,dy$, the loss moves by $\langle g, P\,tx\rangle$, so $dx = P^\top g$. Each of the
# three parts of $P$ is symmetric. For the second, with $M$ entries a channel,
# $\langle g, m(v)\rangle = M\,m(g)\,m(v) = \langle m(g), v\rangle$. For the third,
# $\langle g, \hat x\,m(\hat x v)\rangle = M\,m(\hat x g)\,m(\hat x v) = \langle \hat x\,m(\hat x g), v\rangle$. Hence
# $P^\top = P$:
#
# $$dx = r\,\big(g - m(g) - \hat x\,m(\hat x\,g)\big), \quad g = \gamma\,dy, \qquad d\gamma = \sum dy\,\hat x, \qquad
#   d\beta = \sum dy . \qquad\text{(Norm.5)}$$
#
# **Read it.** The two subtracted terms take out of $g$ whatever is constant over the batch, and whatever goes along
# with $\hat x$. They must: adding a constant to a channel of $x$ does not change $\hat x$, and neither (but for
# $\varepsilon$) does stretching it. A loss cannot depend on what cannot be seen behind the layer.
#
# ### Exercise 05.batchnorm_backward

# %%
def batchnorm_backward(dy, xhat, gamma, r):
    """dy, xhat (N, C); gamma, r (C,).  Returns dx (N, C), dgamma (C,), dbeta (C,)."""
    # BEGIN SOLUTION
    g = gamma * dy
    dx = r * (g - g.mean(axis=0) - xhat * (xhat * g).mean(axis=0))
    return dx, (dy * xhat).sum(axis=0), dy.sum(axis=0)
    # END SOLUTION


check("05.batchnorm_backward", batchnorm_backward)

# %% [markdown]
# The package's version serves every normalisation: they differ only in which entries $m$ is taken over.

# %%
from scratchgan.layers.norm import Normalisation

print(inspect.getsource(Normalisation.backward), inspect.getsource(Normalisation.project), sep="\n")

# %% [markdown]
# What if mean and variance are taken for constants, $dx = r\,g$? The net still runs, and the shapes fit. Compare both
# with central differences.

# %%
from scratchgan.layers import BatchNorm

layer = BatchNorm(3, dtype=np.float64)
layer.params["gamma"][...] = 1.5, 0.7, 2.0
x, target = rng.standard_normal((8, 3)) * 3 + 1, rng.standard_normal((8, 3))
loss = lambda x: float(np.sum((layer.forward(x, train=True)[0] - target)**2))
y, cache = layer.forward(x, train=True)
dy = 2 * (y - target)
by_differences = np.array([(loss(x + 1e-5 * e) - loss(x - 1e-5 * e)) / 2e-5
                           for e in np.eye(24).reshape(24, 8, 3)]).reshape(8, 3)
by_hand, constants = layer.backward(dy, cache), cache.r * layer.params["gamma"] * dy
scale = np.abs(by_differences).max()
print("largest error, as a share of the largest gradient:")
for name, dx in (("(Norm.5)", by_hand), ("taken for constants", constants)):
    print(f"  {name:<22}{np.abs(dx - by_differences).max() / scale:.1e}")
print("largest sum of dx in a channel (a shift of x is not seen):", f"{np.abs(by_hand.sum(axis=0)).max():.0e}")

# %% [markdown]
# ## "Why does an output depend on its batch-mates?"
#
# Because $m(x)$ and $r$ are made of them. The same digit, among 200 different sets of 15 others, through a fresh DCGAN
# discriminator:

# %%
from scratchgan.models import dcgan

digits = load("uci-digits-8x8")
STEPS = 600
gan = dcgan(image_size=8, channels=1, latent_dim=32, width=32, dense=128, ema_decay=0.99, lr_g=1e-3, lr_d=1e-3,
            lr_schedule="linear", total_steps=STEPS, seed=0)
one = digits.images[:1]
logits = {True: [], False: []}
batches = [np.concatenate([one, digits.images[rng.choice(len(digits.images), 15, replace=False)]]) for _ in range(200)]
for mode in (True, False):                                     # training first: it gathers the running statistics
    for batch in batches:
        logits[mode].append(float(gan.D.forward(batch, train=mode)[0][0, 0]))

fig = figure(7.5, 3.2)
axes = fig.subplots()
axes.hist(logits[True], bins=25, color=BLUE, alpha=0.7, label="training: this batch's mean and variance")
axes.axvline(logits[False][0], color=ORANGE, linewidth=3, label="evaluation: running ones, the same answer for all")
axes.set(xlabel="C(x), the logit of one and the same digit", ylabel="how often, of 200 batches",
         title="In training an answer depends on who else is in the batch")
axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)
fig.tight_layout()
print(f"spread in evaluation mode: {np.ptp(logits[False]):.1e}")
fig

# %% [markdown]
# The other direction is the gradient. In training, the loss of *one* image reaches *all* images of its batch, through
# $m(g)$ and $m(\hat x g)$. In evaluation mode, it does not:

# %%
batch = digits.images[:6]
for mode in (True, False):
    y, cache = gan.D.forward(batch, train=mode)
    only_the_first = np.zeros_like(y)
    only_the_first[0] = 1
    dx = gan.D.backward(only_the_first, cache, param_grads=False)
    sizes = np.sqrt((dx**2).sum(axis=(1, 2, 3)))
    print(f"{'training' if mode else 'evaluation':<12}|dL/dx| of each image, over the first's:",
          (sizes / sizes[0]).round(3))

# %% [markdown]
# Evaluation uses running means of both, (BatchNorm.2), gathered while training. They are constants there, so
# (BatchNorm.3) has another gradient, $dx = r\,g$: right in its place, and a classic mistake in the other. A layer must
# therefore remember, for each call, in which mode it ran. That is what the `cache` is for.
#
# **And in $D$?** Real samples and fakes go through as two batches, each normalised by its own statistics. What all
# fakes of a batch have in common in a channel's mean and size is subtracted and divided out before the next layer sees
# it. It is also why a gradient penalty, which is about *one* sample's slope, has no meaning with BatchNorm in $D$
# (chapter 08).
#
# ## A DCGAN on small digits
#
# Everything is there. Digits of 8 x 8 pixels, which train in seconds:

# %%
from scratchgan.data import BatchStream

print(gan.G, gan.D, sep="\n")
stream = BatchStream(digits, 128, rng=np.random.default_rng(0))
rows, names = [digits.images[:12]], ["real"]
for step in range(STEPS + 1):
    if step in (0, 50, 200, STEPS):
        rows.append(gan.sample(12, seed=3))
        names.append(f"{step:,}")
    if step < STEPS:
        gan.train_step(stream.next())

grid = image_grid(np.concatenate(rows), columns=12)
fig = figure(8, 3.9)
axes = fig.subplots()
axes.imshow(np.broadcast_to(grid, (*grid.shape[:2], 3)))
axes.set_yticks(5 + 9 * np.arange(len(rows)), names)
axes.set(xticks=[], xlabel="the same twelve codes z in every row but the first", ylabel="training steps",
         title="From noise to strokes to digits: each column is one code")
fig.tight_layout()
fig

# %% [markdown]
# These are tiny, so look at them from a distance; 1,797 images and six hundred steps are few. Chapter 00 does the same
# on 28 x 28. What matters here: every number in these pictures came through the passes derived above.
#
# ## Walking through the space of codes
#
# $G$ is defined for *every* $z$, not only for those it was trained on. What lies between two digits? If $G$ had learned
# digits by heart, you would see a jump. Two ways lead from $z_0$ to $z_1$, the straight line and the great circle:
#
# $$z(t) = (1-t)\,z_0 + t\,z_1 \quad\text{(Latent.1)}, \qquad
#   z(t) = r(t)\,\frac{\sin((1-t)\omega)\,\frac{z_0}{|z_0|} + \sin(t\omega)\,\frac{z_1}{|z_1|}}{\sin\omega}
#   \quad\text{(Latent.2)},$$
#
# with the angle $\omega$ between them and $r(t) = (1-t)|z_0| + t|z_1|$. They differ in length. For independent
# $z_0, z_1 \sim \mathcal N(0, I)$ in $Z$ dimensions, $\mathbb E\,\langle z_0, z_1\rangle = 0$, so
#
# $$\mathbb E\,|z(t)|^2
#   = (1-t)^2\,\mathbb E|z_0|^2 + t^2\,\mathbb E|z_1|^2 = \big((1-t)^2 + t^2\big)\,Z , \qquad\text{(Latent.3)}$$
#
# half of $Z$ in the middle of the straight line. But noise in many dimensions hardly ever has such a small norm.
# **Predict:** what will $G$ draw in the middle of the straight line, where it was hardly ever trained?

# %%
from scratchgan.plots import interpolation

interpolation(gan, pairs=5, steps=9, seed=4)

# %% [markdown]
# The same as a film, along the great circle and back to the start, through three codes. Press play, or move the slider.

# %%
from scratchgan.plots import interpolate_latent

corners = np.random.default_rng(11).standard_normal((3, 8, 32)).astype(np.float32)       # three codes for 8 walkers
walk = np.concatenate([interpolate_latent(corners[i], corners[(i + 1) % 3], 5)[:, :4] for i in range(3)], axis=1)
frames = []
for t in range(12):
    picture = image_grid(gan.generate(walk[:, t]), columns=8)
    picture = np.broadcast_to(picture, (*picture.shape[:2], 3))
    frames.append(np.kron(picture, np.ones((8, 8, 1), np.uint8)))
animation_html(frames, [f"leg {t // 4 + 1} of 3, t = {t % 4 / 4:.2f}" for t in range(12)], interval=400,
               label="Eight walks along great circles between three codes")

# %% [markdown]
# Below are the same eight walks as a static picture: a walker a row, time from left to right.

# %%
grid = image_grid(gan.generate(walk.reshape(-1, 32)), columns=12)
fig = figure(8, 5.8)
axes = fig.subplots()
axes.imshow(np.broadcast_to(grid, (*grid.shape[:2], 3)))
axes.set_xticks(5 + 9 * np.arange(12), [f"{t % 4 / 4:.2f}" for t in range(12)])
axes.set_yticks(5 + 9 * np.arange(8), range(1, 9))
axes.set(xlabel="t, on three legs: first to second code, second to third, third to first", ylabel="walker",
         title="Neighbours in a row are alike, and far ones are different digits: no jumps")
fig.tight_layout()
fig

# %% [markdown]
# How far does the picture move per step, and how much ink is in the middle? Numbers for 500 pairs:

# %%
z0, z1 = np.random.default_rng(12).standard_normal((2, 500, 32)).astype(np.float32)
fig = figure(9, 3.4)
left, right = fig.subplots(1, 2)
t = np.linspace(0, 1, 9)
for kind, colour in (("linear", VERMILLION), ("spherical", BLUE)):
    path = interpolate_latent(z0, z1, 9, kind)
    images = gan.generate(path.reshape(-1, 32)).reshape(500, 9, 64)
    norm, contrast = np.linalg.norm(path, axis=2).mean(axis=0), images.std(axis=2).mean(axis=0)
    left.plot(t, norm, color=colour, label=kind)
    right.plot(t, contrast, color=colour, label=kind)
    print(f"{kind:<10} in the middle, over the ends: |z| {norm[4] / norm[0]:.2f}, "
          f"contrast {contrast[4] / contrast[0]:.3f}")
left.plot(t, np.sqrt(((1 - t)**2 + t**2) * 32), color=GREY, linestyle=":", label="root of (Latent.3)")
left.set(xlabel="t", ylabel="|z(t)|, mean of 500 pairs", ylim=(0, 6.5),
         title="The straight line leaves the shell of noise")
right.axhline(digits.images.reshape(-1, 64).std(axis=1).mean(), color=GREEN, linestyle="--", label="real digits")
right.set(xlabel="t", ylabel="contrast of the image", title="What that does to the pictures")
for axes in (left, right):
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)
fig.tight_layout()
fig

# %% [markdown]
# The contrast is the standard deviation of an image's pixels. In the middle of the straight line it falls: nearer to
# $z = 0$ the pictures are paler mixtures. With 32 numbers in a code the effect is mild, about a tenth; the shell of
# noise gets sharper with more dimensions. The great circle keeps both.
#
# ## What can go wrong
#
# - **"Why checkerboards?"** Kernel size not divisible by the stride, in $G$ or in $D$. Take $k = 4$, $s = 2$, or
#   up-sample and convolve.
# - **"Why does an output depend on its batch-mates?"** BatchNorm in training mode. Draw samples in evaluation mode, as
#   `gan.sample` does. With a batch of one it has no variance to divide by; the layer raises an error.
# - **Forward in one mode, backward with the other's formula.** You saw the size of the error above. The gradient
#   checker finds it, if $\gamma \ne 1$ and $\beta \ne 0$: it draws them at random for that reason.
# - **A bias before a BatchNorm** does nothing: $m(x)$ takes it out again. Look at the printed nets: `bias=False`.
# - **`ConvTranspose2D` and flipped kernels.** Weights that were saved by another library may have their axes in another
#   order. Compare one output before you trust them.
# - **Interpolating straight, then blaming $G$** for pale pictures in the middle: they come from codes that it hardly
#   ever saw.
#
# ## Sources
#
# Dumoulin & Visin 2016, *A guide to convolution arithmetic for deep learning*, for sizes. Radford, Metz & Chintala 2016
# for the DCGAN. Ioffe & Szegedy 2015, *Batch normalization*. Odena, Dumoulin & Olah 2016, *Deconvolution and
# checkerboard artifacts* (Distill). White 2016, *Sampling generative networks*, for great circles. The code is in
# `scratchgan/layers/conv.py` and `norm.py`, and `scratchgan/kernels/convolution.py`.
