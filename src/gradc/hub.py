"""Models from the network, as torch.hub: gradc downloads nothing, but loads what is there already."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlparse

from gradc.errors import GradcError
from gradc.serialization import load as load_file

__all__ = ["HubError", "download_url_to_file", "get_dir", "help", "list", "load", "load_state_dict_from_url", "set_dir"]

_chosen: str | None = None


class HubError(GradcError, RuntimeError):
    """Something that would have to be downloaded."""


def _get_torch_home() -> str:
    """Where PyTorch keeps its files: $TORCH_HOME, or ~/.cache/torch. (torchvision imports it by this name.)"""
    cache = os.getenv("XDG_CACHE_HOME", "~/.cache")
    return os.path.expanduser(os.getenv("TORCH_HOME", os.path.join(cache, "torch")))


def get_dir() -> str:
    """Where PyTorch keeps what it downloaded: $TORCH_HOME/hub, or ~/.cache/torch/hub."""
    return _chosen or os.path.join(_get_torch_home(), "hub")


def set_dir(d: str | os.PathLike[str]) -> None:
    """Look there from now on."""
    global _chosen
    _chosen = os.path.expanduser(os.fspath(d))


def load_state_dict_from_url(url: str, model_dir: str | None = None, map_location: Any = None, progress: bool = True,
                             check_hash: bool = False, file_name: str | None = None, weights_only: bool = True) -> Any:
    """The tensors of a file that was downloaded before, to where PyTorch would put it.

    Raises HubError if it is not there.
    """
    folder = model_dir or os.path.join(get_dir(), "checkpoints")
    path = os.path.join(folder, file_name or os.path.basename(urlparse(url).path))
    if not os.path.exists(path):
        raise HubError(f"gradc downloads nothing, and {path} is not there. Download it:\n    {url}")
    return load_file(path, map_location)


def _refused(*args: Any, **kwargs: Any) -> Any:
    """Raises HubError: it would download and run code."""
    raise HubError("torch.hub: gradc downloads nothing and runs no code from the network. Write the model in a file of "
                   "your own, and load its weights with torch.load or torch.hub.load_state_dict_from_url.")


_refused.refused = True  # type: ignore[attr-defined]

load = list = help = download_url_to_file = _refused
