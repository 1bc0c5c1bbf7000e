"""The settings that the demo runs the flows with: the defaults, but for a small machine and short runs."""

from pathlib import Path

from scripts.demo_app.options import PARTITIONS

TEMPLATE = """# Written by scripts/demo for one run.
[kafka]
bootstrap = "{bootstrap}"
topic_prefix = "{prefix}"
partitions = {partitions}

[ingest]
identity_directory = "{identity}"

[decide]
state_directory = "{state}"
# The town lives faster than the wall clock.
clock = "event"

[measure]
every_s = 2.0

[rules]
# More than in service, so that a short run has something to compare with.
holdout_share = {holdout}
control_share = {control}
"""
HOLDOUT_SHARE = 0.08
CONTROL_SHARE = 0.40


def write(directory: Path, *, bootstrap: str, prefix: str) -> Path:
    """Write the settings of a run; returns where."""
    path = directory / "settings.toml"
    text = TEMPLATE.format(
        bootstrap=bootstrap,
        prefix=prefix,
        partitions=PARTITIONS,
        holdout=HOLDOUT_SHARE,
        control=CONTROL_SHARE,
        identity=(directory / "identity").as_posix(),
        state=(directory / "state").as_posix(),
    )
    path.write_text(text, encoding="utf-8")
    return path
