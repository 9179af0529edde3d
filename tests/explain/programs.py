"""Small broken programs of the kind that people ask about, and healthy ones.

Each function returns (loss, w). The line at fault is marked `# <-`; a program with several marks has several lines of
which naming one is right. The decorator says what becomes of the gradient.
"""

import copy
import math

import numpy as np

import gradc as torch
from gradc import nn
from gradc.nn import functional as F

NONE, ZERO, BAD = "none", "zero", "not finite"
BROKEN = {}


def broken(verdict):
    def register(program):
        BROKEN[program.__name__] = (program, verdict)
        return program
    return register


def leaf(*values):
    return torch.tensor(values, requires_grad=True)


def data(*values):
    return torch.tensor(values)


# History dropped on the way


@broken(NONE)
def detached():
    w, x = leaf(1.0, 2.0), data(3.0, 4.0)
    h = w * x
    h = h.detach()  # <-
    loss = (h * h).sum()
    return loss, w


@broken(NONE)
def data_attribute():
    w, scale = leaf(1.0, 2.0), leaf(3.0)
    h = torch.tanh(w)
    total = (h.data * scale).sum()  # <-
    return total, w


@broken(NONE)
def numpy_round_trip():
    w, x = leaf(1.0, 2.0), data(3.0, 4.0)
    h = w * x
    smooth = np.tanh(h.detach().numpy())  # <-
    loss = torch.from_numpy(smooth).sum()  # <-
    return loss, w


@broken(NONE)
def tensor_of_loss():
    w, x = leaf(1.0, 2.0), data(3.0, 4.0)
    loss = ((w - x) ** 2).mean()
    loss = torch.tensor(loss.item(), requires_grad=True)  # <-
    return loss, w


@broken(NONE)
def tensor_of_tensors():
    w = leaf(1.0, 2.0, 3.0)
    parts = [w[0] * 2, w[1] * 3]
    stacked = torch.tensor([float(p) for p in parts])  # <-
    scale = leaf(2.0)
    loss = (stacked * scale).sum()
    return loss, w


@broken(NONE)
def item_in_the_loss():
    w, other = leaf(1.0, 2.0), leaf(3.0)
    weight = w.norm().item()  # <-
    loss = (other * weight).sum()
    return loss, w


@broken(NONE)
def python_floats():
    w = leaf(1.0, 2.0)
    values = w.tolist()  # <-
    loss = sum(math.exp(v) for v in values)
    loss = torch.tensor(loss, requires_grad=True)  # <-
    return loss, w


@broken(NONE)
def losses_as_numbers():
    w, xs = leaf(1.0), [data(1.0), data(2.0)]
    losses = []
    for x in xs:
        error = ((w * x - 1.0) ** 2).sum()
        losses.append(error.item())  # <-
    loss = torch.tensor(losses, requires_grad=True).mean()  # <-
    return loss, w


@broken(NONE)
def new_parameter():
    w, x = leaf(1.0, 2.0), data(3.0, 4.0)
    scaled = nn.Parameter(w * 2)  # <-
    loss = (scaled * x).sum()
    return loss, w


@broken(NONE)
def requires_grad_on_a_copy():
    w, x = leaf(1.0, 2.0), data(3.0, 4.0)
    h = torch.sigmoid(w * x)
    probability = h.clone().detach().requires_grad_(True)  # <-
    loss = -probability.log().sum()
    return loss, w


@broken(NONE)
def gradient_penalty_without_create_graph():
    w, x = leaf(1.0, 2.0), leaf(3.0, 4.0)
    score = (torch.tanh(w) * x * x).sum()
    (slope,) = torch.autograd.grad(score, x, retain_graph=True)  # <-
    penalty = ((slope.norm() - 1) ** 2 * leaf(1.0)).sum()
    return penalty, w


@broken(NONE)
def written_through_data():
    w, x = leaf(1.0, 2.0), data(3.0, 4.0)
    out = torch.zeros(2)
    out.data.copy_(w * x)  # <-
    loss = (out * leaf(1.0)).sum()
    return loss, w


# Modes


@broken(NONE)
def features_under_no_grad():
    w, head, x = leaf(1.0, 2.0), leaf(0.5, 0.5), data(3.0, 4.0)
    with torch.no_grad():  # <-
        features = torch.tanh(w * x)
    loss = (features * head).sum()
    return loss, w


