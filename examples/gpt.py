"""A small transformer (GPT) that writes a sonnet, character by character.

    python examples/gpt.py

The same program runs under PyTorch: change the first import to `import torch`.
"""

import gradc as torch

nn, F = torch.nn, torch.nn.functional

SONNET = """\
Shall I compare thee to a summer's day?
Thou art more lovely and more temperate:
Rough winds do shake the darling buds of May,
And summer's lease hath all too short a date:
Sometime too hot the eye of heaven shines,
And often is his gold complexion dimm'd;
And every fair from fair sometime declines,
By chance, or nature's changing course, untrimm'd;
But thy eternal summer shall not fade,
Nor lose possession of that fair thou owest;
Nor shall Death brag thou wander'st in his shade,
When in eternal lines to time thou growest:
So long as men can breathe, or eyes can see,
So long lives this, and this gives life to thee.
"""
CONTEXT, BATCH = 32, 16
alphabet = sorted(set(SONNET))
codes = torch.tensor([alphabet.index(character) for character in SONNET])


class Block(nn.Module):
    """Each position looks at those before it, then thinks by itself."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def attention(self, x):
        batch, length, width = x.shape
        q, k, v = (part.view(batch, length, self.heads, -1).transpose(1, 2) for part in self.qkv(x).split(width, dim=2))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(mixed.transpose(1, 2).reshape(batch, length, width))

    def forward(self, x):
        x = x + self.attention(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    """The logits of the next token after each one of a text of at most `context` tokens."""

    def __init__(self, tokens, context, width, heads, layers):
        super().__init__()
        self.context = context
        self.tokens, self.positions = nn.Embedding(tokens, width), nn.Embedding(context, width)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(layers)))
        self.ln, self.head = nn.LayerNorm(width), nn.Linear(width, tokens, bias=False)

    def forward(self, tokens):
        x = self.tokens(tokens) + self.positions(torch.arange(tokens.shape[1]))
        return self.head(self.ln(self.blocks(x)))


torch.manual_seed(0)
model = GPT(len(alphabet), CONTEXT, width=64, heads=4, layers=3)
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)


def step(pieces):
    logits = model(pieces[:, :-1])
    loss = F.cross_entropy(logits.flatten(0, 1), pieces[:, 1:].flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


def train(steps):
    """Yields the loss of every step, in nats per character."""
    for _ in range(steps):
        pieces = codes[torch.randint(len(codes) - CONTEXT, (BATCH, 1)) + torch.arange(CONTEXT + 1)]
        yield step(pieces).item()


@torch.no_grad()
def write(text, length):
    """Go on with a text by drawing one character after the other."""
    tokens = torch.tensor([[alphabet.index(character) for character in text]])
    for _ in range(length):
        logits = model(tokens[:, -model.context :])[:, -1]
        tokens = torch.cat([tokens, torch.multinomial(F.softmax(logits, dim=-1), num_samples=1)], dim=1)
    return "".join(alphabet[token] for token in tokens[0].tolist())


if __name__ == "__main__":
    for i, loss in enumerate(train(200), 1):
        if i % 50 == 0:
            print(f"step {i}   {loss:.3f} nats per character")
    print(write("Shall I", 120))
