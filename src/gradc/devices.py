"""Where tensors live: on the host. PyTorch's other devices can be named; what would put a tensor there is refused."""

from __future__ import annotations

from typing import Any

from gradc import locations
from gradc.errors import GradError

KINDS = ("cpu", "cuda", "mps", "xpu", "hpu", "mtia", "xla", "meta", "ipu", "vulkan")


class DeviceError(GradError, AssertionError):
    """A tensor asked for where there can be none; PyTorch raises RuntimeError or AssertionError by device."""


class device:
    """A place for tensors, as torch.device: `device("cpu")`, `device("cuda:0")`, `device("cuda", 0)`.

    gradc's eager tensors live on the host; compiled functions run where XLA puts them. So programs may name any device
    and compare it, but only "cpu" holds tensors. `with device("cpu"):` changes nothing.
    """

    def __init__(self, type: str | device, index: int | None = None) -> None:
        if isinstance(type, device):
            type, index = type.type, type.index
        if not isinstance(type, str):  # a number is that of an accelerator
            raise refused("cuda" if isinstance(type, int) else repr(type))
        name, colon, number = type.partition(":")
        if name not in KINDS or (colon and not number.isdigit()):
            raise GradError(f"Expected one of {', '.join(KINDS)} device type at start of device string: {type}")
        if colon and index is not None:
            raise GradError(f"type (string) must not include an index because index was passed explicitly: {type}")
        if index is not None and index < 0:
            raise GradError("Device index must not be negative")
        self.type = name
        self.index = int(number) if colon else index

    def __repr__(self) -> str:
        return f"device(type='{self.type}'" + (")" if self.index is None else f", index={self.index})")

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (other.type, other.index) == (self.type, self.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __reduce__(self) -> Any:
        return device, (str(self),)

    def __enter__(self) -> device:
        host(self)
        return self

    def __exit__(self, *exception: object) -> None:
        pass


CPU = device("cpu")


def host(target: Any) -> device:
    """The device that was asked for, if tensors can be there.

    Raises DeviceError for any other than the CPU.
    """
    asked = target if isinstance(target, device) else device(target)
    if asked.type != "cpu":
        raise refused(str(asked))
    return asked


def refused(name: str) -> DeviceError:
    """The error of a program that wants tensors on an accelerator."""
    start = {"cuda": "Torch not compiled with CUDA enabled", "xpu": "Torch not compiled with XPU enabled"}
    return DeviceError(
        f"{start.get(name.partition(':')[0], f'device {name} is not available')}: gradc's eager tensors live on the "
        f"CPU; compiled functions use the accelerator that JAX finds{locations.quote(locations.here())}\n"
        f"    Write device = 'cuda' if torch.cuda.is_available() else 'cpu', or leave the device out.")


def get_default_device() -> device:
    """Where new tensors are put: the CPU, as torch.get_default_device."""
    return CPU


def set_default_device(device: Any) -> None:
    """Accepts the CPU, as torch.set_default_device. Raises DeviceError for any other."""
    if device is not None:
        host(device)
