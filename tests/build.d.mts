export function stale(output: string): boolean
export function buildWeb(options?: { force?: boolean }): Promise<void>
export function buildNode(options?: { force?: boolean }): Promise<void>
