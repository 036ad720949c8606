// Hocuspocus as its documentation starts it, documents from and to one file each.
import { createRequire } from 'node:module'
import { readFileSync, writeFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const require = createRequire(import.meta.url)
const { Server } = await import(pathToFileURL(require.resolve('@hocuspocus/server')).href)
const Y = require('yjs')
const [port, folder] = process.argv.slice(2)
const file = (name) => join(folder, encodeURIComponent(name))

const server = new Server({
  port: Number(port),
  address: '127.0.0.1',
  quiet: true,
  async onLoadDocument ({ documentName, document }) {
    if (existsSync(file(documentName))) Y.applyUpdate(document, readFileSync(file(documentName)))
    return document
  },
  async onStoreDocument ({ documentName, document }) {
    writeFileSync(file(documentName), Y.encodeStateAsUpdate(document))
  }
})
await server.listen()
console.log('ready')
