export interface ServeOptions {
  dir: string
  /** 0 takes a free one. */
  port?: number
  host?: string
  /** Send COOP and COEP; default true. */
  isolated?: boolean
  onresponse?: (path: string, status: number, bytes: number) => void
}
export function serve(options: ServeOptions): Promise<{ url: string; close(): Promise<void> }>
