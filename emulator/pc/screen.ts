import { Eintr, PlanError } from '../../plan9/error.ts'

/** A rectangle of v86's picture, and where it is on the screen. */
interface Layer {
  image_data: { data: Uint8ClampedArray; width: number }
  screen_x: number
  screen_y: number
  buffer_x: number
  buffer_y: number
  buffer_width: number
  buffer_height: number
}

/** What is used of v86's VGA; `screen_fill_buffer` draws what has changed. */
export interface Vga {
  graphical_mode: boolean
  screen_width: number
  screen_height: number
  svga_enabled: boolean
  svga_width: number
  svga_height: number
  max_cols: number
  max_rows: number
  screen_fill_buffer(): void
  complete_redraw(): void
}

/** Milliseconds between two looks at the screen while somebody waits for it to change. */
const FRAME = 33

/** Code page 437, which a PC's character generator has; what it has not from its own are ASCII. */
const low = ' ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼'
const high =
  'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■ '
const glyph = (c: number) => (c < 32 ? low[c]! : c < 127 ? String.fromCharCode(c) : c === 127 ? '⌂' : high[c - 128]!)

/** The screen of a PC: what v86's VGA shows. It costs nothing while nobody looks. */
export class Screen {
  private readonly vga: Vga
  private graphical: boolean
  private version = 1
  private cols: number
  private rows: number
  private cursor = [0, 0]
  private cells: Uint8Array
  private width: number
  private height: number
  /** red, green, blue and nothing, of each pixel by rows. */
  private pixels: Uint32Array<ArrayBuffer>

  /** `adapter` is what v86 calls to show something; it gets methods of ours. */
  constructor(adapter: object, vga: Vga) {
    this.vga = vga
    this.graphical = vga.graphical_mode
    this.cols = vga.max_cols
    this.rows = vga.max_rows
    this.cells = new Uint8Array(this.cols * this.rows)
    this.width = vga.svga_enabled ? vga.svga_width : vga.screen_width
    this.height = vga.svga_enabled ? vga.svga_height : vga.screen_height
    this.pixels = new Uint32Array(this.width * this.height)
    Object.assign(adapter, {
      put_char: (row: number, col: number, c: number) => {
        const at = row * this.cols + col
        if (this.cells[at] === c) return
        this.cells[at] = c
        this.version++
      },
      set_mode: (graphical: boolean) => {
        if (this.graphical === graphical) return
        this.graphical = graphical
        this.version++
      },
      set_size_text: (cols: number, rows: number) => {
        if (this.cols === cols && this.rows === rows) return
        this.cols = cols
        this.rows = rows
        this.cells = new Uint8Array(cols * rows)
        this.version++
      },
      set_size_graphical: (width: number, height: number) => {
        if (this.width === width && this.height === height) return
        this.width = width
        this.height = height
        this.pixels = new Uint32Array(width * height)
        this.version++
      },
      clear_screen: () => {
        this.pixels.fill(0)
        this.version++
      },
      update_cursor: (row: number, col: number) => {
        if (this.cursor[0] === row && this.cursor[1] === col) return
        this.cursor = [row, col]
        if (!this.graphical) this.version++
      },
      update_buffer: (layers: Layer[]) => {
        for (const l of layers) this.copy(l)
      },
    })
    vga.complete_redraw()
  }

  private copy(l: Layer): void {
    const { data, width } = l.image_data
    const from = new Uint32Array(data.buffer, data.byteOffset, data.byteLength >> 2)
    const x0 = Math.max(l.screen_x, 0)
    const x1 = Math.min(l.screen_x + l.buffer_width, this.width)
    const y1 = Math.min(l.screen_y + l.buffer_height, this.height)
    let changed = false
    for (let y = Math.max(l.screen_y, 0); y < y1; y++) {
      let at = (l.buffer_y + y - l.screen_y) * width + l.buffer_x + x0 - l.screen_x
      let to = y * this.width + x0
      for (const end = y * this.width + x1; to < end; at++, to++)
        if (this.pixels[to] !== from[at]) {
          this.pixels[to] = from[at]!
          changed = true
        }
    }
    if (changed) this.version++
  }

  /** Waits until it is no more as it was at `after`. @throws PlanError Eintr */
  async change(after: number, signal: AbortSignal): Promise<{ version: number; mode: string }> {
    for (;;) {
      if (signal.aborted) throw new PlanError(Eintr)
      this.vga.screen_fill_buffer()
      if (this.version !== after) break
      await new Promise<void>(resolve => setTimeout(resolve, FRAME))
    }
    const { version, graphical, width, height, cols, rows, cursor } = this
    const mode = graphical ? `graphics ${width} ${height}` : `text ${cols} ${rows} ${cursor[1]} ${cursor[0]}`
    return { version, mode }
  }

  /** Of text, a line of each row; nothing while it shows graphics. */
  text(): string {
    if (this.graphical) return ''
    let s = ''
    for (let row = 0; row < this.rows; row++) {
      const line = this.cells.subarray(row * this.cols, (row + 1) * this.cols)
      s += `${Array.from(line, glyph).join('').trimEnd()}\n`
    }
    return s
  }

  /** Of graphics, an image(6). @throws PlanError it shows text */
  image(): Uint8Array {
    if (!this.graphical) throw new PlanError('screen shows text')
    this.vga.screen_fill_buffer()
    const head = ['x8b8g8r8', 0, 0, this.width, this.height].map(v => `${v}`.padStart(11)).join(' ')
    const out = new Uint8Array(head.length + 1 + this.pixels.byteLength)
    out.set(new TextEncoder().encode(`${head} `))
    out.set(new Uint8Array(this.pixels.buffer), head.length + 1)
    return out
  }
}
