"""The doctor: what training logs, which numbers mean which fault, and what is said about logs in any condition."""

import json
import math
from contextlib import redirect_stderr
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tiny import tiny

from scratchgan import doctor, losses
from scratchgan.data import Dataset
from scratchgan.doctor import records, rules, signals
from scratchgan.doctor.report import summary
from scratchgan.doctor.watch import Watch
from scratchgan.game import Game
from scratchgan.layers import Dense, ReLU
from scratchgan.runs import diagnose
from scratchgan.runs.held_out import split
from scratchgan.runs.recipe import to_toml
from scratchgan.runs.train import Diverged, train

TINY = tiny(steps=60, batch_size=32, hidden=(16,), log_every=2, lr_g=1e-3, lr_d=1e-3)
#: a game in balance
FINE = {
    "d_loss": 1.35,
    "g_loss": 0.7,
    "d_real": 0.52,
    "d_fake": 0.48,
    "d_grad": 1.0,
    "g_grad": 1.0,
    "d_update": 1e-3,
    "g_update": 1e-3,
    "real_logit": 0.1,
    "fake_logit": -0.1,
    "separation": 0.6,
    "slope": 0.5,
    "diversity": 1.0,
    "uncovered": 0.02,
    "stray": 0.03,
    "neighbour": 0.6,
    "g_dead": 0.05,
    "g_dead_worst": 0.1,
    "d_dead": 0.0,
    "d_dead_worst": 0.0,
}
WON = {
    "d_loss": 0.01,
    "d_real": 0.99,
    "d_fake": 0.01,
    "separation": 1.0,
    "neighbour": 1.0,
    "stray": 0.8,
    "uncovered": 0.9,
}
TURNS = [0.9 if i // 4 % 2 else 0.2 for i in range(60)]


def entries(n=60, **columns):
    """n records, healthy but for `columns`: a number, or a list of n."""
    columns = FINE | columns
    return [
        {
            "step": 10 * (i + 1),
            "seconds": 0.1 * i,
            **{key: value[i] if isinstance(value, list) else value for key, value in columns.items()},
        }
        for i in range(n)
    ]


def faults(loss="non-saturating", **columns):
    return [finding.fault for finding in rules.findings(records.from_records(entries(**columns), loss=loss))]


def folder(path, lines, recipe=TINY):
    path.mkdir(exist_ok=True)
    (path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (path / "recipe.toml").write_text(to_toml(recipe))
    return path


# -- rules: each on a log that shows the fault, and on one that comes near ---------------------------------------------

SHOWS = [
    (rules.DIVERGENCE, "non-saturating", {"g_loss": [0.7] * 59 + [None]}),
    (rules.DIVERGENCE, "least-squares", {"fake_logit": -5000.0}),
    (rules.DIVERGENCE, "wasserstein", {"real_logit": [10.0 ** (i / 10) for i in range(60)]}),
    (rules.DIVERGENCE, "non-saturating", {"g_update": 0.7}),
    (rules.DEAD, "non-saturating", {"g_dead": 0.9, "diversity": 0.0}),
    (rules.DEAD, "non-saturating", {"d_dead_worst": 1.0}),
    (rules.DEAD, "non-saturating", {"g_grad": 0.0, "g_dead": None, "g_dead_worst": None, "diversity": 0.0} | WON),
    (rules.OVERFITTING, "non-saturating", {"memorised": 0.9, "separation": 0.9}),
    (rules.OVERFITTING, "hinge", {"copied": 0.3, "separation": 0.9}),
    (rules.WEAK, "non-saturating", {"separation": 0.4, "neighbour": 1.0, "stray": 2.0, "uncovered": 0.9}),
    (rules.VANISHED, "minimax", WON | {"slope": 0.01, "g_grad": 1e-3, "diversity": 0.1}),
    (rules.OSCILLATION, "non-saturating", {"separation": TURNS}),
    (rules.OSCILLATION, "wasserstein", {"separation": TURNS, "diversity": 0.1}),
    (rules.COLLAPSE, "non-saturating", {"diversity": 0.05, "uncovered": 0.9, "stray": 0.2}),
    (rules.COLLAPSE, "hinge", {"uncovered": 0.6, "stray": 0.05}),
    (rules.COLLAPSE, "hinge", {"diversity": 1e-5, "stray": [3.0] * 40 + [2.0] * 20, "uncovered": 2.0}),  # alike, moving
    (rules.SATURATED, "non-saturating", WON | {"slope": 0.99}),
    (rules.SATURATED, "hinge", WON | {"d_loss": 0.0, "slope": 1.0}),
]
DOES_NOT = [
    (rules.DIVERGENCE, "non-saturating", {"g_loss": 12.0, "real_logit": 20.0}),
    (rules.DEAD, "non-saturating", {"g_dead": 0.5, "g_dead_worst": 0.8}),
    (rules.DEAD, "minimax", WON | {"slope": 1e-9, "g_grad": 0.0}),  # the loss is to blame
    (rules.OVERFITTING, "non-saturating", {"memorised": 0.9, "separation": 0.5}),  # D has no lead at all
    (rules.OVERFITTING, "non-saturating", {"copied": 0.95, "memorised": 0.2}),
    (rules.WEAK, "non-saturating", {"separation": 0.5, "neighbour": 0.55}),  # D guesses because G is good
    (rules.WEAK, "non-saturating", {"separation": 0.8, "neighbour": 1.0, "stray": 2.0}),
    (rules.VANISHED, "non-saturating", {"slope": 0.01, "separation": 0.1, "d_fake": 0.99}),  # G has fooled D
    (rules.VANISHED, "minimax", {"slope": 0.4, "separation": 0.9}),
    (rules.OSCILLATION, "non-saturating", {"separation": [0.9] * 20 + [0.2] * 10 + [0.6] * 30}),
    (rules.OSCILLATION, "non-saturating", {"separation": [0.65, 0.45] * 30}),
    (rules.COLLAPSE, "non-saturating", {"diversity": [i / 100 for i in range(60)], "uncovered": 1.1, "stray": 1}),
    (rules.COLLAPSE, "non-saturating", {"uncovered": 1.3, "stray": 1.3}),  # bad, but not few
    (rules.SATURATED, "non-saturating", WON | {"stray": [2.0 - 0.03 * i for i in range(60)]}),  # G improves
    (rules.SATURATED, "wasserstein", WON | {"d_loss": -3.0, "slope": 1.0}),
    (rules.SATURATED, "minimax", WON | {"slope": 0.01}),
]


@pytest.mark.parametrize(("fault", "loss", "columns"), SHOWS)
def test_a_log_that_shows_a_fault(fault, loss, columns):
    assert faults(loss, **columns)[0] == fault


@pytest.mark.parametrize(("fault", "loss", "columns"), DOES_NOT)
def test_a_log_that_does_not(fault, loss, columns):
    assert fault not in faults(loss, **columns)


def test_every_fault_has_its_case():
    for cases in (SHOWS, DOES_NOT):
        assert {case[0] for case in cases} == set(doctor.FAULTS)


def test_a_balanced_game_is_healthy():
    assert faults() == []


def test_who_was_first_decides_between_saturation_and_collapse():
    collapsed = {"diversity": 0.05, "slope": 0.99} | WON
    behind = faults(**collapsed, d_update=1e-2, g_update=1e-4)
    assert behind[:2] == [rules.SATURATED, rules.COLLAPSE]
    ran = faults(**collapsed, d_update=1e-3, g_update=1e-1)
    assert ran[:2] == [rules.COLLAPSE, rules.SATURATED]
    fell = faults(**collapsed | {"diversity": [1.0] * 20 + [0.05] * 40}, d_update=1e-2, g_update=1e-4)
    assert fell[:2] == [rules.COLLAPSE, rules.SATURATED]


def test_findings_say_since_when_with_numbers_and_what_to_try():
    log = records.from_records(entries(diversity=[1.0] * 20 + [0.01] * 40, uncovered=0.9))
    (finding,) = rules.findings(log)
    assert 180 <= finding.since <= 230
    assert "0.01" in finding.evidence[0]
    assert "0.25" in finding.evidence[0]
    assert "lr_g" in str(finding.advice[0])
    assert finding.signals[0].key == "diversity"


def test_every_threshold_has_a_reason_and_is_used():
    from pathlib import Path

    source = Path(rules.__file__).read_text() + Path(rules.__file__).with_name("report.py").read_text()
    for name, (value, reason) in doctor.THRESHOLDS.items():
        assert math.isfinite(value)
        assert len(reason) > 20
        assert source.count(f'"{name}"') > 1, name


@given(
    st.lists(st.sampled_from([None, -1.0, 0.0, 0.3, 1.0, 1e9]), min_size=60, max_size=60),
    st.sampled_from(sorted(FINE)),
    st.sampled_from(["", "minimax", "hinge", "wasserstein"]),
)
def test_no_log_breaks_the_rules(values, key, loss):
    log = records.from_records(entries(**{key: values}), loss=loss)
    found = rules.findings(log)
    assert len({finding.fault for finding in found}) == len(found)
    assert (log.broken is not None) == (key in records.LOSSES and None in values)


# -- logs in any condition ---------------------------------------------------------------------------------------------


def test_no_folder_no_log_no_record(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such run"):
        diagnose.diagnose(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match=r"contains no log\.jsonl"):
        diagnose.diagnose(tmp_path)
    (tmp_path / "log.jsonl").write_text("")
    with pytest.raises(ValueError, match="got none"):
        diagnose.diagnose(tmp_path)
    (tmp_path / "log.jsonl").write_text('{"step": 1')
    with pytest.raises(ValueError, match="got none"):
        diagnose.diagnose(tmp_path)


def test_a_line_that_is_cut_off_is_left_out_and_told(tmp_path):
    run = folder(tmp_path / "run", entries())
    whole = (run / "log.jsonl").read_text()
    (run / "log.jsonl").write_text(whole + '{"step": 610, "d_lo')
    diagnosis = diagnose.diagnose(run)
    assert diagnosis.healthy
    assert len(diagnosis.log) == 60
    assert "cut off" in str(diagnosis)
    (run / "log.jsonl").write_text('{"ste\n' + whole)
    assert "line 1 of the log cannot be read" in str(diagnose.diagnose(run))


def test_nan_and_null_of_signals_are_missing_values(tmp_path):
    run = folder(tmp_path / "run", entries(slope=[None] * 30 + [0.5] * 30, diversity=[math.nan] * 20 + [1.0] * 40))
    diagnosis = diagnose.diagnose(run)
    assert diagnosis.healthy
    assert np.isnan(diagnosis.log["slope"][:30]).all()
    assert np.isnan(diagnosis.log["diversity"][:20]).all()


def test_a_resumed_run_counts_each_step_once():
    log = records.from_records(entries(20) + entries(30, d_loss=1.0)[15:])
    assert len(log) == 30
    assert log["d_loss"].tolist() == [1.35] * 15 + [1.0] * 15


def test_an_old_log_is_judged_by_the_rest(tmp_path):
    old = [
        {key: record[key] for key in ("step", "d_loss", "g_loss", "d_real", "d_fake", "seconds")}
        for record in entries(d_loss=1e-3, d_real=0.999, d_fake=0.001, g_loss=8.0)
    ]
    diagnosis = diagnose.diagnose(folder(tmp_path / "run", old))
    assert [finding.fault for finding in diagnosis.findings] == [rules.SATURATED]
    assert {"slope", "diversity", "separation"} <= set(diagnosis.missing)
    assert "missing: the log has no d_grad" in str(diagnosis)
    assert "no checkpoint" in str(diagnosis)
    diagnosis = diagnose.diagnose(folder(tmp_path / "run", old, replace(TINY, loss="minimax")))
    assert [finding.fault for finding in diagnosis.findings] == [rules.VANISHED]


def test_too_short_to_judge(tmp_path):
    diagnosis = diagnose.diagnose(folder(tmp_path / "run", entries(5)))
    assert not diagnosis.healthy
    assert diagnosis.title == "too short to judge"
    assert "5 records are too few" in str(diagnosis)


def test_what_does_not_apply_to_a_loss_is_said(tmp_path):
    text = str(diagnose.diagnose(folder(tmp_path / "run", entries(), replace(TINY, loss="wasserstein"))))
    assert "not judged: D saturated: with the loss wasserstein a critic is meant to separate" in text
    text = str(diagnose.diagnose(folder(tmp_path / "run", entries(), replace(TINY, loss="hinge"))))
    assert "with the loss hinge they are not probabilities" in text


def test_an_unknown_recipe_is_told(tmp_path):
    run = folder(tmp_path / "run", entries())
    (run / "recipe.toml").write_text("nonsense")
    assert "the loss is not known" in str(diagnose.diagnose(run))


def test_balance_without_quality_is_told(tmp_path):
    run = folder(tmp_path / "run", entries(neighbour=1.0, uncovered=0.6, stray=0.6, separation=0.8))
    diagnosis = diagnose.diagnose(run)
    assert diagnosis.healthy
    assert "G is not good yet" in str(diagnosis)


# -- signals -----------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=12), st.lists(st.integers(-3, 3), min_size=1, max_size=12))
def test_separation_counts_pairs(r, f):
    expected = np.mean([(a > b) + 0.5 * (a == b) for a in r for b in f])
    assert signals.separation(np.array(r, float), np.array(f, float)) == pytest.approx(expected)


def test_slope_is_the_pull_of_the_loss():
    f = np.array([[-2.0], [0.5]])
    D = 1 / (1 + np.exp(-f))
    measure = lambda name: signals.logit_signals(np.ones((2, 1)), f, losses.get(name))
    assert measure("minimax")["slope"] == pytest.approx(D.mean())
    assert measure("non-saturating")["slope"] == pytest.approx(1 - D.mean())
    assert measure("least-squares")["slope"] == pytest.approx(np.abs(f - 1).mean())
    assert measure("wasserstein")["slope"] == pytest.approx(1)
    assert "real_right" not in measure("wasserstein")
    assert measure("least-squares")["fake_right"] == 0.5
    assert measure("hinge")["fake_right"] == 0.5


def test_distances(rng):
    a, b = rng.standard_normal((5, 3)) + 100, rng.standard_normal((4, 3)) + 100
    expected = ((a[:, None] - b) ** 2).sum(axis=-1)
    np.testing.assert_allclose(signals.squared_distances(a, b), expected, atol=1e-9)
    np.testing.assert_array_equal(np.diag(signals.squared_distances(a)), 0)


def test_distance_signals_of_equals_collapse_and_a_part(rng):
    modes = np.array([[np.cos(t), np.sin(t)] for t in np.arange(8) * np.pi / 4])
    draw = lambda which: modes[rng.choice(which, 64)] + 0.02 * rng.standard_normal((64, 2))
    real = draw(np.arange(8))
    same, one, two = (signals.distance_signals(real, draw(which)) for which in (np.arange(8), [3], [1, 5]))
    assert same["diversity"] == pytest.approx(1, abs=0.15)
    assert abs(same["uncovered"]) < 0.05
    assert abs(same["stray"]) < 0.05
    assert 0.3 < same["neighbour"] < 0.7
    assert one["diversity"] < 0.1
    assert one["uncovered"] > 0.7
    assert two["uncovered"] > 0.4
    assert abs(two["stray"]) < 0.05
    assert signals.distance_signals(real, real + 50)["neighbour"] == 1
    assert signals.distance_signals(real * 0, real) == {}
    assert signals.distance_signals(real[:2], real[:2]) == {}
    assert signals.distance_signals(real, real * np.nan) == {}


def test_copies(rng):
    data = rng.standard_normal((200, 6))
    copies = signals.Copies(data)
    assert copies.measure(data[:40]) == pytest.approx(0, abs=1e-6)
    assert copies.measure(rng.standard_normal((40, 6))) == pytest.approx(1, abs=0.2)
    assert math.isnan(signals.Copies(np.zeros((10, 2))).measure(data[:, :2]))


def test_dead_units_are_those_without_a_gradient(rng):
    from scratchgan import Sequential

    net = Sequential(
        [
            Dense(3, 4, rng=rng, dtype=np.float64),
            ReLU(),
            Dense(4, 5, rng=rng, dtype=np.float64),
            ReLU(),
            Dense(5, 1, rng=rng, dtype=np.float64),
        ]
    )
    net[0].params["b"][:3] = -100  # three of four never fire
    net[2].params["b"][...] = 5
    y, cache = net.forward(rng.standard_normal((30, 3)), train=True)
    net.backward(np.ones_like(y), cache)
    found = signals.gradient_signals("g", net)
    assert found["g_dead"] == pytest.approx(3 / 9)
    assert found["g_dead_worst"] == pytest.approx(3 / 4)
    whole = np.concatenate([g.ravel() for _, g in net.gradients()])
    assert found["g_grad"] == pytest.approx(np.linalg.norm(whole))
    assert list(found["g_grads"]) == ["0", "2", "4"]
    assert sum(norm**2 for norm in found["g_grads"].values()) == pytest.approx(found["g_grad"] ** 2)
    net.zero_grads()
    assert "g_dead" not in signals.gradient_signals("g", net)  # nothing comes from behind: units cannot be blamed


def test_what_is_not_finite_is_null():
    table = signals.plain({"a": np.float32("nan"), "b": {"0": np.inf, "2": 0.123456789}})
    assert table == {"a": None, "b": {"0": None, "2": 0.123457}}


def test_a_gan_without_the_usual_parts_is_left_alone():
    class Odd(Game):
        def nets(self):
            return []

    probe = signals.Probe(Odd(data_shape=(2,), streams={}))
    probe.before()
    assert probe.after() == {}


# -- held-out examples -------------------------------------------------------------------------------------------------


def test_held_out_examples_are_not_trained_on(rng):
    data = Dataset(rng.standard_normal((50, 2)), labels=np.arange(50))
    kept, held = split(replace(TINY, held_out=10), data)
    assert len(kept) == 40
    assert held.shape == (10, 2)
    rows = {tuple(row) for row in data.x}
    assert {tuple(row) for row in kept.x} | {tuple(row) for row in held} == rows
    np.testing.assert_array_equal(kept.x, data.x[kept.labels])
    again, _ = split(replace(TINY, held_out=10), data)
    np.testing.assert_array_equal(again.x, kept.x)
    assert split(TINY, data) == (data, None)
    with pytest.raises(ValueError, match=r"held_out = 30: 20 of 50 examples are left .* at most 18"):
        split(replace(TINY, held_out=30), data)
    with pytest.raises(ValueError, match='"ring" is a density'):
        train(replace(TINY, held_out=5), "never-made", progress=False)


# -- runs --------------------------------------------------------------------------------------------------------------

BROKEN = replace(TINY, lr_g=0.3, lr_d=1e-2, steps=80)  # the first steps switch G's units off


@pytest.fixture(scope="module")
def printed():
    """What `broken` printed on stderr."""
    return StringIO()


@pytest.fixture(scope="module")
def broken(tmp_path_factory, printed):
    """A tiny run whose G is thrown out of its game by the first steps."""
    with redirect_stderr(printed):
        return train(BROKEN, tmp_path_factory.mktemp("doctor") / "run", progress=True)


@pytest.fixture(scope="module")
def diverged(tmp_path_factory):
    """The folder of a run whose losses are not finite any more."""
    out = tmp_path_factory.mktemp("doctor") / "run"
    with pytest.raises(Diverged):
        train(replace(TINY, optimizer="sgd", lr_d=1e12, lr_g=1e12, log_every=1), out, progress=False)
    return out


def test_a_broken_run(broken, capsys):
    before = sorted(path.name for path in broken.folder.iterdir())
    diagnosis = diagnose.diagnose(broken.folder)
    assert sorted(path.name for path in broken.folder.iterdir()) == before  # nothing is written
    assert diagnosis.findings[0].fault == rules.DEAD
    assert broken.findings[0].fault == rules.DEAD
    assert str(diagnose.run(broken.folder)) == str(diagnosis)
    printed = capsys.readouterr().out
    assert str(diagnosis) in printed
    assert "doctor.png" in printed
    with Image.open(broken.folder / "doctor.png") as picture:
        assert picture.size[0] > 800


def test_a_short_healthy_run(tmp_path):
    run = train(replace(TINY, steps=120), tmp_path / "run", progress=False)
    assert run.findings == ()
    diagnosis = diagnose.run(run.folder)
    assert diagnosis.healthy
    assert "healthy" in str(diagnosis).splitlines()[0]


def test_a_run_that_diverged(diverged):
    diagnosis = diagnose.run(diverged)
    assert diagnosis.findings[0].fault == rules.DIVERGENCE
    assert "not finite at step" in diagnosis.findings[0].evidence[0]


def test_the_last_state_stands_in_for_what_an_old_log_lacks(broken, tmp_path):
    import shutil

    copy = shutil.copytree(broken.folder, tmp_path / "copy")
    lines = [json.loads(line) for line in (copy / "log.jsonl").read_text().splitlines()]
    keys = ("step", "d_loss", "g_loss", "d_real", "d_fake", "seconds")
    (copy / "log.jsonl").write_text("".join(json.dumps({key: line[key] for key in keys}) + "\n" for line in lines))
    diagnosis = diagnose.diagnose(copy)
    assert diagnosis.findings[0].fault == rules.COLLAPSE
    assert "measured once from the checkpoint after 80 steps" in str(diagnosis)
    assert "slope" in diagnosis.missing


def test_logging_does_not_change_the_bits(tmp_path, rng):
    data = Dataset(np.clip(rng.standard_normal((60, 8, 8, 1)), -1, 1))
    recipe = replace(TINY, model="dcgan", width=4, dense=8, latent_dim=4, batch_size=8, steps=6, held_out=10)
    runs = [train(replace(recipe, log_every=n), tmp_path / str(n), progress=False, data=data) for n in (1, 1000)]
    often, never = (run.gan.state() for run in runs)
    assert [len(run.log) for run in runs] == [6, 1]
    assert {"memorised", "copied", "g_update"} <= set(runs[0].log[-1])
    for key, array in often.items():
        np.testing.assert_array_equal(array, never[key], err_msg=key)


def test_packs_and_features_are_respected(tmp_path, rng):
    data = Dataset(rng.standard_normal((40, 2)))
    recipe = replace(TINY, steps=2, log_every=1, batch_size=8, held_out=7)
    packed = train(replace(recipe, packing=4), tmp_path / "packed", progress=False, data=data).log[-1]
    assert packed["memorised"] is not None
    assert "slope" in packed
    matched = train(replace(recipe, g_objective="feature-matching"), tmp_path / "m", progress=False, data=data).log[-1]
    assert "slope" not in matched
    assert matched["separation"] is not None


def test_the_log_is_strict_json(diverged):
    def refuse(text):
        raise AssertionError(f"not JSON: {text}")

    lines = (diverged / "log.jsonl").read_text().splitlines()
    assert [json.loads(line, parse_constant=refuse)["step"] for line in lines] == list(range(1, len(lines) + 1))


# -- while training ----------------------------------------------------------------------------------------------------


def test_a_fault_is_named_once():
    watch, log = Watch(600, "non-saturating"), entries(diversity=0.01, uncovered=0.9)
    lines = [line for i in range(1, 61) if (line := watch.look(log[:i]))]
    assert len(lines) == 1
    assert lines[0].startswith("step 180: mode collapse: fakes are 0.01 times")  # not within the first 30 %
    assert [finding.fault for finding in watch.found] == [rules.COLLAPSE]
    assert "\n" not in summary(watch.found)


def test_what_one_look_sees_is_not_yet_a_fault():
    spread = [1.0] * 29 + [0.01] * 7 + [1.0] * 24
    watch, log = Watch(600, "non-saturating"), entries(diversity=spread)
    assert faults(diversity=[1.0] * 29 + [0.01] * 31) == [rules.COLLAPSE]
    assert not any(watch.look(log[:i]) for i in range(1, 61))
    assert watch.found == []


def test_one_warning_on_stderr(broken, printed):
    assert printed.getvalue().count("tiny: step") == 1
    assert printed.getvalue().count("dead units") == 1


def test_no_warning_when_quiet(tmp_path, capsys):
    run = train(replace(BROKEN, steps=60), tmp_path / "quiet", progress=False)
    assert run.findings
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "")
