"""What `make env` prints, read by a shell."""

import subprocess

from scripts.env import render_exports


def test_a_shell_takes_whatever_the_values_hold() -> None:
    values = {"A": "it's $HOME", "B": '{"a": "b c"}', "C": "x;y"}
    script = f'{render_exports(values)}\nprintf \'%s|%s|%s\' "$A" "$B" "$C"'
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "|".join(values.values())
