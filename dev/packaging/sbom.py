"""The bill of materials, CycloneDX in JSON: ``python -m dev.packaging.sbom > genfix.cdx.json``.

uv writes it from ``uv.lock``: genfix, and each package that it needs, at the version and with the digests
that the gate ran with. The time and the random number are taken out: the same lock gives the same bytes.
"""

import json
import subprocess
import sys
import uuid

from dev.packaging.project import ROOT, project


def bill(uv: str = "uv") -> str:
    """The bill, by the ``uv`` of this name. Raises `subprocess.CalledProcessError` where that fails."""
    words = [uv, "export", "--quiet", "--locked", "--no-dev", "--format", "cyclonedx1.5"]
    document = json.loads(subprocess.run(words, cwd=ROOT, check=True, capture_output=True).stdout)
    del document["metadata"]["timestamp"], document["serialNumber"]
    content = json.dumps(document, sort_keys=True)
    number = uuid.uuid5(uuid.NAMESPACE_URL, f"{project().address}#{content}")
    return json.dumps({"serialNumber": f"urn:uuid:{number}", **document}, indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(bill(*sys.argv[1:]))
