"""The questions of services_questions.py to each service of services.py."""

import harness
from services import SERVICES
from services_questions import Questions

for service_name in SERVICES:
    cases = type(f"{service_name.title()}Test", (Questions, harness.WebTest), {"name": service_name})
    globals()[cases.__name__] = cases
del cases


if __name__ == "__main__":
    harness.main()
