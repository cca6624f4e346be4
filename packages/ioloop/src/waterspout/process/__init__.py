"""Several server processes, and child processes with streams."""

from subprocess import CalledProcessError

from waterspout.process._cpus import cpu_count
from waterspout.process._fork import fork_processes, task_id
from waterspout.process._subprocess import Subprocess

__all__ = ["CalledProcessError", "Subprocess", "cpu_count", "fork_processes", "task_id"]
