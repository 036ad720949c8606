const __put = (type, functions) => {
  for (const [name, value] of Object.entries(functions)) {
    Object.defineProperty(type.prototype, name, { value, writable: true, configurable: true });
  }
};
const __months = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const __days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const __seconds = { week: 604800, day: 86400, hour: 3600, minute: 60, second: 1, millisecond: 0.001 };
const __two = (n, width = 2) => String(n).padStart(width, "0");
const __date = (value) => {
  const text = String(value).trim();
  const zoned = typeof value === "number" || /Z$|[-+]\d\d:?\d\d$/.test(text) || !text.includes("T");
  const at = new Date(typeof value === "number" ? value : zoned ? text : text + "Z");
  if (isNaN(at)) throw new TypeError("it is no date: " + text.slice(0, 40));
  return at;
};
const __offset = (value) => {
  const found = /([-+])(\d\d):?(\d\d)$/.exec(String(value).includes("T") ? value : "");
  return found ? (found[1] === "-" ? -1 : 1) * (Number(found[2]) * 60 + Number(found[3])) : 0;
};
const __local = (value) => new Date(__date(value).getTime() + __offset(value) * 60000);
const __unit = (name) => {
  const unit = String(name).toLowerCase().replace(/s$/, "");
  if (!(unit in __seconds) && unit !== "month" && unit !== "year") throw new TypeError(name + " is no unit of time");
  return unit;
};
const __shift = (at, unit, amount) => {
  if (unit in __seconds) return new Date(at.getTime() + Math.round(__seconds[unit] * amount * 1000));
  const months = at.getUTCFullYear() * 12 + at.getUTCMonth() + Math.trunc(amount) * (unit === "year" ? 12 : 1);
  const last = new Date(Date.UTC(Math.floor(months / 12), (months % 12) + 1, 0)).getUTCDate();
  const moved = new Date(at);
  moved.setUTCFullYear(Math.floor(months / 12), months % 12, Math.min(at.getUTCDate(), last));
  return moved;
};
const __iso = (value, local) => new Date(local.getTime() - __offset(value) * 60000).toISOString();
const __moved = (sign) => function (by, unit) {
  let at = __local(this.valueOf());
  const steps = by !== null && typeof by === "object" ? Object.entries(by) : unit === undefined ? [] : [[unit, by]];
  for (const [name, amount] of steps) at = __shift(at, __unit(name), sign * Number(amount));
  return __iso(this.valueOf(), at);
};
const __start = (at, unit) => {
  const day = unit === "week" ? at.getUTCDate() - ((at.getUTCDay() + 6) % 7) : at.getUTCDate();
  const parts = [at.getUTCFullYear(), at.getUTCMonth(), day, at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds(), at.getUTCMilliseconds()];
  const kept = { year: 1, month: 2, week: 3, day: 3, hour: 4, minute: 5, second: 6, millisecond: 7 }[unit];
  return new Date(Date.UTC(...parts.map((part, i) => (i < kept ? part : i === 2 ? 1 : 0))));
};
function __format(pattern = "yyyy-MM-dd") {
  const at = __local(this.valueOf());
  const minutes = Math.abs(__offset(this.valueOf()));
  const sign = __offset(this.valueOf()) < 0 ? "-" : "+";
  const month = at.getUTCMonth(), hour = at.getUTCHours(), weekday = __days[at.getUTCDay()];
  const parts = {
    yyyy: __two(at.getUTCFullYear(), 4), yy: __two(at.getUTCFullYear() % 100), MMMM: __months[month], MMM: __months[month].slice(0, 3),
    MM: __two(month + 1), M: String(month + 1), LL: __two(month + 1), L: String(month + 1), dd: __two(at.getUTCDate()), d: String(at.getUTCDate()),
    EEEE: weekday, EEE: weekday.slice(0, 3), HH: __two(hour), H: String(hour), hh: __two(hour % 12 || 12), h: String(hour % 12 || 12),
    mm: __two(at.getUTCMinutes()), m: String(at.getUTCMinutes()), ss: __two(at.getUTCSeconds()), s: String(at.getUTCSeconds()),
    SSS: __two(at.getUTCMilliseconds(), 3), a: hour < 12 ? "AM" : "PM", ZZ: sign + __two(Math.floor(minutes / 60)) + ":" + __two(minutes % 60),
    Z: sign + Math.floor(minutes / 60)
  };
  return pattern.replace(/'[^']*'|yyyy|yy|MMMM|MMM|MM|M|LL|L|dd|d|EEEE|EEE|HH|H|hh|h|mm|m|ss|s|SSS|a|ZZ|Z/g, (found) => parts[found] ?? found.replace(/^'+|'+$/g, ""));
}
const __dates = {
  format: __format, toFormat: __format, plus: __moved(1), minus: __moved(-1),
  startOf(unit = "day") { return __iso(this.valueOf(), __start(__local(this.valueOf()), __unit(unit))); },
  endOf(unit = "day") {
    const begin = __start(__local(this.valueOf()), __unit(unit));
    return __iso(this.valueOf(), new Date(__shift(begin, __unit(unit), 1).getTime() - 1));
  },
  diff(other, unit = "day") {
    const seconds = { month: 2629746, year: 31556952, ...__seconds }[__unit(unit)];
    return Math.round(((__date(this.valueOf()) - __date(other)) / 1000 / seconds) * 1e6) / 1e6;
  },
  toISO() { return __date(this.valueOf()).toISOString(); }, toDateTime() { return __date(this.valueOf()).toISOString(); },
  toMillis() { return __date(this.valueOf()).getTime(); }
};
const __sized = { isEmpty() { return this.length === 0; }, isNotEmpty() { return this.length > 0; } };
function __json() { return JSON.stringify(this); }
__put(String, {
  ...__sized, ...__dates,
  toInt() { const found = /^\s*[-+]?\d{1,300}/.exec(this); return found ? Number(found[0]) : null; },
  toNumber() { return Number(this); }, urlEncode() { return encodeURIComponent(this); }, urlDecode() { return decodeURIComponent(this); },
  removeTags() {
    const named = { amp: "&", lt: "<", gt: ">", quot: "\"", "#39": "'", apos: "'", nbsp: "\u00a0" };
    return this.replace(/<[^<>]{0,10000}>/g, "").replace(/&(#?\w+);/g, (all, name) => named[name] ?? all);
  },
  extractDomain() { const found = /^(?:[^\/]*\/\/)?(?:[^\/?#]*@)?([^\/?#:]+)/.exec(this); return found ? found[1].toLowerCase() : null; },
  toJsonString: __json
});
const __field = (items, field) => items.map((one) => (field !== undefined && one !== null && typeof one === "object" ? one[field] : one));
const __numbers = (items, field) => __field(items, field).filter((one) => one !== null && one !== undefined).map(Number);
__put(Array, {
  ...__sized, first() { return this[0] ?? null; }, last() { return this[this.length - 1] ?? null; },
  unique(field) {
    const seen = new Set();
    return this.filter((one, i) => { const key = JSON.stringify(__field([one], field)[0]); return seen.has(key) ? false : seen.add(key); });
  },
  compact() { return this.filter((one) => one !== null && one !== undefined && one !== ""); },
  pluck(field) { return this.map((one) => (one !== null && typeof one === "object" ? one[field] ?? null : null)); },
  chunk(size) {
    if (!(size >= 1)) throw new RangeError("the size must be at least 1");
    const found = [];
    for (let i = 0; i < this.length; i += Math.trunc(size)) found.push(this.slice(i, i + Math.trunc(size)));
    return found;
  },
  sum(field) { return __numbers(this, field).reduce((sum, one) => sum + one, 0); },
  average(field) { const all = __numbers(this, field); return all.length ? all.reduce((sum, one) => sum + one, 0) / all.length : null; },
  min(field) { const all = __numbers(this, field); return all.length ? Math.min(...all) : 0; },
  max(field) { const all = __numbers(this, field); return all.length ? Math.max(...all) : 0; },
  toJsonString: __json
});
__put(Number, {
  round(digits = 0) { const factor = 10 ** Math.max(-15, Math.min(15, Math.trunc(digits))); return Math.floor(this * factor + 0.5) / factor; },
  toDateTime() { return new Date(Number(this)).toISOString(); }, toInt() { return Math.trunc(this); }
});
__put(Object, {
  isEmpty() { return Object.keys(this).length === 0; }, isNotEmpty() { return Object.keys(this).length > 0; },
  keys() { return Object.keys(this); }, values() { return Object.values(this); }, toJsonString: __json
});
const DateTime = {
  now: () => new Date().toISOString(), fromISO: (text) => __date(text).toISOString(), fromMillis: (ms) => new Date(ms).toISOString()
};
const ifEmpty = (value, other) => (value === null || value === undefined || value === "" || (typeof value === "object" && Object.keys(value).length === 0) ? other : value);
