"use strict";
// Statistics over runs, and numbers as people read them.

/** The value below which a share of the sorted values lies, interpolated linearly, as NumPy does it. */
function percentile(sorted, share) {
  if (sorted.length === 0) return NaN;
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
}

const ascending = (a, b) => a - b;

/**
 * The numbers of a sample: count, mean, deviation, percentiles, and an interval around the median.
 *
 * The interval lies between two order statistics so that it covers the median of what the sample was drawn from in at least
 * 95 % of cases, whatever the distribution; fewer than six values give none.
 */
function summarize(values) {
  const sorted = Float64Array.from(values).sort();
  const count = sorted.length;
  let sum = 0;
  for (const value of sorted) sum += value;
  const mean = sum / count;
  let squares = 0;
  for (const value of sorted) squares += (value - mean) ** 2;
  return {
    count, sum, mean, sorted, deviation: count > 1 ? Math.sqrt(squares / (count - 1)) : 0, min: sorted[0],
    max: sorted[count - 1], p10: percentile(sorted, 0.1), p50: percentile(sorted, 0.5), p90: percentile(sorted, 0.9),
    p95: percentile(sorted, 0.95), p99: percentile(sorted, 0.99), interval: medianInterval(sorted),
  };
}

function medianInterval(sorted) {
  const count = sorted.length;
  if (count < 6) return null;
  // Tails of the binomial distribution with p = ½, in logarithms: 2⁻ⁿ alone is 0 for a thousand values.
  let log = -count * Math.LN2, tail = 0, rank = 0;
  while (rank < count / 2) {
    tail += Math.exp(log);
    if (tail > 0.025) break;
    log += Math.log((count - rank) / (rank + 1));
    rank += 1;
  }
  return rank === 0 ? null : [sorted[rank - 1], sorted[count - rank]];
}

const isCycles = report.scale === "cycles";
const nanosecondsPerTick =
  { ns: 1, us: 1e3, ms: 1e6, s: 1e9, cycles: 1 }[report.scale] * report.tick[0] / report.tick[1];

/** Three digits, without an exponent: 0.138, 12.4, 1,240. */
function short(value) {
  if (!Number.isFinite(value)) return "";
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 1000) return Math.round(value).toLocaleString("en");
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.1 ? 3 : 4;
  return value.toFixed(digits);
}

/** Ticks as a time with its unit, or as cycles. */
function timeText(ticks) {
  if (!Number.isFinite(ticks)) return "–";
  const value = ticks * nanosecondsPerTick;
  if (isCycles) return `${short(value)} cycles`;
  const size = Math.abs(value);
  if (size >= 1e9) return `${short(value / 1e9)} s`;
  if (size >= 1e6) return `${short(value / 1e6)} ms`;
  if (size >= 1e3) return `${short(value / 1e3)} µs`;
  return `${short(value)} ns`;
}

const timeRange = (range) => range ? `${timeText(range[0])} … ${timeText(range[1])}` : "too few runs to tell";
const percentText = (share) => Number.isFinite(share) ? `${(share * 100).toFixed(1)} %` : "–";
const signedPercent = (share) => `${share > 0 ? "+" : share < 0 ? "−" : ""}${percentText(Math.abs(share))}`;
const countText = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

function bytesText(bytes) {
  const units = ["B", "kB", "MB", "GB"];
  let unit = 0;
  while (Math.abs(bytes) >= 1000 && unit < 3) {
    bytes /= 1000;
    unit += 1;
  }
  return `${short(bytes)} ${units[unit]}`;
}
