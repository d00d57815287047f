// The peer on Node: the package "ws", broadcasting to WebSockets. Run with: node ws_app.js PORT DIRECTORY_OF_WS
'use strict';
const http = require('node:http');
const { WebSocketServer } = require(process.argv[3]);

const server = http.createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    const text = JSON.stringify(JSON.parse(Buffer.concat(parts).toString()));
    for (const client of sockets.clients) client.send(text);
    response.writeHead(201, { 'Content-Type': 'application/json', 'Content-Length': 11 });
    response.end('{"ok":true}');
  });
});
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
server.listen(Number(process.argv[2]), '127.0.0.1', 4096);
