"""The benchmarks by name; every figure is a ratio to something bare, measured in the same run."""

import sys
from importlib import import_module

BENCHMARKS: dict[str, str] = {
    "latency": "event on `transactions` to offer on `offers`, beside a bare echo",
    "throughput": "events per second of CPU through the decide flow, beside a bare loop",
    "event": "CPU of an everyday and of an answered payment, commit included, beside another checkout",
    "cost": "CPU of decide by kind of event and by stage, over a town's life",
    "choose": "a decision and a lesson, beside River's LinUCB and Vowpal Wabbit",
    "learning": "an answer on the log to decisions made with a snapshot that knows it",
    "idle": "CPU of each flow while nothing comes",
    "encryption": "what sealing costs, beside the same way of an event unsealed",
    "records": "bytes of a customer after a year by field, and what writing and reading them costs",
    "soak": "memory of a worker over millions of events and customers",
    "features": "features read and folded, and their bytes, beside working them out anew",
    "forecasting": "microseconds a movement and a forecast, beside copying the memory",
    "text": "intent accuracy and milliseconds a sentence of the reader",
}


def main() -> int:
    """Run the benchmark that the first argument names, with the arguments behind it."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in BENCHMARKS:
        listing = "\n".join(f"  {key:<12}{words}" for key, words in BENCHMARKS.items())
        sys.stderr.write(f"usage: scripts/bench NAME [--help]\n{listing}\n")
        return 2
    outcome: int = import_module(f"scripts.benchmarks.{name}").main(sys.argv[2:])
    return outcome
