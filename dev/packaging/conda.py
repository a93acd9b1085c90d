"""The conda recipe: ``python -m dev.packaging.conda SDIST > recipe.yaml``, for conda-forge."""

import hashlib
import re
import sys
from pathlib import Path

from dev.packaging.project import Project, project

_TEMPLATE = """\
# https://rattler.build/latest/reference/recipe_file/; written by dev/packaging/conda.py
schema_version: 1

package:
  name: genfix
  version: "{version}"

source:
  url: https://pypi.org/packages/source/g/genfix/genfix-{version}.tar.gz
  sha256: {digest}

build:
  number: 0
  noarch: python
  script: python -m pip install . -vv --no-deps --no-build-isolation
  python:
    entry_points:
      - genfix = genfix.__main__:run

requirements:
  host:
    - babel >=2.16
    - hatchling >=1.27
    - pip
    - python {python}.*
  run:
{run}

tests:
  - python:
      imports: [genfix]
      pip_check: true
  - script:
      - genfix --version
      - genfix rules

about:
  homepage: {address}
  repository: {address}
  summary: {summary}
  license: {license}
  license_file: LICENSE
"""


def recipe(facts: Project, digest: str) -> str:
    """The recipe of a release whose source archive has this SHA-256."""
    run = [f"python {facts.requires_python}", *(_for_conda(each) for each in sorted(facts.dependencies))]
    return _TEMPLATE.format(
        version=facts.version,
        digest=digest,
        python=facts.requires_python.removeprefix(">="),
        run="\n".join(f"    - {each}" for each in run),
        address=facts.address,
        summary=facts.summary,
        license=facts.license,
    )


def _for_conda(dependency: str) -> str:
    """``name>=1,<2`` as conda writes it: with a space behind the name."""
    found = re.fullmatch(r"([\w-]+)([<>=!~].*)?", dependency)
    if found is None:
        raise ValueError(f"{dependency} is more than a name and versions")
    return f"{found[1]} {found[2] or ''}".rstrip()


if __name__ == "__main__":
    sys.stdout.write(recipe(project(), hashlib.sha256(Path(sys.argv[1]).read_bytes()).hexdigest()))
