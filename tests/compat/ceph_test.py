"""The questions of tests/web/services_test.py to Ceph's radosgw.  Skipped without Debian's ceph-mon, ceph-osd and radosgw."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "web"))
import ceph  # noqa: E402
import harness  # noqa: E402
from services import Service, SERVICES  # noqa: E402
from services_questions import Questions  # noqa: E402

SERVICES["ceph"] = Service(ceph.Gateway)


class CephTest(Questions, harness.WebTest):
    name = "ceph"


if __name__ == "__main__":
    harness.main()
