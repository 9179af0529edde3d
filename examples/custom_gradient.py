"""A gradient of one's own: weights of +1 and -1, trained with the straight-through estimator.

The sign of a number has gradient zero nearly everywhere, so nothing would learn. A Function gives it the gradient of
the identity instead, cut off where the number is large. Runs under PyTorch as well: change the import.

Source  Bengio, Léonard, Courville, "Estimating or propagating gradients through stochastic neurons" (2013)
"""

import gradc as torch


class Sign(torch.autograd.Function):
    @staticmethod
    def forward(ctx, w):
        ctx.save_for_backward(w)
        return torch.where(w >= 0, 1.0, -1.0)

    @staticmethod
    def backward(ctx, g):
        w, = ctx.saved_tensors
        return g * (w.abs() <= 1)


torch.manual_seed(0)
hidden = torch.where(torch.rand(16) < 0.5, 1.0, -1.0)  # what is to be found
x = torch.randn(256, 16)
y = x @ hidden
w = (0.1 * torch.randn(16)).requires_grad_()
optimizer = torch.optim.SGD([w], lr=0.001)


@torch.compile
def step():
    optimizer.zero_grad()
    loss = ((x @ Sign.apply(w) - y) ** 2).mean()
    loss.backward()
    optimizer.step()
    return loss


for epoch in range(41):
    loss = step()
    if epoch % 10 == 0:
        wrong = (Sign.apply(w) != hidden).sum().item()
        print(f"step {epoch:2d}   loss {loss.item():7.3f}   wrong signs {wrong}")
