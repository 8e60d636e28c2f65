"""`python -m mtl_core`."""

from mtl_core.cli.entry import main

if __name__ == "__main__":
    main()
