"""``python -m mxsf`` is the command ``mxsf``."""

from .flow.cli.main import main

if __name__ == "__main__":
    main()
