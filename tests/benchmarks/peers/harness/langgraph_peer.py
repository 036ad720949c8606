"""LangGraph: a chain and a fan-out of nodes that do next to nothing; a chain with all steps on disk."""

import asyncio
import json
import operator
import sqlite3
import statistics
import tempfile
import time
import uuid
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, TypedDict

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph

NODES, ROUNDS = 100, 5


class Number(TypedDict):
    n: int


class Sum(TypedDict):
    n: Annotated[int, operator.add]


def step(state):
    return {"n": 1}


async def astep(state):
    return {"n": 1}


def chain(function, saver=None):
    graph = StateGraph(Number)
    for i in range(NODES):
        graph.add_node(f"n{i}", function)
        graph.add_edge(f"n{i - 1}" if i else START, f"n{i}")
    graph.add_edge(f"n{NODES - 1}", END)
    return graph.compile(checkpointer=saver)


def fan(function):
    graph = StateGraph(Sum)
    graph.add_node("join", function)
    for i in range(NODES):
        graph.add_node(f"n{i}", function)
        graph.add_edge(START, f"n{i}")
        graph.add_edge(f"n{i}", "join")
    graph.add_edge("join", END)
    return graph.compile()


def setting():
    return {"recursion_limit": 10_000, "configurable": {"thread_id": uuid.uuid4().hex}}


async def measure(graph, nodes):
    times = []
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        await graph.ainvoke({"n": 0}, setting())
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:]) / nodes * 1e6


def measure_durable():
    with tempfile.TemporaryDirectory() as folder:
        connection = sqlite3.connect(Path(folder) / "steps.sqlite3", check_same_thread=False)
        graph, times = chain(step, SqliteSaver(connection)), []
        for _ in range(3):
            began = time.perf_counter()
            graph.invoke({"n": 0}, setting(), durability="sync")
            times.append(time.perf_counter() - began)
        connection.close()
    return statistics.median(times) / NODES * 1e6


async def main():
    found = {"chain": await measure(chain(astep), NODES), "fan": await measure(fan(astep), NODES + 1)}
    found["durable"] = measure_durable()
    print(json.dumps({"version": version("langgraph"), "us_per_node": found}))


asyncio.run(main())
