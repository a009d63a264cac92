#!/usr/bin/env python3
"""Prints one line per test case of bazel's runs, then the totals.

    report.py EVENTS.json... [--skipped "TARGET: REASON"]...

Input: bazel's --build_event_json_file of each run. Test cases come from the XML that each
test wrote (GoogleTest's own; one case per script where bazel wrote it), so that
skipped cases are seen, with their reasons. A target without XML (it does not
build, or died early) counts as one failed case.
"""

import argparse
import itertools
import json
import sys
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ElementTree


def read_events(path):
    """Yields the label and the XML files of each test target of the run."""
    xml_files = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            event = json.loads(line)
            identity = event.get("id", {})
            if "targetConfigured" in identity and event.get("configured", {}).get("testSize"):
                xml_files.setdefault(identity["targetConfigured"]["label"], [])
            if "testResult" in identity:
                # A shard or a retry: the last attempt of each counts.
                key = (identity["testResult"].get("run"), identity["testResult"].get("shard"))
                # One that was interrupted, or does not build, has no result.
                result = event.get("testResult", {})
                outputs = result.get("testActionOutput", [])
                xml = [output["uri"] for output in outputs if output["name"] == "test.xml"]
                status = result.get("status", "ABORTED")
                xml_files.setdefault(identity["testResult"]["label"], []).append(
                    (key, xml[0] if xml else None, status))
    for label, attempts in sorted(xml_files.items()):
        last = {key: (uri, status) for key, uri, status in attempts}
        yield label, list(last.values())


def cases_of(uri):
    """(name, outcome, detail, seconds) of each case in one XML file."""
    path = urllib.request.url2pathname(urllib.parse.urlparse(uri).path)
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = ".".join(filter(None, [case.get("classname"), case.get("name")]))
        skipped = case.find("skipped")
        broken = [child for child in case if child.tag in ("failure", "error")]
        seconds = float(case.get("time") or 0)
        if broken:
            yield name, "FAILED", (broken[0].get("message") or "").strip(), seconds
        elif skipped is not None or case.get("result") == "skipped":
            reason = skipped.get("message") if skipped is not None else ""
            yield name, "SKIPPED", reason or "", seconds
        elif case.get("status") != "notrun":
            yield name, "passed", "", seconds


def reason_line(detail):
    """The text of a skip or failure in one line, without its source position."""
    lines = [line.strip() for line in detail.splitlines() if line.strip()]
    words = [line for line in lines if not (line.count(":") and line.split(":")[0].endswith(".cc"))]
    return " ".join(words or lines)[:200]


def target_cases(attempts):
    """Cases of one target; what bazel calls failed never counts as passed."""
    cases = []
    for uri, status in attempts:
        found = []
        try:
            found = list(cases_of(uri)) if uri else []
        except (OSError, ElementTree.ParseError):
            pass
        if status not in ("PASSED", "FLAKY") and not any(c[1] == "FAILED" for c in found):
            found.append(("(whole target)", "FAILED", status.lower() or "no result", 0.0))
        cases += found
    return cases or [("(whole target)", "FAILED", "does not build, or did not run", 0.0)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("events", nargs="+")
    parser.add_argument("--skipped", action="append", default=[])
    arguments = parser.parse_args()
    totals = {"passed": 0, "FAILED": 0, "SKIPPED": len(arguments.skipped)}
    worse = [f"SKIPPED  {text}" for text in arguments.skipped]
    for label, attempts in itertools.chain(*map(read_events, arguments.events)):
        for name, outcome, detail, seconds in target_cases(attempts):
            totals[outcome] += 1
            line = f"{outcome:8} {label} {name} ({seconds:.2f} s)"
            print(line)
            if outcome != "passed":
                worse.append(f"{outcome:8} {label} {name}: {reason_line(detail)}")
    print("\n" + "\n".join(worse + [""]) if worse else "")
    summary = f"{totals['passed']} passed, {totals['FAILED']} failed"
    if totals["SKIPPED"]:
        summary += f", {totals['SKIPPED']} skipped"
    print(summary)
    return 1 if totals["FAILED"] or not totals["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
