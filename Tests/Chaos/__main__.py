"""python3 Tests/Chaos [chaos | power-cut | audit | customers | cluster-audit] ...; scripts/chaos, scripts/power-cut and scripts/chaos-cluster are the doors."""

import sys

from chaos.audit import Audit


def audit():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit("usage: scripts/chaos-audit FOLDER   checks a data folder at rest; no waybill may be running on it")
    result = Audit(sys.argv[1])
    for promise, words in result.violations:
        print(f"VIOLATION  {promise}  {words}")
    print(f"{sum(result.statuses.values())} orders, {result.events} events, {len(result.violations)} violations")
    sys.exit(1 if result.violations else 0)


command = sys.argv.pop(1)
if command == "chaos":
    from chaos.main import main
elif command == "power-cut":
    from chaos.powercut import main
elif command == "customers":
    from chaos.cluster import customers as main
elif command == "cluster-audit":
    from chaos.cluster import audit as main
else:
    main = audit
main()
