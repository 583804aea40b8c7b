"""How many kernels run at once, and what each of them may use of the machine."""

from collections.abc import Mapping
import os

from joblib import cpu_count
from psutil import virtual_memory

# A quick notebook takes 1 to 2 GiB, a full one up to 3.
MEMORY = 3 * 2**30


def default_jobs(cores: int, memory: int) -> int:
    """Choose how many kernels run at once.

    One for every two cores, for much of a notebook keeps only one core busy; two on two cores; and
    no more than there is memory for.

    Parameters
    ----------
    cores : CPU cores that may be used
    memory : bytes that are free
    """
    wanted = min(cores, max(2, cores // 2))
    return max(1, min(wanted, memory // MEMORY))


def jobs_for(notebooks: int, wanted: int | None = None) -> int:
    """Return how many kernels run at once on this machine, for so many notebooks.

    Parameters
    ----------
    notebooks : how many there are to run
    wanted : what the user asks for; None leaves it to the machine
    """
    jobs = wanted or default_jobs(cpu_count(), virtual_memory().available)
    return max(1, min(jobs, notebooks))


def environment(profile: str, jobs: int) -> dict[str, str]:
    """Return the environment of a kernel: profile set, progress bars off, its share of the cores.

    TensorFlow's operations and XLA's programs both compute in the "intra-op" threads; OpenMP's
    variable is obeyed by NumPy's OpenBLAS and by scikit-learn. Variables that are set already stay.
    With another number of threads sums are taken in another order, so the last digits of a long
    training differ, as they do from machine to machine.

    Parameters
    ----------
    profile : "full" or "quick"
    jobs : how many kernels run at once; one has the machine to itself
    """
    share: Mapping[str, str] = {}
    if jobs > 1:
        threads = str(max(1, cpu_count() // jobs))
        share = {
            "OMP_NUM_THREADS": threads,
            "TF_NUM_INTRAOP_THREADS": threads,
            "TF_NUM_INTEROP_THREADS": threads,
            "TF_FORCE_GPU_ALLOW_GROWTH": "true",  # else the first kernel takes all of a GPU
        }
    return {**share, **os.environ, "AELIB_PROFILE": profile, "TQDM_DISABLE": "1"}
