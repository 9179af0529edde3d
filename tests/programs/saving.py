"""A checkpoint written and read, and a state dictionary from a cache of downloads."""

import os
import sys
import tempfile

import torch
from torch.hub import get_dir, load_state_dict_from_url

torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
optimizer = torch.optim.AdamW(model.parameters())
model(torch.ones(4, 2)).mean().backward()
optimizer.step()
folder = tempfile.mkdtemp()
path = os.path.join(folder, "checkpoint.pth")
torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 7, "args": sys.argv[1:]}, path)
found = torch.load(path, map_location=torch.device("cpu"))
print(found["epoch"], found["args"], list(found), found["model"]["0.bias"])
print(model.load_state_dict(found["model"]), found["optimizer"]["param_groups"][0]["lr"])
os.makedirs(os.path.join(folder, "hub", "checkpoints"))
torch.save(model.state_dict(), os.path.join(folder, "hub", "checkpoints", "net-1234.pth"))
torch.hub.set_dir(os.path.join(folder, "hub"))
print(get_dir() == os.path.join(folder, "hub"))
print(sorted(load_state_dict_from_url("https://example.org/models/net-1234.pth", progress=False)))
sys.exit(3)
