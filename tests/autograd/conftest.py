"""The library that a test of autograd runs on: gradc and, where it is installed, PyTorch itself."""

from __future__ import annotations

import importlib

import pytest


@pytest.fixture(params=["gradc", "torch"])
def torch(request):
    if request.param == "torch":
        pytest.importorskip("torch")
    importlib.import_module(f"{request.param}.utils.checkpoint")
    module = importlib.import_module(request.param)
    module.manual_seed(0)
    return module
