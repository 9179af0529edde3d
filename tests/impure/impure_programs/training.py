"""Gradients, hooks, modules, optimizers and schedulers."""

import copy

from impure_programs.case import Case, impure


def vector(t):
    return lambda i: (t.arange(3.0) + i + 1,)


def linear(t):
    """A small model with known weights."""
    model = t.nn.Linear(3, 2)
    with t.no_grad():
        model.weight.copy_(t.arange(6.0).reshape(2, 3) / 6)
        model.bias.zero_()
    return model


def parameters(model):
    return lambda: {name: p.detach() for name, p in model.named_parameters()}


def training(t, optimizer, model):
    """A step of training."""
    def step(x):
        optimizer.zero_grad()
        loss = (model(x) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


@impure
def gradients_accumulate(t):
    w = t.ones(3, requires_grad=True)

    def step(x):
        loss = (x * w).sum()
        loss.backward()
        return loss.detach()

    return Case(step, vector(t), lambda: w.grad)


@impure
def gradients_set_to_none_by_the_caller(t):
    w = t.ones(3, requires_grad=True)

    def arguments(i):
        if i == 1:
            w.grad = None
        return (t.arange(3.0),)

    def step(x):
        (x * w).sum().backward()
        return x * 2

    return Case(step, arguments, lambda: w.grad)


@impure
def gradients_zeroed_in_place(t):
    w = t.ones(3, requires_grad=True)
    w.grad = t.ones(3)
    held = w.grad

    def step(x):
        w.grad.zero_()
        (x * w).sum().backward()
        return x * 2

    return Case(step, vector(t), lambda: (w.grad, held, held is w.grad))


@impure
def gradient_read_before(t):
    w = t.ones(3, requires_grad=True)

    def step(x):
        missing = w.grad is None
        (x * w).sum().backward()
        return x * (2 if missing else 3)

    return Case(step, vector(t), lambda: w.grad)


@impure
def gradient_assigned(t):
    w = t.ones(3, requires_grad=True)

    def step(x):
        w.grad = x * 2
        return x + 1

    return Case(step, vector(t), lambda: w.grad)


@impure
def gradient_deleted(t):
    w = t.ones(3, requires_grad=True)

    def arguments(i):
        w.grad = t.ones(3)
        return (t.arange(3.0),)

    def step(x):
        w.grad = None
        return x + 1

    return Case(step, arguments, lambda: w.grad)


@impure
def backward_by_the_caller(t):
    w = t.ones(3, requires_grad=True)

    def view(loss):
        loss.backward()
        return w.grad.clone()

    return Case(lambda x: (x * w * w).sum(), vector(t), lambda: w.grad, view)


@impure
def parameter_hook_registered_before(t):
    w = t.ones(3, requires_grad=True)
    w.register_hook(lambda g: g * 10)

    def step(x):
        (x * w).sum().backward()
        return x * 2

    return Case(step, vector(t), lambda: w.grad)


@impure
def parameter_hook_registered_late(t):
    w = t.ones(3, requires_grad=True)

    def arguments(i):
        if i == 1:
            w.register_hook(lambda g: g * 10)
        return (t.arange(3.0),)

    def step(x):
        (x * w).sum().backward()
        return x * 2

    return Case(step, arguments, lambda: w.grad)


@impure
def parameter_hook_late_with_backward_outside(t):
    w = t.ones(3, requires_grad=True)

    def arguments(i):
        if i == 1:
            w.register_hook(lambda g: g * 10)
        return (t.arange(3.0),)

    def view(loss):
        loss.backward()
        return w.grad.clone()

    return Case(lambda x: (x * w).sum(), arguments, view=view)


@impure
def parameter_hook_removed_late(t):
    w = t.ones(3, requires_grad=True)
    handle = w.register_hook(lambda g: g * 10)

    def arguments(i):
        if i == 1:
            handle.remove()
        return (t.arange(3.0),)

    def step(x):
        (x * w).sum().backward()
        return x * 2

    return Case(step, arguments, lambda: w.grad)


@impure
def hook_with_an_effect(t):
    w, seen = t.ones(3, requires_grad=True), []

    def step(x):
        y = x * w
        y.register_hook(lambda g: seen.append(g.shape[0]))
        y.sum().backward()
        return x * 2

    return Case(step, vector(t), lambda: (w.grad, seen))


@impure
def hook_after_accumulation(t):
    w, seen = t.ones(3, requires_grad=True), []
    w.register_post_accumulate_grad_hook(lambda p: seen.append(p.shape[0]))

    def step(x):
        (x * w).sum().backward()
        return x * 2

    return Case(step, vector(t), lambda: (w.grad, seen))


@impure
def module_forward_hook_late(t):
    model = linear(t)

    def arguments(i):
        if i == 1:
            model.register_forward_hook(lambda module, args, result: result * 10)
        return (t.arange(3.0),)

    return Case(lambda x: model(x).detach(), arguments)


@impure
def module_forward_hook_with_an_effect(t):
    model, shapes = linear(t), []
    model.register_forward_hook(lambda module, args, result: shapes.append(tuple(result.shape)))
    return Case(lambda x: model(x).detach(), vector(t), lambda: shapes)


@impure
def module_forward_hook_registered_inside(t):
    model, calls = linear(t), []

    def step(x):
        model.register_forward_hook(lambda module, args, result: calls.append(1))
        return model(x).detach()

    return Case(step, vector(t), lambda: calls)


@impure
def module_forward_hook_removed_inside(t):
    model, handles = linear(t), {}

    def arguments(i):
        handles["last"] = model.register_forward_hook(lambda module, args, result: result + 1)
        return (t.arange(3.0),)

    def step(x):
        handles["last"].remove()
        return model(x).detach()

    return Case(step, arguments)


@impure
def module_hook_on_a_compiled_module(t):
    model = linear(t)

    def arguments(i):
        if i == 1:
            model.register_forward_pre_hook(lambda module, args: (args[0] * 10,))
        return (t.arange(3.0),)

    return Case(model, arguments, view=lambda y: y.detach())


@impure
def module_backward_hook_late(t):
    model, seen = linear(t), []

    def arguments(i):
        model.zero_grad()
        if i == 1:
            model.register_full_backward_hook(lambda module, grads, outs: seen.append(len(grads)))
        return (t.arange(3.0),)

    def step(x):
        model(x).sum().backward()
        return x * 2

    return Case(step, arguments, lambda: (seen, model.weight.grad))


@impure
def activations_kept_by_a_hook(t):
    model, kept = linear(t), {}
    model.register_forward_hook(lambda module, args, result: kept.update(last=result.detach()))
    return Case(lambda x: model(x).detach(), vector(t), lambda: kept)


@impure
def parameter_replaced(t):
    model = linear(t)

    def arguments(i):
        if i == 1:
            model.weight = t.nn.Parameter(t.ones(2, 3))
        return (t.arange(3.0),)

    return Case(lambda x: model(x).detach(), arguments)


@impure
def parameter_data_replaced(t):
    model = linear(t)

    def arguments(i):
        if i == 1:
            model.weight.data = t.ones(2, 3)
        return (t.arange(3.0),)

    return Case(lambda x: model(x).detach(), arguments)


@impure
def parameter_added(t):
    model = t.nn.ParameterList([t.nn.Parameter(t.ones(3))])

    def arguments(i):
        if i:
            model.append(t.nn.Parameter(t.ones(3) * i))
        return (t.arange(3.0),)

    def step(x):
        for p in model:
            x = x + p
        return x.detach()

    return Case(step, arguments)


@impure
def submodule_replaced(t):
    model = t.nn.Sequential(linear(t), t.nn.ReLU())

    def arguments(i):
        if i == 1:
            model[1] = t.nn.Tanh()
        return (t.arange(3.0),)

    return Case(lambda x: model(x).detach(), arguments)


@impure
def submodule_added(t):
    model = t.nn.Sequential(linear(t))

    def arguments(i):
        if i == 1:
            model.append(t.nn.Tanh())
        return (t.arange(3.0),)

    return Case(lambda x: model(x).detach(), arguments)


@impure
def forward_replaced(t):
    model = linear(t)

    def arguments(i):
        if i == 1:
            model.forward = lambda x: x * 100
        return (t.arange(3.0),)

    return Case(lambda x: model(x).detach(), arguments)


@impure
def weights_loaded(t):
    model = linear(t)
    states = [copy.deepcopy(model.state_dict()), {"weight": t.ones(2, 3), "bias": t.ones(2)}]

    def arguments(i):
        model.load_state_dict(states[i % 2])
        return (t.arange(3.0),)

    return Case(lambda x: model(x).detach(), arguments)


@impure
def module_counts_its_calls(t):
    class Counting(t.nn.Module):
        def __init__(self):
            super().__init__()
            self.calls = 0

        def forward(self, x):
            self.calls += 1
            return x * self.calls

    model = Counting()
    return Case(model, vector(t), lambda: model.calls)


@impure
def module_keeps_its_output(t):
    class Keeping(t.nn.Module):
        def __init__(self):
            super().__init__()
            self.last = None

        def forward(self, x):
            self.last = x * 2
            return x * 3

    model = Keeping()
    return Case(model, vector(t), lambda: model.last)


@impure
def buffer_written_in_place(t):
    class Running(t.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("mean", t.zeros(3))

        def forward(self, x):
            self.mean.mul_(0.9).add_(x, alpha=0.1)
            return x - self.mean

    model = Running()
    return Case(model, vector(t), lambda: model.mean)


@impure
def buffer_replaced_by_the_module(t):
    class Running(t.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("mean", t.zeros(3))

        def forward(self, x):
            self.mean = self.mean * 0.9 + x * 0.1
            return x - self.mean

    model = Running()
    return Case(model, vector(t), lambda: model.mean)


@impure
def batch_norm_statistics(t):
    model = t.nn.BatchNorm1d(3)
    return Case(lambda x: model(x).detach(), lambda i: (t.arange(6.0).reshape(2, 3) * (i + 1),),
                lambda: dict(model.named_buffers()))


@impure
def train_and_eval(t):
    model = t.nn.BatchNorm1d(3)

    def arguments(i):
        model.train(i != 1)
        return (t.arange(6.0).reshape(2, 3),)

    return Case(lambda x: model(x).detach(), arguments, lambda: dict(model.named_buffers()))


@impure
def train_and_eval_inside(t):
    model = t.nn.Sequential(t.nn.BatchNorm1d(3))

    def step(x):
        model.eval()
        y = model(x)
        model.train()
        return y.detach() + model(x).detach()

    return Case(step, lambda i: (t.arange(6.0).reshape(2, 3),), lambda: (model.training, model[0].running_mean))


@impure
def eval_left_on(t):
    model = linear(t)

    def step(x):
        model.eval()
        return x * 2

    def state():
        found = model.training
        model.train()
        return found

    return Case(step, vector(t), state)


@impure
def dropout_rate_changed(t):
    layer = t.nn.Dropout(0.0)

    def arguments(i):
        layer.p = 1.0 if i == 1 else 0.0
        return (t.arange(3.0),)

    return Case(lambda x: layer(x), arguments)


@impure
def training_step(t):
    model = linear(t)
    optimizer = t.optim.SGD(model.parameters(), lr=0.1)
    return Case(training(t, optimizer, model), vector(t), parameters(model))


@impure
def learning_rate_changed(t):
    model = linear(t)
    optimizer = t.optim.SGD(model.parameters(), lr=0.1)

    def arguments(i):
        optimizer.param_groups[0]["lr"] = 0.1 * 0.5 ** i
        return (t.arange(3.0),)

    return Case(training(t, optimizer, model), arguments, parameters(model))


@impure
def momentum_changed(t):
    model = linear(t)
    optimizer = t.optim.SGD(model.parameters(), lr=0.1, momentum=0.0)

    def arguments(i):
        optimizer.param_groups[0]["momentum"] = 0.9 * (i > 0)
        return (t.arange(3.0),)

    return Case(training(t, optimizer, model), arguments, parameters(model))


@impure
def weight_decay_changed(t):
    model = linear(t)
    optimizer = t.optim.Adam(model.parameters(), lr=0.1)

    def arguments(i):
        optimizer.param_groups[0]["weight_decay"] = 0.1 * i
        return (t.arange(3.0),)

    return Case(training(t, optimizer, model), arguments, parameters(model))


@impure
def optimizer_state_made_at_the_first_call(t):
    model = linear(t)
    optimizer = t.optim.Adam(model.parameters(), lr=0.1)
    return Case(training(t, optimizer, model), vector(t), lambda: [
        sorted((k, v if isinstance(v, (int, float)) else v.tolist()) for k, v in s.items())
        for s in optimizer.state.values()])


@impure
def optimizer_state_cleared(t):
    model = linear(t)
    optimizer = t.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    def arguments(i):
        if i == 2:
            optimizer.state.clear()
        return (t.arange(3.0),)

    return Case(training(t, optimizer, model), arguments, parameters(model))


@impure
def optimizer_group_added(t):
    model, extra = linear(t), t.ones(2, requires_grad=True)
    optimizer = t.optim.SGD(model.parameters(), lr=0.1)

    def arguments(i):
        if i == 1:
            optimizer.add_param_group({"params": [extra], "lr": 0.5})
        return (t.arange(3.0),)

    def step(x):
        optimizer.zero_grad()
        (model(x) * extra).sum().backward()
        optimizer.step()
        return x * 2

    return Case(step, arguments, lambda: (extra.detach(), parameters(model)()))


@impure
def optimizer_hook_added(t):
    model, steps = linear(t), []
    optimizer = t.optim.SGD(model.parameters(), lr=0.1)

    def arguments(i):
        if i == 1:
            optimizer.register_step_post_hook(lambda *_: steps.append(1))
        return (t.arange(3.0),)

    return Case(training(t, optimizer, model), arguments, lambda: steps)


@impure
def scheduler_outside(t):
    model = linear(t)
    optimizer = t.optim.SGD(model.parameters(), lr=0.1)
    scheduler = t.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)

    def view(loss):
        scheduler.step()
        return loss

    return Case(training(t, optimizer, model), vector(t), parameters(model), view)


@impure
def scheduler_inside(t):
    model = linear(t)
    optimizer = t.optim.SGD(model.parameters(), lr=0.1)
    scheduler = t.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
    train = training(t, optimizer, model)

    def step(x):
        loss = train(x)
        scheduler.step()
        return loss

    return Case(step, vector(t), lambda: (parameters(model)(), scheduler.last_epoch, optimizer.param_groups[0]["lr"]))


@impure
def frozen_and_thawed(t):
    model = linear(t)
    optimizer = t.optim.SGD(model.parameters(), lr=0.1)

    def arguments(i):
        model.bias.requires_grad_(i != 1)
        return (t.arange(3.0),)

    return Case(training(t, optimizer, model), arguments, parameters(model))


@impure
def gradient_accumulation_over_steps(t):
    model = linear(t)
    optimizer = t.optim.SGD(model.parameters(), lr=0.1)
    counter = {"n": 0}

    def step(x):
        counter["n"] += 1
        loss = (model(x) ** 2).mean() / 2
        loss.backward()
        if counter["n"] % 2 == 0:
            optimizer.step()
            optimizer.zero_grad()
        return loss.detach()

    return Case(step, vector(t), lambda: (parameters(model)(), model.weight.grad, counter))


@impure
def gradient_norm_logged(t):
    model, norms = linear(t), []

    def step(x):
        model.zero_grad()
        model(x).sum().backward()
        norms.append(float(t.nn.utils.clip_grad_norm_(model.parameters(), 1.0)))
        return x * 2

    return Case(step, vector(t), lambda: (norms, model.weight.grad))


@impure
def loss_logged(t):
    model = linear(t)
    optimizer = t.optim.SGD(model.parameters(), lr=0.1)
    train, losses = training(t, optimizer, model), []

    def step(x):
        loss = train(x)
        losses.append(loss.item())
        return loss

    return Case(step, vector(t), lambda: losses)


@impure
def average_of_parameters(t):
    model = linear(t)
    average = copy.deepcopy(model)

    def step(x):
        with t.no_grad():
            model.weight.add_(x)
            for held, p in zip(average.parameters(), model.parameters(), strict=True):
                held.lerp_(p, 0.1)
        return x * 2

    return Case(step, vector(t), parameters(average))


@impure
def backward_twice(t):
    w = t.ones(3, requires_grad=True)

    def step(x):
        loss = (x * w * w).sum()
        loss.backward(retain_graph=True)
        loss.backward()
        return x * 2

    return Case(step, vector(t), lambda: w.grad)


@impure
def gradient_penalty(t):
    w = t.ones(3, requires_grad=True)

    def step(x):
        slope, = t.autograd.grad((w ** 3 * x).sum(), w, create_graph=True)
        (slope ** 2).sum().backward()
        return slope.detach()

    return Case(step, vector(t), lambda: w.grad)


@impure
def gradient_scale_by_value(t):
    scale = {"value": 8.0}
    w = t.ones(3, requires_grad=True)

    def step(x):
        w.grad = None
        ((x * w).sum() * scale["value"]).backward()
        if not t.isfinite(w.grad).all():
            scale["value"] /= 2
            return t.zeros(3)
        return w.grad / scale["value"]

    return Case(step, lambda i: (t.tensor([1.0, float("inf") if i == 1 else 2.0, 3.0]),), lambda: scale)


@impure
def state_dict_taken_inside(t):
    model, snapshots = linear(t), []

    def step(x):
        snapshots.append({k: v.clone() for k, v in model.state_dict().items()})
        with t.no_grad():
            model.weight.add_(x)
        return x * 2

    return Case(step, vector(t), lambda: snapshots)


@impure
def buffer_registered_inside(t):
    model = linear(t)

    def step(x):
        if not hasattr(model, "seen"):
            model.register_buffer("seen", t.zeros(3))
        model.seen.add_(x)
        return x * 2

    return Case(step, vector(t), lambda: dict(model.named_buffers()))


@impure
def module_made_inside(t):
    made = []

    def step(x):
        layer = t.nn.Identity()
        made.append(type(layer).__name__)
        return layer(x) * 2

    return Case(step, vector(t), lambda: made)


@impure
def autograd_function_with_an_effect(t):
    calls = []

    class Double(t.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            calls.append("forward")
            return x * 2

        @staticmethod
        def backward(ctx, g):
            calls.append("backward")
            return g * 2

    w = t.ones(3, requires_grad=True)

    def step(x):
        Double.apply(w * x).sum().backward()
        return x * 2

    return Case(step, vector(t), lambda: (calls, w.grad))
