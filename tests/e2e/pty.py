"""A program on a pseudo-terminal: pty.py COLS ROWS PROGRAM [ARG ...].

Standard input is what is typed, standard output what the terminal gets. Lines `COLS ROWS` on fd 3 change its size. At the
end a line on standard error tells, as JSON, the exit status and whether the terminal's modes are as they were.
"""

import fcntl, json, os, select, struct, sys, termios


def resize(fd, cols, rows):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))


master, slave = os.openpty()
resize(slave, int(sys.argv[1]), int(sys.argv[2]))
before = termios.tcgetattr(slave)
# Written to when the child ends, which leaves its end of the pipe to nobody.
ended, mine = os.pipe()
pid = os.fork()
if pid == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2):
        os.dup2(slave, fd)
    os.set_inheritable(mine, True)
    os.closerange(3, mine)
    os.closerange(mine + 1, 100)
    os.execvp(sys.argv[3], sys.argv[3:])
os.close(mine)

sources = [master, ended, 0, 3]
status = None
while True:
    ready, _, _ = select.select(sources, [], [], None if status is None else 0)
    if master in ready:
        os.write(1, os.read(master, 65536))
    elif status is not None:
        break
    if ended in ready:
        sources.remove(ended)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if 0 in ready:
        data = os.read(0, 65536)
        if data:
            os.write(master, data)
        else:
            sources.remove(0)
    if 3 in ready:
        line = os.read(3, 100).split()
        if line:
            resize(master, int(line[0]), int(line[1]))
        else:
            sources.remove(3)

print(json.dumps({"status": status, "restored": termios.tcgetattr(slave) == before}), file=sys.stderr)
