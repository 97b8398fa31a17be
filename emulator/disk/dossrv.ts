import { DMAPPEND, DMDIR, DMEXCL, ORCLOSE, OTRUNC } from '../../plan9/9p/const.ts'
import type { Dir, Qid } from '../../plan9/9p/dir.ts'
import type { Srv } from '../../plan9/9p/srv.ts'
import { Eisdir, Enonexist, Enotdir, Eperm, PlanError } from '../../plan9/error.ts'
import type { Disk } from './blocks.ts'
import { Enotfat, Fat, type FatFile } from './fat.ts'
import { ATTR_RDONLY, ATTR_SYSTEM } from './fatname.ts'
import { DOS, named, partition, partitions } from './part.ts'

/**
 * The FAT file system of a disk, or of the part of it that is named; of a disk with a partition table and without a name
 * the first that has one.
 *
 * @throws PlanError
 */
export async function openfat(disk: Disk, part = '', o: { readonly?: boolean } = {}): Promise<Fat> {
  if (part !== '') return Fat.open(await named(disk, part), o)
  try {
    return await Fat.open(disk, o)
  } catch (e) {
    if (!(e instanceof PlanError) || e.message !== Enotfat) throw e
    for (const p of await partitions(disk).catch(() => []))
      if (p.name.startsWith('dos') || p.type === DOS || p.name === '9fat') return Fat.open(partition(disk, p), o)
    throw e
  }
}

/** One file of one image. */
interface Aux {
  image: Image
  file: FatFile
}

interface Image {
  spec: string
  fat: Fat
  /** Files of two images do not share a qid. */
  number: number
  /** Fids on it. With the last of them the image is closed. */
  refs: number
  close(): Promise<void>
}

/** @throws PlanError Eperm: in a directory that is read only no name is changed */
function mayname(d: FatFile | undefined): void {
  if (d && d.attr & ATTR_RDONLY) throw new PlanError(Eperm)
}

/** An image as a mount's spec names it. */
export interface Opened {
  fat: Fat
  close(): Promise<void>
}

/**
 * A file server of FAT images, as dossrv(4); the spec of an attach names one, and `open` finds it. What was changed is on
 * the image when the file is closed.
 */
