"""What is proposed can be done: every setting in a finding, a hint or a recipe's comment, for every recipe."""

import re
from dataclasses import replace

import numpy as np
import pytest
from test_doctor import SHOWS, WON, entries, folder
from tiny import tiny

from scratchgan.data import Dataset, load
from scratchgan.data.paired import Paired
from scratchgan.doctor import records, rules
from scratchgan.doctor.advice import advice, changes
from scratchgan.doctor.watch import Watch
from scratchgan.runs import diagnose, recipe
from scratchgan.runs.advice import accepting, of_data, of_run
from scratchgan.runs.build import build_gan, gan_for
from scratchgan.runs.held_out import split
from scratchgan.runs.paired_data import spoilt
from scratchgan.runs.train import train

RECIPES = sorted(recipe.names())
SETTING = re.compile(r"--set ((?:\w+=[\w.,\[\]+-]+ ?)+)")


def small(name, *settings):
    """A shipped recipe with nets that are built in a moment, for images of 8 x 8."""
    shipped = recipe.load(name)
    sizes = {"width": 2, "d_width": 2, "blocks": 1, "dense": 4 * bool(shipped.dense), "hidden": "[4]", "latent_dim": 3}
    taken = recipe.options(shipped.model)
    if base(shipped) == "paired":  # keys without an effect are refused
        shipped = replace(shipped, held_out=0)
        taken = [key for key in taken if key != "d_width" or shipped.adversarial_weight]
        taken = [key for key in taken if key != "blocks" or shipped.net == "residual"]
    here = [f"{key}={value}" for key, value in sizes.items() if key in taken]
    if shipped.image_size:
        here.append("image_size=8")
    return recipe.override(recipe.override(shipped, [*here, "batch_size=8"]), settings)


def examples(r, n=40):
    """Data for a small recipe."""
    if r.data in ("ring", "grid", "gaussian-mixture-1d") or (base(r) == "mlp" and not r.image_size):
        return load(r.data)
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (n, 8, 8, 1)).astype(np.float32)
    data = Dataset(x, labels=np.arange(n) % 4, name="mine")
    if base(r) == "paired":
        if r.degrade != "none":
            colour = np.repeat(x, 3, axis=-1) if r.degrade == "grey" else x
            return spoilt(r, Dataset(colour, name="mine"))
        return Paired(Dataset(x[:, ::-1], name="answers"), Dataset(x, name="questions"))
    if base(r) == "cyclegan":
        from scratchgan.data.pairs import Pair

        return Pair(data, data)
    return data


def base(r):
    return recipe.base(r.model)


def plays(r, data):
    """Build the recipe's GAN and make one step of it: what cannot be trained fails here."""
    kept, _ = split(r, data)
    r = r if r.classes or r.condition == "none" else recipe.override(r, ["classes=4"])
    gan = gan_for(r, data)
    rng = np.random.default_rng(1)
    if data.kind == "paired":
        report = gan.train_step((kept.inputs(rng, np.arange(r.batch_size)), kept.y.x[: r.batch_size]))
    elif data.kind == "pair":
        report = gan.train_step((data.a.x[: r.batch_size], data.b.x[: r.batch_size]))
    else:
        x = data.sample(r.batch_size, rng=rng) if data.kind == "density" else kept.x[: r.batch_size]
        report = gan.train_step(x, *([np.arange(len(x)) % 4] if gan.conditional else []))
    assert all(np.isfinite(value) for value in report.values())


def proposed(texts):
    return {match.strip() for text in texts for match in SETTING.findall(str(text))}


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_can_do_what_every_finding_proposes(name):
    r = small(name)
    data = examples(r)
    settings, unchecked = set(), set()
    for _, _, columns in SHOWS:
        log = records.from_records(entries(**columns), loss=r.loss)
        found = rules.findings(log, of_data(r, data))
        settings |= proposed(tip for finding in found for tip in finding.advice)
        unchecked |= proposed(tip for finding in rules.findings(log) for tip in finding.advice)
        assert all(finding.advice or base(r) in ("cyclegan", "paired") for finding in found)
    assert len(settings) > 3
    assert len(unchecked) > 6
    for setting in settings:
        changed = recipe.override(r, setting.split(" "))
        assert changed != r, setting
        plays(changed, data)


@pytest.mark.parametrize(
    ("name", "settings", "refused", "instead"),
    [
        ("dcgan-mnist", [], "penalty=r1", "penalty=r1 d_norm=layer"),
        ("cgan-mnist", [], "packing=2", None),
        ("acgan-mnist", [], "penalty=r1", None),
        ("acgan-mnist", [], "instance_noise=0.1", None),
        ("wgan-clip-mnist", [], "unroll=5", None),
        ("mlp-ring", ["batch_size=25"], "packing=2", None),
        ("mlp-mnist", ["batch_size=2"], "packing=2", None),
        ("cyclegan-digits", [], "lr_g/2", "lr_g/2 lr_d/2"),
        ("mlp-ring", ["optimizer=sgd"], "beta1=0", "momentum=0"),
        ("hinge-sngan-mnist", [], "width*1", "width*2"),
    ],
)
def test_what_a_recipe_refuses_is_replaced_or_left_out(name, settings, refused, instead):
    r = small(name, *settings)
    accepts = of_data(r, examples(r))
    assert accepts(changes(refused)) is None
    tip = advice("why", f"{refused} | {instead}" if instead else refused).within(accepts)
    assert (tip is None) == (instead is None)
    if tip is not None:
        plays(recipe.override(r, next(iter(proposed([tip]))).split(" ")), examples(r))


