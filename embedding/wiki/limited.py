"""A function that runs in a process of its own, with bounds on time and memory.

Pages are written by anyone, and one may be made to keep a parser busy for hours or to fill the memory. No thread can be stopped in the
middle of a regular expression; a process can be killed. It is forked once and serves call after call; after a call that broke a bound,
a new one takes its place.
"""

import contextlib
import multiprocessing
import resource
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Generic, TypeVar

Argument = TypeVar("Argument")
Result = TypeVar("Result")


class TooLongError(Exception):
    """The call took longer than allowed."""


class BrokenError(Exception):
    """The call raised, ran out of memory or died."""


class Limited(Generic[Argument, Result]):
    """Calls `work` in a child process.

    Args:
        work: what is called; it and its arguments and results can be pickled, or are there when the process is forked.
        seconds: for one call.
        megabytes: address space for the child, beyond what it has when it is forked.
    """

    def __init__(self, work: Callable[[Argument], Result], seconds: float, megabytes: int) -> None:
        self._work, self._seconds, self._megabytes = work, seconds, megabytes
        self._context = multiprocessing.get_context("fork")
        self._child: Any = None

    def __call__(self, argument: Argument) -> Result:
        """The result of one call.

        Raises:
            TooLongError: it was stopped.
            BrokenError: it raised, ran out of memory or died.
        """
        if self._child is None:
            self._start()
        try:
            self._pipe.send(argument)
            if not self._pipe.poll(self._seconds):
                self.close()
                raise TooLongError
            worked, result = self._pipe.recv()
        except (EOFError, OSError) as error:
            self.close()
            raise BrokenError from error
        if not worked:
            raise BrokenError(result)
        answer: Result = result
        return answer

    def close(self) -> None:
        """End the child, whatever it is doing."""
        if self._child is not None:
            self._child.kill()
            self._child.join()
            self._pipe.close()
            self._child = None

    def _start(self) -> None:
        self._pipe, theirs = self._context.Pipe()
        self._child = self._context.Process(target=_serve, args=(theirs, self._pipe, self._work, self._megabytes), daemon=True)
        self._child.start()
        theirs.close()


def _serve(pipe: Connection, parents: Connection, work: Callable[[Any], Any], megabytes: int) -> None:
    parents.close()  # or this process would hold its own pipe open, and never see that the parent has died
    with contextlib.suppress(OSError, ValueError):  # where the system does not tell (macOS), time alone is bounded
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + (megabytes << 20)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    with contextlib.suppress(EOFError, OSError):  # the parent has gone
        while True:
            argument = pipe.recv()
            try:
                answer = True, work(argument)
            except (Exception, MemoryError) as error:
                answer = False, repr(error)[:200]
            pipe.send(answer)
