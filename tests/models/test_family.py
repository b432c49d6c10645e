"""One door to the family: every model is a name in a recipe and a builder in Python, and both make the same GAN."""

import ast
import inspect
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scratchgan.gradcheck import cases
from scratchgan.models import MODELS, base_of, build, cgan, dcgan, lsgan, method_of, options_of, wgan_gp
from scratchgan.models.dcgan import discriminator
from scratchgan.models.endings import CONDITIONS, Ending
from scratchgan.models.member import Member
from scratchgan.runs import recipe as recipes
from scratchgan.runs.build import build_gan
from scratchgan.runs.paired_data import of_input
from scratchgan.runs.recipe import KEYS, Recipe, default, fits, load, override, to_toml

MEMBERS = [name for name, builder in MODELS.items() if isinstance(builder, Member)]
SHIPPED = {name: load(name) for name in recipes.names()}
ROOT = Path(__file__).parents[2]
OLD = ROOT / "tests" / "runs" / "old"
#: what decides a run and not the GAN; the rates' way down belongs to the number of steps
RUN = {key for key in KEYS if KEYS[key].metadata["default"] is not recipes.UNSET} | {"lr_schedule"}
#: checked otherwise: SNGAN's u and v change with the weights in training, so that no difference quotient fits, and
#: CycleGAN is checked with four nets that are no two alike; games with pairs have a table of their own, and the members
#: are that game with other weights
OTHERWISE = {
    "sngan": ("tests/layers/test_spectral.py", "SpectralNorm"),
    "cyclegan": ("scratchgan/gradcheck/nets.py", "CycleGAN("),
    **dict.fromkeys(
        (name for name, builder in MODELS.items() if base_of(builder).__name__ == "paired"),
        ("scratchgan/gradcheck/cases_paired.py", "paired("),
    ),
}


def written(name):
    """The keys that a recipe's own file sets."""
    return recipes.parse(recipes.source(name))


def train(gan, shape, batches=2, N=8):
    """The state after so many steps, a copy."""
    rng = np.random.default_rng(5)
    for _ in range(batches):
        x = np.tanh(rng.standard_normal((2, N, *shape))).astype(np.float32)
        labels = rng.integers(0, 10, N)
        batch = (tuple(x),) if gan.kind == "translations" else (x[0], labels) if gan.conditional else (x[0],)
        if gan.kind == "paired":
            given = np.tanh(rng.standard_normal((N, *gan.input_shape))).astype(np.float32)
            batch = ((given, x[0]),)
        gan.train_step(*batch)
    return {key: a.copy() for key, a in gan.state().items()}


def assert_same(a, b):
    assert a.keys() == b.keys()
    for key in a:
        np.testing.assert_array_equal(a[key], b[key], err_msg=key)


# -- a builder and its recipe are one thing ------------------------------------------------------------------------


@pytest.mark.parametrize("name", SHIPPED)
def test_the_builder_and_the_recipe_make_the_same_gan(name):
    recipe = replace(SHIPPED[name], classes=10 if SHIPPED[name].condition != "none" else 0)
    model = recipe.model
    if "data_shape" in options_of(MODELS[model]):
        shape = (28, 28, 1) if "mnist" in recipe.data else (1,) if "1d" in recipe.data else (2,)
        size = {"data_shape": shape}
    else:
        side = 8 if "8x8" in recipe.data else 28
        shape, size = (side, side, 1), {"image_size": side, "channels": 1}
    said = {key: value for key, value in written(name).items() if key not in RUN - {"lr_schedule"}}
    if model == "cyclegan" and "lr_g" in said:
        said["lr"] = said.pop("lr_g")
        del said["lr_d"]
    if base_of(MODELS[model]) is MODELS["paired"]:
        said |= of_input(recipe, shape, None)
    by_recipe = build_gan(recipe, shape)
    by_builder = build(model, **size, total_steps=recipe.steps, **said)
    assert repr(by_recipe) == repr(by_builder)
    assert_same(by_recipe.state(), by_builder.state())
    assert_same(train(by_recipe, shape), train(by_builder, shape))


@pytest.mark.parametrize("name", [name for name, recipe in SHIPPED.items() if recipe.model in MEMBERS])
def test_the_recipe_of_a_member_leaves_the_method_to_it(name):
    model = SHIPPED[name].model
    assert set(written(name)) <= RUN
    for key, value in method_of(MODELS[model]).items():
        if key in KEYS:  # a scale is the data's
            assert getattr(SHIPPED[name], key) == value, key


def test_every_member_has_a_recipe():
    assert set(MEMBERS) <= {recipe.model for recipe in SHIPPED.values()}


@pytest.mark.parametrize("name", ["lsgan-mnist", "cgan-mnist"])
def test_a_recipe_saved_before_there_were_members_gives_the_same_bits(name):
    old, new = load(OLD / f"{name}.toml"), SHIPPED[name]
    assert old.model == "dcgan"
    assert replace(old, model=new.model, description=new.description) == new
    small = {"width": 4, "dense": 8, "classes": 10 if new.condition != "none" else 0}
    shape = (28, 28, 1)
    a, b = (build_gan(replace(recipe, **small), shape) for recipe in (old, new))
    assert_same(train(a, shape), train(b, shape))


