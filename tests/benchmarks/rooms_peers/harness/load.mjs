#!/usr/bin/env node
// Load generator for servers that speak y-protocols over a WebSocket.
//
// Every simulated client owns a small Y.Doc and writes its own key of one shared Y.Map (kind=update)
// or its own awareness state (kind=awareness). Each write carries a marker with a sequence number and
// a send time; every other client looks for markers in the raw frames it receives. Markers survive
// re-encoding and merging on the server, so the same client measures relaying, merging and
// re-encoding servers alike. At the end a fresh client syncs and the shared map is compared with what
// was sent, so a fast server that loses updates is noticed.
import { createRequire } from 'node:module'

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { readFileSync } from 'node:fs'

// Packages come from the folder of the peer that NODE_PATH names; ES modules do not look there themselves.
const require = createRequire(import.meta.url)
const { WebSocket } = require('ws')
const Y = require('yjs')
const encoding = require('lib0/encoding')
const decoding = require('lib0/decoding')

const args = Object.fromEntries(process.argv.slice(2).map(a => {
  const m = a.match(/^--([^=]+)(?:=(.*))?$/)
  if (!m) throw new Error('bad argument ' + a)
  return [m[1], m[2] ?? 'true']
}))
const num = (k, d) => args[k] === undefined ? d : Number(args[k])
if (args.help) {
  console.log('options: --url --proto --room --clients --rate --seconds --warmup --drain --kind --pad --token --cookies --origin --map --server-pid --json')
  process.exit(0)
}
const URLS = (args.url ?? 'ws://127.0.0.1:8000/ws/{room}').split(',') // clients are spread over several addresses round-robin
const PROTO = args.proto ?? 'y' // y | hocuspocus
const ROOMS = (args.room ?? 'bench' + Math.floor(Math.random() * 1e9)).split('|') // clients take them in turn
const ROOM = ROOMS[0]
const CLIENTS = num('clients', 50)
const RATE = num('rate', 10) // writes per second and client
const SECONDS = num('seconds', 10)
const WARMUP = num('warmup', 2)
const DRAIN = num('drain', 3)
const KIND = args.kind ?? 'update' // update | awareness | mixed
const PAD = num('pad', 0) // extra bytes in every write
const TOKEN = args.token ?? 'bench'
const COOKIES = args.cookies ? args.cookies.split('|') : [] // clients take them in turn
const ORIGIN = args.origin
const MAP = args.map ?? 'notes'
const SERVER_PID = args['server-pid']
const JSON_OUT = args.json !== undefined

const now = () => Number(process.hrtime.bigint() / 1000n) // microseconds
const MARK = Buffer.from('~~')
const marker = (c, n) => `~~${c}.${n}.${now()}~`
const frame = (f, room = ROOM) => {
  const e = encoding.createEncoder()
  if (PROTO === 'hocuspocus') encoding.writeVarString(e, room)
  f(e)
  return encoding.toUint8Array(e)
}
const procCpu = (pid) => { // user+system seconds of a process and its threads
  try {
    const s = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const f = s.slice(s.lastIndexOf(')') + 2).split(' ')
    return (Number(f[11]) + Number(f[12])) / 100
  } catch { return NaN }
}
const procRss = (pid) => {
  try { return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024 } catch { return NaN }
}

let measuring = false
const lat = { u: [], a: [] }
let framesIn = 0; let bytesIn = 0; let echoes = 0
let reordered = 0 // markers that came twice or out of order

class Client {
  constructor (id) {
    this.id = id
    this.room = ROOMS[id % ROOMS.length]
    this.doc = new Y.Doc()
    this.map = this.doc.getMap(MAP)
    this.seq = 0
    this.sent = { u: 0, a: 0 }
    this.last = null
    this.awClock = 0
    this.synced = false
    this.closed = null
    this.recv = { u: 0, a: 0 }
    this.lastSeq = new Int32Array(CLIENTS).fill(-1)
    this.doc.on('update', u => this.sendSync(2, u))
  }

