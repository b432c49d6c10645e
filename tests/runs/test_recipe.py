"""Recipes: one flat table of keys, checked, written out whole, and read back equal."""

from dataclasses import FrozenInstanceError, replace

import pytest

from scratchgan.data import names as data_names
from scratchgan.runs import recipe as recipes
from scratchgan.runs.recipe import KEYS, Recipe, load, override, to_toml

SHIPPED = {
    "dcgan-mnist",
    "dcgan-digits8",
    "mlp-mnist",
    "mlp-ring",
    "mlp-grid",
    "mlp-1d",
    "lsgan-mnist",
    "hinge-sngan-mnist",
    "wgan-clip-mnist",
    "wgan-gp-mnist",
    "dragan-mnist",
    "ragan-mnist",
    "r1-mnist",
    "mlp-collapse",
    "cgan-mnist",
    "acgan-mnist",
    "projection-mnist",
    "infogan-mnist",
    "cyclegan-digits",
}


def test_shipped_recipes_are_listed_with_the_default_first():
    found = recipes.names()
    assert set(found) >= SHIPPED  # none of these may go, more may come
    assert next(iter(found)) == recipes.DEFAULT == "dcgan-mnist"
    assert all(0 < len(description) < 80 for description in found.values())


@pytest.mark.parametrize("name", sorted(recipes.names()))
def test_shipped_recipe_is_valid_and_says_what_it_teaches(name):
    recipe, text = load(name), recipes.source(name)
    assert recipe.name == name
    assert recipe.data in data_names()
    assert text.startswith("# ")
    assert {"# Teaches", "# Watch"} <= {line[:9].rstrip() for line in text.splitlines()}


def test_every_key_has_a_default_and_a_line_of_help():
    Recipe()  # all defaults are within their own limits
    table = recipes.describe_keys().splitlines()
    assert len(table) == len(KEYS)
    for line, key in zip(table, KEYS, strict=True):
        assert line.split()[0] == key
        assert line.endswith(KEYS[key].metadata["help"])


def test_toml_is_complete_and_gives_the_same_recipe_back(tmp_path):
    recipe = replace(
        load("mlp-ring"),
        description='a "quoted" text,\nwith δ',
        hidden=[3, 4],
        lr_g=1.5e-7,
        seed=2**40,
        data=r"C:\images",
    )
    text = to_toml(recipe)
    assert all(f"\n{key} = " in text for key in KEYS)
    (tmp_path / "recipe.toml").write_text(text, encoding="utf-8")
    assert load(tmp_path / "recipe.toml") == recipe
    assert load(str(tmp_path)) == recipe  # a run's folder stands for its recipe


def test_a_file_without_a_name_is_named_after_itself(tmp_path):
    (tmp_path / "mine.toml").write_text('model = "mlp"\n')
    assert load(tmp_path / "mine.toml") == Recipe(name="mine", model="mlp")


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("my ring (1)", "my ring 1"),
        ("été 猫", "été 猫"),
        ("a\nb", "a b"),
        ("...", "custom"),
        ("(!)", "custom"),
        ("-x", "x"),
        ("dots. ", "dots"),
        ("caf\udce9", "caf"),
        ("x" * 250, "x" * 200),
        ("猫" * 83, "猫" * 66),
    ],
)
def test_any_name_of_a_file_makes_a_name_for_runs(file, name):
    assert recipes.name_from(file) == name
    assert Recipe(name=name).name == name
    assert len(name.encode()) <= 200


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_files_of_other_editors(coding, end, tmp_path):
    text = to_toml(Recipe(name="été", model="mlp", description="Ünicode 猫")).replace("\n", end)
    (tmp_path / "recipe.toml").write_bytes(text.encode(coding))
    assert load(tmp_path / "recipe.toml").description == "Ünicode 猫"
    assert load(tmp_path).name == "été"


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("data", "", "expected the name of a data set, or a path"),
        ("data", " \n", "expected the name of a data set, or a path"),
        ("data", "caf\udce9", "expected a text of Unicode; if this is the name of a file or folder, rename it"),
        ("description", "\ud800", "expected a text of Unicode"),
    ],
)
def test_texts_that_cannot_be_saved_or_mean_nothing(key, value, words):
    with pytest.raises(ValueError, match=f"(?s){key} = .*{words}"):
        Recipe(**{key: value})


