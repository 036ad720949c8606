// Runs in every new context before a person's code: console, values that JSON has no word for, and the
// function that calls the code. Names begin with __sage so that error places can skip them.
(function __sage_prelude() {
  "use strict";
  const { stringify, parse } = JSON;
  const lines = [];
  let room = 0;

  function __sage_shown(value) {
    if (typeof value === "string") return value;
    if (value instanceof Error) return String(value);
    if (typeof value === "function" || typeof value === "symbol") return String(value);
    try {
      return stringify(value) ?? String(value);
    } catch {
      return Object.prototype.toString.call(value);
    }
  }
  function __sage_log(level, values) {
    if (room <= 0) return;
    const text = values.map(__sage_shown).join(" ").slice(0, room);
    room -= text.length + 1;
    lines.push([text, new Error().stack, level]);
  }
  const levels = { log: "info", info: "info", debug: "debug", warn: "warning", error: "error" };
  globalThis.console = {};
  for (const name of Object.keys(levels)) {
    console[name] = function __sage_console(...values) {
      __sage_log(levels[name], values);
    };
  }

  const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  function __sage_base64(bytes) {
    const parts = [];
    for (let i = 0; i < bytes.length; i += 3) {
      const n = (bytes[i] << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
      parts.push(digits[n >> 18] + digits[(n >> 12) & 63]);
      parts.push(i + 1 < bytes.length ? digits[(n >> 6) & 63] : "=", i + 2 < bytes.length ? digits[n & 63] : "=");
    }
    return parts.join("");
  }
  function __sage_bytes(text) {
    const clean = text.replace(/=+$/, "");
    const bytes = new Uint8Array(Math.floor((clean.length * 3) / 4));
    for (let i = 0, at = 0; i < clean.length; i += 4) {
      let n = 0;
      for (let j = 0; j < 4; j++) n = (n << 6) | (i + j < clean.length ? digits.indexOf(clean[i + j]) : 0);
      for (let j = 16; j >= 0 && at < bytes.length; j -= 8) bytes[at++] = (n >> j) & 255;
    }
    return bytes;
  }
  function __sage_revive(_, value) {
    const isHeld = value !== null && typeof value === "object" && typeof value.$bytes === "string";
    return isHeld && Object.keys(value).length === 1 ? __sage_bytes(value.$bytes) : value;
  }
  const as = (type, toJSON) =>
    Object.defineProperty(type.prototype, "toJSON", { value: toJSON, configurable: true, writable: true });
  as(Uint8Array, function () {
    return { $bytes: __sage_base64(this) };
  });
  as(Map, function () {
    return Object.fromEntries(this);
  });
  as(Set, function () {
    return [...this];
  });
  as(BigInt, function () {
    return Number.isSafeInteger(Number(this)) ? Number(this) : String(this);
  });

  function __sage_problem(error, index) {
    const known = error instanceof Error;
    let message = "";
    try {
      message = known ? String(error.message) : __sage_shown(error);
    } catch {
      message = "an error that cannot be shown";
    }
    const stack = known ? String(error.stack).slice(0, 4000) : "";
    const kind = known ? String(error.name) : "Thrown value";
    return stringify({ kind, message: message.slice(0, 2000), stack, index });
  }
  function __sage_wrapped(items) {
    return Array.isArray(items) ? items.map((json) => ({ json })) : [];
  }
  function __sage_unwrapped(given) {
    const bare = (one) => (one !== null && typeof one === "object" && "json" in one ? one.json : one);
    return Array.isArray(given) ? given.map(bare) : bare(given);
  }

  // What other tools call their items, for code that comes from there.
  function __sage_familiar(given, each) {
    const items = __sage_wrapped(each ? [given.item] : given.items);
    given.$json = each ? given.item : (items[0]?.json ?? {});
    given.$input = { all: () => items, first: () => items[0], last: () => items[items.length - 1], item: items[0] };
  }

  // Kept apart: a long text put together of parts cannot leave the interpreter when it holds emoji.
  const state = { kind: "", answer: null };
  function __sage_answer(kind, text) {
    state.kind = kind;
    state.answer = text;
  }
  function __sage_one(main, names, given, familiar, each) {
    if (familiar) __sage_familiar(given, each);
    const result = main(...names.map((name) => given[name]));
    return familiar ? __sage_unwrapped(result) : result;
  }
  function __sage_settle(result, index) {
    if (result !== null && typeof result === "object" && typeof result.then === "function") {
      state.answer = null;
      result.then(
        (value) => __sage_settle(value, index),
        (error) => {
          __sage_answer("-", __sage_problem(error, index));
        },
      );
    } else {
      __sage_answer("+", stringify(result) ?? "null");
    }
  }
  return {
    call: function __sage_call(main, text, nameList, each, familiar, revive, logRoom) {
      room = logRoom;
      const names = nameList ? nameList.split(",") : [];
      let index = null;
      try {
        const given = parse(text, revive ? __sage_revive : undefined);
        if (!each) {
          __sage_settle(__sage_one(main, names, given, familiar, false), null);
          return;
        }
        const items = given.item;
        const start = given.index;
        const results = [];
        let waits = false;
        const values = names.map((name) => given[name]);
        const [itemAt, indexAt] = [names.indexOf("item"), names.indexOf("index")];
        for (index = 0; index < items.length; index++) {
          let result;
          if (familiar) {
            given.item = items[index];
            given.index = start + index;
            result = __sage_one(main, names, given, true, true);
          } else {
            values[itemAt] = items[index];
            values[indexAt] = start + index;
            result = main(...values);
          }
          if (result !== null && typeof result === "object" && typeof result.then === "function") waits = true;
          results.push(result === undefined ? null : result);
        }
        if (waits) {
          index = null;
          __sage_settle(Promise.all(results), null);
        } else {
          __sage_settle(results, null);
        }
      } catch (error) {
        __sage_answer("-", __sage_problem(error, index));
      }
    },
    answer: () => state.answer,
    kind: () => state.kind,
    printed: () => {
      const said = lines.splice(0);
      return said.length ? stringify(said) : "";
    },
  };
})();
