"""Files: what gradc writes PyTorch reads, and the other way round; and what must not be read is not."""

from __future__ import annotations

import collections
import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradc
from gradc.serialization import LoadError, SaveError
from gradc.serialization.safetensors import load_file, save_file

DTYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64", "complex64",
          "complex128")


def structure(t: Any) -> dict[str, Any]:
    """Everything that a file can hold."""
    t.manual_seed(0)
    base = t.randn(4, 6)
    return {
        **{name: t.ones(3).to(getattr(t, name)) for name in DTYPES},
        "base": base, "transposed": base.t()[1:3], "row": base[2], "column": base[:, 1::2],
        "expanded": t.ones(3, 1).expand(3, 4), "empty": t.zeros(0, 3), "number": t.tensor(3.0),
        "parameter": t.nn.Parameter(t.randn(3)), "frozen": t.nn.Parameter(t.ones(2), requires_grad=False),
        "leaf": t.randn(2).requires_grad_(), "same": [base, base],
        "python": (None, True, False, 0, -1, 255, 2**31, -(2**70), 0.5, -0.0, float("inf"), "é", "", b"\xff\x00", 1j),
        "nested": {"a": [(1, (2, [3])), {}], 1: collections.OrderedDict(b=2)}, "set": {1}, "dtype": t.float32,
        "size": t.Size([1, 2]), "device": t.device("cpu"),
    }


def assert_same(a: Any, b: Any, path: str = "") -> None:
    """Two structures, of either library, hold the same."""
    if hasattr(a, "detach"):
        assert type(a).__name__ == type(b).__name__, path
        assert (str(a.dtype), tuple(a.shape), a.requires_grad) == (str(b.dtype), tuple(b.shape), b.requires_grad), path
        assert a.stride() == b.stride() or not a.numel(), path
        np.testing.assert_array_equal(*[(x if x.is_complex() else x.double()).detach().numpy() for x in (a, b)], path)
    elif isinstance(a, dict):
        assert type(a) is type(b) and list(a) == list(b), path
        for key in a:
            assert_same(a[key], b[key], f"{path}.{key}")
    elif isinstance(a, (list, tuple)) and type(a).__name__ != "Size":
        assert type(a) is type(b) and len(a) == len(b), path
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_same(x, y, f"{path}[{i}]")
    else:
        assert repr(a) == repr(b), path


def test_round_trip(tmp_path: Path) -> None:
    made = structure(gradc)
    for target in (tmp_path / "x.pt", str(tmp_path / "y.pth"), io.BytesIO()):
        gradc.save(made, target)
        if isinstance(target, io.BytesIO):
            target.seek(0)
        assert_same(gradc.load(target), made)