@broken(NONE)
def no_grad_left_on():
    w, x = leaf(1.0, 2.0), data(3.0, 4.0)
    before = torch.is_grad_enabled()
    torch.set_grad_enabled(False)  # <-
    loss = ((w * x) ** 2).sum()
    torch.set_grad_enabled(before)
    return loss, w


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([1.0, 2.0]))

    @torch.no_grad()  # <- decorated
    def forward(self, x):
        return torch.relu(self.weight * x)  # <- decorated


@broken(NONE)
def decorated():
    encoder, head = Encoder(), leaf(0.5, 0.5)
    h = encoder(data(3.0, 4.0))
    loss = (h * head).sum()
    return loss, encoder.weight


@broken(NONE)
def inference():
    w, x = leaf(1.0, 2.0), data(3.0, 4.0)
    with torch.inference_mode():  # <-
        prediction = w * x
        loss = ((prediction - 1) ** 2).mean()
    return loss, w


# Integers and choices


@broken(NONE)
def cast_to_long():
    w, x = leaf(1.0, 2.0), data(3.5, 4.5)
    h = (w * x).long()  # <-
    loss = (h * leaf(1.0, 1.0)).sum()
    return loss, w


@broken(NONE)
def argmax_prediction():
    w, x = leaf(1.0, 2.0, 3.0), data(3.0, 4.0, 5.0)
    target = torch.tensor(1.0)
    prediction = torch.argmax(w * x)  # <-
    loss = ((prediction - target) ** 2 * leaf(1.0)).mean()
    return loss, w


@broken(NONE)
def accuracy_as_loss():
    w = leaf(0.3, -0.2)
    y = data(1.0, 0.0)
    right = (w > 0).float() == y  # <-
    loss = 1 - right.float().mean()
    return loss, w


@broken(NONE)
def integer_mask():
    w, x = leaf(0.3, -0.2), leaf(1.0, 2.0)
    mask = (w > 0).float()  # <-
    loss = (x * mask).sum()
    return loss, w


@broken(ZERO)
def rounded():
    w, x = leaf(1.2, 2.7), data(3.0, 4.0)
    h = torch.round(w * x)  # <-
    loss = (h ** 2).sum()
    return loss, w


@broken(ZERO)
def sign_of_a_weight():
    w, x = leaf(1.2, -2.7), data(3.0, 4.0)
    binary = torch.sign(w)  # <-
    loss = ((binary * x) ** 2).sum()
    return loss, w


@broken(ZERO)
def wrong_index():
    w = leaf(1.0, 2.0)
    picked = w.expand(3, 2)[:0]  # <-
    loss = (picked ** 2).sum()
    return loss, w


# Which tensor, and whether it is a leaf


@broken(NONE)
def variable_overwritten():
    w, x = leaf(1.0, 2.0), leaf(3.0, 4.0)
    h = torch.tanh(w * x)
    h = torch.tanh(x * x)  # <-
    loss = h.sum()
    return loss, w


@broken(NONE)
def wrong_variable():
    w, x, y = leaf(1.0, 2.0), leaf(3.0, 4.0), data(0.0, 1.0)
    prediction = w * x
    assert prediction.shape == y.shape
    loss = ((x - y) ** 2).mean()  # <-
    return loss, w


@broken(NONE)
def shape_only():
    w, x = leaf(1.0, 2.0), leaf(3.0, 4.0)
    h = torch.zeros_like(w)  # <-
    loss = ((h + x) ** 2).sum()  # <-
    return loss, w


@broken(NONE)
def double_after_requires_grad():
    w = torch.ones(3, requires_grad=True).double()  # <-
    loss = (w * 2).sum()
    return loss, w


@broken(NONE)
def scaled_initialisation():
    w = torch.randn(3, requires_grad=True) * 0.01  # <-
    loss = (w ** 2).sum()
    return loss, w


@broken(NONE)
def rebound_by_the_update():
    w = leaf(1.0, 2.0)
    loss = (w ** 2).sum()
    loss.backward()
    w = w - 0.1 * w.grad  # <-
    loss = (w ** 2).sum()
    return loss, w