@pytest.mark.parametrize(
    ("setting", "key", "value"),
    [
        ("steps=10", "steps", 10),
        (" lr_g = 1e-3 ", "lr_g", 1e-3),
        ("lr_g=1", "lr_g", 1.0),
        ("lr_g=.5", "lr_g", 0.5),
        ("loss=minimax", "loss", "minimax"),
        ('loss="minimax"', "loss", "minimax"),
        ("data=2024", "data", "2024"),
        ("data=a=b", "data", "a=b"),
        ("description=", "description", ""),
    ],
)
def test_override_reads_toml_or_bare_text(setting, key, value):
    before = load("dcgan-mnist")
    after = override(before, [setting])
    assert getattr(after, key) == value
    assert type(getattr(after, key)) is type(value)
    assert before == load("dcgan-mnist")
    assert replace(after, **{key: getattr(before, key)}) == before  # and nothing else changed


def test_override_in_order_and_lists():
    recipe = override(load("mlp-ring"), ["hidden=[32, 16]", "steps=5", "steps=6"])
    assert (recipe.hidden, recipe.steps) == ((32, 16), 6)


def test_a_key_that_now_matters_may_be_set_with_what_makes_it_matter():
    assert override(load("mlp-ring"), ["optimizer=sgd", "momentum=0.5"]).momentum == 0.5


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("lr_q=1", ('unknown key "lr_q"', 'did you mean "lr_g"')),
        ("zzz=1", ('unknown key "zzz"', "lr_g", "batch_size")),
        ("steps", ("key=value", '"steps"')),
        ("=3", ("key=value",)),
        ("steps=ten", ('steps = "ten"', "an integer")),
        ("steps=1.5", ("steps = 1.5", "an integer")),
        ("steps=true", ("steps = true", "an integer")),
        ("steps=0", ("steps = 0", "at least 1")),
        ("batch_size=1", ("batch_size = 1", "at least 2")),
        ("seed=-1", ("seed = -1", "at least 0")),
        ("lr_g=0", ("lr_g = 0", "more than 0")),
        ("lr_g=nan", ("lr_g = nan", "finite")),
        ("lr_g=fast", ('lr_g = "fast"', "a finite number")),
        ("beta1=1", ("beta1 = 1", "less than 1")),
        ("label_smoothing=1.0", ("label_smoothing = 1.0", "less than 1")),
        ("sample_grid=5000", ("sample_grid = 5000", "at most 1024")),
        ("channels=2", ("channels = 2", "0 or 1 or 3")),
        ("loss=minmax", ('loss = "minmax"', 'did you mean "minimax"')),
        ("model=rnn", ('model = "rnn"', '"dcgan" or "mlp"')),
        ("hidden=8", ("hidden = 8", "list of integers")),
        ("hidden=[]", ("hidden = []", "list of integers")),
        ("hidden=[8, 0]", ("hidden = [8, 0]", "at least 1")),
        ("name=../elsewhere", ('name = "../elsewhere"', "folder name")),
        ("name=", ('name = ""', "folder name")),
        ("steps=3\nseed=4", ("steps", "an integer")),
    ],
)
def test_override_refuses_in_one_line_that_names_the_fault(setting, words):
    with pytest.raises(ValueError) as caught:
        override(load("dcgan-mnist"), ["model=mlp", setting] if setting.startswith("hidden") else [setting])
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(
    ("name", "setting"), [("mlp-ring", "width=8"), ("dcgan-mnist", "hidden=[8]"), ("dcgan-mnist", "momentum=0.5")]
)
def test_override_refuses_a_key_without_effect(name, setting):
    with pytest.raises(ValueError, match=r"has no effect with (model|optimizer) = "):
        override(load(name), [setting])


def test_unknown_recipe_names_the_nearest():
    with pytest.raises(ValueError, match=r'"dcgan-mnits".*did you mean "dcgan-mnist"'):
        load("dcgan-mnits")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"steps = = 3", "not a TOML file"),
        (b"\xff\xfe\x00", "not a TOML file"),
        (b"stepps = 3", 'unknown key "stepps"; did you mean "steps"?'),
        (b"steps = '3'", 'steps = "3": expected an integer'),
        (b"[adam]\nlr = 3", 'unknown key "adam"'),
    ],
)
def test_faults_in_a_file_name_the_file(tmp_path, content, words):
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(ValueError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: {words}")


def test_a_folder_without_a_recipe_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"a folder without recipe\.toml"):
        load(tmp_path)


def test_a_recipe_cannot_be_changed_or_made_invalid():
    with pytest.raises(FrozenInstanceError):
        load("mlp-1d").steps = 3
    with pytest.raises(ValueError, match="steps = -3"):
        replace(load("mlp-1d"), steps=-3)


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b""])
def test_a_byte_order_mark_is_no_part_of_a_recipe(tmp_path, mark):
    path = tmp_path / "mine.toml"
    path.write_bytes(mark + b'model = "mlp"\ndata = "ring"\n')
    assert load(path).model == "mlp"