def test_what_is_on_is_not_switched_on_again_and_numbers_are_those_of_the_recipe():
    r = tiny(penalty="wgan-gp", lr_g=3e-4, beta1=0.3, hidden=(9, 1))
    accepts = accepting(r, (2,), None)
    assert accepts(changes("penalty?=r1")) is None
    assert accepts(changes("beta1<0.5")) is None
    assert accepts(changes("lr_g/10 hidden/2")) == "lr_g=3e-05 hidden=[4,1]"
    assert accepts(changes("held_out?=100")) is None  # a density
    assert str(advice("why", "lr_g/2", "penalty?=r1 | penalty?=r1 d_norm=layer")) == (
        "a lower lr_g or --set penalty=r1: why"
    )
    with pytest.raises(ValueError, match="expected changes"):
        changes("lr_g")


@pytest.mark.parametrize(("n", "says"), [(40, "held_out=10"), (400, "held_out=100"), (10, None)])
def test_as_many_are_kept_out_as_the_data_allow(tmp_path, n, says):
    r = small("mlp-mnist", "log_every=1", "steps=14", "sample_every=0")
    run = train(r, tmp_path / "run", data=examples(r, n), progress=False)
    text = str(diagnose.diagnose(run.folder))
    assert (says or "held_out") in text if says else "held_out" not in text
    if says:
        split(recipe.override(r, [says]), examples(r, n))


def test_a_run_s_folder_without_a_checkpoint_or_a_recipe(tmp_path):
    run = folder(tmp_path / "run", entries(**WON, diversity=0.01), small("cgan-mnist", "classes=4"))
    text = str(diagnose.diagnose(run))
    assert "packing" not in text
    assert "--set penalty=r1 d_norm=layer" in text
    assert of_run(run, small("mlp-ring"))(changes("packing?=2")) == "packing=2"
    (run / "recipe.toml").write_text("model = 3")
    assert "a lower lr_" in str(diagnose.diagnose(run))


def test_a_warning_during_training_proposes_what_can_be_done():
    r = small("cyclegan-digits")
    watch = Watch(600, r.loss, of_data(r, examples(r)))
    log = entries(g_update=0.7)
    lines = [line for i in range(1, 61) if (line := watch.look(log[:i]))]
    assert lines
    assert "--set lr_g=0.0001 lr_d=0.0001" in str(watch.found[0].advice[0])


# -- hints in recipes and error messages -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RECIPES)
def test_what_a_recipe_s_comments_propose_can_be_done(name):
    comments = [line for line in recipe.source(name).splitlines() if line.startswith("#") and "FOLDER" not in line]
    for setting in sorted(proposed(comments)):
        r = small(name, *setting.strip().split(" "))
        plays(r, examples(r))


@pytest.mark.parametrize("packing", [1, 2, 3, 4])
@pytest.mark.parametrize("held_out", [0, 2])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7, 9, 11, 14])
def test_with_too_few_examples_the_proposed_batch_can_be_trained(n, held_out, packing):
    r = tiny(batch_size=12, packing=packing, held_out=held_out)
    data = Dataset(np.random.default_rng(0).uniform(-1, 1, (n, 2)).astype(np.float32), name="mine")
    if n - held_out >= 12:
        split(r, data)
        return
    with pytest.raises(ValueError, match="fewer than one batch") as error:
        split(r, data)
    text = str(error.value)
    if most := re.search(r"held_out = \d+: .* expected at most (\d+)", text):
        plays(recipe.override(r, [f"held_out={most[1]}"]), data)
        return
    (batch,) = re.findall(r"batch_size=(\d+)", text)
    if least := re.search(r"at least (\d+) are needed", text):
        assert int(least[1]) > n
        data = Dataset(np.tile(data.x, (99, 1))[: int(least[1])] + 0, name="more")
    plays(recipe.override(r, [f"batch_size={batch}"]), data)


@pytest.mark.parametrize("name", [name for name in RECIPES if base(small(name)) == "dcgan"])
def test_an_error_about_batchnorm_names_a_norm_that_works(name):
    r = small(name)
    with pytest.raises(ValueError, match=r"BatchNorm|expected no rules") as error:
        plays(recipe.override(r, ["penalty=r1", "d_norm=batch"]), examples(r))
    norms = re.findall(r'"(layer|none)"', str(error.value))
    assert len(norms) == (0 if "expected no rules" in str(error.value) else 2)
    for norm in norms:
        plays(recipe.override(r, ["penalty=r1", f"d_norm={norm}"]), examples(r))


@pytest.mark.parametrize("model", ["dcgan", "cgan", "infogan", "cyclegan"])
@pytest.mark.parametrize("size", [11, 22, 26, 50])
def test_images_that_do_not_fit_get_a_size_that_does(model, size):
    more = {"classes": 3} if model in ("cgan", "infogan") else {}
    r = recipe.Recipe(model=model, width=2, batch_size=4, **more)
    with pytest.raises(ValueError, match="image_size") as error:
        build_gan(r, (size, size, 1))
    near = re.findall(r"\d+", str(error.value).partition("nearest sizes")[2]) or [size + -size % 4]
    for n in near:
        build_gan(r, (int(n), int(n), 1))


@pytest.mark.parametrize("name", [name for name in RECIPES if base(small(name)) == "dcgan"])
def test_points_can_be_trained_with_the_model_that_the_error_names(name):
    r = recipe.override(small(name), ["data=ring"])
    with pytest.raises(ValueError, match="holds points") as error:
        build_gan(r if r.classes or r.condition == "none" else recipe.override(r, ["classes=4"]), (2,))
    (model,) = re.findall(r'use model = "(\w+)"', str(error.value))
    changed = recipe.override(r, [f"model={model}", "hidden=[4]"])
    plays(changed, load("ring"))
