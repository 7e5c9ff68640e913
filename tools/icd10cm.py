"""Make the claims service's list of billable ICD-10-CM codes from the lists that NCHS publishes.

    python tools/icd10cm.py 2021=icd10cm-order-Jan-2021.txt 2025=code-list-April-2025.txt 2026=code-list-April-2026.txt

A list is NCHS's order file (number, code, 1 where it is billable, texts) or one code a line, as the
package simple-icd-10-cm carries it (1.2.0: January 2021, 1.4.0: April 2025, 1.5.0: April 2026; it
takes 180 MB and seconds to import, so no service does). Codes alone are kept; texts are not.
"""

import csv
import re
import sys
from collections.abc import Iterable
from pathlib import Path

OUT = Path("services/claims/src/claims/rules/icd10cm.csv")
_CODE = re.compile(r"[A-Z][0-9A-Z]{2,6}")
_ORDER = re.compile(r"\d{5} ([0-9A-Z]{3,7}) +[01] ")


def billable(lines: Iterable[str]) -> set[str]:
    """Codes without a further character below them; only these may stand on a claim."""
    found = set()
    for line in lines:
        order = _ORDER.match(line)
        code = order[1] if order else line.strip()
        if _CODE.fullmatch(code):
            found.add(code)
    in_order = sorted(found)
    followed = zip(in_order, [*in_order[1:], ""], strict=True)
    return {code for code, following in followed if not following.startswith(code)}


def main(arguments: list[str]) -> None:
    lists = {name: billable(Path(path).read_text("latin-1").splitlines()) for name, path in map(_named, arguments)}
    with OUT.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("code", "lists"))
        for code in sorted(set().union(*lists.values())):
            held = [name for name, codes in lists.items() if code in codes]
            rows.writerow((code, "" if len(held) == len(lists) else " ".join(held)))
    for name, codes in lists.items():
        sys.stdout.write(f"{name}: {len(codes)} billable codes\n")


def _named(argument: str) -> tuple[str, str]:
    name, _, path = argument.partition("=")
    return name, path


if __name__ == "__main__":
    main(sys.argv[1:])
