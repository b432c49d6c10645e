"""Things that belong together: a label and its row, a history and its D, a run and its clock."""

import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest
from tiny import tiny

from scratchgan import plots
from scratchgan.data import Dataset, load
from scratchgan.doctor import records, rules, watch
from scratchgan.doctor.signals import Probe
from scratchgan.files import checkpoint
from scratchgan.metrics import memorisation_ratio
from scratchgan.metrics.modes import mode_report
from scratchgan.models import build as build_model
from scratchgan.models import cyclegan
from scratchgan.models.history import History
from scratchgan.runs import build
from scratchgan.runs.evaluate import images as evaluate_images
from scratchgan.runs.facts import facts_of
from scratchgan.runs.train import MODE_SAMPLES, Loop, resume, train

# -- a label and its row -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [12, 9])
def test_row_k_of_the_picture_shows_label_k_and_a_column_has_one_noise(tmp_path, monkeypatch, n):
    drawn = {}
    gan = build_model("cgan", image_size=8, channels=1, width=2, latent_dim=3, classes=3)
    monkeypatch.setattr(
        gan, "generate", lambda Z, labels: drawn.update(Z=Z, labels=labels) or np.zeros((len(Z), 8, 8, 1))
    )
    build.draw_samples(tmp_path / "a.png", gan, None, n=n, seed=0, title="")
    columns = len(drawn["labels"]) // 3
    assert np.bincount(drawn["labels"]).tolist() == [columns] * 3
    Z = np.array([drawn["Z"][drawn["labels"] == k] for k in range(3)])
    np.testing.assert_array_equal(Z[1], Z[0])
    np.testing.assert_array_equal(Z[2], Z[0])
    assert len(np.unique(Z[0], axis=0)) == columns > 1


def test_a_conditional_gan_s_picture_is_of_what_it_generates(tmp_path, monkeypatch):
    seen = {}
    keep = lambda images, labels, **options: seen.update(images=images, labels=labels) or plots.base.figure(1, 1)
    monkeypatch.setattr(plots, "labelled_pages", lambda *given, **options: iter([keep(*given, **options)]))
    gan = build_model("cgan", image_size=8, channels=1, width=2, latent_dim=3, classes=3)
    build.draw_samples(tmp_path / "a.png", gan, None, n=6, seed=4, title="")
    Z = np.random.default_rng(4).standard_normal((2, 3)).astype(np.float32)
    for k in range(3):
        mine = seen["images"][seen["labels"] == k]
        np.testing.assert_array_equal(mine, gan.generate(Z, np.full(2, k)))


def test_each_of_many_samples_is_judged_with_its_own_label():
    """More than a chunk of 64, whose labels differ from those of the chunks before."""
    rng = np.random.default_rng(0)
    gan = build_model("cgan", image_size=8, channels=1, width=2, latent_dim=3, classes=3)
    x, labels = rng.uniform(-1, 1, (130, 8, 8, 1)).astype(np.float32), rng.integers(0, 3, 130)
    p = gan.probability(x, labels)
    for n in (0, 63, 64, 100, 128, 129):
        assert gan.probability(x[n : n + 1], labels[n : n + 1])[0] == pytest.approx(p[n], rel=1e-5), n
    assert gan.probability(x[129:], (labels[129:] + 1) % 3)[0] != pytest.approx(p[129], rel=1e-5)


def test_each_of_many_images_is_generated_with_its_own_label():
    gan = build_model("cgan", image_size=8, channels=1, width=2, latent_dim=3, classes=3)
    Z, labels = np.random.default_rng(0).standard_normal((130, 3)).astype(np.float32), np.arange(130) % 3
    images = gan.generate(Z, labels)
    for n in (5, 64, 129):
        np.testing.assert_array_equal(images[n], gan.generate(Z[n : n + 1], labels[n : n + 1])[0])


# -- gradients of all that is reported ---------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["acgan", "infogan"])
def test_auxiliary_gradients_are_those_of_the_losses(model):
    """D's and G's gradients along a direction in each array of weights, against differences of the reported losses."""
    rng = np.random.default_rng(3)
    more = {"continuous": 2} if model == "infogan" else {}
    gan = build_model(
        model,
        image_size=8,
        channels=1,
        width=2,
        latent_dim=3,
        classes=3,
        d_norm="none",
        seed=3,
        dtype=np.float64,
        **more,
    )
    x, labels = rng.uniform(-1, 1, (6, 8, 8, 1)), np.arange(6) % 3
    gan.class_weight = 0.7
    gan.condition_on(labels)
    Z = gan.noise(6)
    for net, value in (
        (gan.D, lambda: gan.d_gradients(x, Z)["d_loss"]),
        (gan.G, lambda: gan.g_gradients(Z, x)["g_loss"]),
    ):
        value()
        gradients = [g.copy() for _, g in net.gradients()]
        for (path, w), g in zip(net.parameters(), gradients, strict=True):
            direction, h, kept = rng.standard_normal(w.shape), 1e-7, w.copy()  # no kink is that near
            w += h * direction
            above = value()
            w[...] = kept - h * direction
            below = value()
            w[...] = kept
            assert (above - below) / (2 * h) == pytest.approx(float((g * direction).sum()), rel=2e-5, abs=1e-6), path


