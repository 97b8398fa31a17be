/** What the page keeps between visits; nothing where the browser lets it keep nothing, as in a page within another's. */

export function recall(key: string): string | null {
  try {
    return localStorage.getItem(key)
  } catch {
    return null
  }
}

export function keep(key: string, value: string): void {
  try {
    localStorage.setItem(key, value)
  } catch {
    // For this visit only.
  }
}
