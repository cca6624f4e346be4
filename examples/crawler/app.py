"""Visit every page of a site once: a queue, some workers that take from it and put back what they find.

python examples/crawler/app.py URL [--workers 8]
"""

from __future__ import annotations

import argparse
import asyncio
import time
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin, urlsplit

from waterspout.httpclient import AsyncHTTPClient, HTTPClientError
from waterspout.queues import Queue

MAX_PAGE = 5 * 2**20  # bytes


class Links(HTMLParser):
    """Collects where the links of a page lead."""

    def __init__(self, page_url: str) -> None:
        super().__init__()
        self.page_url = page_url
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        target = dict(attrs).get("href") if tag == "a" else None
        if target:
            self.found.add(urldefrag(urljoin(self.page_url, target)).url)


class Crawl:
    def __init__(self, start: str, client: AsyncHTTPClient) -> None:
        self.site = urlsplit(start)[:2]  # scheme and host: what is elsewhere is not visited
        self.client = client
        self.queue: Queue[str] = Queue()
        self.seen: set[str] = set()
        self.failed: dict[str, str] = {}
        self.add(start)

    def add(self, url: str) -> None:
        if url not in self.seen and urlsplit(url)[:2] == self.site:
            self.seen.add(url)
            self.queue.put_nowait(url)

    async def work(self) -> None:
        async for url in self.queue:
            try:
                for link in sorted(await self.visit(url)):
                    self.add(link)
            except (HTTPClientError, OSError, ValueError) as error:
                self.failed[url] = str(error)
                print(f"failed  {url}: {error}", flush=True)
            finally:
                self.queue.task_done()

    async def visit(self, url: str) -> set[str]:
        async with self.client.stream(url, request_timeout=30) as response:
            links = Links(response.effective_url)
            if response.headers.get("Content-Type", "").startswith("text/html"):
                links.feed((await response.read(MAX_PAGE)).decode("utf-8", "replace"))
        print(f"{response.code}  {url}: {len(links.found)} links", flush=True)
        return links.found


async def main(start: str, workers: int) -> None:
    began = time.monotonic()
    async with AsyncHTTPClient(max_clients=workers) as client:
        crawl = Crawl(start, client)
        tasks = [asyncio.create_task(crawl.work()) for _ in range(workers)]
        await crawl.queue.join()  # each URL that was put in is done with
        for task in tasks:
            task.cancel()
    print(f"{len(crawl.seen)} pages, {len(crawl.failed)} failed, in {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Visit every page of a site once.")
    parser.add_argument("url", help="where to begin")
    parser.add_argument("--workers", type=int, default=8, help="how many pages are fetched at once")
    options = parser.parse_args()
    asyncio.run(main(options.url, options.workers))