@broken(NONE)
def updated_under_no_grad():
    w, other = leaf(1.0, 2.0), leaf(1.0)
    loss = (w ** 2).sum()
    loss.backward()
    with torch.no_grad():
        w = w - 0.1 * w.grad  # <-
    loss = (w ** 2 * other).sum()
    return loss, w


@broken(NONE)
def forgotten_requires_grad():
    x = leaf(1.0, 2.0)
    w = torch.ones(2)  # <-
    loss = (w * x).sum()
    return loss, w


@broken(NONE)
def frozen_layer():
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    for parameter in net[0].parameters():
        parameter.requires_grad_(False)  # <-
    loss = net(torch.ones(4, 2)).mean()
    return loss, net[0].weight


@broken(NONE)
def copy_is_used():
    net = nn.Linear(2, 1)
    target = copy.deepcopy(net)  # <-
    loss = (target(torch.ones(4, 2)) ** 2).mean()  # <-
    return loss, net.weight


@broken(NONE)
def weight_replaced():
    net = nn.Linear(2, 1)
    w = net.weight
    net.weight = nn.Parameter(w * 0.5)  # <-
    loss = net(torch.ones(4, 2)).mean()
    return loss, w


@broken(NONE)
def saved_value_overwritten():
    w, x = leaf(1.0, 2.0), data(3.0, 4.0)
    h = torch.exp(w * x)
    h += 1  # <-
    loss = h.sum()
    return loss, w


@broken(ZERO)
def overwritten_in_place():
    w, x = leaf(1.0, 2.0), leaf(3.0, 4.0)
    h = w * 2
    h[:] = x  # <-
    loss = (h * x).sum()
    return loss, w


class Cached(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([1.0, 2.0]))
        self.bias = nn.Parameter(torch.tensor([0.0, 0.0]))

    def forward(self, x):
        state = torch.tanh(self.weight * x)
        self.state = state.detach()  # <- cached
        return self.state + self.bias


@broken(NONE)
def cached():
    net = Cached()
    h = net(data(3.0, 4.0))
    loss = (h ** 2).sum()
    return loss, net.weight


# Exactly zero


@broken(ZERO)
def dead_relu():
    w, x = leaf(-1.0, -2.0), data(3.0, 4.0)
    h = torch.relu(w * x)  # <-
    loss = ((h - 1) ** 2).sum()
    return loss, w


@broken(ZERO)
def saturated_sigmoid():
    w, x = leaf(50.0, 60.0), data(3.0, 4.0)
    p = torch.sigmoid(w * x)  # <-
    loss = ((p - 0.5) ** 2).sum()
    return loss, w


@broken(ZERO)
def saturated_tanh():
    w, x = leaf(20.0, 30.0), data(3.0, 4.0)
    h = w * x
    h = torch.tanh(h)  # <-
    return (h - 0.5).sum(), w


@broken(ZERO)
def clamped():
    w, x = leaf(2.0, 3.0), data(3.0, 4.0)
    h = torch.clamp(w * x, 0.0, 1.0)  # <-
    loss = (h - 0.5).sum()
    return loss, w


@broken(ZERO)
def dropout_of_everything():
    w, x = leaf(2.0, 3.0), data(3.0, 4.0)
    h = F.dropout(w * x, p=1.0)  # <-
    loss = (h - 0.5).sum()
    return loss, w


@broken(ZERO)
def zero_second_layer():
    w, x = leaf(0.3, 0.7), data(3.0, 4.0)
    second = torch.zeros(2, requires_grad=True)
    hidden = torch.tanh(w * x)
    loss = (hidden * second).sum() + 1  # <-
    return loss, w


@broken(ZERO)
def zero_initialised():
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    nn.init.zeros_(net[2].weight)
    out = net(torch.ones(2, 3))  # <-
    loss = (out - 1).pow(2).mean()
    return loss, net[0].weight


@broken(ZERO)
def underflow():
    w, x = leaf(1.0, 2.0), data(3.0, 4.0)
    h = (w * x).sum() * 1e-30  # <-
    loss = h * 1e-30  # <-
    return loss, w


