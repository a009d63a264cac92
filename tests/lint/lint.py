"""Rules about the source tree that a compiler does not check.

Each rule names the file, the line, and what to do instead. Run by hand:
    python3 tests/lint/lint.py .
"""

import pathlib
import re
import sys

# Headers of big libraries stay in the adapters that hide them.
ADAPTERS = {
    "curl/": r"base/curl_http_client\.cc",
    "rocksdb/": r"dedupe/rocks_\w+\.(cc|h)",
    "event2/": r"base/http_server\.cc",
    "yaml-cpp/": r"base/config_\w+\.cc",
    "spdlog/": r"base/log\.cc",
    "prometheus/": r"base/metrics\.cc",
    "simdjson.h": r"(ingest/(x_message|x_message_walk|x_event_key|x_connections|x_rule_answers|x_usage)|recovery/(final_record|search_page)|cli/render)\.(cc|h)",
    "ncurses.h": r"cli/\w+\.cc",
    "CLI/": r"(cli|base|ingest|dedupe)/\w+\.(cc|h)",
    "openssl/": r"base/\w+\.cc",
    "grpcpp/": r"(base/grpc_\w+|ingest/grpc_\w+|dedupe/(\w+_service|grpc_\w+|access|deduper|tail_\w+)|cli/\w+|proto/\w+)\.(cc|h)",
}

# Who may include whom: base <- proto <- {ingest, dedupe, recovery} <- {cli, deploy}.
ARROWS = {
    "base": {"base", "braid/config"},
    "proto": {"base", "proto", "braid"},
    "ingest": {"base", "proto", "braid", "ingest"},
    # Of recovery the pure planner: the core decides with it. Of ingest the worker's
    # side of a task: one kind the deduper does itself.
    "dedupe": {"base", "proto", "braid", "dedupe", "recovery/planner.h", "recovery/route_table.h",
               "ingest/work_client.h", "ingest/work_seat.h"},
    "cli": {"base", "proto", "braid", "cli"},
}

BANNED = [
    (r"\bstd::this_thread::sleep|\babsl::SleepFor|\busleep\(|\bnanosleep\(", "wait for an event, not for time"),
    (r"\bstd::system_clock|\bstd::chrono::system_clock::now|\babsl::Now\(\)", "take the time from the Loop"),
    (r"\bstd::random_device|\brand\(\)", "take randomness from Random"),
    (r"\babsl::Mutex\b", "use base/mutex.h: absl::Mutex is invisible to TSan here"),
    (r"\.detach\(\)", "join your threads"),
    (r"LOW_SPEED", "CURLOPT_LOW_SPEED kills healthy idle streams: use our own timer"),
]
# Where the real clock, the real randomness and the real threads live; the last
# ones serve calls on gRPC's threads, which have no loop.
SHELLS = re.compile(r"dedupe/(deduper|grpc_server|stream_monitor|tail_call)\.cc|base/(real_loop|log|random|metrics|version|config_\w+|posix_file_system|grpc_security|http_server|curl_http_client|dir_lock)\.(cc|h)|cli/.*|.*_main\.cc")

LINES_MAX = 700  # a file beyond it wants to be two
COLUMNS_MAX = 110


def check_file(root, path, problems):
    name = path.relative_to(root).as_posix()
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = text.splitlines()
    top = name.split("/")[0]
    production = top in ARROWS or top == "recovery"
    if len(lines) > LINES_MAX and production:
        problems.append(f"{name}:1: {len(lines)} lines, at most {LINES_MAX}: find the part that wants a name")
    if name.endswith(".h") and not re.match(r"\s*//", text):
        problems.append(f"{name}:1: a header opens with what it is, why, which thread, who owns, what bounds")
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS_MAX and production:
            problems.append(f"{name}:{number}: {len(line)} columns, at most {COLUMNS_MAX}")
        include = re.match(r'#include [<"]([^>"]+)[>"]', line)
        if include and production:
            check_include(name, number, top, include.group(1), problems)
        code = line.split("//")[0]
        if production and not SHELLS.fullmatch(name):
            for pattern, remedy in BANNED:
                if re.search(pattern, code):
                    problems.append(f"{name}:{number}: `{line.strip()}`: {remedy}")


def check_include(name, number, top, target, problems):
    for prefix, adapters in ADAPTERS.items():
        if target.startswith(prefix) and not re.fullmatch(adapters, name):
            problems.append(f"{name}:{number}: <{target}> belongs in {adapters}")
    allowed = ARROWS.get(top)
    if allowed is None or not re.match(r"(base|proto|ingest|dedupe|recovery|cli|tests|braid)/", target):
        return
    if not any(target == a or target.startswith(a + "/") for a in allowed):
        problems.append(f"{name}:{number}: {top} must not include {target}")


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    problems = []
    checked = 0
    for path in sorted(root.rglob("*")):
        if path.suffix not in (".h", ".cc") or any(p.startswith(("bazel-", ".")) for p in path.relative_to(root).parts):
            continue
        checked += 1
        check_file(root, path, problems)
    for problem in problems:
        print(problem)
    print(f"lint: {checked} files, {len(problems)} problems")
    # Looking at nothing is a failure, not a success.
    return 1 if problems or checked < 10 else 0


if __name__ == "__main__":
    sys.exit(main())
