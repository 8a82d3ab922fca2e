"""Runs a program as on a kernel that has no Landlock: its three system calls are not there (ENOSYS)."""

import ctypes
import errno
import os
import struct
import sys

FIRST, LAST = 444, 446
LOAD, JUMP_IF_AT_LEAST, JUMP_IF_MORE, RETURN = 0x20, 0x35, 0x25, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | errno.ENOSYS
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, FILTER = 38, 22, 2

steps = [
    (LOAD, 0, 0, 0),
    (JUMP_IF_AT_LEAST, 0, 2, FIRST),
    (JUMP_IF_MORE, 1, 0, LAST),
    (RETURN, 0, 0, REFUSE),
    (RETURN, 0, 0, ALLOW),
]
program = b"".join(struct.pack("=HBBI", *step) for step in steps)
held = ctypes.create_string_buffer(program, len(program))
filter_of = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(held)))
libc = ctypes.CDLL(None, use_errno=True)
for call in [(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, FILTER, filter_of, 0, 0)]:
    if libc.prctl(*call) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
os.execv(sys.argv[1], sys.argv[1:])