@broken(ZERO)
def product_of_small_probabilities():
    w = torch.full((60,), -6.0, requires_grad=True)
    p = torch.sigmoid(w)
    likelihood = p.prod()  # <-
    loss = 1 - likelihood
    return loss, w


@broken(ZERO)
def masked_out():
    w, x = leaf(1.0, 2.0), data(3.0, 4.0)
    valid = torch.tensor([False, False])
    error = torch.where(valid, (w - x) ** 2, 0.0)  # <-
    loss = error.sum()
    return loss, w


@broken(ZERO)
def softmax_of_one_class():
    w, x = leaf(1.0), data(3.0, 4.0)
    logits = (w * x).unsqueeze(1)
    p = torch.softmax(logits, dim=1)  # <-
    loss = -(p * data(1.0, 2.0).unsqueeze(1)).sum()
    return loss, w


@broken(ZERO)
def minus_itself():
    w, x = leaf(1.0, 2.0), data(3.0, 4.0)
    h = w * x
    centred = h - h  # <-
    loss = (centred + 1).sum()
    return loss, w


@broken(ZERO)
def at_the_minimum():
    w = leaf(1.0, 2.0)
    target = data(1.0, 2.0)
    loss = ((w - target) ** 2).mean()  # <-
    return loss, w


# Not finite


@broken(BAD)
def square_root_of_zero():
    w, x = leaf(1.0, 2.0), data(0.0, 4.0)
    loss = torch.sqrt(w * x).sum()  # <-
    return loss, w


@broken(BAD)
def log_of_zero():
    w, y = leaf(-200.0, 2.0), data(1.0, 0.0)
    p = torch.sigmoid(w)
    loss = -(y * torch.log(p)).sum()  # <-
    return loss, w


@broken(BAD)
def where_with_a_bad_branch():
    w = leaf(0.0, 4.0)
    safe = torch.where(w > 0, torch.sqrt(w), 0.0)  # <-
    loss = safe.sum()
    return loss, w


@broken(BAD)
def zero_over_zero():
    w, x = leaf(0.0, 2.0), data(3.0, 4.0)
    direction = w / w.abs()  # <-
    loss = (direction * x).sum()
    return loss, w


@broken(BAD)
def arc_cosine_of_one():
    w, x = leaf(1.0), data(1.0)
    angle = torch.acos(w * x)  # <-
    loss = angle.sum()
    return loss, w


@broken(BAD)
def division_by_no_spread():
    w = leaf(2.0, 2.0, 2.0)
    centred = w - w.mean()
    normal = centred / centred.std()  # <-
    loss = (normal ** 2).sum()
    return loss, w


@broken(BAD)
def all_masked_softmax():
    w = leaf(1.0, 2.0)
    mask = torch.tensor([float("-inf"), float("-inf")])
    scores = w + mask
    p = torch.softmax(scores, dim=0)  # <-
    loss = p.sum()
    return loss, w


@broken(BAD)
def overflowing_exponential():
    w = leaf(100.0, 1.0)
    e = torch.exp(w)  # <-
    loss = (e / e.sum()).sum()
    return loss, w


@broken(BAD)
def distance_to_itself():
    w, x = leaf(1.0, 2.0), data(1.0, 2.0)
    difference = w - x
    distance = torch.sqrt((difference ** 2).sum())  # <-
    loss = distance + 1
    return loss, w


@broken(BAD)
def power_of_zero():
    w = leaf(0.0, 2.0)
    loss = (w ** 0.5).sum()  # <-
    return loss, w


@broken(BAD)
def normalised_in_half_precision():
    w = torch.tensor([300.0, 400.0], dtype=torch.float16, requires_grad=True)
    square = w * w  # <-
    loss = (square / square.sum()).sum()
    return loss, w


@broken(BAD)
def nan_in_the_data():
    w, x = leaf(1.0, 2.0), data(float("nan"), 4.0)
    h = torch.tanh(w * x)  # <-
    loss = (h ** 2).sum()
    return loss, w


# Programs with more around them


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.q = nn.Linear(4, 4)
        self.k = nn.Linear(4, 4)
        self.v = nn.Linear(4, 4)

    def forward(self, x):
        scores = self.q(x) @ self.k(x).transpose(-1, -2) / 2
        weights = torch.softmax(scores, dim=-1)
        hard = F.one_hot(weights.argmax(dim=-1), 3).float()  # <- attention
        return hard @ self.v(x)


