// y-websocket's server with documents from and to one file each.
const http = require('node:http')
const fs = require('node:fs')
const path = require('node:path')
const { WebSocketServer } = require('ws')
const Y = require('yjs')
const { setupWSConnection, setPersistence } = require('@y/websocket-server/utils')

const [port, folder] = process.argv.slice(2)
const file = (name) => path.join(folder, encodeURIComponent(name))
setPersistence({
  bindState: async (name, doc) => {
    if (fs.existsSync(file(name))) Y.applyUpdate(doc, fs.readFileSync(file(name)))
  },
  writeState: async (name, doc) => fs.writeFileSync(file(name), Y.encodeStateAsUpdate(doc))
})
const server = http.createServer((_, response) => response.end('ok'))
const sockets = new WebSocketServer({ server, perMessageDeflate: false })
sockets.on('connection', (socket, request) => setupWSConnection(socket, request, { docName: request.url.split('?')[0].split('/').pop() }))
server.listen(Number(port), '127.0.0.1', () => console.log('ready'))
