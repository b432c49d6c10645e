"""From a recipe to a run and back: everything that knows a folder, a recipe or a checkpoint.

recipe      all keys that decide a run                        `load`, `Recipe`
build       from a recipe to data, GAN and stream, and from a folder back to the GAN
train       the loop around `GAN.train_step`                  `train`, `resume`
terminal    Ctrl-C that ends a run after the step at hand; the progress bar
folder      whose a run's folder is, and what a kill may have left in it
finite      where NaN or infinity first appeared
held_out    examples that a run is not trained on
limits      how many weights a file may ask for
diagnose    the doctor's diagnosis of a run's folder          `last_state`: signals for logs that have none
evaluate    every metric that fits a run                      `evaluate`
pictures    the pictures that a finished run's folder allows  `picture_run`
translate   images through a trained CycleGAN
bench       how fast is it here
"""