@broken(NONE)
def attention():
    net = Attention()
    x = torch.randn(3, 4)
    out = net(x)
    loss = out.pow(2).mean()
    return loss, net.q.weight


def helper(pred, target):
    err = pred - target
    return np.square(err.detach().numpy()).mean()  # <- helped


@broken(NONE)
def helped():
    net = nn.Linear(2, 1)
    value = helper(net(torch.ones(3, 2)), torch.zeros(3, 1))
    loss = torch.tensor(float(value), requires_grad=True)
    return loss, net.weight


@broken(NONE)
def hidden_state():
    rnn = nn.Linear(2, 2)
    h = torch.zeros(2)
    head = torch.ones(2, requires_grad=True)
    for _ in range(3):
        h = torch.tanh(rnn(h + 1))
        h = h.detach()  # <-
    loss = (h * head).sum()
    return loss, rnn.weight


@broken(NONE)
def target_is_detached_wrong_side():
    actor = nn.Linear(2, 1)
    critic = nn.Linear(1, 1)
    a = actor(torch.ones(5, 2))
    with torch.no_grad():  # <-
        q = critic(a)
    baseline = torch.zeros(1, requires_grad=True)
    loss = (baseline - q).mean()
    return loss, actor.weight


@broken(NONE)
def sampled_action():
    policy = nn.Linear(2, 3)
    logits = policy(torch.ones(1, 2))
    p = torch.softmax(logits, -1)
    action = torch.multinomial(p, 1)  # <-
    reward = action.float().sum()
    base = torch.zeros((), requires_grad=True)
    loss = -(reward - base)
    return loss, policy.weight


@broken(NONE)
def mapped_list():
    w = torch.ones(3, requires_grad=True)
    parts = [p * 2 for p in w]
    arr = torch.stack([torch.as_tensor(p.item()) for p in parts])  # <-
    b = torch.ones(3, requires_grad=True)
    loss = (arr * b).sum()
    return loss, w


@broken(NONE)
def weights_copied():
    w = torch.ones(3, requires_grad=True)
    work = torch.empty(3)
    work.copy_(w.data)  # <-
    b = torch.ones(3, requires_grad=True)
    loss = (work * b).sum()
    return loss, w


@broken(NONE)
def bool_multiply():
    w = torch.tensor([0.2, 0.8], requires_grad=True)
    chosen = w >= 0.5  # <-
    b = torch.ones(2, requires_grad=True)
    loss = (chosen * b).sum()
    return loss, w


@broken(NONE)
def topk_index():
    w = torch.tensor([0.2, 0.8, 0.5], requires_grad=True)
    table = torch.randn(3, 2, requires_grad=True)
    _, idx = torch.topk(w, 2)  # <-
    loss = table[idx].sum()
    return loss, w


@broken(ZERO)
def relu_twice():
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    with torch.no_grad():
        net[0].bias.fill_(-100.)
    out = net(torch.ones(1, 2))  # <-
    loss = (out - 1).pow(2).sum()
    return loss, net[0].weight


@broken(ZERO)
def clip_ratio():
    logp = torch.tensor([0.0, 0.0], requires_grad=True)
    old = torch.tensor([-1.0, -2.0])
    ratio = torch.exp(logp - old)
    clipped = torch.clamp(ratio, 0.8, 1.2)  # <-
    loss = -torch.min(ratio * 1.0, clipped * 1.0).sum()
    return loss, logp


@broken(BAD)
def log_softmax_manual():
    w = torch.tensor([1000.0, 0.0], requires_grad=True)
    e = torch.exp(w)  # <-
    p = e / e.sum()
    loss = -torch.log(p[0])
    return loss, w


@broken(BAD)
def cos_sim():
    w = torch.zeros(3, requires_grad=True)
    n = w.norm()
    u = w / n  # <-
    loss = (u * torch.ones(3)).sum()
    return loss, w


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.Linear(4, 2)
        self.dec = nn.Linear(2, 4)

    def encode(self, x):
        return self.enc(x)

    def reparam(self, mu):
        eps = torch.randn_like(mu)  # <- vae
        return eps

    def forward(self, x):
        mu = self.encode(x)
        z = self.reparam(mu)
        return self.dec(z)


