"""A network that does not learn: why a gradient is None, zero or nan, told with the lines at fault."""

import gradc as torch
from gradc import nn
from gradc.nn import functional as F

torch.manual_seed(0)
x = torch.randn(16, 4)
y = (x[:, 0] > 0).long()


class Classifier(nn.Module):
    """Two layers, with a mistake."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 8)
        self.second = nn.Linear(8, 2)
        nn.init.zeros_(self.second.weight)  # every weight zero: nothing gets back through it

    def forward(self, x):
        return self.second(torch.tanh(self.first(x)))


# The gradient of the first layer is there, and exactly zero. Given a function, gradc runs it once more and notes all
# ops: it finds the matrix product that passes nothing on, and the line where the zeros come from.
def program():
    model = Classifier()
    return F.cross_entropy(model(x), y), model.first.weight


dead = torch.explain_grad(program)
print(dead, end="\n\n")
assert dead.verdict == "zero"

# Given tensors, it reads the graph that is left. Now the gradient flows.
model = Classifier()
nn.init.xavier_uniform_(model.second.weight)
print(torch.explain_grad(F.cross_entropy(model(x), y), model.first.weight), end="\n\n")


# A loss of the user's own: an accuracy has no gradient, and so there is none.
def accuracy_loss():
    predicted = model(x).argmax(dim=1)
    return 1 - (predicted == y).float().mean()


cut = torch.explain_grad(accuracy_loss, model.first.weight)
print(cut, end="\n\n")
assert cut.verdict == "none"

# Nan without any nan in the forward: where() chose the safe branch, but the other one has a gradient, too.
w = torch.tensor([0.0, 4.0], requires_grad=True)
loss = torch.where(w > 0, torch.sqrt(w), 0.0).sum()
broken = torch.explain_grad(loss, w)
print(broken)
assert broken.verdict == "not finite"
