"""``python -m gpubackprop``: the command line, or a program that is run with acceleration."""

import sys

from gpubackprop import cli
from gpubackprop.accelerator import script

if __name__ == "__main__":
    if script.is_program(sys.argv[1:], cli.COMMANDS):
        script.run(sys.argv[1:])
    else:
        cli.main()