# -- a history and its D -----------------------------------------------------------------------------------------------


def test_d_of_a_cyclegan_is_given_what_the_history_returns(monkeypatch):
    gan = cyclegan(image_size=8, width=2, blocks=1, d_width=2, pool_size=2, seed=0)
    rng, given, returned = np.random.default_rng(0), [], []
    original = gan.d_gradients
    monkeypatch.setattr(gan, "d_gradients", lambda *arrays: given.append(arrays) or original(*arrays))
    for history in gan.histories.values():
        swap = history.swap
        monkeypatch.setattr(
            history,
            "swap",
            lambda fakes, *, rng, swap=swap: returned.append((fakes, swap(fakes, rng=rng))) or returned[-1][1],
        )
    old = 0
    for _ in range(8):
        a, b = rng.uniform(-1, 1, (2, 2, 8, 8, 1)).astype(np.float32)
        gan.train_step((a, b))
        (to_a, out_a), (to_b, out_b) = returned[-2:]
        assert given[-1][0] is a
        assert given[-1][1] is b
        assert given[-1][2] is out_a
        assert given[-1][3] is out_b
        old += int((out_a != to_a).any()) + int((out_b != to_b).any())
    assert old > 3  # once they are full, fakes of earlier steps come back


# -- numbers by hand ---------------------------------------------------------------------------------------------------


def test_memorised_is_the_way_of_held_out_logits_from_real_ones_to_fakes():
    """(Signals.8) with a D that returns its input: real 2, held out 0.5, fakes -1 give (2 - 0.5) / (2 + 1) = 1/2."""
    D = SimpleNamespace(forward=lambda x, train: (x, None))
    probe = SimpleNamespace(gan=SimpleNamespace(D=D, packing=1))
    of = lambda value, n=4: np.full((n, 1), float(value))
    assert Probe.memorised(probe, of(0.5), of(2), of(-1)) == pytest.approx(0.5)
    assert Probe.memorised(probe, of(2), of(2), of(-1)) == 0
    assert Probe.memorised(probe, of(-1), of(2), of(-1)) == 1
    assert Probe.memorised(probe, of(-2.5), of(2), of(-1)) == pytest.approx(1.5)
    assert Probe.memorised(probe, of(0), of(-1), of(1)) == 0
    probe.gan.packing = 3
    assert Probe.memorised(probe, of(0.5, 4), of(2, 7), of(-1, 7)) == pytest.approx(0.5)
    assert math.isnan(Probe.memorised(probe, of(0.5, 2), of(2, 7), of(-1, 7)))


@pytest.mark.parametrize(("n", "first"), [(60, 40), (61, 40), (12, 8), (13, 8)])
def test_the_doctor_judges_the_last_third(n, first):
    """What was wrong until 66 % of the run is over, and what is wrong since 67 % is a fault."""
    log = records.from_records([{"step": i + 1, "d_loss": float(i)} for i in range(n)])
    assert log.window() == slice(first, n)
    assert log.median("d_loss") == np.median(np.arange(first, n))
    assert log.median("d_loss", 1 / 3, 2 / 3) == np.median(np.arange(int(n / 3), math.ceil(n * 2 / 3)))


def test_a_fault_that_ended_before_the_last_third_is_none():
    from scratchgan.doctor.rules import COLLAPSE

    def faults(diversity):
        log = [{"step": i + 1, "diversity": value, "uncovered": 0.9, "stray": 0.9} for i, value in enumerate(diversity)]
        return [finding.fault for finding in rules.findings(records.from_records(log))]

    assert COLLAPSE not in faults([0.05] * 39 + [1.0] * 21)
    assert COLLAPSE in faults([1.0] * 45 + [0.05] * 15)


def test_held_out_sets_smaller_than_the_training_set_are_compared_with_as_many_of_it():
    """On a line: every second training point is left out of the comparison, but not of the distance of copies."""
    train = np.arange(0.0, 8.0)[:, None]  # 0 ... 7; of four, the rows 0, 2, 5, 7
    held_out = np.array([[0.2], [2.2], [5.2], [7.2]])
    report = memorisation_ratio(train, held_out, np.array([[1.0], [3.0], [4.0]]))
    assert report.n_compared == 4
    np.testing.assert_allclose(report.distances, 0)  # each sample is a training point
    near, far = np.median([1.0, 1.0, 1.0]), np.median([0.8, 0.8, 1.2])
    assert report.ratio == pytest.approx(near / far)


