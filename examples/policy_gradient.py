"""A policy gradient (REINFORCE): a network learns to balance poles on carts.

    python examples/policy_gradient.py

A batch of carts is played at once; physics are tensor operations. The same program runs under PyTorch: change the
import of gradc to `import torch`.
"""

import math

import gradc as torch

nn = torch.nn

CARTS, HORIZON, DISCOUNT = 32, 200, 0.99
GRAVITY, CART, POLE, HALF_LENGTH, FORCE, DT = 9.8, 1.0, 0.1, 0.5, 10.0, 0.02
FARTHEST, STEEPEST = 2.4, 12 * math.pi / 180


def move(state, action):
    """The states one moment later: position, velocity, angle and angular velocity of each cart and its pole."""
    x, v, angle, turn = state.unbind(dim=1)
    sin, cos = angle.sin(), angle.cos()
    push = (FORCE * (2.0 * action - 1) + POLE * HALF_LENGTH * turn**2 * sin) / (CART + POLE)
    turning = (GRAVITY * sin - cos * push) / (HALF_LENGTH * (4 / 3 - POLE * cos**2 / (CART + POLE)))
    speeding = push - POLE * HALF_LENGTH * turning * cos / (CART + POLE)
    return torch.stack([x + DT * v, v + DT * speeding, angle + DT * turn, turn + DT * turning], dim=1)


def play(policy):
    """The log-probabilities of all actions, and which carts were standing then; both are (moments, CARTS)."""
    state = torch.empty(CARTS, 4).uniform_(-0.05, 0.05)
    standing = torch.ones(CARTS, dtype=torch.bool)
    log_probabilities, stood = [], []
    while standing.any() and len(stood) < HORIZON:
        choice = torch.distributions.Categorical(logits=policy(state))
        action = choice.sample()
        log_probabilities.append(choice.log_prob(action))
        stood.append(standing)
        state = move(state, action)
        standing = standing & (state[:, 0].abs() < FARTHEST) & (state[:, 2].abs() < STEEPEST)
    return torch.stack(log_probabilities), torch.stack(stood)


def returns(stood):
    """What each action brought: the discounted number of moments that the cart stood from then on, standardised."""
    total, totals = torch.zeros(CARTS), []
    for reward in stood.float().flip(0):
        total = reward + DISCOUNT * total
        totals.append(total)
    brought = torch.stack(totals).flip(0)
    return (brought - brought[stood].mean()) / (brought[stood].std() + 1e-6)


torch.manual_seed(0)
policy = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))
optimizer = torch.optim.Adam(policy.parameters(), lr=1e-2)


def train(steps):
    """Yields the loss, and for how many moments the poles stood on average, of every round."""
    for _ in range(steps):
        log_probabilities, stood = play(policy)
        loss = -(log_probabilities * returns(stood))[stood].mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss.item(), stood.sum().item() / CARTS


if __name__ == "__main__":
    for step, (_, moments) in enumerate(train(40), 1):
        if step % 8 == 0:
            print(f"round {step:3}   poles stand for {moments:5.1f} of {HORIZON} moments")
