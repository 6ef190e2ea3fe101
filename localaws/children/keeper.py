"""Start the children of localaws, and see to it that nothing of them is left: run as a script.

Standard input is a Unix socket to localaws. Each message on it brings two file descriptors: a control socket
for one child, and what is to be the child's output. A process forked for it, the guard, reads from the
control socket what to start (a line of JSON) and becomes the child's parent. It answers `+PID` once the
program runs, or `!REASON`, and in the end the exit code, negative for a signal. `T` makes it send SIGTERM to
the program's process group, `Z` and `C` SIGUSR1 and SIGUSR2 to the program alone; `K`, or the end of the
socket, kills all.

A child lives in a PID namespace, whose first process is the guard's. When that ends the kernel kills all that
is in the namespace, whatever session or parent it has, and it ends with the program, at `K`, and with the
guard. Where no namespace can be had, the guard is a subreaper: what its descendants leave behind becomes its
own child, and is killed. A namespace holds a limited number of processes, so that the kernel refuses them to
one that starts others for ever (Linux 6.14 or later, or 5.14 in a user namespace). When localaws ends, all
control sockets do; then the folder named on the command line is removed. Standard library only, started with
`python -I -S`.
"""

import contextlib
import ctypes
import errno
import json
import os
import resource
import select
import signal
import socket
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NoReturn

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID = 0x0002_0000, 0x1000_0000, 0x2000_0000
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER = 1, 24, 36
CAPABILITIES = (0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 29, 31)
"""What root keeps of its rights in a container, by number: Docker's list without CAP_MKNOD. The clock, the
host's name, mounts and devices are not among them (https://docs.docker.com/engine/containers/run/)."""
CAPABILITIES_END = 64
PROTECTED = ("/proc/sys", "/proc/sysrq-trigger")
"""What root might write to without any of these rights; read-only in a container."""
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 0x20, 0x1000, 0x4000, 0x4_0000
MOUNT_FLAGS = {"ro": 0x1, "nosuid": 0x2, "nodev": 0x4, "noexec": 0x8, "noatime": 0x400}
PROC_FLAGS = MOUNT_FLAGS["nosuid"] | MOUNT_FLAGS["nodev"] | MOUNT_FLAGS["noexec"]
TERMINAL_FLAGS = MOUNT_FLAGS["nosuid"] | MOUNT_FLAGS["noexec"]
TERMINAL_OPTIONS = "newinstance,ptmxmode=0666,mode=0620"
KINDS = {"root": CLONE_NEWPID | CLONE_NEWNS, "user": CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS}
"""The ways to a namespace, by the flags of unshare(2), in the order in which they are tried."""
NAMESPACE_LIMIT, USER_LIMIT = (6, 14), (5, 14)
"""Since which Linux kernel.pid_max, and RLIMIT_NPROC in a user namespace, hold for a namespace alone. Before,
they were the machine's and the user's, and are left alone (https://docs.kernel.org/admin-guide/sysctl/kernel.html)."""
PID_MAX = "/proc/sys/kernel/pid_max"
RESERVED_PIDS = 300
"""Numbers of processes that the kernel gives only once; they come on top."""
IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals of a terminal or a service manager. localaws gets them too, and says what children are to do."""
DEFAULTS = (*IGNORED, signal.SIGQUIT, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD)
"""Signals that a program is not to inherit as ignored."""
FREEZE, THAW = signal.SIGUSR1, signal.SIGUSR2
ORDERS = {ord("T"): (os.killpg, signal.SIGTERM), ord("Z"): (os.kill, FREEZE), ord("C"): (os.kill, THAW)}
"""What a program, or its process group, is sent for each order of localaws."""
ALREADY_DEAD = (ProcessLookupError, PermissionError)

libc = ctypes.CDLL(None, use_errno=True)
libc.mount.argtypes = (*[ctypes.c_char_p] * 3, ctypes.c_ulong, ctypes.c_char_p)
libc.prctl.argtypes = (ctypes.c_int, *[ctypes.c_ulong] * 4)


def main() -> None:
    """Tell localaws whether there are namespaces, fork a guard for each message, and clean up at the end."""
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # guards are not waited for one by one
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # for the children of a guard that was killed
    localaws = socket.socket(fileno=0)
    kind, refusal = find_kind()
    with contextlib.suppress(OSError):
        localaws.sendall(f"{refusal}\n".encode())
    while fds := receive(localaws):
        if os.fork() == 0:
            localaws.close()
            run(guard, socket.socket(fileno=fds[0]), output=fds[1], kind=kind)
        for fd in fds:
            os.close(fd)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    end_descendants()
    for folder in sys.argv[1:]:  # its owner had no time to remove it
        import shutil  # only where there is something to do: it would double this script's start

        shutil.rmtree(folder, ignore_errors=True)


def receive(localaws: socket.socket) -> list[int]:
    """Wait for the next message; return its file descriptors, none where localaws has ended."""
    with contextlib.suppress(ConnectionResetError):  # it did not read whether there are namespaces
        return socket.recv_fds(localaws, 1, 2)[1]
    return []


def run(work: Callable[..., None], *arguments: Any, **options: Any) -> NoReturn:
    """Do the work of a forked process, and end it without what its parent would do at exit."""
    try:
        work(*arguments, **options)
    except BaseException:  # noqa: BLE001 - the process's boundary
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


def find_kind() -> tuple[str, str]:
    """Try how a namespace can be made: return its kind and "", or "" and why there is none."""
    refusal = ""
    for kind in KINDS:
        read_end, write_end = os.pipe()
        pid = os.fork()
        if pid == 0:
            run(probe, write_end, kind=kind)
        os.close(write_end)
        refusal = read_all(read_end).decode()
        if not refusal:
            return kind, ""
    return "", refusal


def read_all(pipe: int) -> bytes:
    """Read a pipe to its end, and close it."""
    with os.fdopen(pipe, "rb") as file:
        return file.read()


def probe(report: int, *, kind: str) -> None:
    """Make a namespace and leave it; write the reason to `report` where that fails."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    mounts: list[dict[str, Any]] = [
        {"source": "/usr", "target": "/usr", "flags": [], "make": False},
        {"target": "/tmp", "size": 4096},  # noqa: S108 - in a namespace that ends at once
    ]
    try:
        first = enter_namespace(kind, mounts=mounts, is_root=False, processes=0)
    except OSError as error:
        os.write(report, describe(error).encode())
    else:
        end_all(first)


