"""Draw .github/train.svg: what `gpubackprop train` prints, run now, as a terminal of 80 columns.

From the checkout: `python .github/draw_terminal.py`.
"""

import io
import os
import re
import tempfile
from pathlib import Path

from gpubackprop.cli import train
from gpubackprop.cli.terminal import Terminal

FOLDER = Path(__file__).resolve().parent
COMMAND = "$ gpubackprop train\n"


def main() -> None:
    """Train in a temporary folder with a terminal that records what it prints."""
    recorder = Terminal(file=io.StringIO(), width=80, record=True)
    recorder.print(COMMAND)
    train.Terminal = lambda **_: recorder  # type: ignore[assignment, misc]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        train.train()
    recorder.soft_wrap = False
    drawn = recorder.export_svg(title="gpubackprop train", unique_id="train")
    web_fonts = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)  # a picture loads nothing
    picture = web_fonts.sub("", drawn)
    (FOLDER / "train.svg").write_text(picture.replace("Fira Code, monospace", "monospace"), "utf-8")


if __name__ == "__main__":
    main()
