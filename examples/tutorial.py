"""PyTorch's autograd tutorials in one script. It runs the same under PyTorch: change the import.

    python examples/tutorial.py
"""

import gradc as torch


def section(title):
    print(f"\n{title}\n{'-' * len(title)}")


section("Gradients of a formula")

a = torch.tensor([2.0, 3.0], requires_grad=True)
b = torch.tensor([6.0, 4.0], requires_grad=True)
Q = 3 * a**3 - b**2
print(Q)
Q.backward(gradient=torch.tensor([1.0, 1.0]))
print(9 * a**2 == a.grad)
print(-2 * b == b.grad)


section("One layer with binary cross entropy")

torch.manual_seed(0)
x = torch.ones(5)
y = torch.zeros(3)
w = torch.randn(5, 3, requires_grad=True)
b = torch.randn(3, requires_grad=True)
z = torch.matmul(x, w) + b
loss = torch.nn.functional.binary_cross_entropy_with_logits(z, y)
print(f"Gradient function for z = {z.grad_fn.name()}")
print(f"Gradient function for loss = {loss.grad_fn.name()}")
loss.backward()
print(w.grad)
print(b.grad)

with torch.no_grad():
    z = torch.matmul(x, w) + b
print(z.requires_grad, (torch.matmul(x, w) + b).detach().requires_grad)


section("Jacobian products, and gradients that accumulate")

inp = torch.eye(4, 5, requires_grad=True)
out = (inp + 1).pow(2).t()
out.backward(torch.ones_like(out), retain_graph=True)
print(f"First call\n{inp.grad}")
out.backward(torch.ones_like(out), retain_graph=True)
print(f"Second call\n{inp.grad}")
inp.grad.zero_()
out.backward(torch.ones_like(out))
print(f"Call after zeroing gradients\n{inp.grad}")


section("One training step")

model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 4))
data, labels = torch.rand(1, 8), torch.rand(1, 4)
optimizer = torch.optim.SGD(model.parameters(), lr=1e-2, momentum=0.9)
for _ in range(3):
    loss = (model(data) - labels).square().sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f"{loss.item():.4f}")


section("Writing into a tensor that is being differentiated")

x = torch.eye(5, requires_grad=True)
output = x.clone() ** 3 + x**2 * 2.5
output[0][0] = x[0][0] ** 3 + 2 * x[0][0] ** 2
output.backward(x.detach())
print(x.grad[range(5), range(5)])


section("Frozen parameters")

optimizer.zero_grad()
for parameter in model.parameters():
    parameter.requires_grad = False
model[2] = torch.nn.Linear(16, 4)
model(data).sum().backward()
print(model[0].weight.grad, tuple(model[2].weight.grad.shape))
