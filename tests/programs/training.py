"""A network trained from a data set, with everything that small training scripts import."""

import argparse

import torch
import torch.backends.cudnn as cudnn
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor, optim
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, TensorDataset, random_split


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(4, 8)
        self.out = nn.Linear(8, 3)
        self.dropout = nn.Dropout(0.25)

    def forward(self, x: Tensor) -> Tensor:
        return F.log_softmax(self.out(self.dropout(F.relu(self.hidden(x)))), dim=1)


def train(model: nn.Module, device: torch.device, loader: DataLoader, optimizer: optim.Optimizer, epoch: int) -> None:
    model.train()
    for i, (data, target) in enumerate(loader):
        data, target = data.to(device), target.to(device)
        optimizer.zero_grad()
        loss = F.nll_loss(model(data), target)
        loss.backward()
        optimizer.step()
        if i % 3 == 0:
            print(f"epoch {epoch} batch {i} loss {loss.item():.4f}")


@torch.no_grad()
def test(model: nn.Module, device: torch.device, loader: DataLoader) -> None:
    model.eval()
    correct = 0
    for data, target in loader:
        prediction = model(data.to(device)).argmax(dim=1, keepdim=True)
        correct += prediction.eq(target.view_as(prediction)).sum().item()
    print(f"{correct} of {len(loader.dataset)}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=2)
    given = parser.parse_args()
    torch.manual_seed(1)
    cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    assert not torch.backends.mps.is_available()
    x = torch.randn(60, 4)
    dataset = TensorDataset(x, (x @ torch.randn(4, 3)).argmax(1))
    first, second = random_split(dataset, [0.8, 0.2])
    loader = DataLoader(first, batch_size=8, shuffle=True, num_workers=1, pin_memory=torch.cuda.is_available())
    model = Net().to(device)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = StepLR(optimizer, step_size=1, gamma=0.7)
    for epoch in range(given.epochs):
        train(model, device, loader, optimizer, epoch)
        test(model, device, DataLoader(second, batch_size=5))
        scheduler.step()
    print(model, sum(p.numel() for p in model.parameters()), scheduler.get_last_lr())


if __name__ == "__main__":
    main()
