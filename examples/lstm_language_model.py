"""An LSTM that writes a sonnet, character by character.

    python examples/lstm_language_model.py

The text is cut into rows that are read side by side, piece by piece; the state goes on from piece to piece, the
gradient does not. The same program runs under PyTorch: change the first import to `import torch`.
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
ROWS, PIECE = 4, 25
alphabet = sorted(set(SONNET))
codes = torch.tensor([alphabet.index(character) for character in SONNET])


class LanguageModel(nn.Module):
    """The logits of the next character after each one that it has read, and its state of mind."""

    def __init__(self, width=128):
        super().__init__()
        self.embedding = nn.Embedding(len(alphabet), 32)
        self.lstm = nn.LSTM(32, width, num_layers=2, batch_first=True)
        self.head = nn.Linear(width, len(alphabet))

    def forward(self, characters, state=None):
        hidden, state = self.lstm(self.embedding(characters), state)
        return self.head(hidden), state


torch.manual_seed(0)
model = LanguageModel()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)


def pieces():
    """The pieces of all rows with the characters that follow, again and again; the state starts anew with a row."""
    width = (len(codes) - 1) // ROWS
    x, y = (part.reshape(ROWS, width) for part in (codes[: ROWS * width], codes[1 : ROWS * width + 1]))
    while True:
        for i in range(0, width, PIECE):
            yield i == 0, x[:, i : i + PIECE], y[:, i : i + PIECE]


def step(x, y, state):
    """The loss, and the state of mind behind the piece, without its history."""
    logits, state = model(x, state)
    loss = F.cross_entropy(logits.flatten(0, 1), y.flatten())
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss, tuple(part.detach() for part in state)


def train(steps):
    """Yields the loss of every step, in nats per character."""
    state = None
    for _, (new, x, y) in zip(range(steps), pieces(), strict=False):
        loss, state = step(x, y, None if new else state)
        yield loss.item()


@torch.no_grad()
def write(text, length):
    """Go on with a text by drawing one character after the other."""
    logits, state = model(torch.tensor([[alphabet.index(character) for character in text]]))
    for _ in range(length):
        character = torch.multinomial(F.softmax(logits[:, -1], dim=-1), num_samples=1)
        text += alphabet[character.item()]
        logits, state = model(character, state)
    return text


if __name__ == "__main__":
    for i, loss in enumerate(train(400), 1):
        if i % 100 == 0:
            print(f"step {i}   {loss:.3f} nats per character")
    print(write("Shall I", 120))
