/**
 * <plan9-console>: the workspace's console in another page, which has this as a script of type module. Attributes: src, where the workspace is (where this script came from,
 * when there is none); commands, which its user may run by a click.
 */

class Plan9Console extends HTMLElement {
  static observedAttributes = ['src', 'commands']
  private readonly frame = document.createElement('iframe')

  connectedCallback(): void {
    const root = this.shadowRoot ?? this.attachShadow({ mode: 'open' })
    const style = document.createElement('style')
    style.textContent = ':host{display:block;height:24em}iframe{display:block;width:100%;height:100%;border:0}'
    this.frame.title = 'Plan 9 console'
    this.frame.allow = 'cross-origin-isolated; clipboard-read; clipboard-write'
    root.replaceChildren(style, this.frame)
    this.load()
  }

  attributeChangedCallback(): void {
    if (this.isConnected) this.load()
  }

  private load(): void {
    const url = new URL('.', new URL(this.getAttribute('src') ?? import.meta.url, document.baseURI))
    url.searchParams.set('embed', '')
    const commands = this.getAttribute('commands')
    if (commands !== null) url.hash = new URLSearchParams({ rc: commands }).toString()
    if (this.frame.src !== url.href) this.frame.src = url.href
  }
}

if (!customElements.get('plan9-console')) customElements.define('plan9-console', Plan9Console)