def test_pytorch_reads_it(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    gradc.save(structure(gradc), tmp_path / "x.pt")
    for mmap in (False, True):
        assert_same(torch.load(tmp_path / "x.pt", mmap=mmap), structure(gradc))


def test_it_reads_pytorch(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save(structure(torch), tmp_path / "x.pt")
    assert_same(gradc.load(tmp_path / "x.pt", map_location="cpu", weights_only=True), structure(torch))


def test_memory_is_shared_as_it_was(tmp_path: Path) -> None:
    gradc.save(structure(gradc), tmp_path / "x.pt")
    found = gradc.load(tmp_path / "x.pt")
    found["base"][2, 1] = 99.0
    assert found["row"][1] == found["transposed"][0, 2] == found["column"][2, 0] == 99.0
    assert found["same"][0] is found["same"][1] is found["base"]
    assert found["base"]._version == found["row"]._version == 1
    sizes = [i.file_size for i in zipfile.ZipFile(tmp_path / "x.pt").infolist() if "/data/" in i.filename]
    assert sizes.count(4 * 24) == 1


def test_versions_of_modules_are_kept() -> None:
    torch = pytest.importorskip("torch")
    for t, read in ((gradc, torch.load), (torch, gradc.load)):
        file = io.BytesIO()
        made = t.nn.Sequential(t.nn.Linear(1, 1)).state_dict()
        t.save(made, file)
        file.seek(0)
        assert read(file)._metadata == made._metadata == {"": {"version": 1}, "0": {"version": 1}}


def test_only_what_is_used_is_written() -> None:
    file = io.BytesIO()
    gradc.save({"row": gradc.ones(1000, 1000)[500], "part": gradc.arange(100)[10:90:4]}, file)
    assert file.tell() < 10_000
    file.seek(0)
    assert gradc.load(file)["part"].tolist() == list(range(10, 90, 4))


def test_training_goes_on_in_the_other_library(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")

    def begin(t: Any) -> Any:
        t.manual_seed(1)
        model = t.nn.Sequential(t.nn.Linear(3, 4), t.nn.ReLU(), t.nn.Linear(4, 2))
        return model, t.optim.Adam(model.parameters(), lr=0.1)

    def steps(t: Any, model: Any, optimizer: Any) -> float:
        for i in range(3):
            optimizer.zero_grad()
            loss = (model(t.ones(2, 3) * i) ** 2).sum()
            loss.backward()
            optimizer.step()
        return float(loss.item())

    wanted = begin(torch)
    steps(torch, *wanted)
    last = steps(torch, *wanted)
    for one, other in ((gradc, torch), (torch, gradc)):
        model, optimizer = begin(one)
        steps(one, model, optimizer)
        one.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}, tmp_path / "x.pt")
        found = other.load(tmp_path / "x.pt")
        model, optimizer = begin(other)
        model.load_state_dict(found["model"])
        optimizer.load_state_dict(found["optimizer"])
        assert steps(other, model, optimizer) == pytest.approx(last, rel=1e-5) and found["epoch"] == 3


class Hostile:
    """What runs a command when pickle reads it."""

    def __reduce__(self) -> Any:
        return os.system, ("exit 1",)


def stream(pickled: bytes) -> io.BytesIO:
    """A file of PyTorch's format around a pickle."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a/data.pkl", pickled)
        archive.writestr("a/data/0", b"\0" * 16)
    file.seek(0)
    return file


def rebuilt(offset: int, size: tuple[int, ...], stride: tuple[int, ...], count: int = 4) -> bytes:
    def number(n: int) -> bytes:
        return b"J" + n.to_bytes(4, "little", signed=True)

    sizes = b"(" + b"".join(map(number, size)) + b"t(" + b"".join(map(number, stride)) + b"t"
    return (b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0"
            b"0X\x03\0\0\0cpu" + number(count) + b"tQ" + number(offset) + sizes + b"\x89NtR.")


def test_a_tensor_by_hand() -> None:
    assert gradc.load(stream(rebuilt(1, (3,), (1,)))).tolist() == [0.0, 0.0, 0.0]


REFUSED = {
    "a command": (pickle.dumps(Hostile(), 2), r"asks for (posix|nt)\.system, which is not a tensor"),
    "a command, newer": (pickle.dumps(Hostile(), 4), r"asks for (posix|nt)\.system"),
    "eval": (b"cbuiltins\neval\n(X\x01\0\0\x001tR.", "asks for builtins.eval"),
    "getattr": (b"cbuiltins\ngetattr\n.", "asks for builtins.getattr"),
    "a class": (pickle.dumps(Path("x"), 2), "asks for pathlib"),
    "a call of a value": (b"]]R.", "to call"),
    "an attribute": (b"ctorch\nfloat32\n}X\x01\0\0\0xK\x01sb.", "to set the state of dtype"),
    "an attribute of a list": (b"]}b.", "to set the state of list"),
    "an extension": (b"\x82\x01.", "the pickle operation EXT1"),
    "an old instance": (b"(ios\nsystem\n.", "the pickle operation INST"),
    "nothing": (b"", "damaged"),
    "no end": (b"]", "damaged"),
    "an empty stack": (b"t.", "damaged"),
    "memory beyond the file": (rebuilt(0, (4,), (1,), 5), "do not fit in 16 bytes"),
    "memory beyond the piece": (rebuilt(2, (3,), (1,)), "reaches beyond its memory"),
    "wide strides": (rebuilt(0, (2,), (4,)), "reaches beyond its memory"),
    "negative strides": (rebuilt(3, (2,), (-1,)), "reaches beyond its memory"),
    "negative sizes": (rebuilt(0, (-1,), (1,)), "reaches beyond its memory"),
    "fewer strides": (rebuilt(0, (2, 2), (1,)), "has no memory, shape or strides"),
    "no memory": (rebuilt(0, (2,), (1,)).replace(b"X\x01\0\0\0" + b"0", b"X\x01\0\0\0" + b"7"), "it has no data/7"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    content, message = REFUSED[name]
    with pytest.raises(LoadError, match=message) as caught:
        gradc.load(stream(content))
    assert isinstance(caught.value, pickle.UnpicklingError)


def test_files_that_are_something_else(tmp_path: Path) -> None:
    for content, message in ((b"", "it is empty"), (b"hello", "no file that torch.save"), (b"PK\x03\x04cut", "damaged"),
                             (pickle.dumps([1]), "no file that torch.save"),
                             (b"\0" * 257 + b"ustar", "before version 1.6"),
                             (b"\x08\0\0\0\0\0\0\0{\"a\":}}}", "damaged")):
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(LoadError, match=message):
            gradc.load(tmp_path / "x")
    with pytest.raises(FileNotFoundError):
        gradc.load(tmp_path / "y")


def test_what_pytorch_can_do_and_gradc_does_not(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save(torch.nn.Linear(2, 2), tmp_path / "module.pt")
    with pytest.raises(LoadError, match="asks for torch.nn.modules.linear.Linear"):
        gradc.load(tmp_path / "module.pt")
    torch.save(torch.ones(2), tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(LoadError, match="before version 1.6"):
        gradc.load(tmp_path / "old.pt")
    with pytest.raises(LoadError, match="weights_only=False"):
        gradc.load(tmp_path / "module.pt", weights_only=False)


def test_big_endian_files_are_refused() -> None:
    file = stream(b"].")
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("a/byteorder", "big")
    file.seek(0)
    with pytest.raises(LoadError, match="big-endian"):
        gradc.load(file)


@pytest.mark.parametrize("thing", [gradc.nn.Linear(2, 2), object(), lambda: 0, [gradc.ones(1), Path("x")]])
def test_what_cannot_be_saved(thing: Any) -> None:
    with pytest.raises(SaveError, match="cannot save .*\n.*state_dict"):
        gradc.save(thing, io.BytesIO())


def test_a_list_in_itself() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(SaveError, match="hold themselves"):
        gradc.save(endless, io.BytesIO())


def test_another_device() -> None:
    file = io.BytesIO()
    gradc.save(gradc.ones(2), file)
    file.seek(0)
    with pytest.raises((RuntimeError, AssertionError), match="Torch not compiled with CUDA enabled"):
        gradc.load(file, map_location="cuda:0")


SAFE = [name for name in DTYPES if name != "complex128"]


def test_safetensors(tmp_path: Path) -> None:
    made = {name: gradc.arange(6).reshape(2, 3).to(getattr(gradc, name)) for name in SAFE}
    made |= {"empty": gradc.zeros(0, 2), "number": gradc.tensor(2.0)}
    gradc.save(made, tmp_path / "x.safetensors")
    assert_same(dict(sorted(gradc.load(tmp_path / "x.safetensors").items())), dict(sorted(made.items())))
    library = pytest.importorskip("safetensors.torch")
    theirs = library.load_file(tmp_path / "x.safetensors")
    assert_same(dict(sorted(theirs.items())), dict(sorted(made.items())))
    library.save_file(theirs, tmp_path / "y.safetensors", {"format": "pt"})
    assert_same(dict(sorted(load_file(tmp_path / "y.safetensors").items())), dict(sorted(made.items())))
    save_file(made, tmp_path / "z.safetensors", {"format": "pt"})
    assert set(library.load_file(tmp_path / "z.safetensors")) == set(made)


def test_safetensors_holds_tensors_by_name_only(tmp_path: Path) -> None:
    with pytest.raises(SaveError, match="dictionary of tensors by name"):
        gradc.save([gradc.ones(1)], tmp_path / "x.safetensors")
    with pytest.raises(SaveError, match="no type for torch.complex128"):
        gradc.save({"x": gradc.ones(1).cdouble()}, tmp_path / "x.safetensors")


@pytest.mark.parametrize("header", ['{"x":{"dtype":"F32","shape":[5],"data_offsets":[0,20]}}',
                                    '{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}',
                                    '{"x":{"dtype":"F32","shape":[-1],"data_offsets":[4,0]}}',
                                    '{"x":{"dtype":"F8","shape":[1],"data_offsets":[0,1]}}', '{"x":1}', '{"x":'])
def test_damaged_safetensors(header: str) -> None:
    file = io.BytesIO(len(header).to_bytes(8, "little") + header.encode() + b"\0" * 8)
    with pytest.raises(LoadError):
        gradc.load(file)


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
def test_damage_is_an_error_or_another_value() -> None:
    """Whatever bytes of a pickle are changed: nothing but LoadError is raised, and nothing is imported or called."""
    file = io.BytesIO()
    made = structure(gradc)
    gradc.save({name: made[name] for name in ("float32", "transposed", "parameter", "python", "nested", "size")}, file)
    with zipfile.ZipFile(file) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    drawn = np.random.default_rng(0)
    refused = 0
    for _ in range(400):
        damaged = bytearray(content["archive/data.pkl"])
        for _ in range(int(drawn.integers(1, 4))):
            damaged[drawn.integers(len(damaged))] = drawn.integers(256)
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for name, data in {**content, "archive/data.pkl": bytes(damaged)}.items():
                archive.writestr(name, data)
        file.seek(0)
        try:
            gradc.load(file)
        except LoadError:
            refused += 1
    assert 0 < refused < 400
