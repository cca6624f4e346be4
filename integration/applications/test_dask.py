"""A Dask cluster, unmodified: scheduler, two worker processes and a client talk over Waterspout's streams."""

PROGRAM = """
import os
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
    assert "large: 30000000\n" in program.text
    assert program.text.endswith("closed\n"), program.text
