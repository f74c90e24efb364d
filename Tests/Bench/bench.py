#!/usr/bin/env python3
"""Times whole commands on large inputs made of real files: bench.py PROGRAM [VENV]

Each command runs once unmeasured and then seven times; the median of the wall time and the peak of the memory are printed beside what
was asked. With a VENV that has the reference, its Inspector opens the same trace, with and without its imports.
"""
import json, os, pathlib, resource, shutil, statistics, struct, subprocess, sys, tempfile, time, zipfile

root = pathlib.Path(__file__).resolve().parents[2]
program = pathlib.Path(sys.argv[1]).resolve()
venv = sys.argv[2] if len(sys.argv) > 2 and sys.argv[2] else None
fixtures = root / "Fixtures" / "models"


def plain(path):
    """The bytes of a fixture, decompressed."""
    if path.exists():
        return path.read_bytes()
    return subprocess.run(["zstd", "-dcqf", "--long=31", f"{path}.zst"], capture_output=True, check=True).stdout


def grow_record(source, target, size, sparse=False):
    """A real ETRecord whose weights fill it to `size` bytes; sparse ones take no room on the disk."""
    with zipfile.ZipFile(source) as record, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED, allowZip64=True) as out:
        for info in record.infolist():
            data = record.read(info)
            if info.filename.endswith("exported_program_state_dict") and not sparse:
                data += os.urandom(size - source.stat().st_size)
            out.writestr(info.filename, data)
        if not sparse:
            return
        # An entry of zeros behind the others: written as a hole, its checksum not asked for by anybody who does not read it.
        info = zipfile.ZipInfo("exported_program_constants_more")
        info.header_offset = out.fp.tell()
        info.CRC = 0
        info.file_size = info.compress_size = size
        out.fp.write(info.FileHeader(zip64=True))
        out.fp.seek(size, os.SEEK_CUR)
        out.filelist.append(info)
        out.NameToInfo[info.filename] = info
        out.start_dir = out.fp.tell()
        out._didModify = True


def measure(command, times=7):
    walls, peaks = [], []
    for turn in range(times + 1):
        start = time.perf_counter()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        if os.waitstatus_to_exitcode(status) != 0:
            sys.exit(f"{command} failed: {status}")
        if turn:
            walls.append(time.perf_counter() - start)
            peaks.append(usage.ru_maxrss / 1024)
    return statistics.median(walls) * 1000, max(peaks)


def make_inputs(folder):
    """The large inputs, in a process of its own: a command's peak counts what its parent held when it was forked."""
    small = folder / "model.etrecord"
    small.write_bytes(plain(fixtures / "lstm/portable/model.etrecord"))
    trace = folder / "time.etdp"
    trace.write_bytes(plain(fixtures / "lstm/portable/time.etdp"))
    subprocess.run([root / ".build/release/BenchInputs", trace, folder], check=True)
    # Nodes repeated until the graph has 2.4 MB, as a record of that size has.
    with zipfile.ZipFile(small) as record, zipfile.ZipFile(folder / "m24.etrecord", "w", zipfile.ZIP_STORED) as out:
        for info in record.infolist():
            data = record.read(info)
            if info.filename == "edge_dialect_exported_program/forward":
                graph = json.loads(data)
                nodes = graph["graph_module"]["graph"]["nodes"]
                graph["graph_module"]["graph"]["nodes"] = (nodes * 8)[: int(len(nodes) * 2_600_000 / len(data))]
                data = json.dumps(graph).encode()
            out.writestr(info.filename, data)
    grow_record(small, folder / "m31.etrecord", 31 << 20)
    grow_record(small, folder / "sparse.etrecord", 6 << 30, sparse=True)


def pairs(model, *options, trace, times=9):
    """Medians of an execution in nanoseconds, untraced and traced, by processes in turn; and the median of their ratios."""
    found = []
    for _ in range(times):
        both = []
        for more in ([], ["--trace", trace]):
            command = [program, "etrun", model, *map(str, options), *more, "--format", "json"]
            both.append(json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["median_ns"])
        found.append(both)
    return (statistics.median(a for a, _ in found), statistics.median(b for _, b in found),
            statistics.median(b / a for a, b in found))


def runs(folder):
    """The runtime beside the official one, in the same minute."""
    done = subprocess.run([f"{venv}/bin/python", root / "Tests/Bench/official.py", folder], capture_output=True, text=True)
    if done.returncode != 0:
        return print(done.stderr[-500:])
    official = json.loads(done.stdout.splitlines()[-1])
    trace = folder / "run.etdp"
    print("\nMobileNetV2 1.0 at 224, portable, one thread (asked: 60 times as fast, at most 20 ms, traced within 5 %)")
    plain_run, traced, ratio = pairs(folder / "mobilenet.pte", "--iterations", 20, "--warmup", 3, trace=trace)
    print(f"  official {official['mobilenet'] / 1e6:.0f} ms, etrun {plain_run / 1e6:.1f} ms: {official['mobilenet'] / plain_run:.0f} times as fast;"
          f" traced {traced / 1e6:.1f} ms, {100 * (ratio - 1):+.1f} % in pairs")
    print("1,000 operators on four elements (asked: 70 ns an operator)")
    plain_run, traced, ratio = pairs(folder / "chain.pte", "--iterations", 1000, "--warmup", 50, trace=trace)
    print(f"  official {official['chain'] / 1000:.0f} ns an operator, etrun {plain_run / 1000:.0f} ns;"
          f" traced {traced / 1000:.0f} ns, {(traced - plain_run) / 2000:.0f} ns an event (two an operator)")


