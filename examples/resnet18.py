"""ResNet-18 (He et al. 2015), and the training step of PyTorch's autograd tutorial with it.

    python examples/resnet18.py                          random weights
    python examples/resnet18.py resnet18-f37072fd.pth    the weights that torchvision gives away

Modules and parameters have torchvision's names, so that its state dicts load. The same program runs under PyTorch:
change the import of gradc to `import torch`.
"""

import sys

import gradc as torch

nn = torch.nn


class BasicBlock(nn.Module):
    """Two convolutions of 3 x 3, and a way around them."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, kernel_size=1, stride=stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        around = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += around
        return self.relu(out)


class ResNet18(nn.Module):
    """Images of three colours to the scores of the classes."""

    def __init__(self, classes=1000):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = self.layer(64, 64, stride=1)
        self.layer2 = self.layer(64, 128, stride=2)
        self.layer3 = self.layer(128, 256, stride=2)
        self.layer4 = self.layer(256, 512, stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    @staticmethod
    def layer(inputs, outputs, stride):
        return nn.Sequential(BasicBlock(inputs, outputs, stride), BasicBlock(outputs, outputs, 1))

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


torch.manual_seed(0)
model = ResNet18()
optimizer = torch.optim.SGD(model.parameters(), lr=1e-2, momentum=0.9)
data, labels = torch.rand(1, 3, 64, 64), torch.rand(1, 1000)


def step(data, labels):
    prediction = model(data)
    loss = (prediction - labels).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


def train(steps):
    """Yields the loss of every step."""
    for _ in range(steps):
        yield step(data, labels).item()


if __name__ == "__main__":
    if sys.argv[1:]:
        model.load_state_dict(torch.load(sys.argv[1]))
    print(f"{sum(parameter.numel() for parameter in model.parameters()):,} parameters")
    for i, loss in enumerate(train(5), 1):
        print(f"step {i}   loss {loss:.3f}")
    model.eval()
    with torch.no_grad():
        print("the class it sees:", model(data).argmax().item())
