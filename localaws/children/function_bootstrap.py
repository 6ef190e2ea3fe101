"""Start a function: copied into LAMBDA_RUNTIME_DIR and run as `python -S -m bootstrap CLIENT HANDLER`.

CLIENT is `awslambdaric`, AWS's own runtime interface client, or `python`, ours. Standard library only: this
module must never import localaws, whose folder is not on the path here.
"""

import site
import sys


def main() -> None:
    """Run the handler named on the command line until the process is killed."""
    client, handler = sys.argv[1:3]
    site.setquit()
    site.sethelper()
    if client == "awslambdaric":
        from awslambdaric.__main__ import main as run

        run(["bootstrap", handler])
    else:
        from localaws_runtime import run_handler  # type: ignore[import-not-found]  # its name in LAMBDA_RUNTIME_DIR

        run_handler(handler)


if __name__ == "__main__":
    main()
