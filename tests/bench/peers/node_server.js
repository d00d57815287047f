// What both peers on Node share: POST /broadcast hands its JSON body on, everything else is answered at once.
'use strict';
const http = require('node:http');

function answer(response, status) {
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': 11 });
  response.end('{"ok":true}');
}

/** A server on loopback; `broadcast` is called with each event before the sender has its answer. */
exports.listening = (port, broadcast) => {
  const server = http.createServer((request, response) => {
    if (request.method !== 'POST') return answer(response, 200);
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      broadcast(JSON.parse(Buffer.concat(parts).toString()));
      answer(response, 201);
    });
  });
  return server.listen(port, '127.0.0.1', 4096);
};
