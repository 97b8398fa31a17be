/**
 * The trace tap: sees every message of every tapped connection, as bytes. While nobody looks it costs one comparison.
 *
 * `conn` names the connection; `sent` tells whether the message left this end (true) or came to it. `msg` is borrowed:
 * copy what is kept.
 */
export type Tap = (conn: string, sent: boolean, msg: Uint8Array) => void

export const tap: { see: Tap | undefined } = { see: undefined }
