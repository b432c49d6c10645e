"""Download MNIST, Fashion-MNIST and KMNIST: mirrors are tried in turn, and every file's SHA-256 checksum is verified.

Needs the extra `scratchgan[download]`.  The files are stored under SCRATCHGAN_DATA_DIR if that is set, otherwise in
pooch's cache folder, in one sub-folder per data set; files that you put there by hand are found as well (with
SCRATCHGAN_DATA_DIR set, the extra is then not needed).
A file gets its final name only after its checksum was verified, which happens again whenever the file is used.
"""

import contextlib
import hashlib
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..files.console import Output
from .dataset import Dataset, to_unit
from .idx import read_idx
from .limits import DataError

MAX_DOWNLOAD = 64 << 20  # bytes per file; the largest has 26 MB
MAX_SECONDS = 1800  # for one file

FILES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}
_ALL_FILES = FILES["train"] + FILES["test"]

# name: (one-line description, attribution, mirrors, SHA-256 checksums in the order of _ALL_FILES)
DOWNLOADS = {
    "mnist": (
        "70,000 digits 28x28 grey, download (12 MB)",
        "MNIST, Y. LeCun, C. Cortes and C. Burges, CC BY-SA 3.0",
        (
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
        ),
        (
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ),
    "fashion-mnist": (
        "70,000 pictures of clothes 28x28 grey, download (31 MB)",
        "Fashion-MNIST, H. Xiao, K. Rasul and R. Vollgraf, Zalando SE, MIT licence",
        ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
        (
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    ),
    "kmnist": (
        "70,000 cursive Japanese characters 28x28 grey, download (21 MB)",
        "KMNIST, T. Clanuwat et al., ROIS-DS Center for Open Data in the Humanities, CC BY-SA 4.0",
        ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
        (
            "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
            "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
            "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
            "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
        ),
    ),
}


class DownloadError(OSError):
    """No mirror delivered the file, or the extra is missing.  The message says, in one line, what was tried and what
    to do.
    """


def load_download(
    name: str,
    split: str = "train",
    *,
    mirrors: Sequence[str] | None = None,
    checksums: Mapping[str, str] | None = None,
    progress: bool | None = None,
) -> Dataset:
    """The "train" or "test" part of data set `name`: a Dataset (N, 28, 28, 1) with labels 0..9, downloaded if missing.

    mirrors    base URLs to try in turn; None: the ones listed in this file
    checksums  {file name: SHA-256 in hex}; None: the ones listed in this file
    progress   whether to show a progress bar; None: if stderr is a terminal
    DownloadError if a file cannot be downloaded; DataError if a file is invalid although its checksum is right.
    """
    _, source, own_mirrors, own_sums = DOWNLOADS[name]
    mirrors = own_mirrors if mirrors is None else (mirrors,) if isinstance(mirrors, str) else tuple(mirrors)
    checksums = dict(zip(_ALL_FILES, own_sums)) if checksums is None else checksums
    progress = Output(sys.stderr).isatty() if progress is None else progress
    folder = cache_folder() / name
    images, labels = (_fetch(name, folder, file, mirrors, checksums[file], progress) for file in FILES[split])
    pixels, classes = read_idx(images, ndim=3), read_idx(labels, ndim=1)
    if len(pixels) != len(classes):
        raise DataError(f"{name}: {len(pixels)} images in {images} but {len(classes)} labels in {labels}")
    return Dataset(to_unit(pixels, 255)[..., None], classes, name=name, source=source)


def cache_folder() -> Path:
    """The folder for downloads: SCRATCHGAN_DATA_DIR if it is set, otherwise pooch's cache folder for scratchgan."""
    chosen = os.environ.get("SCRATCHGAN_DATA_DIR")
    return Path(chosen).expanduser() if chosen else Path(_pooch().os_cache("scratchgan"))


def _pooch():
    try:
        import pooch
        import requests  # noqa: F401  (pooch imports it only when it downloads)
    except ImportError:
        raise DownloadError(
            "downloading needs the packages pooch and requests: pip install 'scratchgan[download]' "
            "(or use the embedded data set mnist-5k)"
        ) from None
    return pooch


def _fetch(name, folder, file, mirrors, checksum, progress):
    """The path of `file` in `folder`, downloaded if it is missing or if its checksum is wrong."""
    path = folder / file
    tried = []
    if path.is_file():
        if _sha256(path) == checksum.lower():
            return path
        tried.append(f"{path}: wrong SHA-256 checksum")
    pooch = _pooch()
    for url in (f"{mirror.rstrip('/')}/{file}" for mirror in mirrors):
        downloader = _bounded(pooch.HTTPDownloader(progressbar=progress, timeout=(10, 30)))  # s to connect, to read
        try:
            with _quiet(pooch):
                pooch.retrieve(url, f"sha256:{checksum}", fname=file, path=folder, downloader=downloader)
            return path
        except (OSError, ValueError) as error:  # requests raises OSErrors; a wrong checksum is a ValueError
            tried.append(f"{url}: {_reason(error)}")
    raise DownloadError(
        f"could not download {name}. Tried {'; '.join(tried) or 'no mirror'}. Instead, use the embedded data set "
        f"mnist-5k, or put the four files {', '.join(_ALL_FILES)} into {folder}"
    )


def _bounded(downloader):
    """The downloader with limits on size and duration, which pooch does not have."""

    def download(url, output_file, pooch):
        with open(output_file, "wb") as file:
            downloader(url, _Bounded(file), pooch)

    return download


class _Bounded:
    def __init__(self, file):
        self.file, self.left, self.deadline = file, MAX_DOWNLOAD, time.monotonic() + MAX_SECONDS

    def write(self, piece):
        self.left -= len(piece)
        if self.left < 0:
            raise OSError(f"sent more than {MAX_DOWNLOAD:,} bytes, discarded")
        if time.monotonic() > self.deadline:
            raise OSError(f"took more than {MAX_SECONDS:,} s")
        return self.file.write(piece)

    def flush(self):
        self.file.flush()


def _reason(error):
    """A short reason for an error; the messages of requests run over several lines."""
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"HTTP status {error.response.status_code}"
    if isinstance(error, requests.Timeout):
        return "timed out"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection was interrupted"
    if isinstance(error, requests.exceptions.SSLError):
        return "no secure connection"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    if isinstance(error, requests.RequestException):
        return type(error).__name__
    if isinstance(error, OSError):
        return f"{error.strerror or error} ({error.filename})" if error.filename else str(error)
    return "wrong SHA-256 checksum, discarded"


@contextlib.contextmanager
def _quiet(pooch):
    """Silence pooch's log, since the user gets a progress bar or a DownloadError; restores the log level afterwards."""
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("ERROR")
    try:
        yield
    finally:
        logger.setLevel(level)


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
