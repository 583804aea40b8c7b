"""Outputs as a run leaves them, for tests that make notebooks of their own."""

from aelib.profile import VERSIONS, Setup
from nbformat import NotebookNode
from nbformat.v4 import new_output


def setup_output(
    profile: str = "full", data: str = "", complete: bool | None = None
) -> NotebookNode:
    """Return what `profile.start` shows."""
    setup = Setup(profile, data, complete, dict.fromkeys(VERSIONS, "1.0"), "CPU, 2 cores")
    shown, metadata = setup._repr_mimebundle_()
    return new_output("display_data", shown, metadata=metadata)