# -- what every model has ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_every_model_is_complete(model):
    """Reachable by its name in a recipe, explained in its file, its derivatives checked."""
    recipe = Recipe(model=model, width=2, hidden=(3,), d_width=2, blocks=0, steps=2)
    if recipe.condition != "none":
        recipe = replace(recipe, classes=3)
    assert build_gan(recipe, (8, 8, 1)).data_shape == (8, 8, 1)
    builder = MODELS[model]
    if isinstance(builder, Member):
        assert builder.name == model
        (module,) = (m for m in MODULES if builder in vars(m).values())
        assert builder.__doc__ == module.__doc__
    else:
        module = sys.modules[builder.__module__]
    assert "\nMethod  " in module.__doc__
    python_name = next(key for key, value in vars(module).items() if value is builder)
    if model in OTHERWISE:
        file, word = OTHERWISE[model]
        assert word in (ROOT / file).read_text()
    else:
        tree = ast.parse(Path(cases.__file__).read_text())
        assert python_name in {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


MODULES = [m for name, m in sys.modules.items() if name.startswith("scratchgan.models.")]


@pytest.mark.parametrize("model", MEMBERS)
def test_a_saved_recipe_lists_every_key_and_comes_back_equal(model, tmp_path):
    recipe = Recipe(name="mine", model=model)
    text = to_toml(recipe)
    assert f'\nmodel = "{model}"' in text
    assert all(f"\n{key} = " in text for key in KEYS)
    (tmp_path / "mine.toml").write_text(text)
    assert load(tmp_path / "mine.toml") == recipe


def test_a_member_is_its_base_with_its_method():
    x = lsgan(8, 1, width=2, latent_dim=3, dense=0, seed=4)
    y = dcgan(8, 1, 3, 2, "least-squares", 4, lr_g=1e-3, lr_d=1e-3, ema_decay=0.99)
    assert_same(train(x, (8, 8, 1)), train(y, (8, 8, 1)))
    assert base_of(lsgan) is base_of(dcgan) is dcgan
    assert "least-squares" in repr(lsgan)
    assert "regression to labels" in inspect.getdoc(lsgan)
    with pytest.raises(TypeError):
        lsgan.method["loss"] = "hinge"


@pytest.mark.parametrize(
    "call",
    [
        lambda: lsgan(28, 1, hidden=(3,)),
        lambda: build("lsgan", hidden=(3,)),
        lambda: build("dcgan", hidden=(3,)),
        lambda: Member("mine", dcgan, {"hidden": (3,)}),
    ],
)
def test_an_option_that_the_base_does_not_have_is_one_clear_error(call):
    with pytest.raises(
        ValueError, match=r"^(lsgan|dcgan|mine): unknown option 'hidden', known: image_size, channels, "
    ):
        call()
    with pytest.raises(ValueError, match="did you mean 'width'"):
        lsgan(wdith=3)


# -- keys ----------------------------------------------------------------------------------------------------------


def test_every_key_is_the_runs_or_a_builders_and_each_default_is_written_once():
    for key in KEYS:
        takers = [model for model in MODELS if key in recipes.options(model)]
        own = KEYS[key].metadata["default"]
        assert takers or own is not recipes.UNSET, f"{key}: no builder takes it, and it has no default of its own"
        for model in takers:
            value = getattr(Recipe(model=model), key)
            if own is recipes.UNSET and key not in method_of(MODELS[model]):
                assert value == recipes.options(model)[key], f"{key} of {model}"
            assert value == default(key, model), f"{key} of {model}"


def test_every_option_of_a_recipe_s_type_is_a_key():
    """A rate or a size that a builder takes can be set in a recipe; what cannot is listed here."""
    others = {"data_dim", "data_shape", "slope", "dtype", "total_steps", "rules", "lr"}
    others |= {"input_channels", "scale", "composite", "features"}  # of pairs: the data decide
    for model in MODELS:
        assert set(options_of(MODELS[model])) - set(KEYS) <= others, model


def test_the_key_of_the_method_wins_over_a_default_and_loses_to_the_file(tmp_path):
    (tmp_path / "mine.toml").write_text('model = "wgan-gp"\nlr_g = 0.25\n')
    recipe = load(tmp_path / "mine.toml")
    assert (recipe.lr_g, recipe.lr_d, recipe.d_steps, recipe.packing) == (0.25, 5e-4, 5, 1)
    assert override(recipe, ["lr_g=0.5"]).lr_g == 0.5


def test_recipes_are_light_to_import():
    code = (
        "import sys, scratchgan.runs.recipe; "
        "print([m for m in ('numba', 'matplotlib', 'PIL', 'tqdm', 'scratchgan.data') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


# -- another model by --set ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MEMBERS)
@pytest.mark.parametrize("start", ["dcgan-mnist", "wgan-gp-mnist", "infogan-mnist", "mlp-mnist", "cyclegan-digits"])
def test_another_model_brings_its_whole_method(start, model):
    before = load(start)
    after = override(before, [f"model={model}"])
    assert after.model == model
    for key, value in method_of(MODELS[model]).items():
        if key in KEYS:
            assert getattr(after, key) == value, key
    for key in ("name", "data", "steps", "batch_size", "sample_every"):
        assert getattr(after, key) == getattr(before, key), key
    left = set(method_of(MODELS[before.model])) & set(KEYS) - set(method_of(MODELS[model]))
    if before.model != model:
        for key in left:
            assert getattr(after, key) == default(key, model), key


def test_other_settings_override_the_new_method_in_any_order():
    for settings in (["model=wgan-gp", "lr_g=0.5"], ["lr_g=0.5", "model=wgan-gp"]):
        recipe = override(load("dcgan-mnist"), settings)
        assert (recipe.lr_g, recipe.lr_d, recipe.penalty) == (0.5, 5e-4, "wgan-gp")


def test_what_the_file_decided_itself_stays_unless_the_new_method_has_it(tmp_path):
    (tmp_path / "mine.toml").write_text(
        'model = "lsgan"\nlr_g = 0.25\npacking = 2\nlr_schedule = "linear"\nclip = 0.5\n'
    )
    recipe = override(load(tmp_path / "mine.toml"), ["model=ragan"])
    assert (recipe.packing, recipe.lr_schedule, recipe.clip) == (2, "linear", 0.5)
    assert (recipe.lr_g, recipe.loss) == (1e-3, "relativistic-average")
    same = override(load(tmp_path / "mine.toml"), ["model=lsgan"])
    assert same == load(tmp_path / "mine.toml")


def test_a_base_model_by_set_is_the_base_with_its_own_defaults():
    recipe = override(load("wgan-gp-mnist"), ["model=dcgan"])
    assert replace(Recipe(), **{key: getattr(recipe, key) for key in RUN - {"model"}}) == recipe
    recipe = override(load("dcgan-mnist"), ["model=mlp"])
    assert (recipe.width, recipe.dense, recipe.latent_dim) == (64, 0, 64)  # the nets' sizes go, Z stays


def test_the_rule_is_in_the_help():
    assert "with --set model=NAME the new method replaces the recipe's" in recipes.describe_keys()


# -- keys without effect -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MEMBERS)
def test_a_member_has_the_keys_of_its_base(model):
    recipe, pairs = Recipe(model=model), base_of(MODELS[model]) is MODELS["paired"]
    of_dcgan, of_others = ("dense=4", "d_norm=none", "packing=1"), ("blocks=1", "data_b=ring")
    for setting in ("width=8", *(("data_b=ring", "content=l2") if pairs else of_dcgan)):
        override(recipe, [setting])
    only = r'only with ("mlp"|"dcgan"|"dcgan" and "mlp"|"cyclegan" and "paired")$'
    for setting in ("hidden=[8]", *(of_dcgan if pairs else of_others)):
        with pytest.raises(ValueError, match=rf'has no effect with model = "{model}", {only}'):
            override(recipe, [setting])
    assert fits("width", model)
    assert not fits("hidden", model)


@pytest.mark.parametrize("setting", ["penalty=r1", "label_smoothing=0.1", "latent_dim=3", "d_steps=2", "clip=0.1"])
def test_a_cyclegan_is_another_game(setting):
    loss = ["loss=non-saturating"] if "smoothing" in setting else []
    key = setting.partition("=")[0]
    with pytest.raises(ValueError, match=rf'{key} has no effect with model = "cyclegan", only with "dcgan" and "mlp"$'):
        override(load("cyclegan-digits"), [setting, *loss])


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        (
            {"model": "mlp", "condition": "concat"},
            'condition = "concat" has no effect with model = "mlp": leave it out',
        ),
        ({"model": "cyclegan", "clip": 0.5}, 'clip = 0.5 has no effect with model = "cyclegan": leave it out'),
        ({"model": "cyclegan", "lr_d": 0.5}, "all nets of a CycleGAN share one learning rate"),
    ],
)
def test_a_recipe_of_another_game_is_one_clear_error(keys, says):
    with pytest.raises(ValueError, match=says):
        build_gan(Recipe(**keys), (8, 8, 1))


# -- endings -------------------------------------------------------------------------------------------------------


def test_a_new_ending_is_one_class(rng):
    class TwoLayers(Ending):
        def last(self, features, blocks):
            return blocks.logits(features, 3)

    D = discriminator(2, [2], 1, 0, 0.2, rng, np.float32, ending=TwoLayers())
    assert D.output_shape((4, 4, 1)) == (3,)
    assert next(iter(CONDITIONS)) == "none"
    assert set(CONDITIONS) == {"none", "concat", "projection", "auxiliary", "codes"}


def test_models_on_the_same_ending_share_it():
    assert method_of(cgan)["condition"] == "concat"
    assert "condition" not in method_of(wgan_gp)