@pytest.mark.parametrize(("n", "images"), [(20, 40), (13, 40), (50, 41)])
def test_the_two_sets_of_real_images_have_none_in_common(monkeypatch, n, images):
    x = np.arange(images, dtype=np.float32)[:, None, None, None] / images * np.ones((1, 8, 8, 1), np.float32)
    gan = build_model("dcgan", image_size=8, channels=1, width=2, latent_dim=3)
    recipe = tiny(model="dcgan", data="mine", width=2, latent_dim=3)
    looks = []
    look = evaluate_images.look
    monkeypatch.setattr(evaluate_images, "look", lambda a, *rest: looks.append(a) or look(a, *rest))
    evaluate_images.prepare(gan, recipe, Dataset(x, name="mine"), n=n, seed=0)
    mine, _, other = (set(a[:, 0, 0, 0].tolist()) for a in looks[:3])
    assert len(mine) == len(other) == min(n, images // 2)
    assert not mine & other


# -- a run and its clock -----------------------------------------------------------------------------------------------


def test_seconds_go_on_in_a_resumed_run(tmp_path):
    """A run that was stopped after an hour has run for more than an hour afterwards."""
    run = train(tiny(steps=20, log_every=5), tmp_path / "run", progress=False)
    assert [record["seconds"] for record in run.log] == sorted(record["seconds"] for record in run.log)
    path = run.folder / "checkpoint.npz"
    arrays, meta = checkpoint.load(path)
    assert abs(meta["milliseconds"] / 1000 - run.log[-1]["seconds"]) < 5
    untrained = {f"gan/{name}": a for name, a in build.build_gan(run.recipe, (2,)).state().items()}
    checkpoint.save(path, arrays | untrained, {**meta, "milliseconds": 3_600_000, "step": 0, "log_bytes": 0})
    resumed = resume(run.folder, progress=False)
    assert len(resumed.log) == 4
    assert all(3600 < record["seconds"] < 3700 for record in resumed.log)


def test_a_fake_that_is_not_shown_is_held_and_shown_later_once():
    """(History.2) with a history of 2: what comes in is what goes out or is held; nothing is lost or shown twice."""
    history, rng = History(2, (1,)), np.random.default_rng(1)
    given, shown = [], []
    for step in range(30):
        fakes = np.array([[2 * step], [2 * step + 1]], np.float32)
        given += fakes.ravel().tolist()
        before = len(history)
        out = history.swap(fakes, rng=rng).ravel().tolist()
        shown += out[max(0, 2 - before) :] if before < 2 else out
        held = history.held.ravel().tolist()
        assert sorted(shown + held) == given[: len(shown) + 2], step
    assert any(later < earlier for earlier, later in itertools.pairwise(shown))


@pytest.mark.parametrize("model", ["dcgan", "cgan", "acgan"])
def test_samples_are_made_with_the_averaged_weights(model):
    rng, labels = np.random.default_rng(0), np.arange(6) % 3
    gan = build_model(model, image_size=8, channels=1, width=2, latent_dim=3, classes=3, ema_decay=0.9)
    for _ in range(3):
        gan.train_step(rng.uniform(-1, 1, (6, 8, 8, 1)).astype(np.float32), *([labels] if gan.conditional else []))
    kept = gan.sample(6, seed=1)
    z = np.random.default_rng(1).standard_normal((6, 3)).astype(np.float32)
    z = np.concatenate([z, np.eye(3, dtype=np.float32)[labels]], axis=1) if gan.conditional else z
    np.testing.assert_allclose(kept, gan.ema.net.forward(z, train=False)[0], atol=1e-6)
    assert np.abs(kept - gan.G.forward(z, train=False)[0]).max() > 1e-4


def test_the_codes_of_infogan_are_drawn_anew_in_every_step():
    gan = build_model("infogan", image_size=8, channels=1, width=2, latent_dim=3, classes=3)
    x, drawn = np.random.default_rng(0).uniform(-1, 1, (6, 8, 8, 1)).astype(np.float32), []
    condition_on = gan.condition_on
    gan.condition_on = lambda labels: drawn.append(labels) or condition_on(labels)
    for _ in range(12):
        gan.train_step(x)
    codes = np.array(drawn)
    assert len(np.unique(codes, axis=0)) == 12
    counts = np.bincount(codes.ravel(), minlength=3)
    assert (counts > 10).all()  # 24 of 72 each, to three standard deviations


def test_each_discriminator_of_a_cyclegan_judges_the_fakes_of_its_domain():
    """D_A and D_B are made constants: the adversarial terms of G and the parts of D's loss tell which one was asked."""
    gan = cyclegan(image_size=8, width=2, blocks=1, d_width=2, pool_size=0, seed=0)
    for net, logit in ((gan.D_A, 3.0), (gan.D_B, -1.0)):
        for _, w in net.parameters():
            w[...] = 0
        dict(net.parameters())[net.parameters()[-1][0]][...] = logit
    a, b = np.random.default_rng(0).uniform(-1, 1, (2, 2, 8, 8, 1)).astype(np.float32)
    report, (fa, fb) = gan.g_gradients(a, b)
    assert report["adversarial_a"] == pytest.approx(gan.loss.generator(np.full((2, 1), 3.0))[0])
    assert report["adversarial_b"] == pytest.approx(gan.loss.generator(np.full((2, 1), -1.0))[0])
    report = gan.d_gradients(a, b, fa, fb)
    for part, logit in (("d_loss_a", 3.0), ("d_loss_b", -1.0)):
        logits = np.full((2, 1), logit)
        assert report[part] == pytest.approx(gan.loss.discriminator(logits, logits)[0])


def test_a_resumed_run_remembers_what_its_log_showed(tmp_path):
    """The watch has looked at the records from before the stop: a fault is not reported a second time."""
    run = train(tiny(steps=20, log_every=1), tmp_path / "run", progress=False)
    _, data = build.load_data(run.recipe)
    loop = Loop(run.recipe, run.folder, run.gan, build.data_stream(run.recipe, data), data, None, "")
    looks = []
    loop.watch = SimpleNamespace(look=lambda log: looks.append(len(log)))
    loop.take_up(run.log, 0)
    assert looks == list(range(1, 21))


@pytest.mark.parametrize("seed", [3, 4])
def test_modes_are_counted_with_a_seed_of_the_run_s_own(tmp_path, seed):
    run = train(tiny(steps=2, seed=seed), tmp_path / "run", progress=False)
    _, data = build.load_data(run.recipe)
    assert run.modes == mode_report(run.gan.sample(MODE_SAMPLES, seed=seed + 1), data)
    assert run.modes != mode_report(run.gan.sample(MODE_SAMPLES, seed=0), data)


def test_a_run_that_holds_examples_out_knows_its_data_by_all_of_them(tmp_path):
    x = np.random.default_rng(0).standard_normal((30, 2)).astype(np.float32)
    data = Dataset(x, name="mine")
    run = train(tiny(steps=4, held_out=10, checkpoint_every=2), tmp_path / "run", data=data, progress=False)
    assert checkpoint.load(run.folder / "checkpoint.npz").meta["data"] == facts_of(data).sha256
    assert resume(run.folder, data=data, progress=False).gan.steps == 4


def test_pictures_that_are_later_than_the_checkpoint_are_drawn_again(tmp_path):
    run = train(tiny(steps=8, sample_every=2), tmp_path / "run", progress=False)
    run.gan.steps = 4  # as if the checkpoint of step 4 had been loaded
    _, data = build.load_data(run.recipe)
    loop = Loop(run.recipe, run.folder, run.gan, build.data_stream(run.recipe, data), data, None, "")
    loop.take_up([], 0)
    expected = ["000000.png", "000002.png", "000004.png"]
    assert [path.name for path in loop.frames] == expected
    assert sorted(path.name for path in (run.folder / "samples").iterdir()) == expected


def test_consequences_that_were_reported_with_their_cause_are_not_reported_again(monkeypatch):
    faults = lambda *names: [SimpleNamespace(fault=name, evidence=("so",), advice=("this",)) for name in names]
    shown = iter(
        [faults("a", "b"), faults("a", "b"), faults("b"), faults("b"), faults("b", "c"), faults("c"), faults("c")]
    )
    monkeypatch.setattr(watch, "findings", lambda *log: next(shown))
    looker = watch.Watch(10, "minimax")
    lines = [looker.look([{"step": step}]) for step in range(3, 10)]
    assert [line and line.split(":")[1].strip()[0] for line in lines] == [None, "a", None, None, None, "c", None]


def test_classes_of_samples_and_of_real_images_are_not_exchanged(monkeypatch):
    data = load("mnist-5k")
    ones = data.x[data.labels == 1]
    gan = build_model("dcgan", image_size=28, channels=1, width=2, latent_dim=3)
    monkeypatch.setattr(gan, "sample", lambda n, seed: ones[:n])
    recipe = tiny(model="dcgan", data="mnist-5k", width=2, latent_dim=3)
    prepared = evaluate_images.prepare(gan, recipe, data, n=60, seed=0)
    samples, real = np.array(prepared.classes["samples"]), np.array(prepared.classes["real"])
    assert (real > 0).sum() > 7
    assert samples[1] > 40  # the rest are not sure enough to be counted
    assert samples.sum() - samples[1] < 5
