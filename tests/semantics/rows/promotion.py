"""Type promotion, scalars, reductions, conversions."""

from __future__ import annotations

from rows.row import Row

ROWS = [
    Row(250, "default dtype", r"""
        (
            t(1.0).dtype,
            t(1).dtype,
            t(True).dtype,
            t(1j).dtype,
            torch.arange(3).dtype,
            torch.arange(3.0).dtype,
            t([]).dtype,
        )""",
        gives="(torch.float32, torch.int64, torch.bool, torch.complex64, torch.int64, torch.float32, torch.float32)"),
    Row(251, "numpy float64 keeps float64", r"""
        (t(np.ones(2)).dtype, torch.from_numpy(np.ones(2)).dtype, t(np.float64(1)).dtype)""",
        gives="(torch.float64, torch.float64, torch.float64)"),
    Row(252, "float32 tensor * python float", r"""
        (torch.ones(2) * 1.5).dtype""",
        gives="torch.float32"),
    Row(253, "int tensor * python float -> default float", r"""
        (torch.ones(2, dtype=torch.int64) * 1.5).dtype""",
        gives="torch.float32"),
    Row(254, "int / int", r"""
        (t([1, 2]) / t([2, 2]), t(1) / 2)""",
        gives="(tensor([0.5000, 1.0000]), tensor(0.5000))"),
    Row(255, "int // and %: floor semantics", r"""
        (t([-3]) // 2, t([-3]) % 2, t([-3.0]) // 2, torch.fmod(t([-3]), 2))""",
        gives="(tensor([-2]), tensor([1]), tensor([-2.]), tensor([-1]))"),
    Row(256, "0-d float64 tensor does not promote a float32 dim tensor", r"""
        (torch.ones(2) * t(2.0, dtype=torch.float64)).dtype""",
        gives="torch.float32"),
    Row(257, "float32 * float64 dim tensors", r"""
        (torch.ones(2) * torch.ones(2, dtype=torch.float64)).dtype""",
        gives="torch.float64"),
    Row(258, "int64 dim tensor * 0-d float32", r"""
        (torch.ones(2, dtype=torch.int64) * t(2.0)).dtype""",
        gives="torch.float32"),
    Row(259, "float16 * bfloat16", r"""
        (torch.ones(1, dtype=torch.float16) * torch.ones(1, dtype=torch.bfloat16)).dtype""",
        gives="torch.float32"),
    Row(260, "float16 * int64; bool+bool; uint8+int8", r"""
        (
            torch.promote_types(torch.float16, torch.int64),
            (t([True]) + t([True])).dtype,
            torch.promote_types(torch.uint8, torch.int8),
        )""",
        gives="(torch.float16, torch.bool, torch.int16)"),
    Row(261, "bool - bool", r"""
        t([True]) - t([True])""",
        raises="RuntimeError: Subtraction, the `-` operator, with two bool tensors is not supported"),
    Row(262, "result_type / can_cast", r"""
        (
            torch.result_type(t([1]), 1.5),
            torch.can_cast(torch.float64, torch.float32),
            torch.can_cast(torch.float32, torch.int64),
        )""",
        gives="(torch.float32, True, False)"),
    Row(263, "matmul does not promote", r"""
        torch.ones(2, 2) @ torch.ones(2, 2, dtype=torch.float64)""",
        raises="RuntimeError: expected m1 and m2 to have the same dtype, but got"),
    Row(264, "float @ int", r"""
        torch.ones(2, 2) @ torch.ones(2, 2, dtype=torch.int64)""",
        raises="RuntimeError: expected m1 and m2 to have the same dtype, but got"),
    Row(265, "matmul shape mismatch", r"""
        torch.ones(2, 3) @ torch.ones(2, 3)""",
        raises="RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)"),
    Row(266, "matmul 1d mismatch", r"""
        torch.ones(3) @ torch.ones(2)""",
        raises=("RuntimeError: inconsistent tensor size, expected tensor [3] and src [2] to have the same number of "
            "elements")),
    Row(267, "matmul 0-d", r"""
        torch.ones(()) @ torch.ones(2)""",
        raises="RuntimeError: both arguments to matmul need to be at least 1D, but they are 0D and 1D"),
    Row(268, "broadcast mismatch", r"""
        torch.ones(2, 3) + torch.ones(2)""",
        raises=("RuntimeError: The size of tensor a (3) must match the size of tensor b (2) at non-singleton "
            "dimension 1")),
    Row(269, "sum of int / bool is int64", r"""
        (
            t([1, 2], dtype=torch.int32).sum().dtype,
            t([True]).sum().dtype,
            t([1, 2], dtype=torch.uint8).cumsum(0).dtype,
        )""",
        gives="(torch.int64, torch.int64, torch.int64)"),
    Row(270, "mean of int", r"""
        t([1, 2]).mean()""",
        raises="RuntimeError: mean(): could not infer output dtype"),
    Row(271, "std/var/softmax/norm of int", r"""
        t([1, 2]).std()""",
        raises="RuntimeError: std and var only support floating point and complex dtypes"),
    Row(271, "std/var/softmax/norm of int", r"""
        t([1, 2]).softmax(0)""",
        raises="NotImplementedError: not implemented for 'Long'"),
    Row(271, "std/var/softmax/norm of int", r"""
        t([1, 2]).norm()""",
        raises="RuntimeError: Expected a floating point or complex tensor as input. Got Long"),
    Row(271, "std/var/softmax/norm of int", r"""
        torch.linalg.norm(t([1, 2]))""",
        raises="RuntimeError: Expected a floating point or complex tensor as input. Got Long"),
    Row(272, "exp/sqrt/sin/sigmoid of int -> float32", r"""
        [f(t([1])).dtype for f in (torch.exp, torch.sqrt, torch.sin, torch.sigmoid, torch.log)]""",
        gives="[torch.float32, torch.float32, torch.float32, torch.float32, torch.float32]"),
    Row(273, "relu/abs/neg on bool", r"""
        torch.relu(t([True]))""",
        raises="RuntimeError: Boolean inputs not supported for relu"),
    Row(273, "relu/abs/neg on bool", r"""
        torch.abs(t([True]))""",
        raises="NotImplementedError: not implemented for 'Bool'"),
    Row(273, "relu/abs/neg on bool", r"""
        torch.neg(t([True]))""",
        raises="RuntimeError: Negation, the `-` operator, on a bool tensor is not supported"),
    Row(274, "std default is unbiased; correction=", r"""
        (t([1.0, 2.0, 3.0]).std(), t([1.0, 2.0, 3.0]).std(correction=0), t([1.0]).std())""",
        gives="(tensor(1.), tensor(0.8165), tensor(nan))",
        warns=("UserWarning: std(): degrees of freedom is <= 0",)),
    Row(275, "sum of empty / mean of empty / max of empty", r"""
        (torch.empty(0).sum(), torch.empty(0).mean(), torch.empty(0).prod())""",
        gives="(tensor(0.), tensor(nan), tensor(1.))"),
    Row(275, "sum of empty / mean of empty / max of empty", r"""
        torch.empty(0).max()""",
        raises="RuntimeError: max(): Expected reduction dim to be specified for input.numel() == 0"),
    Row(276, "argmax of empty dim / max dim tuple", r"""
        torch.zeros(2, 0).max(1)""",
        raises="IndexError: max(): Expected reduction dim 1 to have non-zero size"),
    Row(277, "keepdim and dim aliases", r"""
        (
            torch.ones(2, 3).sum(dim=1, keepdim=True).shape,
            torch.ones(2, 3).sum(axis=1).shape,
            torch.ones(2, 3).sum((0, 1)).shape,
        )""",
        gives="(torch.Size([2, 1]), torch.Size([2]), torch.Size([]))"),
    Row(278, "dim out of range", r"""
        torch.ones(2, 3).sum(2)""",
        raises="IndexError: Dimension out of range (expected to be in range of [-2, 1], but got 2)"),
    Row(279, "index out of range", r"""
        torch.ones(2)[5]""",
        raises="IndexError: index 5 is out of bounds for dimension 0 with size 2"),
    Row(280, "too many indices", r"""
        torch.ones(2)[0, 0]""",
        raises="IndexError: too many indices for tensor of dimension 1"),
    Row(281, "negative step slice", r"""
        torch.ones(3)[::-1]""",
        raises="ValueError: step must be greater than zero"),
    Row(282, "iterate / len / unpack", r"""
        (len(torch.ones(3, 2)), [a.shape for a in torch.ones(2, 3)])""",
        gives="(3, [torch.Size([3]), torch.Size([3])])"),
    Row(283, "len of 0-d / iterate 0-d", r"""
        len(t(1.0))""",
        raises="TypeError: len() of a 0-d tensor"),
    Row(283, "len of 0-d / iterate 0-d", r"""
        list(t(1.0))""",
        raises="TypeError: iteration over a 0-d tensor"),
    Row(283, "len of 0-d / iterate 0-d", r"""
        t(1.0)[0]""",
        raises="IndexError: invalid index of a 0-dim tensor"),
    Row(284, "bool of multi-element / empty", r"""
        (bool(t(1.0)), bool(t([0.0])))""",
        gives="(True, False)"),
    Row(284, "bool of multi-element / empty", r"""
        bool(torch.ones(2))""",
        raises="RuntimeError: Boolean value of Tensor with more than one value is ambiguous"),
    Row(284, "bool of multi-element / empty", r"""
        bool(torch.empty(0))""",
        raises="RuntimeError: Boolean value of Tensor with no values is ambiguous"),
    Row(285, "float()/int()/item() of multi-element", r"""
        float(torch.ones(2))""",
        raises="ValueError: only one element tensors can be converted"),
    Row(285, "float()/int()/item() of multi-element", r"""
        int(torch.ones(2))""",
        raises="ValueError: only one element tensors can be converted"),
    Row(285, "float()/int()/item() of multi-element", r"""
        torch.ones(2).item()""",
        raises="RuntimeError: a Tensor with 2 elements cannot be converted to Scalar"),
    Row(286, "float() of requires-grad scalar", r"""
        float(t(2.0, requires_grad=True) * 1)""",
        gives="2.0",
        warns=("UserWarning: Converting a tensor with requires_grad=True to a scalar",)),
    Row(287, ".numpy() of requires-grad", r"""
        t([1.0], requires_grad=True).numpy()""",
        raises="RuntimeError: Can't call numpy() on Tensor that requires grad"),
    Row(288, "np.asarray of requires-grad", r"""
        np.asarray(t([1.0], requires_grad=True))""",
        raises="RuntimeError: Can't call numpy() on Tensor that requires grad"),
    Row(289, ".tolist() fine", r"""
        t([1.0, 2.0], requires_grad=True).tolist()""",
        gives="[1.0, 2.0]"),
    Row(290, ".numpy() shares memory", r"""
        x = torch.zeros(2)
        x.numpy()[0] = 5
        x""",
        gives="tensor([5., 0.])"),
    Row(291, ".numpy() of bfloat16", r"""
        torch.ones(1, dtype=torch.bfloat16).numpy()""",
        raises="TypeError: Got unsupported ScalarType BFloat16",
        differs="bfloat16 goes to NumPy"),
    Row(292, "numpy ufunc on a tensor", r"""
        (type(np.exp(torch.ones(2))), type(np.ones(2) * torch.ones(2)), type(torch.ones(2) * np.ones(2)))""",
        raises="TypeError: unsupported operand type(s) for *",
        warns=("DeprecationWarning: __array_wrap__ must accept context",),
        differs="NumPy arrays and tensors"),
    Row(293, "np scalar * grad tensor", r"""
        x = t([1.0], requires_grad=True)
        (np.float64(2) * x, x * np.float64(2))""",
        gives="(tensor([2.], grad_fn=<MulBackward0>), tensor([2.], grad_fn=<MulBackward0>))"),
    Row(294, "np array * grad tensor", r"""
        x = t([1.0], requires_grad=True)
        np.ones(1) * x""",
        raises="TypeError: unsupported operand type(s) for *",
        differs="NumPy arrays and tensors"),
    Row(295, "__array_priority__ / __array_namespace__", r"""
        (
            torch.ones(1).__array_priority__,
            hasattr(torch.ones(1), '__array_namespace__'),
            hasattr(torch.ones(1), '__dlpack__'),
        )""",
        gives="(1000, False, True)"),
    Row(296, "DLPack of requires-grad", r"""
        torch.utils.dlpack.to_dlpack(t([1.0], requires_grad=True)) and torch.ones(1).__dlpack_device__()""",
        gives="(<DLDeviceType.kDLCPU: 1>, 0)"),
    Row(297, "__dlpack__ of requires-grad", r"""
        t([1.0], requires_grad=True).__dlpack__()""",
        raises="BufferError: Can't export tensors that require gradient, use tensor.detach()"),
    Row(298, "equality is elementwise, hash by identity, `in`", r"""
        x = t([1.0, 2.0])
        (x == x, hash(x) == id(x) or 'hash!=id', 2.0 in x)""",
        gives="(tensor([True, True]), True, True)",
        differs="The hash of a tensor"),
    Row(299, "equality with mismatched shape", r"""
        t([1.0, 2.0]) == t([1.0, 2.0, 3.0])""",
        raises=("RuntimeError: The size of tensor a (2) must match the size of tensor b (3) at non-singleton "
            "dimension 0")),
    Row(300, "torch.equal/allclose dtype mismatch", r"""
        torch.equal(t([1.0]), t([1]))""",
        gives="True"),
    Row(300, "torch.equal/allclose dtype mismatch", r"""
        torch.allclose(t([1.0]), t([1]))""",
        raises="RuntimeError: Float did not match Long"),
    Row(301, "clone keeps graph, deepcopy not", r"""
        x = t([1.0], requires_grad=True)
        x.clone()""",
        gives="tensor([1.], grad_fn=<CloneBackward0>)"),
    Row(302, "to() same dtype returns self", r"""
        x = torch.ones(2)
        (x.to(torch.float32) is x, x.float() is x, x.contiguous() is x, x.reshape(2) is x)""",
        gives="(True, True, True, False)"),
    Row(303, "where with scalars", r"""
        torch.where(t([True, False]), 1.0, 0)""",
        gives="tensor([1., 0.])"),
    Row(304, "clamp None", r"""
        t([1.0]).clamp()""",
        raises="RuntimeError: torch.clamp: At least one of 'min' or 'max' must not be None"),
    Row(305, "pow int negative", r"""
        t([2]) ** (-1)""",
        raises="RuntimeError: Integers to negative integer powers are not allowed"),
    Row(306, "int ** float / 2 ** tensor", r"""
        (t([2]) ** 0.5, 2 ** t([2.0]), 2 ** t([2]))""",
        gives="(tensor([1.4142]), tensor([4.]), tensor([4]))"),
    Row(307, "one-hot / cross_entropy class out of range", r"""
        nn.functional.cross_entropy(torch.zeros(1, 3), t([3]))""",
        raises="IndexError: Target 3 is out of bounds"),
    Row(308, "cross_entropy dtype", r"""
        nn.functional.cross_entropy(torch.zeros(1, 3), t([1.0]))""",
        raises="RuntimeError: expected target dtype to be Long or Byte, but got Float"),
    Row(309, "embedding out of range", r"""
        nn.functional.embedding(t([3]), torch.zeros(3, 2))""",
        raises="IndexError: index out of range in self"),
    Row(310, "linear shape mismatch", r"""
        nn.Linear(3, 2)(torch.ones(1, 4))""",
        raises="RuntimeError: mat1 and mat2 shapes cannot be multiplied (1x4 and 3x2)"),
    Row(311, "conv wrong channels", r"""
        nn.functional.conv2d(torch.ones(1, 3, 8, 8), torch.ones(4, 2, 3, 3))""",
        raises=("RuntimeError: Given groups=1, weight of size [4, 2, 3, 3], expected input[1, 3, 8, 8] to have 2 "
            "channels")),
    Row(312, "cat mismatch", r"""
        torch.cat([torch.ones(2, 2), torch.ones(3, 3)])""",
        raises=("RuntimeError: Sizes of tensors must match except in dimension 0. Expected size 2 but got size 3 for "
            "tensor number 1 in the list")),
    Row(313, "stack mismatch", r"""
        torch.stack([torch.ones(2), torch.ones(3)])""",
        raises="RuntimeError: stack expects each tensor to be equal size, but got [2] at entry 0 and [3] at entry 1"),
    Row(314, "tensor of ragged list", r"""
        t([[1.0], [1.0, 2.0]])""",
        raises="ValueError: expected sequence of length 1 at dim 1 (got 2)"),
    Row(315, "tensor of list of 0-d tensors drops grad", r"""
        x = t(1.0, requires_grad=True)
        t([x, x])""",
        gives="tensor([1., 1.])",
        warns=("UserWarning: Converting a tensor with requires_grad=True to a scalar",)),
    Row(316, "add non-tensor", r"""
        torch.ones(2) + 'a'""",
        raises="TypeError: unsupported operand type(s) for +"),
    Row(317, "unknown attribute", r"""
        torch.ones(2).foo""",
        raises="AttributeError: 'Tensor' object has no attribute 'foo'"),
    Row(318, "float32 0-d wrapped number: python scalar results", r"""
        ((t(1.0) * 2).dtype, (t(1) * 2.0).dtype, (t(1, dtype=torch.float16) * 2.5).dtype)""",
        gives="(torch.float32, torch.float32, torch.float16)"),
    Row(319, "mse_loss broadcast warning", r"""
        nn.functional.mse_loss(torch.ones(2, 1), torch.ones(2))""",
        gives="tensor(0.)",
        warns=("UserWarning: Using a target size (torch.Size([2])) that is different to the input size",)),
    Row(320, "softmax implicit dim warning", r"""
        nn.functional.softmax(torch.ones(2, 2))""",
        gives="""\
tensor([[0.5000, 0.5000],
        [0.5000, 0.5000]])""",
        warns=("UserWarning: Implicit dimension choice for softmax has been deprecated",)),
    Row(321, ".T on >2-D", r"""
        torch.ones(2, 3, 4).T.shape""",
        gives="torch.Size([4, 3, 2])",
        warns=("UserWarning: The use of `x.T` on tensors of dimension other than 2",)),
]