export function dosSrv(open: (spec: string) => Promise<Opened>): Srv<Aux> {
  const images = new Map<string, Promise<Image>>()
  /** Images that are being closed: they are not opened again before that is done. */
  const closing = new Map<string, Promise<unknown>>()
  let numbers = 0
  const qid = ({ image, file }: Aux): Qid => ({
    type: (file.mode >>> 24) & 0xff,
    vers: file.vers,
    path: (BigInt(image.number) << 32n) | BigInt(file.id),
  })
  const dir = (a: Aux): Dir => ({
    type: 0,
    dev: 0,
    qid: qid(a),
    mode: a.file.mode,
    atime: a.file.mtime,
    mtime: a.file.mtime,
    length: BigInt(a.file.length),
    name: a.file.name,
    uid: 'bill',
    gid: 'trog',
    muid: 'bill',
  })
  return {
    async attach(_uname, spec) {
      let image = images.get(spec)
      if (!image) {
        image = (closing.get(spec) ?? Promise.resolve())
          .then(() => open(spec))
          .then(o => ({ ...o, spec, number: numbers++, refs: 0 }))
        image.catch(() => images.delete(spec))
        images.set(spec, image)
      }
      const i = await image
      i.refs++
      const aux: Aux = { image: i, file: i.fat.root }
      return { aux, qid: qid(aux) }
    },
    clone(aux) {
      aux.image.refs++
      return { ...aux }
    },
    async walk1(aux, name) {
      const { image, file } = aux
      const next = name === '..' ? (file.parent ?? file) : await image.fat.lookup(file, name)
      if (!next) throw new PlanError(Enonexist)
      return { aux: { image, file: next }, qid: qid({ image, file: next }) }
    },
    stat({ aux }) {
      if (aux.file.gone) throw new PlanError(Enonexist)
      return dir(aux)
    },
    async open({ aux }, mode) {
      const { fat } = aux.image
      if (aux.file.gone) throw new PlanError(Enonexist)
      const writes = (mode & 3) === 1 || (mode & 3) === 2 || (mode & OTRUNC) !== 0
      if ((writes || mode & ORCLOSE) && fat.readonly) throw new PlanError(Eperm)
      if (writes && aux.file.attr & ATTR_RDONLY) throw new PlanError(Eperm)
      if (mode & OTRUNC) await fat.truncate(aux.file, 0)
      return { qid: qid(aux) }
    },
    async create({ aux }, name, perm) {
      const { fat } = aux.image
      if (!aux.file.isdir) throw new PlanError(Enotdir)
      if (perm & DMAPPEND) throw new PlanError(Eperm)
      mayname(aux.file)
      const attr = (perm & 0o222 ? 0 : ATTR_RDONLY) | (perm & DMEXCL ? ATTR_SYSTEM : 0)
      const file = await fat.create(aux.file, name, { dir: (perm & DMDIR) !== 0, attr })
      await fat.flush()
      const made = { image: aux.image, file }
      return { aux: made, qid: qid(made) }
    },
    read: ({ aux }, offset, count) => aux.image.fat.read(aux.file, offset, count),
    readdir: async ({ aux }) => (await aux.image.fat.readdir(aux.file)).map(file => dir({ image: aux.image, file })),
    async write({ aux }, offset, data) {
      await aux.image.fat.write(aux.file, offset, data)
      return data.length
    },
    async remove({ aux }) {
      mayname(aux.file.parent)
      await aux.image.fat.remove(aux.file)
      await aux.image.fat.flush()
    },
    async wstat({ aux }, d) {
      const { fat } = aux.image
      const { file } = aux
      if (file.gone) throw new PlanError(Enonexist)
      if (Object.keys(d).length > 0 && fat.readonly) throw new PlanError(Eperm)
      const { uid = 'bill', gid = 'trog' } = d
      if (uid !== 'bill' || gid !== 'trog') throw new PlanError(Eperm)
      let attr: number | undefined
      if (d.mode !== undefined) {
        const [u, g, o] = [(d.mode >> 6) & 7, (d.mode >> 3) & 7, d.mode & 7]
        if (u !== g || g !== o || d.mode & DMAPPEND) throw new PlanError(Eperm)
        if (((d.mode & DMDIR) !== 0) !== file.isdir) throw new PlanError(Eperm)
        attr = (file.attr & ~(ATTR_RDONLY | ATTR_SYSTEM)) | (o & 2 ? 0 : ATTR_RDONLY)
        if (d.mode & DMEXCL) attr |= ATTR_SYSTEM
      }
      const resize = d.length !== undefined && Number(d.length) !== file.length
      if (resize && file.isdir) throw new PlanError(Eisdir)
      if (resize && file.attr & ATTR_RDONLY) throw new PlanError(Eperm)
      // What can fail first: a name that is taken, a disk that is full.
      const name = file.name
      if (d.name !== undefined && d.name !== name) {
        mayname(file.parent)
        await fat.rename(file, file.parent ?? file, d.name)
      }
      try {
        if (resize) await fat.truncate(file, Number(d.length))
      } catch (e) {
        if (file.name !== name) await fat.rename(file, file.parent!, name)
        throw e
      }
      if (attr !== undefined || d.mtime !== undefined)
        await fat.setattr(file, {
          ...(attr === undefined ? {} : { attr }),
          ...(d.mtime === undefined ? {} : { mtime: d.mtime }),
        })
      await fat.flush()
    },
    async clunk({ aux: { image }, omode }) {
      image.refs--
      if (image.refs > 0) {
        if (omode !== -1) await image.fat.flush()
        return
      }
      images.delete(image.spec)
      const closed = image.fat.flush().finally(() => image.close())
      const done = closed.catch(() => {}).then(() => closing.delete(image.spec))
      closing.set(image.spec, done)
      await closed
    },
  }
}
