#!/usr/bin/env node
// The command 9ml. In a checkout it first builds what has changed; as a package it has only dist/ to run.

import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const top = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

if (existsSync(join(top, 'tests', 'build.mjs'))) {
  const { ensureDeps } = await import(pathToFileURL(join(top, 'web', 'setup.mjs')).href)
  ensureDeps()
  const { buildNode } = await import(pathToFileURL(join(top, 'tests', 'build.mjs')).href)
  await buildNode()
}
await import(pathToFileURL(join(top, 'dist', '9ml.js')).href)
