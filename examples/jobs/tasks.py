"""What the workers do: count primes, some seconds of pure computing, and tell how far they are.

    dramatiq tasks          # in this folder, with JOBS_REDIS set; start.py does it

A job is taken from the queue for good when it is done: one whose worker dies is given to another. What a job tells is
published under keys, so that what it tells a second time is dropped.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware.asyncio import AsyncIO

from waterspout.pubsub import connect

REDIS = os.environ.get("JOBS_REDIS", "redis://127.0.0.1:6379")
STEPS = 10
KEPT_MESSAGES = 2 * STEPS
LOST_AFTER = 5_000  # milliseconds without a sign of life, after which a worker's jobs go to another

#: Of 100,000 looks into the queue, how many look for lost workers, too: here all. A large installation needs few.
LOOK_FOR_LOST = 100_000

broker = RedisBroker(url=REDIS, heartbeat_timeout=LOST_AFTER, maintenance_chance=LOOK_FOR_LOST)
broker.add_middleware(AsyncIO())
dramatiq.set_broker(broker)


def topic(job: str) -> str:
    """Where a job's messages are published."""
    return f"job-{job}"


def primes_between(first: int, last: int) -> int:
    """How many primes there are from ``first`` to ``last - 1``: on purpose not the quick way."""
    return sum(number > 1 and all(number % d for d in divisors(number)) for number in range(first, last))


def divisors(number: int) -> Iterator[int]:
    return iter(range(2, int(number**0.5) + 1))


@dramatiq.actor(max_retries=3, time_limit=600_000)
async def count_primes(job: str, limit: int) -> None:
    """Count the primes below ``limit`` in steps, and publish each step and the result."""
    async with connect(REDIS, keep=KEPT_MESSAGES) as hub:
        found = 0
        for step in range(STEPS):
            first, last = limit * step // STEPS, limit * (step + 1) // STEPS
            found += await asyncio.to_thread(primes_between, first, last)  # the loop serves other jobs meanwhile
            message = {"state": "working", "done": (step + 1) / STEPS}
            await hub.publish(topic(job), message, key=f"{job}:{step}")
        await hub.publish(topic(job), {"state": "ready", "primes": found}, key=f"{job}:ready")
