"""Graph walking and node names."""

from __future__ import annotations

from rows.row import Row

ROWS = [
    Row(155, "grad_fn repr", r"""
        x = t(3.0, requires_grad=True)
        import re
        re.sub('0x[0-9a-f]+', '0xADDR', repr((x * 2).grad_fn))""",
        gives="'<MulBackward0 object at 0xADDR>'"),
    Row(156, "grad_fn.name()", r"""
        x = t(3.0, requires_grad=True)
        (x * 2).grad_fn.name()""",
        gives="'MulBackward0'"),
    Row(157, "next_functions", r"""
        x = t(3.0, requires_grad=True)
        re = __import__('re')
        y = x * 2 + 1
        re.sub(
            '0x[0-9a-f]+', '0xADDR', repr((y.grad_fn.next_functions, y.grad_fn.next_functions[0][0].next_functions))
        )""",
        gives=("'(((<MulBackward0 object at 0xADDR>, 0), (None, 0)), ((<AccumulateGrad object at 0xADDR>, 0), (None,"
            " 0)))'")),
    Row(158, "AccumulateGrad.variable", r"""
        x = t(3.0, requires_grad=True)
        n = (x * 2).grad_fn.next_functions[0][0]
        (n.name(), n.variable is x)""",
        gives="('torch::autograd::AccumulateGrad', True)"),
    Row(159, "non-grad input is (None, 0)", r"""
        x = t(3.0, requires_grad=True)
        c = t(2.0)
        (x * c).grad_fn.next_functions[1]""",
        gives="(None, 0)"),
    Row(160, "_saved_* attributes", r"""
        x = t(3.0, requires_grad=True)
        n = (x**2).grad_fn
        [a for a in dir(n) if a.startswith('_saved') or a.startswith('_raw')]""",
        gives="['_raw_saved_self', '_saved_exponent', '_saved_self']"),
    Row(161, "_saved_result of exp is the output itself", r"""
        x = t(3.0, requires_grad=True)
        y = x.exp()
        (y.grad_fn._saved_result == y).item()""",
        gives="True"),
    Row(162, "metadata dict", r"""
        x = t(3.0, requires_grad=True)
        y = x * 2
        y.grad_fn.metadata['k'] = 1
        y.grad_fn.metadata""",
        gives="{'k': 1}"),
    Row(163, "_sequence_nr increases", r"""
        x = t(3.0, requires_grad=True)
        y = x * 2
        z = y * 2
        z.grad_fn._sequence_nr() - y.grad_fn._sequence_nr()""",
        gives="1"),
    Row(164, "names of common ops", r"""
        x = torch.rand(2, 2, requires_grad=True)
        v = torch.rand(2)
        fs = dict(
            add='x+x',
            sub='x-x',
            rsub='1-x',
            mul='x*x',
            div='x/x',
            rdiv='1/x',
            neg='-x',
            pow='x**2',
            powt='x**x',
            rpow='2**x',
            matmul='x@x',
            mv='x@v',
            bmm='x[None]@x[None]',
            dot='x[0]@x[1]',
            t='x.t()',
            T='x.T',
            transpose='x.transpose(0,1)',
            permute='x.permute(1,0)',
            reshape='x.reshape(4)',
            view='x.view(4)',
            flatten='x.flatten()',
            sum='x.sum()',
            sumd='x.sum(0)',
            mean='x.mean()',
            meand='x.mean(0)',
            exp='x.exp()',
            log='x.log()',
            sqrt='x.sqrt()',
            tanh='x.tanh()',
            sigmoid='x.sigmoid()',
            relu='x.relu()',
            softmax='x.softmax(0)',
            log_softmax='x.log_softmax(0)',
            logsumexp='x.logsumexp(0)',
            select='x[0]',
            slice='x[:1]',
            index='x[t([0,1])]',
            mask='x[x>0]',
            gather='x.gather(0,t([[0,0]]))',
            cat='torch.cat([x,x])',
            stack='torch.stack([x,x])',
            where='torch.where(x>0,x,-x)',
            maximum='torch.maximum(x,x)',
            max='x.max()',
            maxd='x.max(0).values',
            clamp='x.clamp(0,1)',
            abs='x.abs()',
            expand='x[None].expand(2,2,2)',
            squeeze='x[None].squeeze(0)',
            unsqueeze='x.unsqueeze(0)',
            clone='x.clone()',
            to='x.double()',
            detach_none='x.detach()',
            cumsum='x.cumsum(0)',
            prod='x.prod()',
            norm='x.norm()',
            std='x.std()',
            var='x.var()',
            einsum='torch.einsum("ij,jk->ik",x,x)',
            linear='nn.functional.linear(x,x,v)',
            linear_nb='nn.functional.linear(x,x)',
            conv='nn.functional.conv2d(x[None,None],x[None,None])',
            ce='nn.functional.cross_entropy(x,t([0,1]))',
            mse='nn.functional.mse_loss(x,v)',
            ln='nn.functional.layer_norm(x,(2,))',
            emb='nn.functional.embedding(t([0]),x)',
            gelu='nn.functional.gelu(x)',
            silu='nn.functional.silu(x)',
            drop='nn.functional.dropout(x,0.5)',
            maxpool='nn.functional.max_pool2d(x[None],2)',
            pad='nn.functional.pad(x,(1,1))',
            solve='torch.linalg.solve(x,x)',
            chol='torch.linalg.cholesky(x@x.T+torch.eye(2))',
            triu='x.triu()',
            tril='x.tril()',
            flip='x.flip(0)',
            sort='x.sort().values',
            topk='x.topk(1).values',
            sin='x.sin()',
            cos='x.cos()',
            erf='x.erf()',
            mul_='(x*1).mul_(2)',
            add_='(x*1).add_(2)',
            sdpa='nn.functional.scaled_dot_product_attention(x[None],x[None],x[None])',
            bn='nn.functional.batch_norm(x,None,None,training=True)',
        )
        ', '.join(f'{k}:{eval(c).grad_fn and eval(c).grad_fn.name()}' for k, c in fs.items())""",
        gives=("'add:AddBackward0, sub:SubBackward0, rsub:RsubBackward1, mul:MulBackward0, div:DivBackward0, "
            "rdiv:MulBackward0, neg:NegBackward0, pow:PowBackward0, powt:PowBackward1, rpow:PowBackward2, "
            "matmul:MmBackward0, mv:MvBackward0, bmm:UnsafeViewBackward0, dot:DotBackward0, t:TBackward0, "
            "T:PermuteBackward0, transpose:TransposeBackward0, permute:PermuteBackward0, reshape:ViewBackward0, "
            "view:ViewBackward0, flatten:ViewBackward0, sum:SumBackward0, sumd:SumBackward1, mean:MeanBackward0, "
            "meand:MeanBackward1, exp:ExpBackward0, log:LogBackward0, sqrt:SqrtBackward0, tanh:TanhBackward0, "
            "sigmoid:SigmoidBackward0, relu:ReluBackward0, softmax:SoftmaxBackward0, "
            "log_softmax:LogSoftmaxBackward0, logsumexp:LogsumexpBackward0, select:SelectBackward0, "
            "slice:SliceBackward0, index:IndexBackward0, mask:IndexBackward0, gather:GatherBackward0, "
            "cat:CatBackward0, stack:StackBackward0, where:WhereBackward0, maximum:MaximumBackward0, "
            "max:MaxBackward1, maxd:MaxBackward0, clamp:ClampBackward1, abs:AbsBackward0, expand:ExpandBackward0,"
            " squeeze:SqueezeBackward1, unsqueeze:UnsqueezeBackward0, clone:CloneBackward0, to:ToCopyBackward0, "
            "detach_none:None, cumsum:CumsumBackward0, prod:ProdBackward0, norm:LinalgVectorNormBackward0, "
            "std:StdBackward0, var:VarBackward0, einsum:ViewBackward0, linear:AddmmBackward0, "
            "linear_nb:MmBackward0, conv:ConvolutionBackward0, ce:NllLossBackward0, mse:MseLossBackward0, "
            "ln:NativeLayerNormBackward0, emb:EmbeddingBackward0, gelu:GeluBackward0, silu:SiluBackward0, "
            "drop:MulBackward0, maxpool:MaxPool2DWithIndicesBackward0, pad:ConstantPadNdBackward0, "
            "solve:LinalgSolveExBackward0, chol:LinalgCholeskyExBackward0, triu:TriuBackward0, "
            "tril:TrilBackward0, flip:FlipBackward0, sort:SortBackward0, topk:TopkBackward0, sin:SinBackward0, "
            "cos:CosBackward0, erf:ErfBackward0, mul_:MulBackward0, add_:AddBackward0, sdpa:UnsafeViewBackward0, "
            "bn:NativeBatchNormBackward0'"),
        warns=("UserWarning: Using a target size (torch.Size([2])) that is different to the input size",),
        differs="The names of two nodes"),
]
