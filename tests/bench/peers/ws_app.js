// The peer on Node: the package "ws", broadcasting to WebSockets. Run with: node ws_app.js PORT DIRECTORY_OF_WS
'use strict';
const { WebSocketServer } = require(process.argv[3]);
const { listening } = require('./node_server.js');

const server = listening(Number(process.argv[2]), (event) => {
  const text = JSON.stringify(event);
  for (const client of sockets.clients) client.send(text);
});
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