@broken(NONE)
def vae():
    net = VAE()
    x = torch.randn(3, 4)
    recon = net(x)
    loss = F.mse_loss(recon, x)
    return loss, net.enc.weight


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(3, 3) for _ in range(3)])
        self.scale = nn.Parameter(torch.ones(3))

    def forward(self, x):
        for layer in self.layers:
            x = self.block(layer, x)
        return x

    def block(self, layer, x):
        h = layer(x)
        keep = (h > 0).float()  # <- block_mask
        return x + keep


@broken(NONE)
def block_mask():
    torch.manual_seed(0)
    net = Net()
    x = torch.randn(2, 3, requires_grad=True)
    loss = net(x).sum()
    return loss, net.layers[0].weight


@broken(NONE)
def unused_parameter():
    net = Net()
    x = torch.randn(2, 3, requires_grad=True)
    h = net.layers[1](x)  # <-
    loss = h.sum()
    return loss, net.scale


def quantise(v):
    return (v * 10).int() / 10.0  # <- quantised


@broken(NONE)
def quantised():
    w = torch.tensor([0.31, 0.77], requires_grad=True)
    b = torch.zeros(2, requires_grad=True)
    q = quantise(w) + b
    loss = q.pow(2).sum()
    return loss, w


def metric(pred, y):
    tp = ((pred > 0.5) & (y > 0.5)).sum()  # <- f1_loss
    fp = ((pred > 0.5) & (y <= 0.5)).sum()
    return 2 * tp / (2 * tp + fp + 1e-6)


@broken(NONE)
def f1_loss():
    lin = nn.Linear(2, 1)
    pred = torch.sigmoid(lin(torch.randn(6, 2))).squeeze(1)
    y = torch.tensor([1., 0, 1, 0, 1, 0])
    loss = 1 - metric(pred, y)
    return loss, lin.weight


@broken(NONE)
def ema_teacher():
    student = nn.Linear(2, 2)
    teacher = copy.deepcopy(student)
    for p in teacher.parameters():
        p.requires_grad = False  # <-
    x = torch.ones(1, 2)
    loss = ((teacher(x) - student(x)) ** 2).mean()
    return loss, teacher.weight


@broken(NONE)
def state_as_list():
    w = torch.tensor([1., 2.], requires_grad=True)
    hist = []
    for t in range(3):
        v = (w * t).sum()
        hist.append(v.detach())  # <-
    b = torch.ones((), requires_grad=True)
    loss = torch.stack(hist).mean() * b
    return loss, w


@broken(NONE)
def dict_cache():
    w = torch.tensor([1., 2.], requires_grad=True)
    cache = {}
    with torch.no_grad():  # <-
        cache["k"] = w * 3
    b = torch.ones(2, requires_grad=True)
    loss = (cache["k"] * b).sum()
    return loss, w


@broken(NONE)
def maml():
    w = torch.tensor([1., 2.], requires_grad=True)
    inner = torch.zeros(2, requires_grad=True)
    l1 = ((inner * w) - 1).pow(2).sum()
    g = torch.autograd.grad(l1, inner)[0]  # <-
    fast = inner - 0.1 * g
    loss = fast.pow(2).sum()
    return loss, w


@broken(ZERO)
def hinge_satisfied():
    w = torch.tensor([3., 3.], requires_grad=True)
    y = torch.tensor([1., 1.])
    loss = torch.clamp(1 - y * w, min=0).mean()  # <-
    return loss, w


@broken(BAD)
def batchnorm_single():
    w = torch.tensor([[2.0, 3.0]], requires_grad=True)
    mu = w.mean(0)
    var = ((w - mu) ** 2).mean(0)
    out = (w - mu) / torch.sqrt(var)  # <-
    loss = out.sum()
    return loss, w


@broken(BAD)
def kl_zero():
    p = torch.tensor([0.0, 1.0])
    w = torch.tensor([0.0, 1.0], requires_grad=True)
    loss = (p * torch.log(p / w)).sum()  # <-
    return loss, w