def guard(control: socket.socket, *, output: int, kind: str) -> None:
    """Start one program, pass signals on to it, and end all of it when it ends or localaws wants it to."""
    signal.signal(signal.SIGCHLD, lambda *_: None)
    request = json.loads(control.makefile("rb").readline() or "null")
    if request is None:  # localaws has ended meanwhile
        return
    wakeups = open_wakeups()
    first = None
    try:
        if kind:
            asked = {name: request[name] for name in ("mounts", "is_root", "processes")}
            first = enter_namespace(kind, **asked)
            if request["is_container"]:
                protect_kernel()
        else:
            libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        program = start_program(request, output=output, kind=kind)
    except OSError as error:
        answer(control, f"!{describe(error)}")
        end_all(first)
        return
    os.close(output)
    answer(control, f"+{program}")
    status = watch(control, wakeups=wakeups, program=program)
    left = end_all(first)
    answer(control, str(os.waitstatus_to_exitcode(left.get(program, 0) if status is None else status)))


def answer(control: socket.socket, line: str) -> None:
    """Send a line to localaws, which may be gone."""
    with contextlib.suppress(OSError):
        control.sendall(f"{line}\n".encode())


def describe(error: OSError) -> str:
    """Return an error in one line."""
    return " ".join(str(part) for part in (error.filename, error.strerror) if part)


