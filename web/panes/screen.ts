import { OREAD, OWRITE } from '../../plan9/9p/const.ts'
import { h } from '../dom.ts'
import type { Files, Stream } from '../files.ts'
import { scancodes, typed } from '../scancodes.ts'

const DIR = '/mnt/pc'
/** Bytes before the pixels of an image(6). */
const HEAD = 60

/** The screen of pc(4), with the keys and the mouse of this page: a view of vga, screen, text, kbin and mousein. */
export class PcScreen {
  readonly el = h('div', { class: 'pc-screen', tabindex: '0', role: 'group', 'aria-label': 'Screen of the PC' })
  private readonly canvas = h('canvas', { hidden: '', 'aria-label': 'Graphics' })
  private readonly text = h('pre', { 'aria-label': 'Text' })
  private readonly files: Files
  private readonly failed: (err: unknown) => void
  private readonly held = new Set<string>()
  private watching = false
  private wanted = false
  private keys: Promise<Stream> | undefined
  private mouse: Promise<Stream> | undefined
  private moved = { dx: 0, dy: 0, buttons: 0, frame: 0 }

  constructor(files: Files, failed: (err: unknown) => void) {
    this.files = files
    this.failed = failed
    const { el, canvas } = this
    el.append(
      this.text,
      canvas,
      h('p', { class: 'pc-hint' }, 'F6 leaves the screen. A click on graphics takes the mouse, Esc gives it back.'),
    )
    el.addEventListener('keydown', ev => this.key(ev, true))
    el.addEventListener('keyup', ev => this.key(ev, false))
    el.addEventListener('blur', () => this.release())
    canvas.addEventListener('click', () => {
      if (document.pointerLockElement !== canvas) void canvas.requestPointerLock()
    })
    canvas.addEventListener('mousemove', ev => this.move(ev, ev.movementX, ev.movementY))
    for (const name of ['mousedown', 'mouseup'] as const) canvas.addEventListener(name, ev => this.move(ev, 0, 0))
    canvas.addEventListener('wheel', ev => this.move(ev, 0, 0, ev.deltaY < 0 ? 8 : 16), { passive: true })
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) void this.watch()
    })
  }

  /** Whether it is looked at. */
  show(wanted: boolean): void {
    this.wanted = wanted
    if (wanted) void this.watch()
    else this.release()
  }

  /** The PC has been turned off, or on. */
  reset(): void {
    this.keys = this.mouse = undefined
    this.held.clear()
  }

  type(text: string): void {
    this.send(typed(text))
  }

  private async watch(): Promise<void> {
    if (this.watching) return
    this.watching = true
    const utf = new TextDecoder()
    try {
      const vga = await this.files.stream(`${DIR}/vga`, OREAD)
      try {
        while (this.wanted && !document.hidden) {
          const b = await vga.read()
          if (b.length === 0) break
          if (utf.decode(b).startsWith('graphics')) this.draw(await this.files.read(`${DIR}/screen`))
          else this.print(await this.files.text(`${DIR}/text`))
        }
      } finally {
        vga.close()
      }
    } catch {
      // The PC is off, or has changed its mode just now.
    } finally {
      this.watching = false
    }
    if (this.wanted && !document.hidden && this.el.isConnected && this.el.offsetParent)
      setTimeout(() => this.watch(), 500)
  }

  private print(text: string): void {
    this.canvas.hidden = true
    this.text.hidden = false
    if (this.text.textContent !== text) this.text.textContent = text
  }

  private draw(image: Uint8Array): void {
    const [, , , width, height] = new TextDecoder().decode(image.subarray(0, HEAD)).trim().split(/ +/).map(Number)
    if (!width || !height) return
    const { canvas } = this
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height })
    const pixels = new Uint8ClampedArray(image.slice(HEAD, HEAD + 4 * width * height).buffer)
    canvas.getContext('2d')!.putImageData(new ImageData(pixels, width, height), 0, 0)
    canvas.hidden = false
    this.text.hidden = true
  }

  private key(ev: KeyboardEvent, down: boolean): void {
    // The page's own, and the browser's.
    if (ev.code === 'F6' || ev.metaKey) return
    const codes = scancodes(ev.code, down)
    if (codes.length === 0) return
    ev.preventDefault()
    if (down) this.held.add(ev.code)
    else this.held.delete(ev.code)
    this.send(codes)
  }

  /** No key is down any more: its release may never come. */
  private release(): void {
    for (const code of this.held) this.send(scancodes(code, false))
    this.held.clear()
    if (document.pointerLockElement === this.canvas) document.exitPointerLock()
  }

  private send(codes: number[]): void {
    this.keys = this.post(this.keys, 'kbin', Uint8Array.from(codes))
  }

  /** In order, whatever each write takes. */
  private post(to: Promise<Stream> | undefined, name: string, data: Uint8Array): Promise<Stream> {
    const sent = (to ?? this.files.stream(`${DIR}/${name}`, OWRITE)).then(async s => {
      await s.write(data)
      return s
    })
    sent.catch((err: unknown) => {
      this.keys = this.mouse = undefined
      this.failed(err)
    })
    return sent
  }

  private move(ev: MouseEvent, dx: number, dy: number, wheel = 0): void {
    if (document.pointerLockElement !== this.canvas) return
    const { moved } = this
    moved.dx += dx
    moved.dy += dy
    moved.buttons = (ev.buttons & 1) | (ev.buttons & 4 ? 2 : 0) | (ev.buttons & 2 ? 4 : 0) | wheel
    if (ev.type !== 'mousemove') {
      cancelAnimationFrame(moved.frame)
      this.moveNow()
    } else moved.frame ||= requestAnimationFrame(() => this.moveNow())
  }

  private moveNow(): void {
    const { dx, dy, buttons } = this.moved
    this.moved = { dx: 0, dy: 0, buttons: 0, frame: 0 }
    this.mouse = this.post(this.mouse, 'mousein', new TextEncoder().encode(`m ${dx} ${dy} ${buttons}`))
  }
}
