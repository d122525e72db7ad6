"""The result for people: each figure beside its target, reached or missed."""

from typing import Any

W1_TARGETS = (("kafka_streams_eos", 1.0, 1.5), ("quix", 1.3, 2.0), ("faust", 20.0, 30.0))
FULL_DOMAIN_OF_KAFKA_STREAMS, FULL_DOMAIN_GOAL = 0.35, 1.0


def verdicts(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Each target whose figure is there: what, figure, target, goal (or null), and `reached` or `missed`."""
    found: list[dict[str, Any]] = []

    def least(what: str, figure: float | None, target: float, goal: float | None = None) -> None:
        if figure is not None:
            found.append({"what": what, "figure": figure, "target": target, "goal": goal, "verdict": _word(figure >= target)})

    def most(what: str, figure: float | None, target: float) -> None:
        if figure is not None:
            found.append({"what": what, "figure": figure, "target": target, "goal": None, "verdict": _word(figure <= target)})

    rates = result.get("w1", {})
    for peer, target, goal in W1_TARGETS:
        least(f"W1, ours over {peer}", _ratio(rates.get("ours"), rates.get(peer)), target, goal)
    of_streams = _ratio(result.get("full_domain"), rates.get("kafka_streams_eos"))
    least("full domain over Kafka Streams exactly_once_v2 doing W1", of_streams, FULL_DOMAIN_OF_KAFKA_STREAMS, FULL_DOMAIN_GOAL)
    most("p99 ms from event to change at 5 000 events/s", result.get("latency_p99_ms", {}).get("5000"), 250)
    taken = result.get("ingest", {})
    single, batches = taken.get("single", {}), taken.get("batches_of_100", {})
    least("single-event requests a second to ingest", single.get("events_per_s"), 2_000)
    most("p99 ms of those", single.get("p99_ms"), 100)
    least("events a second to ingest, in batches of 100", batches.get("events_per_s"), 20_000)
    most("p99 ms of such a batch", batches.get("p99_ms"), 100)
    most("answered events that ingest has lost, one kill -9 included", _lost(taken), 0)
    most("p99 ms from deadline to change when idle", result.get("deadline_p99_ms", {}).get("idle"), 1_000)
    pile = result.get("pile_up", {})
    most("p99 ms of live events in a pile-up", pile.get("live_p99_ms"), 1_000)
    least("deadlines a second in a pile-up", pile.get("drain_per_s"), 20_000)
    most("p99 ms of live events while a policy is swept, 5 000 events/s", result.get("policy_sweep", {}).get("live_p99_ms"), 250)
    least("customers restored a second", result.get("restore_customers_per_s"), 100_000)
    most("resident MiB at 1 M customers", result.get("rss_mib", {}).get("1m"), 400)
    least("events a second in the full domain, one worker of 2 processes", result.get("full_domain"), 20_000, 30_000)
    least("the same of one process", result.get("full_domain_one_process"), 20_000, 30_000)
    replayed = result.get("replay_inputs", {}).get("complete_journey", {})
    least("events a second in a replay on all cores", replayed.get("events_per_s"), 50_000)
    least("events a second and core in a replay", result.get("replay_events_per_s_core"), 60_000, 100_000)
    large = result.get("replay_large", {})
    least("a large replay on all cores over one core", large.get("speedup"), 1.8)
    most("MiB of all processes of a large replay", large.get("rss_mib"), 1_023)
    most("% more an event costs with 1 M customers than with 10 k", result.get("growth", {}).get("cost_10k_to_1m_pct"), 20)
    return found


def print_table(result: dict[str, Any]) -> None:
    """Print everything that a person wants to see of a result."""
    machine, versions = result["machine"], result["versions"]
    print(f"{result['date']}, {'quick, ' if result['quick'] else ''}commit {versions['commit']}, rules {versions['rules']}")
    hardware = f"{machine['cores']} cores ({machine['processor']}), {machine['memory_gib']} GiB"
    print(f"{hardware}, Python {machine['python']}, Kafka {versions['kafka']}")
    if "w1" in result:
        _print_w1(result)
    if "full_domain_inputs" in result:
        print("\nfull domain, exactly-once, one worker, RocksDB: the second half of the events, as in W1")
        for figures in result["full_domain_inputs"].values():
            cost = f"{figures['cpu_us_per_event']} us CPU an event, {figures['rss_mib']} MiB"
            print(f"  {figures['events_per_s']:>9,} events/s  {figures['what']}; {cost}")
    for figures in result.get("replay_inputs", {}).values():
        print(f"\nreplay of a file, start-up taken off: {figures['what']}")
        print(f"  {figures['events_per_s']:>9,} events/s on all cores, {figures['events_per_s_core']:,} on one")
    _print_row("large replay", {name: figure for name, figure in result.get("replay_large", {}).items() if isinstance(figure, int | float)})
    for name, title in (("latency_p50_ms", "latency p50, ms, by events/s"), ("latency_p99_ms", "latency p99, ms, by events/s")):
        _print_row(title, result.get(name))
    for what, figures in result.get("ingest", {}).items():
        _print_row(f"ingest, {what}", figures)
    _print_row("deadline p99, ms", result.get("deadline_p99_ms"))
    _print_row("pile-up", result.get("pile_up"))
    _print_row("policy sweep", result.get("policy_sweep"))
    _print_row("restore", result.get("restore"))
    _print_row("resident MiB", result.get("rss_mib"))
    _print_row("scaling by workers, events/s", result.get("scaling", {}).get("events_per_s"))
    for what, figures in result.get("growth", {}).items():
        if isinstance(figures, dict):
            _print_row(f"us CPU an event by {what}", {name: cost["cpu_us_per_event"] for name, cost in figures.items()})
    print(f"\n{'target':<60}{'figure':>12}{'target':>10}{'goal':>8}")
    for line in result["targets"]:
        goal = "" if line["goal"] is None else f"{line['goal']:,}"
        print(f"{line['what']:<60}{line['figure']:>12,}{line['target']:>10,}{goal:>8}  {line['verdict']}")
    for name, fault in result["faults"].items():
        print(f"not measured: {name}: {fault}")
    print(f"\n{result['seconds']['all']:,.0f} s in all")


def _print_w1(result: dict[str, Any]) -> None:
    print(f"\nW1: {result['w1_how']}")
    for name, runs in result["w1_runs"].items():
        rate = result["w1"][name]
        if rate is None:
            print(f"  {name:<18}{'-':>9}  {runs['fault']}")
            continue
        cost = (
            f"{runs['cpu_us_per_event']} us CPU an event, {runs['rss_mib']} MiB, {runs['orders']:,} orders, spread {runs['spread_pct']} %"
        )
        print(f"  {name:<18}{rate:>9,}  {runs['what']}; {cost}")


def _print_row(title: str, figures: dict[str, Any] | None) -> None:
    if figures:
        print(f"{title}: " + ", ".join(f"{name} {figure:,}" for name, figure in figures.items()))


def _lost(taken: dict[str, Any]) -> int | None:
    return sum(figures["lost"] for figures in taken.values()) if taken else None


def _ratio(figure: float | None, of: float | None) -> float | None:
    return round(figure / of, 2) if figure and of else None


def _word(reached: bool) -> str:
    return "reached" if reached else "missed"
