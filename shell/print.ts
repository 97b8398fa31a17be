import type { Command, Dup, Redirection, Word } from './tree.ts'

/**
 * A command as rc would read it back: the same tree comes of it. Commands that stood on lines of their own do so again.
 *
 * Differs: rc puts redirections before the command that they are of, where `a >x | b` comes to mean `>x {a | b}`; here
 * they follow it. Here documents end as they began, after the end of the line and not in its middle.
 */
export function print(t: Command | undefined): string {
  const p = new Printer()
  p.cmd(t)
  return p.end()
}

/** True of a command that would go on over the end of its line: `a &&`, with nothing to the right. */
function unended(t: Command | undefined): boolean {
  switch (t?.type) {
    case undefined:
      return true
    case '&&':
    case '||':
    case '|':
      return unended(t.right)
    case '!':
    case '@':
    case 'if':
    case 'if not':
    case 'for':
    case 'while':
      return unended(t.body)
    case '=':
    case 'redir':
    case 'dup':
      return t.body !== undefined && unended(t.body)
  }
  return false
}

class Printer {
  private lines = ''
  /** The line begun. */
  private out = ''
  private tabs = 0
  private heredocs: Redirection[] = []

  end(): string {
    if (this.heredocs.length > 0) this.newline(false)
    this.backslash()
    return this.lines + this.out
  }

  /** A blank keeps a backslash at the end of a word from going on to the next line. */
  private backslash(): void {
    if (this.out.endsWith('\\')) this.out += ' '
  }

  private newline(indent = true): void {
    this.backslash()
    this.lines += `${this.out}\n`
    for (const t of this.heredocs) {
      const text = t.here !== '' && !t.here.endsWith('\n') ? `${t.here}\n` : t.here
      this.lines += `${text}${t.file.type === 'word' ? t.file.text : ''}\n`
    }
    this.heredocs = []
    this.out = indent ? '\t'.repeat(this.tabs % 8) : ''
  }

  private brace(body: Command | undefined): void {
    this.tabs++
    this.out += '{'
    this.newline()
    this.cmd(body)
    this.tabs--
    this.newline()
    this.out += '}'
  }

  cmd(t: Command | undefined): void {
    if (t === undefined) return
    switch (t.type) {
      case 'simple':
        this.words(t.words)
        break
      case 'seq':
        for (let i = 0; i < t.cmds.length; i++) {
          if (i > 0) {
            const last = t.cmds[i - 1]!
            if (last.line === t.cmds[i]!.line || this.tabs === 0 || unended(last)) this.out += '; '
            else this.newline()
          }
          this.cmd(t.cmds[i])
        }
        break
      case 'brace':
        this.brace(t.body)
        break
      case 'paren':
        this.out += '('
        this.cmd(t.body)
        this.out += ')'
        break
      case 'if':
        this.out += 'if'
        this.cmd(t.cond)
        this.cmd(t.body)
        break
      case 'if not':
        this.out += 'if not '
        this.cmd(t.body)
        break
      case 'for':
        this.out += 'for('
        this.word(t.name)
        if (t.words) {
          this.out += ' in '
          this.words(t.words)
        }
        this.out += ')'
        this.cmd(t.body)
        break
      case 'while':
        this.out += 'while '
        this.cmd(t.cond)
        this.cmd(t.body)
        break
      case 'switch':
        this.out += 'switch '
        this.word(t.word)
        this.out += ' '
        this.brace(t.body.body)
        break
      case '~':
        this.out += '~ '
        this.words([t.subject, ...t.patterns])
        break
      case '&&':
      case '||':
        this.cmd(t.left)
        this.out += ` ${t.type} `
        this.cmd(t.right)
        break
      case '|':
        this.cmd(t.left)
        this.out += this.out.endsWith('|') ? ' |' : '|'
        if (t.in !== 0) this.out += `[${t.in}=${t.out}]`
        else if (t.out !== 1) this.out += `[${t.out}]`
        this.apart(() => this.cmd(t.right))
        break
      case '!':
      case '@':
        this.out += `${t.type} `
        this.cmd(t.body)
        break
      case '&':
        this.cmd(t.body)
        this.out += '&'
        break
      case 'fn':
        this.out += 'fn '
        this.words(t.names)
        this.out += ' '
        if (t.body) this.brace(t.body.body)
        break
      case '=':
        this.word(t.name)
        this.out += '='
        this.word(t.value)
        if (t.body) {
          this.out += ' '
          this.cmd(t.body)
        }
        break
      case 'redir':
      case 'dup':
        this.redirected(t)
        break
    }
  }

  /** After a simple command or a brace, the redirections follow; any other they precede. */
  private redirected(t: Redirection | Dup): void {
    let inner: Command | undefined = t
    while (inner?.type === 'redir' || inner?.type === 'dup') inner = inner.body
    const after = inner?.type === 'simple' || inner?.type === 'brace'
    if (after) this.cmd(inner)
    let r: Command | undefined = t
    let space = after ? ' ' : ''
    for (; r?.type === 'redir' || r?.type === 'dup'; r = r.body) {
      this.out += space
      this.redir(r)
      space = ' '
    }
    if (!after && inner) {
      this.out += ' '
      this.cmd(inner)
    }
  }

  private redir(t: Redirection | Dup): void {
    if (t.type === 'dup') {
      this.out += t.from < 0 ? `>[${t.fd}=]` : `>[${t.fd}=${t.from}]`
      return
    }
    this.out += t.mode
    if (t.fd !== (t.mode[0] === '<' ? 0 : 1)) this.out += `[${t.fd}]`
    this.apart(() => this.word(t.file))
    if (t.mode === '<<') this.heredocs.push(t)
  }

  /** Prints something after `|`, `<` or `>`, with a blank between when the two would run together. */
  private apart(something: () => void): void {
    const { lines, out } = this
    this.lines = this.out = ''
    something()
    const first = (this.lines === '' ? this.out : this.lines)[0] ?? ' '
    const before = '[<>|'.includes(first) ? `${out} ` : out
    if (this.lines === '') this.out = before + this.out
    else this.lines = before + this.lines
    this.lines = lines + this.lines
  }

  private words(words: Word[]): void {
    for (let i = 0; i < words.length; i++) {
      if (i > 0) this.out += ' '
      this.word(words[i]!)
    }
  }

  private word(w: Word): void {
    switch (w.type) {
      case 'word':
        this.out += w.quoted ? `'${w.text.replaceAll("'", "''")}'` : w.text
        break
      case '$':
      case '$#':
      case '$"':
        this.out += w.type
        this.word(w.name)
        break
      case 'sub':
        this.out += '$'
        this.word(w.name)
        this.out += '('
        this.words(w.subs)
        this.out += ')'
        break
      case '`':
        this.out += '`'
        if (w.split) this.word(w.split)
        this.brace(w.body)
        break
      case '^':
        this.word(w.left)
        this.out += '^'
        this.word(w.right)
        break
      case 'list':
        this.out += '('
        this.words(w.words)
        this.out += ')'
        break
      case 'pipefile':
        this.out += w.mode
        this.brace(w.body)
        break
    }
  }
}
