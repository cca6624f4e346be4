"""A Dask cluster, unmodified: scheduler, workers and client over Waterspout's streams; its dashboard over HTTP."""

PROGRAM = """
import os
import urllib.request
from bokeh.client import pull_session
from distributed import Client, LocalCluster


def main():
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster) as client,
    ):
        squares = client.map(lambda x: x * x, range(100))
        print("sum:", client.submit(sum, squares).result(timeout=60))
        streams = client.run(lambda: (os.getpid(), __import__("tornado.iostream").iostream.IOStream.__module__))
        print("workers:", len({pid for pid, _ in streams.values()}), {module for _, module in streams.values()})
        with urllib.request.urlopen(cluster.dashboard_link, timeout=60) as page:  # the scheduler's own, by Bokeh
            print("dashboard:", page.status, b"Dask" in page.read())
        with pull_session(url=cluster.dashboard_link) as session:  # over its WebSocket
            print("figures:", len(session.document.roots) > 0)
        failed = client.submit(lambda: 1 / 0)
        print("failed:", type(failed.exception(timeout=60)).__name__)
        cluster.scale(3)
        client.wait_for_workers(3, timeout=60)
        print("scaled:", len(client.scheduler_info(n_workers=-1)["workers"]))
        large = client.submit(lambda: b"x" * 30_000_000)
        print("large:", len(large.result(timeout=60)))
    print("closed", flush=True)


if __name__ == "__main__":
    main()
"""


def test_a_local_cluster_computes_and_moves_large_results(start, tmp_path):
    (tmp_path / "cluster.py").write_text(PROGRAM)
    program = start("cluster.py")
    assert program.end(120) == 0, program.text
    assert "sum: 328350\n" in program.text
    assert "workers: 2 {'waterspout.iostream'}\n" in program.text
    assert "dashboard: 200 True\n" in program.text
    assert "figures: True\n" in program.text
    assert "failed: ZeroDivisionError\n" in program.text
    assert "scaled: 3\n" in program.text
    assert "large: 30000000\n" in program.text
    assert "Traceback (most recent call last)" not in program.text, program.text
    assert program.text.endswith("closed\n"), program.text
