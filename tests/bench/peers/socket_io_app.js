// The peer on Node: Socket.IO's own server, broadcasting to one room. Run with:
// node socket_io_app.js PORT DIRECTORY_OF_SOCKET_IO
'use strict';
const { Server } = require(process.argv[3]);
const { listening } = require('./node_server.js');

const server = listening(Number(process.argv[2]), (event) => io.to('everybody').emit('message:new', event));
const io = new Server(server, { perMessageDeflate: false, serveClient: false });
io.on('connection', (socket) => {
  socket.on('join_ticket', (asked, answer) => {
    socket.join('everybody');
    answer({ ok: true });
  });
});
