/** The error strings of the kernel and of the file servers, in Plan 9's wording. Programs compare them: they are API. */

export const Enonexist = 'file does not exist'
export const Eexist = 'file already exists'
export const Eperm = 'permission denied'
export const Enotdir = 'not a directory'
export const Eisdir = 'file is a directory'
export const Ebadarg = 'bad arg in system call'
export const Ebadfd = 'fd out of range or not open'
export const Ebadusefd = 'inappropriate use of fd'
export const Enofd = 'no free file descriptors'
export const Eisopen = 'file already open for I/O'
export const Einuse = 'device or object already in use'
export const Enegoff = 'negative i/o offset'
export const Ebadoffset = 'bad offset'
export const Ebadoffdir = 'bad offset in directory read'
export const Emount = 'inconsistent mount'
export const Eunmount = 'not mounted'
export const Eunion = 'not in union'
export const Emountrpc = 'mount rpc error'
export const Eshutdown = 'mounted device shut down'
export const Ehungup = 'i/o on hungup channel'
export const Eintr = 'interrupted'
export const Enochild = 'no living children'
export const Ebadsharp = 'unknown device in # filename'
export const Ebadctl = 'bad process or channel control request'
export const Ebadchar = 'bad character in file name'
export const Efilename = 'file name syntax'
export const Etoolong = 'name too long'
export const Etoobig = 'argument list too long'
export const Ebadexec = 'exec header invalid'
export const Eprocdied = 'process exited'
export const Enoproc = 'process does not exist'
export const Enoprocs = 'no procs'
export const Eio = 'i/o error'
export const Eshort = 'i/o count too small'
export const Enoctl = 'unknown control request'
export const Etimedout = 'timed out'
export const Enomem = 'kernel allocate failed'
export const Enovmem = 'virtual memory allocation failed'
export const Enotempty = 'directory not empty'
export const Emountnocreate = 'mounted directory forbids creation'
export const Eismtpt = 'is a mount point'
export const Enoattach = 'mount/attach disallowed'
export const Ebadspec = 'bad attach specifier'
export const Eiotoobig = 'read or write too large'
export const Eiotoosmall = 'read or write too small'
export const Eisstream = 'seek on a stream'
export const Edirseek = 'seek in directory'
export const Enoversion = 'version not established for mount channel'

/** The file server library's own, lib9p's srv.c. */
export const Eunknownfid = 'unknown fid'
export const Edupfid = 'duplicate fid'
export const Eduptag = 'duplicate tag'
export const Ebotch = '9P protocol botch'
export const Ecreatenondir = 'create in non-directory'
export const Enoauth = 'authentication not required'
export const Enocreate = 'create prohibited'
export const Enoremove = 'remove prohibited'
export const Enostat = 'stat prohibited'
export const Enowrite = 'write prohibited'
export const Enowstat = 'wstat prohibited'
export const Ewalknodir = 'walk in non-directory'
export const Ebadwstat = 'bad wstat'

/** Bytes of an error string at most, its NUL included. */
export const ERRMAX = 128

/** What a system call or a file server refuses with: its message is the error string, `Rerror`'s ename. */
export class PlanError extends Error {
  override name = 'PlanError'
}

/**
 * Bytes that are not 9P. The connection that they came on is closed; it is never answered with an `Rerror`.
 * `offset` is where in the message the trouble begins, in bytes.
 */
export class ProtocolError extends Error {
  override name = 'ProtocolError'
  readonly offset: number
  constructor(message: string, offset = 0) {
    super(message)
    this.offset = offset
  }
}

/** The error string of anything thrown: a `PlanError`'s own; a bug's is logged whole by the caller and shown as `i/o error`. */
export function errstr(e: unknown): string {
  return e instanceof PlanError ? e.message : Eio
}