  open () {
    return new Promise((resolve, reject) => {
      const headers = {}
      if (COOKIES.length) headers.Cookie = COOKIES[this.id % COOKIES.length]
      if (ORIGIN) headers.Origin = ORIGIN
      const ws = this.ws = new WebSocket(URLS[this.id % URLS.length].replace('{room}', encodeURIComponent(this.room)), { perMessageDeflate: false, headers })
      ws.binaryType = 'nodebuffer'
      ws.on('open', () => {
        if (PROTO === 'hocuspocus') {
          ws.send(frame(e => { encoding.writeVarUint(e, 2); encoding.writeVarUint(e, 0); encoding.writeVarString(e, TOKEN) }, this.room))
        }
        ws.send(frame(e => {
          encoding.writeVarUint(e, 0); encoding.writeVarUint(e, 0)
          encoding.writeVarUint8Array(e, Y.encodeStateVector(this.doc))
        }, this.room))
      })
      ws.on('error', reject)
      ws.on('close', (code) => { this.closed = code })
      ws.on('message', (m) => this.onMessage(m, resolve))
      setTimeout(() => reject(new Error('no sync within 60 s')), 60000).unref()
    })
  }

  onMessage (m, resolve) {
    framesIn++; bytesIn += m.length
    if (!this.synced || m.length < 24 || m.indexOf(MARK) < 0) {
      this.control(m, resolve)
      return
    }
    this.scan(m)
  }

  control (m, resolve) {
    const d = decoding.createDecoder(m)
    if (PROTO === 'hocuspocus') decoding.readVarString(d)
    const type = decoding.readVarUint(d)
    if (type === 0 || type === 4) {
      const sub = decoding.readVarUint(d)
      const payload = decoding.readVarUint8Array(d)
      if (sub === 0) this.sendSync(1, Y.encodeStateAsUpdate(this.doc, payload))
      if (sub === 1 && !this.synced) { this.synced = true; resolve(this) }
    }
  }

  scan (m) {
    const t = now()
    let i = 0
    const kind = m[PROTO === 'hocuspocus' ? 1 + ROOM.length : 0] === 1 ? 'a' : 'u'
    while ((i = m.indexOf(MARK, i)) >= 0) {
      const end = m.indexOf(0x7e, i + 2)
      if (end < 0) break
      const [c, n, ts] = m.toString('latin1', i + 2, end).split('.')
      i = end + 1
      if (Number(c) === this.id) { echoes++; continue }
      if (kind === 'u') {
        if (Number(n) <= this.lastSeq[c]) { reordered++; continue }
        this.lastSeq[c] = Number(n)
      }
      this.recv[kind]++
      if (measuring) lat[kind].push(t - Number(ts))
    }
  }

  sendSync (sub, payload) {
    if (!this.ws || this.ws.readyState !== 1) return
    this.ws.send(frame(e => {
      encoding.writeVarUint(e, 0); encoding.writeVarUint(e, sub); encoding.writeVarUint8Array(e, payload)
    }, this.room))
  }

  write () {
    const kind = KIND === 'mixed' ? (this.seq % 2 ? 'a' : 'u') : KIND[0]
    const s = marker(this.id, this.seq++) + 'x'.repeat(PAD)
    this.sent[kind]++
    if (kind === 'u') {
      this.last = s
      this.map.set('c' + this.id, s)
    } else {
      const st = encoding.createEncoder()
      encoding.writeVarUint(st, 1)
      encoding.writeVarUint(st, this.doc.clientID)
      encoding.writeVarUint(st, ++this.awClock)
      encoding.writeVarString(st, JSON.stringify({ cursor: s }))
      this.ws.send(frame(e => { encoding.writeVarUint(e, 1); encoding.writeVarUint8Array(e, encoding.toUint8Array(st)) }))
    }
  }
}

const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))
const pct = (arr, p) => arr.length ? arr[Math.min(arr.length - 1, Math.floor(arr.length * p))] / 1000 : NaN

const clients = []
const tOpen = now()
for (let i = 0; i < CLIENTS; i++) clients.push(new Client(i))
for (let i = 0; i < CLIENTS; i += 10) await Promise.all(clients.slice(i, i + 10).map(c => c.open()))
const openMs = (now() - tOpen) / 1000

