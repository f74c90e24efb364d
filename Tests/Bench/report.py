#!/usr/bin/env python3
"""Times `etdump flame` on traces and their pages in a headless Chromium: report.py PROGRAM TRACE…

A page is open when it has drawn its first view; each answer is the time that one action keeps the page busy.
"""
import os, pathlib, re, shutil, subprocess, sys, tempfile, time

program, traces = sys.argv[1], sys.argv[2:]
chromium = os.environ.get("ET_CHROMIUM") or next(filter(shutil.which, ["chromium", "chromium-browser", "google-chrome"]), None)

# What a user does first, in each view.
ANSWERS = """
requestAnimationFrame(() => setTimeout(() => {
  const say = (name, time) => console.log(`bench ${name} ${time.toFixed(0)}`);
  const answer = (name, action) => { const start = performance.now(); action(); say(name, performance.now() - start); };
  say("open", performance.now());
  for (const view of Object.keys(views)) answer(view, () => { setState({ view }); if (view === "timeline") timelineView.paint(); });
  answer("zoom", () => { timelineView.zoomBy(50); timelineView.paint(); });
  answer("search", () => setState({ view: "flame", query: "conv" }));
  answer("mode", () => setState({ mode: "op", query: "" }));
  answer("sort", () => setState({ view: "table", sort: "p50" }));
}));
"""

for trace in map(pathlib.Path, traces):
    with tempfile.TemporaryDirectory() as folder:
        page = pathlib.Path(folder) / "report.html"
        walls = []
        for _ in range(5):
            start = time.monotonic()
            subprocess.run([program, "etdump", "flame", trace, "-o", page], check=True)
            walls.append((time.monotonic() - start) * 1000)
        text = page.read_text()
        data = sum(len(part) for part in re.findall(r'<script type="application/[^>]*>(.*?)</script>', text, re.S))
        print(f"flame {trace.name}, {trace.stat().st_size / 1e6:.0f} MB: {sorted(walls)[2]:.0f} ms (asked 2000), page {len(text) / 1e6:.1f} MB (asked 20), "
              f"without data {(len(text) - data) / 1e3:.0f} kB (asked 300), data {data / 1e6:.2f} MB (asked {trace.stat().st_size / 4e6 + 0.3:.2f})")
        if not chromium:
            print("  not opened: no Chromium")
            continue
        page.write_text(text.replace("</body>", f"<script>{ANSWERS}</script></body>"))
        said = subprocess.run(
            [chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--window-size=1400,900",
             "--timeout=20000", f"--user-data-dir={folder}/profile", f"--screenshot={folder}/page.png", page.as_uri()],
            capture_output=True, text=True, timeout=120).stderr
        answers = re.findall(r'bench (\w+) (\d+)', said)
        print("  in the browser, ms (asked 2000): " + ", ".join(f"{name} {value}" for name, value in answers))
