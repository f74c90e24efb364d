#!/usr/bin/env python3
"""Refuses an import of a module of this package that the importing target does not declare as a dependency."""
import json, pathlib, re, subprocess, sys

package = json.loads(subprocess.run(["swift", "package", "describe", "--type", "json"], capture_output=True, check=True).stdout)
targets = {target["name"]: target for target in package["targets"]}
faults = []
for target in targets.values():
    allowed = set(target.get("target_dependencies", [])) | {target["name"]}
    for source in target["sources"]:
        if not source.endswith(".swift"):
            continue
        path = pathlib.Path(target["path"]) / source
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found = re.match(r"\s*(?:@\w+ )*(?:public |internal |package )?import (?:\w+ )?(\w+)", line)
            if found and found.group(1) in targets and found.group(1) not in allowed:
                faults.append(f"{path}:{number}: {target['name']} does not declare {found.group(1)}")
print("\n".join(faults) or f"imports: {len(targets)} targets import what they declare")
sys.exit(1 if faults else 0)
