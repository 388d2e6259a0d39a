"""``python -m gpubackprop``: the command line."""

from gpubackprop.cli import main

if __name__ == "__main__":
    main()
