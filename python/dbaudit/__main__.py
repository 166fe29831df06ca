"""Becomes the program that was installed with this package."""

import os
import sys
import sysconfig


def program():
    """Its path: in the scripts of this environment, of the user, or beside a `pip install --target` directory."""
    beside = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bin")
    user = sysconfig.get_path("scripts", f"{os.name}_user")
    for directory in (sysconfig.get_path("scripts"), user, beside):
        path = os.path.join(directory, "dbaudit")
        if os.access(path, os.X_OK):
            return path
    sys.exit("dbaudit: the program is not where pip puts programs; install the package again")


if __name__ == "__main__":
    path = program()
    os.execv(path, [path] + sys.argv[1:])
