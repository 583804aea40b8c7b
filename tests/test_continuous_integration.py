"""What GitHub is told to run: on which systems, with which versions, how often."""

from pathlib import Path

import pytest
import yaml

WORKFLOW = Path(__file__).parents[1] / ".github/workflows/ci.yml"


@pytest.fixture(scope="module")
def workflow() -> dict:
    """Return the workflow, every value as a string."""
    return yaml.load(WORKFLOW.read_text(), yaml.BaseLoader)


def commands(job: dict) -> list[str]:
    """List what a job runs."""
    return [step["run"] for step in job["steps"] if "run" in step]


def test_every_python_is_tried_on_ubuntu(workflow):
    job = workflow["jobs"]["test"]
    assert job["runs-on"].startswith("ubuntu-")
    assert "python-version" in job["strategy"]["matrix"]
    assert commands(job) == [".ci/run"]
    assert {"push", "pull_request"} <= set(workflow["on"])


def test_first_notebook_runs_on_a_mac(workflow):
    job = workflow["jobs"]["macos"]
    assert job["runs-on"].startswith("macos-")
    assert commands(job) == ['make run NB="01"']


def test_oldest_and_newest_dependencies_are_tried_once_a_week(workflow):
    (schedule,) = workflow["on"]["schedule"]
    minute, hour, day, month, weekday = schedule["cron"].split()
    assert all(part.isdecimal() for part in (minute, hour, weekday)) and day == month == "*"
    job = workflow["jobs"]["versions"]
    assert "github.event_name == 'schedule'" in job["if"]
    tried = [row["dependencies"] for row in job["strategy"]["matrix"]["include"]]
    assert tried == ["oldest", "newest"]
    of_each = "build/${{ matrix.dependencies }}.txt"
    assert commands(job) == [f"make {of_each}", f"make test CONSTRAINTS={of_each}"]
