/** Numbers of section 5 of the manual, spelt as in <fcall.h> and <libc.h>. */

export const VERSION9P = '9P2000'
export const MAXWELEM = 16
export const NOTAG = 0xffff
export const NOFID = 0xffffffff
/** Room for the largest Twrite or Rread header: iounit = msize - IOHDRSZ. */
export const IOHDRSZ = 24
/** What our ends ask for and grant at most, in bytes. */
export const MSIZE = 65536 + IOHDRSZ

export const Tversion = 100
export const Rversion = 101
export const Tauth = 102
export const Rauth = 103
export const Tattach = 104
export const Rattach = 105
export const Rerror = 107
export const Tflush = 108
export const Rflush = 109
export const Twalk = 110
export const Rwalk = 111
export const Topen = 112
export const Ropen = 113
export const Tcreate = 114
export const Rcreate = 115
export const Tread = 116
export const Rread = 117
export const Twrite = 118
export const Rwrite = 119
export const Tclunk = 120
export const Rclunk = 121
export const Tremove = 122
export const Rremove = 123
export const Tstat = 124
export const Rstat = 125
export const Twstat = 126
export const Rwstat = 127

export const OREAD = 0
export const OWRITE = 1
export const ORDWR = 2
export const OEXEC = 3
export const OTRUNC = 0x10
export const OCEXEC = 0x20
export const ORCLOSE = 0x40
export const OEXCL = 0x1000

export const QTDIR = 0x80
export const QTAPPEND = 0x40
export const QTEXCL = 0x20
export const QTMOUNT = 0x10
export const QTAUTH = 0x08
export const QTTMP = 0x04
export const QTFILE = 0x00

export const DMDIR = 0x80000000
export const DMAPPEND = 0x40000000
export const DMEXCL = 0x20000000
export const DMMOUNT = 0x10000000
export const DMAUTH = 0x08000000
export const DMTMP = 0x04000000
export const DMREAD = 4
export const DMWRITE = 2
export const DMEXEC = 1
