"""The package's description on an index: the README without what lies only in the repository.

An index shows the README alone, so links and pictures that are relative paths would be broken.
"""

import re
from pathlib import Path

from setuptools import setup

PICTURE = re.compile(r"!\[[^]]*\]\((?!https:)[^)]*\)\n*")
LINK = re.compile(r"\[([^]]*)\]\((?!https:|#)[^)]*\)")


def description() -> str:
    """Leave relative pictures out of the README, and of relative links their text."""
    readme = (Path(__file__).parent / "README.md").read_text("utf-8")
    return LINK.sub(r"\1", PICTURE.sub("", readme))


setup(long_description=description(), long_description_content_type="text/markdown")
