import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { html, type View } from '../html.ts';
import { clock, duration } from '../model/format.ts';
import { columnsOf, type LagPoint } from '../model/lag.ts';

interface LagChartProps {
  readonly points: readonly LagPoint[];
  readonly forwardLimitMs: number | null;
  readonly backLimitMs: number | null;
}

const heightPx = 200;
/** Least time on the axis (seconds): a first sample is no picture. */
const leastSeconds = 60;

/** Lag over time on a logarithmic axis, since a limit may be a thousand times what is usual; limits are dashed. */
export function LagChart({ points, forwardLimitMs, backLimitMs }: LagChartProps): View {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const data = dataOf(points);
  useEffect(() => {
    const element = place.current as HTMLDivElement;
    const draw = () => {
      chart.current?.destroy();
      chart.current = new uPlot(optionsOf(element, forwardLimitMs, backLimitMs), data, element);
    };
    draw();
    const dark = matchMedia('(prefers-color-scheme: dark)');
    dark.addEventListener('change', draw);
    const resized = new ResizeObserver(() => chart.current?.setSize({ width: element.clientWidth, height: heightPx }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      dark.removeEventListener('change', draw);
      chart.current?.destroy();
      chart.current = null;
    };
  }, [forwardLimitMs, backLimitMs]);
  useEffect(() => chart.current?.setData(data), [points]);
  return html`<div class="chart" ref=${place} role="img" aria-label=${words(points)}></div>`;
}

function dataOf(points: readonly LagPoint[]): uPlot.AlignedData {
  const { at, forward, back } = columnsOf(points);
  return [at, forward, back];
}

function optionsOf(element: HTMLElement, forwardLimitMs: number | null, backLimitMs: number | null): uPlot.Options {
  const colour = (name: string) => getComputedStyle(element).getPropertyValue(name).trim();
  const series = (stroke: string): uPlot.Series => ({ stroke, width: 2, points: { show: false }, spanGaps: false });
  const axis = { stroke: colour('--soft'), grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false } };
  return {
    width: element.clientWidth,
    height: heightPx,
    legend: { show: false },
    cursor: { show: false },
    padding: [12, 8, 0, 0],
    scales: {
      x: { time: true, range: (_, least, most) => [Math.min(least, most - leastSeconds), most] },
      y: {
        distr: 3,
        range: (_, least, most) => {
          const limits = [forwardLimitMs, backLimitMs].filter((ms) => ms !== null);
          const low = Math.max(1, Math.min(least ?? 1, ...limits));
          const high = Math.max(most ?? 1, 100, ...limits);
          return [10 ** Math.floor(Math.log10(low)), 10 ** Math.ceil(Math.log10(high * 1.2))];
        },
      },
    },
    axes: [
      { ...axis, space: 80, values: (_, splits) => splits.map((seconds) => momentText(seconds)) },
      {
        ...axis,
        size: 62,
        splits: (_, __, least, most) => decades(least, most),
        values: (_, splits) => splits.map(axisText),
      },
    ],
    series: [{}, series(colour('--forward')), series(colour('--back'))],
    hooks: { draw: [(plot) => drawLimits(plot, colour, forwardLimitMs, backLimitMs)] },
  };
}

const decades = (least: number, most: number): number[] =>
  Array.from({ length: Math.round(Math.log10(most / least)) + 1 }, (_, index) => least * 10 ** index);

/** A decade, short enough for an axis. */
const axisText = (ms: number): string => (ms < 1_000 ? `${ms} ms` : `${ms / 1_000} s`);

const momentText = (seconds: number): string => clock(new Date(seconds * 1_000).toISOString(), seconds * 1_000);

/** A dashed line for each limit, over the whole width, with its name. */
function drawLimits(
  plot: uPlot,
  colour: (name: string) => string,
  forwardLimitMs: number | null,
  backLimitMs: number | null,
): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.font = `${11 * ratio}px system-ui, sans-serif`;
  ctx.textAlign = 'left';
  for (const [ms, name, text] of [
    [forwardLimitMs, '--forward', 'gate'],
    [backLimitMs, '--back', 'limit of the way back'],
  ] as const) {
    if (ms === null) continue;
    const y = plot.valToPos(ms, 'y', true);
    ctx.strokeStyle = ctx.fillStyle = colour(name);
    ctx.lineWidth = 1.5 * ratio;
    ctx.setLineDash([6 * ratio, 5 * ratio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.fillText(`${text} ${duration(ms)}`, bbox.left + 6 * ratio, y - 7 * ratio);
  }
  ctx.restore();
}

/** The picture in words. */
function words(points: readonly LagPoint[]): string {
  const last = points.at(-1);
  const worst = (of: (point: LagPoint) => number | null) => Math.max(...points.map((point) => of(point) ?? 0));
  return `Lag over time. To Aurora now ${duration(last?.forwardMs ?? null)}, at most ${duration(worst(({ forwardMs }) => forwardMs))}; back now ${duration(last?.reverseMs ?? null)}, at most ${duration(worst(({ reverseMs }) => reverseMs))}.`;
}
