"""From a recipe to a run and back: everything that works with recipes, run folders and checkpoints.

recipe      all keys that decide a run                        `load`, `Recipe`
keys        what a key of a recipe is, and how its value is read and checked
build       from a recipe to the data, the GAN and the stream of batches; from a run's folder back to the GAN
given       data that are given in Python
run_data    a run's data: read for training, and recognised later, wherever they are
facts       what a run knows about its data: checksum, sizes, classes, counts
places      where a run may write; what is removed if it does not begin
start       training on: more steps, or a new run from an earlier one's weights
train       the loop around `GAN.train_step`                  `train`, `resume`
outcome     how training ended: `Run`, `Diverged`
terminal    Ctrl-C, which ends a run after the current step; the progress bar; notes on the data
folder      a run's folder: its lock, and repairing it after the process was killed
finite      where NaN or infinity first appeared
held_out    examples that are kept out of training
limits      a limit on the number of weights that a file may ask for
diagnose    the doctor's diagnosis of a run's folder          `diagnose`
last_state  the doctor's signals for logs that lack them, measured from the checkpoint
asked       which recipe a command line asks for
sampling    `scratchgan sample`
evaluate    every metric that fits a run                      `evaluate`
pictures    additional pictures of a finished run             `picture_run`
doors       `scratchgan translate`, `enhance`, `inpaint`: their options
apply       image files in, image files out: one door for the three
image_files     what is read, what results are called, written aside and renamed
translate   what is made of a picture by a CycleGAN, or a net for pairs
inpaint     how holes are filled, by a net for it or by a search
mask        which part of a picture is missing
tiles       a net on an image of any size
paired_data     a recipe's pairs of images, and their picture
keys_paired     the keys of recipes for pairs
why         a recipe's constants: paper, authors' code, ours
bench       how fast training is on this machine
"""
