"""`sudo`, and what restarts the Jupyter server, inside a notebook instance: the name is the first argument.

There is one user, who is root: `sudo` changes HOME and what the variables say. Standard library only.
"""

import os
import signal
import sys
from pathlib import Path

HOMES = {"root": "/root", "ec2-user": "/home/ec2-user"}
SERVER_PID = Path("/run/jupyter-server.pid")
SERVERS = ("jupyter-server", "jupyter-server.service")
SHELL = "/bin/bash" if Path("/bin/bash").exists() else "/bin/sh"
ONLY_SERVER = "localaws runs no init system in a notebook instance: only jupyter-server can be restarted\n"


def sudo(words: list[str]) -> int:
    """Become a command, as root or as ec2-user."""
    user, is_login, words = "root", False, list(words)
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option == "--":
            break
        if option in ("-u", "--user"):
            user = words.pop(0) if words else ""
        elif set(option[1:]) <= set("iEHnsSk"):
            is_login |= "i" in option
        else:
            sys.stderr.write(f"sudo: localaws does not know the option {option}\n")
            return 1
    if user not in HOMES:
        sys.stderr.write(f"sudo: unknown user {user}\n")
        return 1
    environment = os.environ | {"USER": user, "LOGNAME": user, "HOME": HOMES[user]}
    while words and "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        environment[name] = value
    return become(words, environment=environment, is_login=is_login)


def become(words: list[str], *, environment: dict[str, str], is_login: bool) -> int:
    """Become a command, or a shell where there is none."""
    if is_login:
        os.chdir(environment["HOME"])
        words = [SHELL, "-l", *(["-c", '"$0" "$@"', *words] if words else [])]
    words = words or [SHELL]
    try:
        os.execvpe(words[0], words, environment)  # noqa: S606 - it is what the instance's owner asked for
    except OSError as error:
        sys.stderr.write(f"sudo: {words[0]}: {error.strerror}\n")
        return 1


def manage(name: str, words: list[str]) -> int:
    """Restart the Jupyter server, as `systemctl`, `initctl` or `service` would."""
    plain = [word for word in words if not word.startswith("-")]
    if name == "service":
        plain.reverse()
    if plain in (["daemon-reload"], ["reload-configuration"]):
        return 0
    if len(plain) != 2 or plain[1] not in SERVERS or plain[0] not in ("restart", "start", "status"):
        sys.stderr.write(ONLY_SERVER)
        return 1
    return restart() if plain[0] == "restart" else 0


def restart() -> int:
    """End the server; the instance's first program starts it again. Before it has begun, nothing is to do."""
    try:
        os.killpg(int(SERVER_PID.read_text()), signal.SIGTERM)
    except (OSError, ValueError):
        return 0
    return 0


if __name__ == "__main__":
    name, given = sys.argv[1], sys.argv[2:]
    sys.exit(sudo(given) if name == "sudo" else manage(name, given))
