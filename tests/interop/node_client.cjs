// A stock socket.io-client that is told what to do line by line, in JSON, and says what happens to it the same way.
//
//   {"do": "connect", "url", "options", "acknowledge"?} {"do": "emit", "args", "ack"?} {"do": "drop"}
//   {"do": "reconnect", "auth"?} {"do": "close"}
//
// argv[2] is the client's module. "acknowledge" is what it answers to events that ask for an acknowledgement.
// Bytes travel as {"hex": "..."}.
"use strict";
const { io } = require(process.argv[2]);
const readline = require("node:readline");

let socket = null;

function shown(value) {
  if (Buffer.isBuffer(value) || value instanceof ArrayBuffer) return { hex: Buffer.from(value).toString("hex") };
  if (Array.isArray(value)) return value.map(shown);
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, shown(part)]));
  }
  return value;
}

function meant(value) {
  if (value && typeof value === "object" && typeof value.hex === "string") return Buffer.from(value.hex, "hex");
  if (Array.isArray(value)) return value.map(meant);
  return value;
}

function say(happened) {
  process.stdout.write(JSON.stringify(shown(happened)) + "\n");
}

const deeds = {
  connect({ url, options, acknowledge }) {
    socket = io(url, options);
    socket.on("connect", () => say({ on: "connect", id: socket.id, recovered: Boolean(socket.recovered) }));
    socket.on("connect_error", (error) => say({ on: "connect_error", message: error.message, data: error.data }));
    socket.on("disconnect", (reason) => say({ on: "disconnect", reason }));
    socket.io.on("open", () => {
      say({ on: "open", transport: socket.io.engine.transport.name });
      socket.io.engine.on("upgrade", (transport) => say({ on: "upgrade", transport: transport.name }));
    });
    socket.onAny((name, ...args) => {
      const last = args[args.length - 1];
      if (typeof last === "function") {
        args.pop();
        last(...meant(acknowledge));
      }
      say({ on: "event", name, args });
    });
  },
  emit({ args, ack }) {
    if (ack === undefined) socket.emit(...meant(args));
    else socket.emit(...meant(args), (...values) => say({ on: "ack", ack, values }));
  },
  reconnect({ auth }) {
    if (auth) socket.auth = auth;
    socket.connect();
  },
  drop() {
    socket.io.engine.close();
  },
  close() {
    socket.close();
    process.exit(0);
  },
};

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const told = JSON.parse(line);
  deeds[told.do](told);
});
