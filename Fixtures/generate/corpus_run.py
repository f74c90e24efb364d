"""Runs programs in the official runtime, each in a process that may die of it."""

import ctypes
import os
import pickle
import re
import struct
import subprocess
import sys
import tempfile

import torch

ERRORS = {
    0x01: "Internal", 0x02: "InvalidState", 0x03: "EndOfMethod", 0x10: "NotSupported", 0x11: "NotImplemented",
    0x12: "InvalidArgument", 0x13: "InvalidType", 0x14: "OperatorMissing", 0x20: "NotFound",
    0x21: "MemoryAllocationFailed", 0x22: "AccessFailed", 0x23: "InvalidProgram", 0x24: "InvalidExternalData",
    0x25: "OutOfResources",
}  # fmt: skip


def bytes_of(tensor: torch.Tensor) -> bytes:
    """The elements in memory order."""
    size = tensor.numel() * tensor.element_size()
    return ctypes.string_at(tensor.data_ptr(), size) if size else b""


def value_of(value):
    if isinstance(value, torch.Tensor):
        return ("tensor", str(value.dtype).removeprefix("torch."), list(value.shape), bytes_of(value))
    return ("scalar", value)


def fresh(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.clone(memory_format=torch.preserve_format)


def run(job, lib):
    """Loads and executes twice, the second time with outputs full of rubbish."""
    program, inputs, outs = job
    phase = "load"
    try:
        loaded = lib._load_program_from_buffer(program)
        method = loaded.load_method("forward")
        phase = "inputs"
        given = [fresh(tensor) for tensor in inputs]
        method.set_inputs(given)
        phase = "execute"
        method.execute()
        first = method.get_outputs(clone_outputs=False)
        answers = [value_of(value) for value in first]
        for value in first:
            if isinstance(value, torch.Tensor) and value.numel():
                ctypes.memset(value.data_ptr(), 0xA5, value.numel() * value.element_size())
        method.set_inputs(given)
        method.execute()
        second = [value_of(value) for value in method.get_outputs(clone_outputs=False)]
        return ("answer", answers, second)
    except Exception as error:  # pybind11 hands on C++'s exceptions as several of Python's
        code = re.search(r"0x:?([0-9a-fA-F]+)", str(error))
        return (phase, ERRORS.get(int(code.group(1), 16), code.group(0)) if code else str(error))


def read(size: int) -> bytes:
    """Reads stdin without a buffer, which processes could not share."""
    data = b""
    while len(data) < size and (more := os.read(0, size - len(data))):
        data += more
    return data


def work() -> None:
    """Answers pickled jobs from stdin on stdout until there are no more.

    A child does the work; where it dies, the signal is the answer and another child goes on.
    """
    answers = os.dup(1)
    os.dup2(2, 1)
    import executorch.extension.pybindings.portable_lib as lib
    import executorch.kernels.quantized  # noqa: F401

    def say(answer):
        data = pickle.dumps(answer)
        data = struct.pack("<Q", len(data)) + data
        while data:
            data = data[os.write(answers, data) :]

    while True:
        child = os.fork()
        if child == 0:
            while head := read(8):
                say(run(pickle.loads(read(struct.unpack("<Q", head)[0])), lib))
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status == 0:
            return
        say(("died", status))


class Runner:
    """A worker process, started anew whenever it dies."""

    def __init__(self, perturb: int):
        self.environment = {**os.environ, "MALLOC_PERTURB_": str(perturb), "OMP_NUM_THREADS": "1"}
        self.process, self.log = None, tempfile.TemporaryFile()

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
            env=self.environment,
        )  # fmt: skip

    def run(self, program: bytes, inputs: list, outs: list):
        """("answer", outputs, outputs again, log) or (phase, error, log); phase "abort" or "crash" if it died."""
        if self.process is None:
            self.start()
        job = pickle.dumps((program, inputs, outs))
        position = os.fstat(self.log.fileno()).st_size
        self.process.stdin.write(struct.pack("<Q", len(job)) + job)
        self.process.stdin.flush()
        head = self.process.stdout.read(8)
        answer = pickle.loads(self.process.stdout.read(struct.unpack("<Q", head)[0]))
        end = os.fstat(self.log.fileno()).st_size
        log = os.pread(self.log.fileno(), end - position, position).decode("utf-8", "replace")
        if answer[0] != "died":
            return (*answer, log)
        status = answer[1]
        plain = status == -6 and not re.search(r"free\(\)|malloc|corrupt|munmap|stack smashing", log)
        return ("abort" if plain else "crash", str(status), log)

    def close(self):
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait()


if __name__ == "__main__":
    work()