def open_wakeups() -> socket.socket:
    """Return a socket that becomes readable whenever a child has ended."""
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    signal.set_wakeup_fd(writing.detach(), warn_on_full_buffer=False)
    return reading


def enter_namespace(kind: str, *, mounts: Iterable[dict[str, Any]], is_root: bool, processes: int) -> int:
    """Enter a mount namespace with these mounts, and make a PID namespace; return its first process's pid.

    It holds that many processes and threads; 0 is no limit.
    """
    uid, gid = os.getuid(), os.getgid()
    check(libc.unshare(KINDS[kind]), name="unshare")
    if kind == "user":
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{0 if is_root else uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{0 if is_root else gid} {gid} 1")
    mount("none", "/", flags=MS_REC | MS_PRIVATE)
    read_end, write_end = os.pipe()
    first = os.fork()
    if first == 0:
        run(be_first_process, ready=write_end, processes=processes)
    os.close(write_end)
    if (said := read_all(read_end)) != b"ready":
        raise OSError(errno.EPERM, said.decode() or "the namespace's first process ended")
    for entry in mounts:
        add_mount(entry)
    return first


def be_first_process(*, ready: int, processes: int) -> None:
    """Be process 1 of a namespace: mount its /proc, take in orphans, and die with the guard."""
    try:
        mount("proc", "/proc", kind="proc", flags=PROC_FLAGS)
        if processes and os.access(PID_MAX, os.W_OK) and linux_version() >= NAMESPACE_LIMIT:
            Path(PID_MAX).write_text(str(processes + RESERVED_PIDS))
    except OSError as error:
        os.write(ready, describe(error).encode())
        return
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    os.setsid()
    os.write(ready, b"ready")
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps them
    os.closerange(0, os.sysconf("SC_OPEN_MAX"))
    while True:
        signal.pause()


def linux_version() -> tuple[int, ...]:
    """Return the first two numbers of the kernel's version."""
    return tuple(int(number) for number in os.uname().release.split("-")[0].split(".")[:2])


def protect_kernel() -> None:
    """Make what configures the kernel read-only."""
    for path in filter(os.path.exists, PROTECTED):
        mount(path, path, flags=MS_BIND)
        mount("none", path, flags=MS_BIND | MS_REMOUNT | MOUNT_FLAGS["ro"] | PROC_FLAGS)


def drop_capabilities() -> None:
    """Give up what no container has, for this process and all that it starts."""
    for number in set(range(CAPABILITIES_END)) - set(CAPABILITIES):
        libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)


def add_mount(entry: dict[str, Any]) -> None:
    """Mount a folder or file of the machine, or an empty folder in memory, where the child is to see it."""
    target = entry["target"]
    if "size" in entry:
        data = f"size={entry['size']},mode=1777"
        mount("tmpfs", target, kind="tmpfs", flags=MOUNT_FLAGS["nosuid"], data=data)
        return
    if "terminals" in entry:
        mount("devpts", target, kind="devpts", flags=TERMINAL_FLAGS, data=TERMINAL_OPTIONS)
        return
    if entry["make"]:
        make_target(Path(target), is_folder=Path(entry["source"]).is_dir())
    mount(entry["source"], target, flags=MS_BIND | MS_REC)
    if flags := sum(MOUNT_FLAGS[name] for name in entry["flags"]):
        mount("none", target, flags=MS_BIND | MS_REMOUNT | flags)


def make_target(target: Path, *, is_folder: bool) -> None:
    """Make the folder or file that something is to be mounted on."""
    (target if is_folder else target.parent).mkdir(parents=True, exist_ok=True)
    if not is_folder:
        target.touch()


def mount(source: str, target: str, *, kind: str = "none", flags: int = 0, data: str = "") -> None:
    """Call mount(2); raises OSError."""
    where = os.fsencode(source), os.fsencode(target)
    check(libc.mount(*where, kind.encode(), flags, data.encode()), name=f"mount {target}")


