"""What each family about Jobs and workloads costs, and where this repository uses it."""

import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = "config/rules/job-status.rules.yaml"
# What a scrape about single Jobs consists of, and the settings that leave families out.
SPEC = re.compile(r"batch_job_(parallelism|completions|backoff_limit|active_deadline_seconds)|batch_cronjob_(starting_deadline_seconds|\w+_jobs_history_limit)")


def uses():
    """A function from the name of a family to the rules, dashboards and queries that need it, as text."""
    rules = re.split(r"^ +- (?=(?:alert|record): )", (ROOT / RULES).read_text(), flags=re.MULTILINE)[1:]
    rules = {rule.split("\n", 1)[0].partition(": ")[2]: rule for rule in rules}
    dashboards = "".join(path.read_text() for path in (ROOT / "dashboards").glob("*.json"))
    # Only the queries: the text around them names families too.
    cookbook = "".join(re.findall(r"^```promql\n(.*?)^```", (ROOT / "docs/cookbook.md").read_text(), re.MULTILINE | re.DOTALL))

    def of(family):
        word = re.compile(rf"\b{family}(_bucket|_count|_sum)?\b")
        used = [f"`{name}`" if ":" in name else name for name, rule in rules.items() if word.search(rule)]
        places = (("dashboards", dashboards), ("cookbook", cookbook))
        return ", ".join(used + [place for place, text in places if word.search(text)])

    return of


def names(process):
    """The families of a scrape, in order, and its number of samples for each."""
    lines, name = {}, ""
    with subprocess.Popen(["curl", "--silent", f"http://127.0.0.1:{process.port}/metrics"], stdout=subprocess.PIPE) as curl:
        for line in curl.stdout:
            if line.startswith(b"# TYPE "):
                name = line.split()[2].decode()
                lines[name] = 0
            elif not line.startswith(b"#"):
                lines[name] += 1
    return lines


def table(process, jobs):
    """The lines of a Markdown table: the families about Jobs, CronJobs and workloads, and sums."""
    used = uses()
    plain, gzip = ["Accept: text/plain;version=0.0.4"], ["Accept: text/plain;version=0.0.4", "Accept-Encoding: gzip"]
    groups = {"`batch_job_*`": [], "`batch_cronjob_*`": [], "`batch_workload_*`": [], "spec: `metrics.spec`": []}
    yield f"| family, {jobs:,} Jobs | lines | plain (MB) | gzip (MB) | used by |"
    yield "|---|---:|---:|---:|---|"
    for name, lines in names(process).items():
        if not name.startswith("batch_"):
            continue
        sizes = [process.scrape(headers, f"?family[]={name}")[1] for headers in (plain, gzip)]
        costs = (lines, *sizes)
        yield row(f"`{name}`", costs, used(name))
        for group, members in groups.items():
            if SPEC.fullmatch(name) if group.startswith("spec") else name.startswith(group.strip("`*")):
                members.append(costs)
    for group, members in groups.items():
        yield row(f"all {group}", [sum(costs) for costs in zip(*members)], "")
    yield row("a whole scrape", (sum(names(process).values()), process.scrape(plain)[1], process.scrape(gzip)[1]), "")


def row(name, costs, used):
    lines, plain, gzip = costs
    return f"| {name} | {lines:,} | {plain / 1e6:.2f} | {gzip / 1e6:.2f} | {used} |"