def allocations():
    model = fixtures / "mobilenet_v2/portable/model.pte"
    done = subprocess.run([root / ".build/release/AllocationCount", model], capture_output=True, text=True, check=True)
    untraced, traced, executions, operators = map(int, done.stdout.split())
    print(f"asking the system for memory, {operators} operators: {untraced / executions:.1f} times an execution,"
          f" traced {traced / executions:.1f} (asked: not for each operator)")


def main():
    if len(sys.argv) > 3 and sys.argv[2] == "--inputs":
        return make_inputs(pathlib.Path(sys.argv[3]))
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for product in ("BenchInputs", "TracerBench", "AllocationCount"):
            subprocess.run(["swift", "build", "-j", "2", "-c", "release", "--product", product, "--static-swift-stdlib"],
                           cwd=root, check=True, stdout=subprocess.DEVNULL)
        subprocess.run([sys.executable, __file__, program, "--inputs", folder], check=True)
        small, trace = folder / "model.etrecord", folder / "time.etdp"
        installed = folder / "etdump"
        shutil.copy(program, installed)
        subprocess.run(["strip", installed], check=True)
        size = lambda name: (folder / name).stat().st_size / 1e6
        exports = lambda trace: [
            (f"export of these, --to {form}",
             [installed, "export", trace, "--to", form, "-o", folder / "trace.db" if form == "sqlite" else "/dev/null"], 1000, None)
            for form in ("chrome", "perfetto", "speedscope", "pprof", "folded", "csv", "ndjson", "sqlite")]
        rows = [
            (f"60,032 events, {size('m24.etrecord'):.1f} MB record", [installed, "inspect", folder / "repeated.etdp", "--etrecord", folder / "m24.etrecord"], 50, None),
            (f"1 M events in 30 runs, shared names, {size('runs30.etdp'):.0f} MB", [installed, "inspect", folder / "runs30.etdp"], 300, 2 * size("runs30.etdp") + 100),
            *exports(folder / "runs30.etdp"),
            (f"1 M events in one run, own names, {size('onerun.etdp'):.0f} MB", [installed, "inspect", folder / "onerun.etdp"], 300, 2 * size("onerun.etdp") + 100),
            *exports(folder / "onerun.etdp"),
            ("31 MB record full of weights", [installed, "inspect", trace, "--etrecord", folder / "m31.etrecord"], 60, 40),
            ("6 GiB sparse record", [installed, "inspect", trace, "--etrecord", folder / "sparse.etrecord"], 300, None),
            ("etdump --help", [installed, "--help"], 15, None),
        ]
        print(f"{'command':58} {'ms':>8} {'asked':>7} {'MB':>8} {'asked':>7}")
        for name, command, asked, memory in rows:
            wall, peak = measure(list(map(str, command)))
            print(f"{name:58} {wall:8.1f} {asked:7} {peak:8.1f} {memory and round(memory) or '':>7}")
        sys.stdout.flush()
        subprocess.run([sys.executable, pathlib.Path(__file__).with_name("report.py"), program, folder / "runs30.etdp", folder / "onerun.etdp"])
        if venv:
            code = ("import time;a=time.perf_counter();from executorch.devtools import Inspector;b=time.perf_counter();"
                    f"i=Inspector(etdump_path={str(folder / 'repeated.etdp')!r},etrecord={str(small)!r});i.save_data_to_tsv(open('/dev/null','w'));"
                    "print(f'{(b-a)*1000:.0f} {(time.perf_counter()-b)*1000:.0f}')")
            done = subprocess.run([f"{venv}/bin/python", "-W", "ignore", "-c", code], capture_output=True, text=True)
            words = done.stdout.split()
            if len(words) >= 2:
                imports, work = map(float, words[-2:])
                ours, _ = measure([str(installed), "inspect", str(folder / "repeated.etdp"), "--etrecord", str(small), "--format", "tsv"])
                print(f"\nthe reference on repeated.etdp: {imports:.0f} ms of imports, {work:.0f} ms of work;"
                      f" etdump {ours:.0f} ms: {(imports + work) / ours:.0f} times, without imports {work / ours:.0f} times as fast")
            else:
                print(done.stderr[-500:])
            runs(folder)
        print(flush=True)
        allocations()
        subprocess.run([root / ".build/release/TracerBench", folder], check=True)


main()
