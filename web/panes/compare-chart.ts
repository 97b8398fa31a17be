import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'

/** A line of a chart. */
export interface Series {
  label: string
  x: number[]
  y: number[]
}

const colors = ['--ansi-cyan', '--ansi-magenta', '--ansi-yellow', '--ansi-green', '--ansi-red', '--ansi-blue']

/** The colour of a side. */
export const colorOf = (n: number): string => `var(${colors[n % colors.length]})`

const HEIGHT = 150

/** A small chart of lines that grow; drawn once a frame at most. */
export class Chart {
  readonly el: HTMLElement
  private readonly title: string
  private readonly unit: string
  private readonly first: number
  private plot: uPlot | undefined
  private series: Series[] = []
  private due = false

  /** `first` is the side that the first line is of. */
  constructor(el: HTMLElement, title: string, unit: string, first = 0) {
    this.el = el
    this.title = title
    this.unit = unit
    this.first = first
    new ResizeObserver(() => {
      const width = el.clientWidth
      if (this.plot && width > 0 && Math.abs(this.plot.width - width) > 1) this.plot.setSize({ width, height: HEIGHT })
    }).observe(el)
  }

  set(series: Series[]): void {
    this.series = series
    if (this.due) return
    this.due = true
    requestAnimationFrame(() => {
      this.due = false
      this.draw()
    })
  }

  /** The colours have changed. */
  redraw(): void {
    this.plot?.destroy()
    this.plot = undefined
    this.draw()
  }

  private draw(): void {
    const shown = this.series.filter(s => s.x.length > 0)
    this.el.hidden = shown.length === 0
    const width = this.el.clientWidth
    if (shown.length === 0 || width === 0) return
    const data = uPlot.join(this.series.map(s => [s.x, s.y] as uPlot.AlignedData))
    if (this.plot && this.plot.series.length === this.series.length + 1) {
      this.plot.setData(data)
      return
    }
    this.plot?.destroy()
    const style = getComputedStyle(this.el)
    const v = (name: string) => style.getPropertyValue(name).trim()
    const axis = {
      stroke: v('--muted'),
      font: `11px ${v('--ui')}`,
      grid: { stroke: v('--line'), width: 0.5 },
      ticks: { stroke: v('--line'), width: 0.5 },
    }
    const plot = new uPlot(
      {
        title: this.title,
        width,
        height: HEIGHT,
        legend: { show: false },
        cursor: { show: false },
        scales: { x: { time: false } },
        series: [
          {},
          ...this.series.map(({ label }, n) => ({
            label,
            stroke: v(colors[(n + this.first) % colors.length]!),
            width: 1.5,
            spanGaps: true,
          })),
        ],
        axes: [axis, { ...axis, size: 58, label: this.unit, labelSize: 16, labelFont: `11px ${v('--ui')}` }],
      },
      data,
      this.el,
    )
    plot.root.setAttribute('aria-hidden', 'true')
    this.plot = plot
  }
}
