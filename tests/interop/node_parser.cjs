// The stock parsers, line by line. A line holds a Socket.IO packet and its encoding by somebody else, as payload of
// Engine.IO; the answer holds what the stock parsers read in that payload, and what they make of the packet.
//
// argv[2] is the client's module, beside which the parsers are looked for. Bytes travel as {"hex": "..."}.
"use strict";
const readline = require("node:readline");
const paths = [process.argv[2]];
const stock = (name) => require(require.resolve(name, { paths }));
const { Encoder, Decoder } = stock("socket.io-parser");
const engine = require(require.resolve("engine.io-parser", { paths: [require.resolve("engine.io-client", { paths })] }));

function shown(value) {
  if (Buffer.isBuffer(value)) return { hex: value.toString("hex") };
  if (Array.isArray(value)) return value.map(shown);
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, shown(part)]));
  }
  return value;
}

function meant(value) {
  if (Array.isArray(value)) return value.map(meant);
  if (value && typeof value === "object") {
    if (typeof value.hex === "string") return Buffer.from(value.hex, "hex");
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, meant(part)]));
  }
  return value;
}

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const { packet, payload } = JSON.parse(line);
  let read = null;
  const decoder = new Decoder();
  decoder.on("decoded", (decoded) => {
    read = { type: decoded.type, nsp: decoded.nsp, data: shown(decoded.data), id: decoded.id };
  });
  for (const { type, data } of engine.decodePayload(payload, "nodebuffer")) {
    if (type !== "message") throw new Error("a message was wanted");
    decoder.add(data);
  }
  const parts = new Encoder().encode(meant(packet)).map((data) => ({ type: "message", data }));
  engine.encodePayload(parts, (written) => process.stdout.write(JSON.stringify({ read, written }) + "\n"));
});