@broken(NONE)
def tuple_overwrite():
    enc = nn.Linear(2, 4)
    mu, logvar = enc(torch.ones(1, 2)).chunk(2, dim=1)
    z = mu + torch.exp(logvar)
    z, _ = torch.randn(1, 2, requires_grad=True), None  # <-
    loss = z.pow(2).sum()
    return loss, enc.weight


@broken(NONE)
def gather_indices():
    w = torch.tensor([0.1, 0.9, 0.4], requires_grad=True)
    table = torch.randn(3, 2, requires_grad=True)
    i = w.sort(descending=True)[1]  # <-
    loss = table[i[:1]].sum()
    return loss, w


@broken(ZERO)
def exp_underflow():
    w = torch.tensor([200.0], requires_grad=True)
    e = torch.exp(-w)  # <-
    loss = (e * 2).sum()
    return loss, w


@broken(BAD)
def cdist_same():
    w = torch.tensor([[1., 2.], [1., 2.]], requires_grad=True)
    d = (w[0] - w[1]).norm()
    e = (w[:1] - w[1:]).pow(2).sum().sqrt()  # <-
    loss = e + d
    return loss, w


class Clip(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return (x * 1).clamp(-1, 1)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * (x.abs() < 1)


@broken(ZERO)
def custom_function_out_of_its_range():
    w = leaf(2.0, 3.0)
    h = Clip.apply(w)  # <-
    loss = (h - 0.5).sum()
    return loss, w


@broken(NONE)
def cut_before_a_custom_function():
    w, b = leaf(0.2, 0.3), leaf(1.0)
    h = w.tanh().detach()  # <-
    loss = (Clip.apply(h) * b).sum()
    return loss, w


HEALTHY = {}


def healthy(program):
    HEALTHY[program.__name__] = program
    return program


@healthy
def linear_regression():
    w, x, y = leaf(1.0, 2.0), data(3.0, 4.0), data(1.0, 1.0)
    return ((w * x - y) ** 2).mean(), w


@healthy
def straight_through():
    w = leaf(1.2, 2.7)
    return ((w + (w.round() - w).detach()) ** 2).sum(), w


@healthy
def partly_dead_relu():
    w, x = leaf(-1.0, 2.0), data(3.0, 4.0)
    return torch.relu(w * x).sum(), w


@healthy
def network():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))
    return F.cross_entropy(net(torch.randn(5, 3)), torch.tensor([0, 1, 1, 0, 1])), net[0].weight


@healthy
def retained():
    x = leaf(1.0, 2.0)
    w = x * 3
    w.retain_grad()
    return (w ** 2).sum(), w


@healthy
def written_into_a_buffer():
    w, out = leaf(1.0, 2.0), torch.zeros(4)
    out[1:3] = w * 3
    return (out ** 2).sum(), w


@healthy
def through_a_view():
    w = leaf(1.0, 2.0, 3.0, 4.0)
    h = (w * 1).reshape(2, 2)
    h[0].mul_(3)
    return h.sum(), w


@healthy
def logged_on_the_way():
    w, x = leaf(1.0, 2.0), data(3.0, 4.0)
    loss = ((w * x) ** 2).sum()
    if loss.item() > 1:
        loss = loss / 2
    return loss, w


@healthy
def safe_square_root():
    w = leaf(0.0, 4.0)
    safe = torch.where(w > 0, w, 1.0)
    return torch.where(w > 0, torch.sqrt(safe), 0.0).sum(), w


@healthy
def gradient_penalty():
    w, x = leaf(1.0, 2.0), leaf(3.0, 4.0)
    score = (torch.tanh(w) * x * x).sum()
    (slope,) = torch.autograd.grad(score, x, create_graph=True)
    return (slope.norm() - 1) ** 2, w


@healthy
def custom_function():
    w = leaf(0.2, 3.0)
    return Clip.apply(w * 1).sum(), w


@healthy
def several_outputs():
    w = leaf(3.0, 1.0, 2.0)
    values, order = torch.sort(w)
    return (values * data(1.0, 2.0, 3.0)).sum(), w


@healthy
def no_grad_beside_it():
    w, x = leaf(1.0, 2.0), data(3.0, 4.0)
    with torch.no_grad():
        scale = w.abs().max()
    return (w * x / scale).sum(), w
