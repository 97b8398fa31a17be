import { stub } from './stub.gen.ts'

/** What of the guest's memory has its place fixed. Addresses are physical unless a comment says otherwise. */

/** Bytes of a page, and the power of two. */
export const BY2PG = 4096
export const PGSHIFT = 12

/** Virtual: the first 4 MB as the supervisor sees them. What is from here on is no program's. */
export const KZERO = 0xf0000000

/** The registers of whoever was trapped, where stub.s puts them: a Ureg. */
export const FRAME = stub.stacktop - KZERO - 76

/** The words that tell stub.s what to do when the host's handler returns. */
export const MACH = stub.mach - KZERO
/** 0: the frame goes on. 1: nobody does. -1: the host is called again, after Mfxsave. */
export const Midle = 0
export const Mfxsave = 1
export const Mfxrstor = 2
export const Mnewcr3 = 3
/** In: the address of the latest page fault. */
export const Mcr2 = 4

/** The page directory in which only the supervisor has anything; its entry of KZERO is every process's. */
export const KPD = stub.pd - KZERO
export const KPDE = KZERO >>> 22

/** Slots of an FXSAVE each, for the floating-point state of processes; virtual is KZERO more. */
export const FXAREA = 0x200000
export const FXSIZE = 512
export const NFX = 4096

/** The first page that the allocator gives out. */
export const PAGES = 0x400000

/** The port through which stub.s calls the host. */
export const PORT = 0x9f0

/** Words of a Ureg, 386's; as in its ureg.h. */
export const Udi = 0
export const Usi = 1
export const Ubp = 2
export const Unsp = 3
export const Ubx = 4
export const Udx = 5
export const Ucx = 6
export const Uax = 7
export const Ugs = 8
export const Ufs = 9
export const Ues = 10
export const Uds = 11
export const Utrap = 12
export const Uecode = 13
export const Upc = 14
export const Ucs = 15
export const Uflags = 16
export const Usp = 17
export const Uss = 18
export const Uwords = 19

export const UDSEL = 0x1b
export const UESEL = 0x23

/** Flags that a program may set: the arithmetic ones and DF. */
export const Uflagmask = 0xcd5
export const IF = 0x200

/** Vectors. Vboot is no trap: the stub is up. */
export const Vboot = -1
export const Vpf = 14
export const Virq0 = 0x20
export const Vsyscall = 0x40
