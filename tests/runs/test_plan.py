"""`scratchgan bench --plan`: the listing of a recipe's step, or why there is none."""

import re

import pytest

import scratchgan
from scratchgan import replay
from scratchgan.cli import main
from scratchgan.runs import plan, recipe

needs_kernels = pytest.mark.skipif(scratchgan.get_backend() != "numba", reason="the twins are not recorded")


@needs_kernels
def test_the_plan_lists_every_layer_and_adds_up(capsys):
    assert main(["bench", "--plan", "mlp-ring", "--threads", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("mlp-ring: one training step, batch size 256, threads: 1")
    body = lines[2 : lines.index("", 2)]
    for pieces in (
        'Dense "G.0" forward',
        'Dense "D.0" backward',
        "Adam.step",
        "GAN.noise",
        "discriminator",
        "generator",
    ):
        assert any(pieces in line for line in body), pieces
    assert sum("Adam.step" in line for line in body) == 2
    total = sum(float(line.split()[0]) for line in body)
    found = re.fullmatch(
        r"(\d+) operations in (\d+) calls: (\d+) kernels, ([\d.]+) ms, and (\d+) in Python and NumPy, ([\d.]+) ms; .*",
        lines[-1],
    )
    operations, calls, kernels, in_kernels, others, in_python = (float(part) for part in found.groups())
    assert operations == kernels + others
    assert calls < operations
    assert total / 1000 == pytest.approx(in_kernels + in_python, rel=0.02, abs=0.05)


@needs_kernels
def test_recipes_that_have_no_plan_say_why(capsys):
    for name, why in (("wgan-gp-mnist", "rules"), ("cyclegan-digits", "game of its own")):
        assert main(["bench", "--plan", name]) == 1
        assert why in capsys.readouterr().out
    assert main(["bench", "--plan", "nothing"]) == 2
    assert "unknown recipe" in capsys.readouterr().err


@needs_kernels
@pytest.mark.parametrize("name", recipe.names())
def test_every_recipe_has_a_plan_or_a_reason(name):
    from dataclasses import replace

    from scratchgan.runs import build

    given = replace(recipe.load(name), batch_size=8)
    if given.model != "cyclegan":
        given = replace(given, **({"width": 4} if given.image_size else {"hidden": (8,)}))
    loaded, data = build.load_data(given)
    gan = build.build_gan(loaded, data.example_shape)
    if replay.why_not(gan):
        return
    gan, why = plan.recorded(given)
    assert replay.of(gan).ready == (why == "")
    assert why == ""
