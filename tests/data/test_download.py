"""Downloads, from a local server: mirrors in turn, sums checked, nothing bad kept, one clear line when all fail."""

import gzip
import hashlib
import http.server
import socket
import struct
import sys
import threading

import numpy as np
import pytest

from scratchgan.data import DataError, DownloadError, load, load_download

TRAIN = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz")
TEST = ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")


def idx(array):
    head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(head + array.tobytes(), mtime=0)


@pytest.fixture(scope="module")
def server():
    """(base URL, {file: SHA-256}, list of paths asked for) of a server with a good, a corrupt and a cut mirror."""
    rng = np.random.default_rng(1)
    files = {}
    for (images, labels), n in ((TRAIN, 6), (TEST, 4)):
        files[images] = idx(rng.integers(0, 256, (n, 28, 28), dtype=np.uint8))
        files[labels] = idx(np.arange(n, dtype=np.uint8))
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            _, mirror, file = self.path.split("/")
            body = files.get(file)
            if body is None or mirror not in ("good", "corrupt", "cut"):
                return self.send_error(404)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write({"good": body, "corrupt": body[:-1] + b"?", "cut": body[:20]}[mirror])

        def log_message(self, *_):
            pass

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_port}", {f: hashlib.sha256(b).hexdigest() for f, b in files.items()}, asked
    httpd.shutdown()
    thread.join()
    httpd.server_close()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SCRATCHGAN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path


def test_download_then_cache(server, cache, capsys):
    url, sums, asked = server
    train = load_download("mnist", mirrors=[f"{url}/good/"], checksums=sums)
    assert train.images.shape == (6, 28, 28, 1)
    assert train.labels.tolist() == list(range(6))
    assert (train.images.min(), train.images.max()) == (-1, 1)
    test = load_download("mnist", "test", mirrors=[f"{url}/good"], checksums=sums)
    assert len(test) == 4
    assert sorted(p.name for p in (cache / "mnist").iterdir()) == sorted(TRAIN + TEST)
    asked.clear()
    again = load_download("mnist", mirrors=[f"{url}/good/"], checksums=sums)
    np.testing.assert_array_equal(again.images, train.images)
    assert asked == []  # nothing was fetched again
    assert capsys.readouterr() == ("", "")  # no log lines


def test_mirrors_are_tried_in_turn_and_nothing_bad_is_kept(server, cache, capsys):
    url, sums, asked = server
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{closed.getsockname()[1]}/"
    bad = [dead, f"{url}/absent/", f"{url}/corrupt/", f"{url}/cut/"]
    with pytest.raises(DownloadError) as caught:
        load_download("kmnist", mirrors=bad, checksums=sums, progress=False)
    message = str(caught.value)
    assert message == (
        f"could not download kmnist. Tried {dead}{TRAIN[0]}: no connection; {url}/absent/{TRAIN[0]}: HTTP status 404; "
        f"{url}/corrupt/{TRAIN[0]}: wrong SHA-256 checksum, discarded; {url}/cut/{TRAIN[0]}: the connection was interrupted. "
        f"Instead, use the embedded data set mnist-5k, or put the four files {', '.join(TRAIN + TEST)} into "
        f"{cache / 'kmnist'}"
    )
    assert caught.value.__suppress_context__ or caught.value.__context__ is None  # no chain of tracebacks
    assert isinstance(caught.value, OSError)
    assert list((cache / "kmnist").iterdir()) == []  # neither the corrupt file nor a temporary one
    asked.clear()
    assert len(load_download("kmnist", mirrors=[*bad, f"{url}/good/"], checksums=sums)) == 6
    assert asked[:4] == [f"/{mirror}/{TRAIN[0]}" for mirror in ("absent", "corrupt", "cut", "good")]
    assert capsys.readouterr() == ("", "")


def test_files_put_there_by_hand(server, cache, monkeypatch):
    """With the right sum they are used, without a network and even without pooch; with a wrong one they are named."""
    url, sums, asked = server
    load_download("mnist", mirrors=[f"{url}/good/"], checksums=sums)
    monkeypatch.setitem(sys.modules, "pooch", None)
    asked.clear()
    assert len(load_download("mnist", mirrors=[], checksums=sums)) == 6
    assert asked == []
    monkeypatch.undo()
    monkeypatch.setenv("SCRATCHGAN_DATA_DIR", str(cache))
    broken = cache / "mnist" / TRAIN[1]
    broken.write_bytes(b"rubbish")
    with pytest.raises(DownloadError, match=f"Tried {broken}: wrong SHA-256 checksum. Instead"):
        load_download("mnist", mirrors=[], checksums=sums)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert len(load_download("mnist", mirrors=f"{url}/good/", checksums=sums)) == 6  # replaced by a good one


def test_without_the_extra(cache, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(DownloadError, match=r"pip install 'scratchgan\[download\]'"):
        load("fashion-mnist")
    monkeypatch.delenv("SCRATCHGAN_DATA_DIR")
    with pytest.raises(DownloadError, match="needs the packages pooch and requests"):
        load("fashion-mnist", split="test")


def test_progress_bar(server, cache, capsys):
    url, sums, _ = server
    load_download("mnist", mirrors=[f"{url}/good/"], checksums=sums, progress=True)
    assert "100%" in capsys.readouterr().err


def test_downloaded_labels_must_match(server, cache):
    url, sums, _ = server
    load_download("mnist", mirrors=[f"{url}/good/"], checksums=sums)
    short = idx(np.arange(5, dtype=np.uint8))
    (cache / "mnist" / TRAIN[1]).write_bytes(short)
    sums = sums | {TRAIN[1]: hashlib.sha256(short).hexdigest()}
    with pytest.raises(DataError, match=r"6 images in .* but 5 labels in"):
        load_download("mnist", mirrors=[], checksums=sums)