const period = 1000 / RATE
const timers = []
for (const c of clients) {
  // spread the clients evenly over one period; absolute schedule, so a late timer does not lower the rate
  const start = performance.now() + (c.id / CLIENTS) * period
  let k = 0
  const tick = () => {
    if (c.stop) return
    c.write()
    k++
    timers[c.id] = setTimeout(tick, Math.max(0, start + k * period - performance.now()))
  }
  timers[c.id] = setTimeout(tick, start - performance.now())
}
await sleep(WARMUP * 1000)
const eld = monitorEventLoopDelay({ resolution: 1 }); eld.enable()
measuring = true
const cpu0 = process.cpuUsage(); const s0 = SERVER_PID ? procCpu(SERVER_PID) : NaN
const f0 = framesIn; const b0 = bytesIn; const t0 = now()
await sleep(SECONDS * 1000)
const wall = (now() - t0) / 1e6
const cpu1 = process.cpuUsage(cpu0); const s1 = SERVER_PID ? procCpu(SERVER_PID) : NaN
const frames = framesIn - f0; const bytes = bytesIn - b0
const midDeliveries = lat.u.length + lat.a.length
clients.forEach(c => { c.stop = true })
timers.forEach(clearTimeout)
await sleep(DRAIN * 1000) // late deliveries still count into the latencies
measuring = false; eld.disable()

// what every receiver should have seen of the others; frames still queued after the drain time count as lost
let expected = 0; let received = 0
const totals = { u: 0, a: 0 }
for (const c of clients) { totals.u += c.sent.u; totals.a += c.sent.a }
for (const c of clients) {
  expected += totals.u - c.sent.u + totals.a - c.sent.a
  received += c.recv.u + c.recv.a
}
// convergence: a fresh client
let converged = null
if (KIND !== 'awareness' && ROOMS.length === 1) {
  const probe = new Client(CLIENTS + 1)
  probe.control = function (m, resolve) {
    const d = decoding.createDecoder(m)
    if (PROTO === 'hocuspocus') decoding.readVarString(d)
    const type = decoding.readVarUint(d)
    if (type !== 0 && type !== 4) return
    const sub = decoding.readVarUint(d); const p = decoding.readVarUint8Array(d)
    if (sub === 1 || sub === 2) { Y.applyUpdate(this.doc, p); if (sub === 1) resolve(this) }
  }
  probe.onMessage = probe.control
  probe.doc._observers.delete('update')
  try {
    await probe.open()
    converged = clients.every(c => probe.map.get('c' + c.id) === c.last)
  } catch (e) { converged = String(e) }
  probe.ws.close()
}
const stats = k => {
  const a = Float64Array.from(lat[k]).sort()
  return { n: a.length, p50: pct(a, 0.5), p95: pct(a, 0.95), p99: pct(a, 0.99), max: a.length ? a[a.length - 1] / 1000 : NaN }
}
const out = {
  clients: CLIENTS, rate: RATE, kind: KIND, seconds: Number(wall.toFixed(2)), open_ms: Math.round(openMs),
  frames_per_s: Math.round(frames / wall), deliveries_per_s: Math.round(midDeliveries / wall), mbit_per_s: Number((bytes * 8 / wall / 1e6).toFixed(2)),
  latency_ms: Object.fromEntries(Object.entries({ update: stats('u'), awareness: stats('a') }).filter(([, v]) => v.n)),
  lost: expected - received, expected, echoes, out_of_order: reordered, converged,
  closed: clients.filter(c => c.closed !== null).length,
  client_cpu_pct: Math.round((cpu1.user + cpu1.system) / 1e4 / wall), client_loop_delay_p99_ms: Number((eld.percentile(99) / 1e6).toFixed(1)),
  server_cpu_pct: SERVER_PID ? Math.round((s1 - s0) / wall * 100) : undefined, server_rss_mb: SERVER_PID ? Math.round(procRss(SERVER_PID)) : undefined
}
if (JSON_OUT) console.log(JSON.stringify(out))
else console.dir(out, { depth: 4 })
clients.forEach(c => c.ws.terminate())
process.exit(0)