def check(result: int, *, name: str) -> None:
    """Raise OSError for a call to the kernel that failed."""
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), f"{name}:")


def start_program(request: dict[str, Any], *, output: int, kind: str) -> int:
    """Fork and become the program; return its pid. Raises OSError where there is no such program."""
    read_end, write_end = os.pipe()
    program = os.fork()
    if program == 0:
        run(become_program, request, output=output, failure=write_end, kind=kind)
    os.close(write_end)
    said = read_all(read_end)  # nothing, once the program's start has closed the pipe
    if said:
        number, _, name = said.decode().partition(" ")
        raise OSError(int(number), os.strerror(int(number)), name)
    return program


def become_program(request: dict[str, Any], *, output: int, failure: int, kind: str) -> None:
    """Lead a session of its own, with the output and nothing else open, and become the program."""
    for number in DEFAULTS:
        signal.signal(number, signal.SIG_DFL)
    argv, named = request["argv"], request["cwd"]
    try:
        os.setsid()
        if request["is_container"]:
            drop_capabilities()
        if kind == "user" and linux_version() >= USER_LIMIT:
            resource.setrlimit(resource.RLIMIT_NPROC, (request["processes"],) * 2)
        for target, source in ((0, os.open(os.devnull, os.O_RDONLY)), (1, output), (2, output)):
            os.dup2(source, target)
        os.closerange(3, failure)
        os.closerange(failure + 1, os.sysconf("SC_OPEN_MAX"))
        os.chdir(named)
        named = argv[0]
        os.execvpe(argv[0], argv, request["env"])  # noqa: S606 - it is what localaws was asked to run
    except OSError as error:
        os.write(failure, f"{error.errno} {named}:".encode())
    except ValueError as error:  # a NUL in a word or a variable, or "=" in a variable's name
        os.write(failure, f"{errno.EINVAL} {error}:".encode())


def watch(control: socket.socket, *, wakeups: socket.socket, program: int) -> int | None:
    """Wait until the program ends, and return its wait status; None where localaws wants all of it killed."""
    poll = select.poll()
    for source in (control, wakeups):
        poll.register(source, select.POLLIN)
    while True:
        ready = {fd for fd, _ in poll.poll()}
        if wakeups.fileno() in ready:
            wakeups.recv(4096)
            if (status := reap().get(program)) is not None:
                return status
        if control.fileno() in ready:
            orders = control.recv(64)
            if not orders or b"K" in orders:
                return None
            for send, number in map(ORDERS.__getitem__, orders):
                with contextlib.suppress(*ALREADY_DEAD):
                    send(program, number)


def reap(*, options: int = os.WNOHANG) -> dict[int, int]:
    """Return pid and wait status of each child that has ended."""
    ended: dict[int, int] = {}
    with contextlib.suppress(ChildProcessError):
        while (found := os.waitpid(-1, options))[0]:
            ended.update([found])
    return ended


def end_all(first: int | None) -> dict[int, int]:
    """Kill all that is left, and wait for it; return the wait status of each child."""
    if first is None:
        return end_descendants()
    os.kill(first, signal.SIGKILL)
    return reap(options=0)


def end_descendants() -> dict[int, int]:
    """Kill every descendant until there is none: those whose parent dies become children of this process."""
    ended: dict[int, int] = {}
    while True:
        for pid in descendants(os.getpid()):
            with contextlib.suppress(*ALREADY_DEAD):
                os.kill(pid, signal.SIGKILL)
        try:
            pid, status = os.waitpid(-1, 0)
        except ChildProcessError:
            return ended
        ended[pid] = status


def descendants(ancestor: int) -> list[int]:
    """Return the pids of the children of a process, of theirs, and so on."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parent = int((entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found = [ancestor]
    for pid in found:
        found.extend(children.get(pid, []))
    return found[1:]


if __name__ == "__main__":
    main()
