// Stock y-websocket providers with random edits and forced disconnects, in one Node process.
// usage: node stock.mjs MODULES SERVER_URL ROOM ORIGIN COOKIE CLIENTS OPERATIONS SEED
// Prints one JSON line: whether all ended synced with equal content and equal state vectors.
import { createRequire } from 'node:module'

const [modules, server, room, origin, cookies, clientCount, operations, seed] = process.argv.slice(2)
const require = createRequire(modules + '/package.json')
const Y = require('yjs')
const { WebsocketProvider } = require('y-websocket')
const WebSocket = require('ws')

let state = Number(seed) >>> 0
const random = (n) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0
  return (state >>> 12) % n
}
const jars = cookies.split('|')
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const roots = ['meta', 'nodes', 'edges', 'notes']

const clients = []
for (let i = 0; i < Number(clientCount); i++) {
  class Signed extends WebSocket {
    constructor (url, protocols) {
      super(url, protocols, { headers: { Cookie: jars[i % jars.length], Origin: origin } })
    }
  }
  const doc = new Y.Doc()
  for (const name of roots) doc.getMap(name)
  const provider = new WebsocketProvider(server, room, doc, {
    WebSocketPolyfill: Signed, disableBc: true, maxBackoffTime: 200
  })
  provider.awareness.setLocalStateField('cursor', { x: i, y: i })
  clients.push({ doc, provider })
}

const edit = ({ doc }, step) => {
  const nodes = doc.getMap('nodes')
  const keys = [...nodes.keys()]
  doc.transact(() => {
    const pick = keys.length ? nodes.get(keys[random(keys.length)]) : null
    switch (random(6)) {
      case 0: {
        const node = new Y.Map()
        node.set('type', 'llm')
        node.set('pos', [step, random(100) / 7])
        node.set('config', new Y.Map())
        const texts = new Y.Map()
        texts.set('prompt', new Y.Text('é😀'))
        node.set('texts', texts)
        nodes.set('n' + step, node)
        break
      }
      case 1: if (pick) pick.get('config').set('k' + random(4), { deep: [step, null, true] }); break
      case 2: if (pick) pick.set('pos', [random(500), random(500)]); break
      case 3: if (pick) {
        const text = pick.get('texts').get('prompt')
        const characters = [...text.toString()] // as editors do, never inside a character
        const at = characters.slice(0, random(characters.length + 1)).join('').length
        const next = characters[[...text.toString().slice(0, at)].length]
        if (next && random(2)) text.delete(at, next.length)
        else text.insert(at, '<' + step + '😀>')
      } break
      case 4: doc.getMap('edges').set('e' + random(10), { source: 'a', target: 'b', at: step }); break
      default: if (keys.length > 5) nodes.delete(keys[random(keys.length)])
    }
  })
}

const until = async (check, ms) => {
  const end = Date.now() + ms
  while (!check()) {
    if (Date.now() > end) return false
    await sleep(20)
  }
  return true
}

const connected = await until(() => clients.every((c) => c.provider.synced), 90000)
for (let step = 0; step < Number(operations); step++) {
  edit(clients[random(clients.length)], step)
  if (step % 8 === 0) await sleep(5)
  if (step % 60 === 30) {
    const { provider } = clients[random(clients.length)]
    if (random(2)) provider.ws?.terminate()
    else { provider.disconnect(); setTimeout(() => provider.connect(), random(80)) }
  }
}
// Key order inside plain values is not part of the content: the server writes it anew.
const sorted = (value) => value && typeof value === 'object' && !Array.isArray(value)
  ? Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]))
  : Array.isArray(value) ? value.map(sorted) : value
const content = (doc) => JSON.stringify(roots.map((name) => sorted(doc.getMap(name).toJSON())))
const vector = (doc) => JSON.stringify([...Y.decodeStateVector(Y.encodeStateVector(doc))].sort())
const same = () => clients.every((c) => c.provider.synced && !c.doc.store.pendingStructs &&
  content(c.doc) === content(clients[0].doc) && vector(c.doc) === vector(clients[0].doc))
const converged = await until(same, Number(process.env.WAIT ?? 90000))
const everyoneSeen = await until(() => clients.every((c) => c.provider.awareness.getStates().size === clients.length), 60000)
const names = [...clients[0].provider.awareness.getStates().values()].map((s) => s.user?.name ?? '')
console.log(JSON.stringify({ connected, converged, everyoneSeen, names, nodes: clients[0].doc.getMap('nodes').size, contents: new Set(clients.map((c) => content(c.doc))).size, states: clients.map((c) => [c.provider.synced, c.provider.wsconnected, !!c.doc.store.pendingStructs, vector(c.doc)]) }))
clients.forEach((c) => c.provider.destroy())
process.exit(0)
